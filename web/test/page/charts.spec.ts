import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DIST, drawn, launch, type Opened, open } from "../lib/browser";

let browser: Browser;
let o: Opened;

beforeAll(async () => {
    browser = await launch();
});
afterAll(() => browser?.close());
afterEach(() => o?.close());

const LOSS = '.card[data-tag="train/loss"]';

async function canvasText(selector: string): Promise<string> {
    return o.page.locator(`${selector} canvas.lines`).evaluate(c => {
        return (c as HTMLCanvasElement).toDataURL();
    });
}

describe("opening", () => {
    it("needs few requests, all of them ours, and no word of complaint", async () => {
        o = await open(browser);
        const hosts = new Set<string>();
        o.page.on("request", r => hosts.add(new URL(r.url()).host));
        await drawn(o.page, "eval/loss");
        const before = o.mock.requests.findIndex(r => r.includes("points"));
        // The page, its script and style, runs and tags; then one question for all cards in view.
        expect(o.mock.requests.slice(0, before)).toHaveLength(5);
        await o.page.reload();
        await drawn(o.page, "eval/loss");
        expect(hosts.size).toBe(1);
        expect(o.errors).toEqual([]);
    });
    it("starts with at most 80 kB of code", async () => {
        const page = await readFile(join(DIST, "index.html"), "utf8");
        const names = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(m => m[1]);
        const parts = await Promise.all(names.map(n => readFile(join(DIST, n))));
        expect(names.length).toBe(2);
        const size = parts.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
        expect(size).toBeLessThan(80_000);
    });
    it("works below a path prefix", async () => {
        o = await open(browser, { prefix: "/proxy/7" });
        await drawn(o.page, "eval/loss");
        expect(o.errors).toEqual([]);
    });
    it("lists runs with value, state, attempts and damage", async () => {
        o = await open(browser);
        const row = o.page.locator(".row", { hasText: "lr=0.1-bs64" });
        await expect.poll(() => row.locator(".val").textContent()).toMatch(/\d/);
        const text = await row.textContent();
        expect(text).toContain("×2");
        expect(await row.getByRole("img", { name: /^Failed: exit 1/ }).count()).toBe(1);
        expect(await row.getByRole("button", { name: "2 damaged ranges" }).count()).toBe(1);
    });
    it("has no attribute that a strict policy refuses", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        const policy = await o.page.evaluate(
            () =>
                new Promise<number>(done => {
                    let n = 0;
                    document.addEventListener("securitypolicyviolation", () => n++);
                    setTimeout(() => done(n), 300);
                }),
        );
        expect(policy).toBe(0);
    });
});

describe("live", () => {
    it("draws new points", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        await o.page.locator(LOSS).scrollIntoViewIfNeeded();
        await drawn(o.page, "train/loss");
        const before = await canvasText(LOSS);
        o.mock.grow(200);
        await expect.poll(() => canvasText(LOSS)).not.toBe(before);
    });
    it("stands still when paused, counts, and goes on", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        await o.page.locator(LOSS).scrollIntoViewIfNeeded();
        await drawn(o.page, "train/loss");
        await o.page.keyboard.press("Space");
        const before = await canvasText(LOSS);
        o.mock.grow(100);
        await expect.poll(() => o.page.locator(".live").textContent()).toMatch(/[1-9]\d* new/);
        expect(await canvasText(LOSS)).toBe(before);
        await o.page.keyboard.press("Space");
        await expect.poll(() => canvasText(LOSS)).not.toBe(before);
    });
    it("says when the connection is lost, and comes back without a gap", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        // The longest pause, so that it is the button that ends it.
        await o.page.evaluate(() => {
            Math.random = () => 1;
        });
        o.mock.dismiss(60_000);
        await o.page.getByText("Disconnected.").waitFor();
        expect(await o.page.locator(".card").count()).toBeGreaterThan(2);
        const asked = o.mock.requests.filter(r => r.includes("points")).length;
        o.mock.grow(50);
        await o.page.getByRole("button", { name: "Try now" }).click();
        await o.page.getByText("Disconnected.").waitFor({ state: "hidden" });
        await expect.poll(() => o.mock.clients.size).toBe(1);
        const [client] = o.mock.clients;
        await expect.poll(() => client.watches.size).toBeGreaterThan(10);
        expect(o.mock.requests.filter(r => r.includes("points")).length).toBe(asked);
    });
    it("asks history again of a server that was started anew", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        const asked = o.mock.requests.filter(r => r.includes("points")).length;
        o.mock.restart();
        await expect
            .poll(() => o.mock.requests.filter(r => r.includes("points")).length, { timeout: 8000 })
            .toBeGreaterThan(asked);
        await drawn(o.page, "eval/loss");
    });
});

