import { readFile } from "node:fs/promises";
import type { Browser, Download, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drawn, launch, pageAt } from "../lib/browser";
import { fill, Place, PROGRAM } from "../lib/program";

// Tools on charts of the real program: smoothing, zoom in y, pictures, points, tables, words.

const LOSS = '.card[data-tag="train/loss"]';

let browser: Browser;
let place: Place;
let page: Page;
let errors: string[];

async function open(hash = ""): Promise<void> {
    const f = place.run("a");
    fill(f, 0, 300);
    fill(place.run("b & <c>"), 0, 200, 2);
    ({ page, errors } = await pageAt(browser, await place.serve(), { hash }));
    await drawn(page, "train/loss");
}

const lines = () =>
    page.locator(`${LOSS} canvas.lines`).evaluate(c => (c as HTMLCanvasElement).toDataURL());

async function saved(choice: string): Promise<{ name: string; bytes: Buffer }> {
    await page.locator(LOSS).hover();
    await page.locator(LOSS).getByRole("button", { name: "More of train/loss" }).click();
    const coming: Promise<Download> = page.waitForEvent("download");
    await Promise.all([coming, page.getByRole("menuitem", { name: choice }).click()]);
    const file = await coming;
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

describe.runIf(PROGRAM)("tools", () => {
    beforeAll(async () => {
        browser = await launch();
    });
    afterAll(() => browser?.close());
    beforeEach(() => {
        place = new Place();
    });
    afterEach(async () => {
        await page?.context().close();
        await place.end();
    });

    it("smooth by half-life, mean and median, and the link keeps it", async () => {
        await open();
        const before = await lines();
        for (const [name, key] of [
            ["half-life", "half"],
            ["running mean", "mean"],
            ["running median", "median"],
        ]) {
            await page.getByRole("button", { name: /^smooth: / }).click();
            await page.getByRole("menuitemradio", { name: new RegExp(`^${name}`) }).click();
            await expect.poll(() => page.url()).toContain(`sm=${key},`);
            await expect.poll(lines).not.toBe(before);
        }
        await page.reload();
        await page.getByRole("button", { name: "smooth: running median" }).waitFor();
        expect(errors).toEqual([]);
    });

    it("zoom in y with Shift, and go back by Esc", async () => {
        await open();
        const box = (await page.locator(`${LOSS} .host`).boundingBox())!;
        const at = (y: number) => [box.x + box.width / 2, box.y + box.height * y] as const;
        await page.keyboard.down("Shift");
        await page.mouse.move(...at(0.3));
        await page.mouse.down();
        await page.mouse.move(...at(0.5), { steps: 4 });
        await page.mouse.move(...at(0.7), { steps: 4 });
        await page.mouse.up();
        await page.keyboard.up("Shift");
        const note = page.locator(`${LOSS} .note`);
        await expect.poll(() => note.textContent()).toContain("y zoomed");
        await expect.poll(() => page.url()).toContain("yr=");
        await page.keyboard.press("Escape");
        await page.keyboard.press("Escape");
        await expect.poll(() => note.textContent()).not.toContain("y zoomed");
    });

    it("keep a chart as SVG, with text as text and names that are text", async () => {
        await open();
        const { name, bytes } = await saved("picture (SVG)");
        expect(name).toBe("train-loss.svg");
        const svg = bytes.toString();
        expect(svg).toContain("b &amp; &lt;c&gt;</text>");
        const parsed = await page.evaluate(text => {
            const doc = new DOMParser().parseFromString(text, "image/svg+xml");
            return {
                bad: doc.querySelectorAll("parsererror").length,
                curves: [...doc.querySelectorAll("g path[stroke-width='1.5']")].map(
                    p => (p.getAttribute("d") ?? "").split("L").length,
                ),
            };
        }, svg);
        expect(parsed.bad).toBe(0);
        expect(parsed.curves.length).toBe(2);
        expect(Math.min(...parsed.curves)).toBeGreaterThan(100);
        expect(errors).toEqual([]);
    });

    it("keep a chart as PNG at twice its size", async () => {
        await open();
        const { name, bytes } = await saved("picture (PNG)");
        expect(name).toBe("train-loss.png");
        const width = (await page.locator(`${LOSS} .host`).boundingBox())!.width;
        expect(bytes.subarray(1, 4).toString()).toBe("PNG");
        expect(Math.abs(bytes.readUInt32BE(16) - 2 * width)).toBeLessThan(4);
        expect(errors).toEqual([]);
    });

    it("keep all points as CSV", async () => {
        await open();
        const { bytes } = await saved("all points (CSV)");
        const rows = bytes.toString().trim().split("\n");
        expect(rows[0]).toBe("run,tag,step,wall_time,value");
        expect(rows.length).toBe(501);
        expect(rows.filter(r => r.startsWith("b & <c>,train/loss,")).length).toBe(200);
    });

    it("tell values at the crosshair that keys move, and show points as a table", async () => {
        await open();
        await page.locator(LOSS).focus();
        await page.keyboard.press("ArrowLeft");
        await expect.poll(() => page.locator("#said").textContent()).toMatch(/^step \d+: a 0\.\d+/);
        await page.keyboard.press("Escape");
        await page.keyboard.press("Enter");
        const button = page.getByRole("button", { name: "Points as a table" });
        await button.focus();
        await page.keyboard.press("Enter");
        const table = page.getByRole("table", { name: "train/loss, a" });
        await table.waitFor();
        expect(await table.locator("tbody tr").count()).toBe(200);
        expect(await table.locator("tbody tr").nth(7).locator("td").first().textContent()).toBe(
            "7",
        );
        await page.getByRole("button", { name: "Next" }).click();
        await expect.poll(() => table.locator("tbody tr").count()).toBe(100);
        place.run("a", 1).add(300, { "train/loss": 9 });
        await expect.poll(() => table.locator("tbody tr").count()).toBe(101);
        expect(errors).toEqual([]);
    });

    it("keep a run's colour and place when the page is opened again", async () => {
        await open();
        const rows = page.locator(".row .open");
        const last = (await rows.last().textContent()) ?? "";
        const row = page.locator(".row", { hasText: last });
        const choose = async (name: string, role: "menuitem" | "menuitemradio") => {
            await row.hover();
            await row.getByRole("button", { name: /^More of/ }).click();
            await page.getByRole(role, { name, exact: true }).click();
        };
        const before = await lines();
        await choose("pin to the top", "menuitem");
        await expect.poll(() => rows.first().textContent()).toBe(last);
        await choose("gold", "menuitemradio");
        await expect.poll(lines).not.toBe(before);
        await page.reload();
        await drawn(page, "train/loss");
        await expect.poll(() => rows.first().textContent()).toBe(last);
        await row.hover();
        await row.getByRole("button", { name: /^More of/ }).click();
        const gold = page.getByRole("menuitemradio", { name: "gold", exact: true });
        expect(await gold.getAttribute("aria-checked")).toBe("true");
        expect(errors).toEqual([]);
    });
});
