import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drawn, launch, pageAt } from "../lib/browser";
import { fill, Place, PROGRAM } from "../lib/program";

// Where something before the server lets no WebSocket through, the page asks over HTTP.

let browser: Browser;
let place: Place;
let page: Page;

/** A proxy's behaviour: every socket is closed before the server's welcome. */
async function open(url: string, refuse = () => true): Promise<void> {
    ({ page } = await pageAt(browser, "about:blank"));
    await page.routeWebSocket(/\/live$/, ws => {
        if (refuse()) ws.close();
        else ws.connectToServer();
    });
    await page.goto(url);
    await drawn(page, "train/loss");
}

/** Points of the only run, as the page counts them: from its own columns. */
async function pointsHeld(): Promise<string> {
    const cell = page.locator(".solo .legend tbody td:last-child").first();
    return (await cell.textContent()) ?? "";
}

describe.runIf(PROGRAM)("without a WebSocket", () => {
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

    it("goes on without a gap, and says how", async () => {
        const f = place.run("a");
        fill(f, 0, 100);
        await open(await place.serve(), () => true);
        await page.getByText("live by HTTP").waitFor();
        await page.keyboard.press("j");
        await page.locator('.card[data-tag="train/loss"]').focus();
        await page.keyboard.press("f");
        for (let i = 100; i < 160; i += 20) {
            fill(f, i, i + 20);
            await expect.poll(pointsHeld).toBe(String(i + 20));
        }
        f.add(160, { "train/loss": 6.5 });
        const value = page
            .locator(".row", { has: page.getByRole("button", { name: "a", exact: true }) })
            .locator(".val");
        await expect.poll(() => value.textContent()).toBe("6.50");
    });

    it("shows new runs and tags, and lives through a restart of the server", async () => {
        const f = place.run("a");
        fill(f, 0, 100);
        const url = await place.serve();
        await open(url);
        await page.getByText("live by HTTP").waitFor();
        f.add(100, { "eval/new": 1 });
        f.add(101, { "eval/new": 2 });
        await drawn(page, "eval/new");
        fill(place.run("b"), 0, 60, 2);
        await page.getByText("2 drawn").waitFor();
        await place.stop();
        await page.getByText("Disconnected.").waitFor();
        await place.serve(Number(new URL(url).port));
        await page.getByText("live by HTTP").waitFor();
        f.add(102, { "train/loss": 4.5 });
        const value = page
            .locator(".row", { has: page.getByRole("button", { name: "a", exact: true }) })
            .locator(".val");
        await expect.poll(() => value.textContent()).toBe("4.50");
    });

    it("takes the socket again when there is one", async () => {
        let refuse = true;
        fill(place.run("a"), 0, 100);
        await open(await place.serve(), () => refuse);
        await page.getByText("live by HTTP").waitFor();
        refuse = false;
        await page.evaluate(() => window.dispatchEvent(new Event("online")));
        await page.getByText("live by HTTP").waitFor({ state: "detached" });
        await page.getByText(/^live/).waitFor();
    });
});