describe("hands", () => {
    it("zoom by dragging, ask for finer data, and go back by Esc", async () => {
        o = await open(browser, {}, { hash: "#v1/pin=train/loss" });
        await drawn(o.page, "train/loss");
        const box = await o.page.locator(`${LOSS} .host`).boundingBox();
        if (!box) throw new Error("no box");
        const asked = o.mock.requests.length;
        await o.page.mouse.move(box.x + 100, box.y + 80);
        await o.page.mouse.down();
        await o.page.mouse.move(box.x + 160, box.y + 90, { steps: 4 });
        await o.page.mouse.up();
        await expect.poll(() => o.page.url()).toMatch(/xr=\d/);
        await expect.poll(() => o.mock.requests.length).toBeGreaterThan(asked);
        await o.page.getByText(/zoom linked/).waitFor();
        await o.page.mouse.move(5, 5);
        await o.page.keyboard.press("Escape");
        await expect.poll(() => o.page.url()).not.toMatch(/xr=/);
    });
    it("show a readout of all runs at the pointer, and values in other charts", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        const box = await o.page.locator('.card[data-tag="eval/loss"] .host').boundingBox();
        if (!box) throw new Error("no box");
        await o.page.mouse.move(box.x + 90, box.y + 90);
        const tip = o.page.locator(".tip");
        await tip.waitFor();
        expect(await tip.locator("tbody tr").count()).toBeGreaterThan(8);
        expect(await tip.locator("tr.near").count()).toBe(1);
        await o.page.locator('.card[data-tag="eval/accuracy"] .read').waitFor();
    });
    it("go by the keyboard alone", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        await o.page.keyboard.press("j");
        await o.page.keyboard.press("f");
        await o.page.locator(".solo .legend").waitFor();
        await o.page.keyboard.press("Escape");
        await o.page.locator(".solo").waitFor({ state: "hidden" });
        await o.page.keyboard.press("t");
        await o.page.keyboard.type("vall");
        await o.page.getByText("No tag matches").waitFor();
        await o.page.keyboard.press("Escape");
        await o.page.keyboard.press("Escape");
        await drawn(o.page, "eval/loss");
        await o.page.keyboard.press("x");
        await expect.poll(() => o.page.url()).toContain("x=rel");
        await o.page.keyboard.press("?");
        await o.page.getByRole("dialog").waitFor();
    });
    it("hide and show runs, and the link keeps it", async () => {
        o = await open(browser);
        await drawn(o.page, "eval/loss");
        await o.page.getByLabel("Draw baseline", { exact: true }).click();
        await o.page.getByText("10 drawn, 1 hidden").waitFor();
        await expect.poll(() => o.page.url()).toContain("sel=!");
        await o.page.reload();
        await o.page.getByText("10 drawn, 1 hidden").waitFor();
        await o.page.goBack();
        await o.page.getByText("11 drawn", { exact: true }).waitFor();
    });
    it("keep the last good filter while a bad one is typed", async () => {
        o = await open(browser);
        await o.page.getByLabel("Filter runs by regex").fill("lr=0.01");
        await o.page.getByText("3 of 11", { exact: true }).waitFor();
        await o.page.getByLabel("Filter runs by regex").fill("lr=(0.01");
        await o.page.getByText("The group opened at 4 is not closed.").waitFor();
        await o.page.getByText("3 of 11", { exact: true }).waitFor();
    });
    it("end a pattern that would never end", async () => {
        o = await open(browser);
        o.mock.runs[0].info.name = `${"a".repeat(60)}b`;
        await o.page.reload();
        await o.page.getByLabel("Filter runs by regex").fill("(a+)+$");
        await o.page.getByText("This pattern takes too long.").waitFor();
    });
});
