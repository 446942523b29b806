import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { drawn, launch, type Opened, open } from "../lib/browser";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let browser: Browser;
let o: Opened;

beforeAll(async () => {
    browser = await launch();
});
afterAll(() => browser?.close());
afterEach(() => o?.close());

interface Finding {
    id: string;
    nodes: { html: string; failureSummary?: string }[];
}

/** What axe finds, in words. */
async function findings(page: Page): Promise<string[]> {
    // Through the debugger's door: the page's own policy admits no other script.
    await page.evaluate(await import("node:fs").then(fs => fs.readFileSync(AXE, "utf8")));
    const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
        return (await axe.run()).violations;
    });
    return found.map(f => `${f.id}: ${f.nodes[0].html} ${f.nodes[0].failureSummary ?? ""}`);
}

/** Nothing sticks out to the right. */
async function overflow(page: Page): Promise<number> {
    return page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
}

const MOST_TABS = 250;

/** Controls that Tab does not come to, or that show nothing when it does. */
async function unreached(page: Page): Promise<string[]> {
    const all = await page.evaluate(() => {
        const list = [...document.querySelectorAll<HTMLElement>("button, a[href], input, select")];
        const there = list.filter(e => {
            const radio = e instanceof HTMLInputElement && e.type === "radio" && !e.checked;
            return e.checkVisibility({ visibilityProperty: true }) && !radio;
        });
        there.forEach((e, i) => {
            e.dataset.at = String(i);
        });
        (document.activeElement as HTMLElement)?.blur();
        return there.map(e => e.getAttribute("aria-label") ?? e.textContent ?? e.tagName);
    });
    const seen = new Set<number>();
    for (let i = 0; i < MOST_TABS && seen.size < all.length; i++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
            const e = document.activeElement as HTMLElement;
            const ring = (x: Element | null) => x && getComputedStyle(x).outlineStyle !== "none";
            const seen = ring(e) || ring(e.parentElement) || ring(e.closest(".field, .row"));
            return seen ? Number(e.dataset.at ?? -1) : -1;
        });
        if (at >= 0) seen.add(at);
    }
    return all.filter((_, i) => !seen.has(i));
}

const WIDTHS = [390, 800, 1440, 2560];

describe.each(["light", "dark"] as const)("in the %s theme", theme => {
    it.each(WIDTHS)("charts at %i px: nothing sticks out, axe finds nothing", async width => {
        o = await open(browser, {}, { theme, width, touch: width < 500 });
        await drawn(o.page, "eval/loss");
        expect(await overflow(o.page)).toBe(0);
        expect(await findings(o.page)).toEqual([]);
    });
    it("a run: axe finds nothing", async () => {
        o = await open(browser, {}, { theme });
        await o.page.getByRole("button", { name: "2 damaged ranges: open" }).first().click();
        await o.page
            .getByText(/2 ranges/)
            .first()
            .waitFor();
        expect(await findings(o.page)).toEqual([]);
    });
    it.each([390, 1440])("a run that reports at %i px, with its console", async width => {
        o = await open(browser, {}, { theme, width, touch: width < 500 });
        const [run] = o.mock.runs;
        o.mock.history.adopt(run, "Failed", { reason: "exit", status_message: "exit 1" });
        const colours = [30, 31, 32, 33, 34, 35, 36, 37].map(c => `\x1b[${c}m${c}\x1b[0m `);
        o.mock.history.write(run, "console/stderr.txt", `${colours.join("")}\x1b[2mpale\x1b[0m\n`);
        o.mock.history.write(run, "outputs/model.pt", "x".repeat(1500));
        await o.page.goto(`${o.url}#v1/run=${run.info.id}`);
        await o.page.reload();
        await o.page.getByRole("log").getByText("pale").waitFor();
        expect(await overflow(o.page)).toBe(0);
        expect(await findings(o.page)).toEqual([]);
    });
    it("one chart in full: axe finds nothing", async () => {
        o = await open(browser, {}, { theme, hash: "#v1/full=train/loss" });
        await o.page.locator(".legend tbody tr").first().waitFor();
        expect(await findings(o.page)).toEqual([]);
    });
    it("log-in, empty and keys: axe finds nothing", async () => {
        o = await open(browser, { scenario: "login" }, { theme });
        await o.page.getByText("Enter the token").waitFor();
        expect(await findings(o.page)).toEqual([]);
        await o.close();
        o = await open(browser, { scenario: "empty" }, { theme });
        await o.page.getByText("Nothing to show yet").waitFor();
        expect(await findings(o.page)).toEqual([]);
        await o.close();
        o = await open(browser, {}, { theme });
        await drawn(o.page, "eval/loss");
        await o.page.keyboard.press("?");
        await o.page.getByRole("dialog").waitFor();
        expect(await findings(o.page)).toEqual([]);
    });
    it("a phone: runs in a drawer", async () => {
        o = await open(browser, {}, { theme, width: 390, height: 844, touch: true });
        await drawn(o.page, "eval/loss");
        await o.page.getByRole("button", { name: "11 of 11 runs" }).click();
        await o.page.getByRole("dialog", { name: "Runs" }).waitFor();
        expect(await o.page.locator(".drawer .row").count()).toBeGreaterThan(5);
        expect(await findings(o.page)).toEqual([]);
    });
});

it("every control of charts and of a run can be reached and seen by Tab", async () => {
    o = await open(browser, { scenario: "ten" });
    const [run] = o.mock.runs;
    o.mock.history.adopt(run, "Running");
    o.mock.history.write(run, "console/stdout.txt", "one\n");
    await o.page.reload();
    await drawn(o.page, "eval/loss");
    expect(await unreached(o.page)).toEqual([]);
    await o.page.goto(`${o.url}#v1/run=${run.info.id}`);
    await o.page.reload();
    await o.page.getByRole("log").getByText("one").waitFor();
    expect(await unreached(o.page)).toEqual([]);
});

it("the focus goes along to another screen and comes back", async () => {
    o = await open(browser, { scenario: "ten" });
    await drawn(o.page, "eval/loss");
    const at = () => o.page.evaluate(() => document.activeElement?.textContent?.slice(0, 9));
    await o.page.keyboard.press("Tab");
    expect(await at()).toBe("To the ch");
    await o.page.keyboard.press("Enter");
    await o.page.locator('.card[data-tag="eval/loss"]').focus();
    await o.page.keyboard.press("Enter");
    await expect.poll(at).toBe("eval/loss");
    await o.page.locator(".legend tbody tr").first().waitFor();
    await o.page.keyboard.press("Enter");
    await o.page.getByRole("region", { name: "Points" }).getByRole("table").waitFor();
    await o.page.keyboard.press("Escape");
    const tag = () =>
        o.page.evaluate(() => (document.activeElement as HTMLElement).dataset.tag ?? "");
    await expect.poll(tag).toBe("eval/loss");
});

it("changes the theme by hand, charts too", async () => {
    o = await open(browser, {}, { theme: "light" });
    await drawn(o.page, "eval/loss");
    const shot = () =>
        o.page
            .locator('.card[data-tag="eval/loss"] canvas.lines')
            .evaluate(c => (c as HTMLCanvasElement).toDataURL());
    const before = await shot();
    await o.page.getByRole("button", { name: "Light or dark" }).click();
    await expect.poll(shot).not.toBe(before);
    await o.page.reload();
    expect(await o.page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
});
