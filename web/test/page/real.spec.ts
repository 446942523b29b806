import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drawn, launch, pageAt } from "../lib/browser";
import { fill, Place, PROGRAM } from "../lib/program";

// The page on the real program, with files that grow.

let browser: Browser;
let place: Place;
let page: Page;
let errors: string[];

async function open(url: string): Promise<void> {
    ({ page, errors } = await pageAt(browser, url));
}

describe.runIf(PROGRAM)("on the real program", () => {
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

    it("starts empty, and the first run appears by itself", async () => {
        await open(await place.serve());
        await page.getByText("Nothing to show yet").waitFor();
        fill(place.run("first"), 0, 50);
        await drawn(page, "train/loss");
        await page.locator(".row", { hasText: "first" }).waitFor();
        expect(errors).toEqual([]);
    });

    it("draws what is appended, new tags and new runs too", async () => {
        const f = place.run("a");
        fill(f, 0, 100);
        await open(await place.serve());
        await drawn(page, "train/loss");
        const value = page.locator(".row", { hasText: "a" }).locator(".val");
        await expect.poll(() => value.textContent()).toMatch(/^\d/);
        f.add(100, { "train/loss": 7.25 });
        await expect.poll(() => value.textContent()).toBe("7.25");
        f.add(101, { "eval/new": 1 });
        f.add(102, { "eval/new": 2 });
        await drawn(page, "eval/new");
        fill(place.run("b"), 0, 60, 2);
        await page.getByText("2 drawn").waitFor();
    });

    it("shows a restart as an attempt, and hides what was done again", async () => {
        fill(place.run("a"), 0, 100);
        await open(await place.serve());
        await drawn(page, "train/loss");
        const again = place.run("a", 1);
        fill(again, 60, 90);
        const row = page.locator(".row", { hasText: "a" });
        await expect.poll(() => row.textContent()).toContain("×2");
        await row.getByRole("button", { name: "a", exact: true }).click();
        await page.getByText(/went on from step 60/).waitFor();
    });

    it("tells of damage and goes on behind it", async () => {
        const f = place.run("a");
        fill(f, 0, 50);
        f.spoil();
        fill(f, 50, 80);
        f.age(600);
        await open(await place.serve());
        await page.getByRole("button", { name: "1 damaged range: open" }).click();
        await page.getByText(/1 range, .* not readable/).waitFor();
        await page.getByText("79", { exact: true }).first().waitFor();
    });

    it("comes back after a restart of the server", async () => {
        const f = place.run("a");
        fill(f, 0, 100);
        const url = await place.serve();
        await open(url);
        await drawn(page, "train/loss");
        await place.stop();
        await page.getByText("Disconnected.").waitFor();
        f.add(100, { "train/loss": 3.5 });
        await place.serve(Number(new URL(url).port)); // the page tries again by itself
        const value = page.locator(".row", { hasText: "a" }).locator(".val");
        await expect.poll(() => value.textContent()).toBe("3.50");
        f.add(101, { "train/loss": 4.5 });
        await expect.poll(() => value.textContent()).toBe("4.50");
    });

    it("zooms into a long series until the points are single", async () => {
        const f = place.run("a");
        for (let i = 0; i < 20_000; i += 1000) {
            const many: [number, number][] = Array.from({ length: 1000 }, (_, k) => [
                i + k,
                Math.sin(k),
            ]);
            for (const [step, v] of many) f.add(step, { long: step === 12_345 ? 50 : v });
        }
        await open(await place.serve());
        await drawn(page, "long");
        const note = page.locator('.card[data-tag="long"] .note');
        await expect.poll(() => note.textContent()).toMatch(/1 px = \d+ points/);
        await page.evaluate(() => {
            location.hash = "#v1/xr=12300,12400";
        });
        await expect.poll(() => note.textContent()).not.toMatch(/1 px/);
    });

    it("asks for a token where one is needed, and takes it", async () => {
        fill(place.run("a"), 0, 50);
        const url = await place.serve(0, "--auth", "token");
        await open(url);
        await page.getByText("Enter the token").waitFor();
        await page.getByLabel("Token").fill("wrong");
        await page.keyboard.press("Enter");
        await page.getByText("Not valid on this server.").waitFor();
    });

    it("shows a command's run: state, console, files, each directory's line", async () => {
        const url = await place.serve(0, "--archive", join(place.folder, "archive"));
        await open(url);
        const script = "echo one; until [ -e go ]; do sleep 0.05; done; echo two >&2; exit 3";
        const child = place.command(url, "trial", script);
        await page.locator(".row", { hasText: "trial" }).getByRole("button").first().click();
        await page.getByText("Running.", { exact: true }).waitFor();
        await page.getByRole("log").getByText("one").waitFor();
        writeFileSync(join(place.folder, "work", "go"), "");
        await page.getByText("Failed, exit 3.").waitFor();
        await child;
        await page.getByText("All of its files are kept.").waitFor();
        await page.locator(".seg").getByText("stderr").click();
        await page.getByRole("log").getByText("two").waitFor();
        const link = page.getByRole("link", { name: "console/stdout.txt" });
        const text = await fetch((await link.getAttribute("href")) as string);
        expect(await text.text()).toBe("one\n");
        await page.getByRole("button", { name: "More", exact: true }).click();
        await page.getByRole("menuitem", { name: "rename" }).click();
        await page.getByLabel("Name of the run").fill("better");
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "better" }).waitFor();
        await page.getByRole("button", { name: "More", exact: true }).click();
        await page.getByRole("menuitem", { name: "delete" }).click();
        const undo = page.getByRole("button", { name: /^(Undo|Delete all the same)/ });
        await undo.waitFor();
        if ((await undo.textContent())?.startsWith("Delete")) await undo.click();
        await page.getByText("better is deleted.").waitFor();
        await page.getByRole("button", { name: /^Undo/ }).click();
        await page.locator(".row", { hasText: "better" }).waitFor();
        expect(errors.filter(e => !e.includes("409"))).toEqual([]);
    });

    it("opens a run by its own address", async () => {
        fill(place.run("a"), 0, 50);
        const url = await place.serve();
        const { runs } = await (await fetch(`${url}api/v1/runs`)).json();
        await open(`${url}r/${runs[0].id}`);
        await page.getByRole("heading", { name: "a", exact: true }).waitFor();
        expect(errors).toEqual([]);
    });
});
