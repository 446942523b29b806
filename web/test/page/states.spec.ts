import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { drawn, launch, type Opened, open } from "../lib/browser";

let browser: Browser;
let o: Opened;

beforeAll(async () => {
    browser = await launch();
});
afterAll(() => browser?.close());
afterEach(() => o?.close());

describe("states", () => {
    it("empty: names the directory and how to log", async () => {
        o = await open(browser, { scenario: "empty" });
        await o.page.getByText("Nothing to show yet").waitFor();
        await o.page.getByText("./logs", { exact: true }).waitFor();
        await o.page.getByText('SummaryWriter("./logs/run1")').waitFor();
    });
    it("log-in: a wrong token is told, a right one opens", async () => {
        o = await open(browser, { scenario: "login" });
        await o.page.getByText("Enter the token").waitFor();
        await o.page.getByLabel("Token").fill("wrong");
        await o.page.keyboard.press("Enter");
        await o.page.getByText("Not valid on this server.").waitFor();
        await o.page.getByLabel("Token").fill("right");
        await o.page.keyboard.press("Enter");
        await drawn(o.page, "eval/loss");
    });
    it("log-in by a link: the token leaves the address", async () => {
        o = await open(browser, { scenario: "login" }, { hash: "#token=right" });
        await drawn(o.page, "eval/loss");
        expect(o.page.url()).not.toContain("right");
    });
    it("loading: a bar in real units", async () => {
        o = await open(browser, { scenario: "loading" });
        await o.page.getByText("18.9 GB of 61.0 GB").waitFor();
        await o.page.getByText("0 read, 11 to come").waitFor();
        await drawn(o.page, "eval/loss");
    });
    it("an error of one tag: its cause, and the others are drawn", async () => {
        o = await open(browser, { scenario: "ten" });
        o.mock.broken.add("eval/loss");
        await o.page.reload();
        await o.page.getByText("Not read").waitFor();
        await o.page.getByText(/no space left/).waitFor();
        await drawn(o.page, "eval/accuracy");
        o.mock.broken.clear();
        await o.page.getByRole("button", { name: "Try again" }).click();
        await drawn(o.page, "eval/loss");
    });
    it("the server is away at the start: the page waits and goes on", async () => {
        o = await open(browser, { scenario: "ten" });
        await o.page.route("**/api/v1/**", r => r.abort());
        await o.page.reload();
        await o.page.getByText("No answer yet").waitFor();
        await o.page.unroute("**/api/v1/**");
        await drawn(o.page, "eval/loss");
    });
    it("a run: attempts, damage and the line that saves it", async () => {
        o = await open(browser);
        await o.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
        await o.page.getByRole("button", { name: "2 damaged ranges: open" }).first().click();
        await o.page.getByText(/2 ranges, 1,204 bytes not readable/).waitFor();
        expect(await o.page.locator(".tracks .lane").count()).toBeGreaterThan(0);
        await o.page
            .getByRole("button", { name: /tailboard recover/ })
            .first()
            .click();
        const copied = await o.page.evaluate(() => navigator.clipboard.readText());
        expect(copied).toMatch(/^tailboard recover \/data\/logs\/.*tfevents.* -o .*\.clean$/);
        await o.page.goBack();
        await drawn(o.page, "eval/loss");
    });
    it("200 runs: the 20 newest are chosen, and words say so", async () => {
        o = await open(browser, { scenario: "many" });
        await o.page.getByText("The 20 newest of 200 runs are chosen").waitFor();
        await o.page.getByRole("checkbox", { name: "All runs" }).click();
        await o.page.getByText("200 drawn").waitFor();
        await drawn(o.page, "eval/loss");
    });
    it("one run", async () => {
        o = await open(browser, { scenario: "one" });
        await drawn(o.page, "eval/loss");
        await o.page.getByText("1 drawn").waitFor();
    });
    it("names are text, whatever they hold", async () => {
        o = await open(browser, { scenario: "one" });
        o.mock.runs[0].info.name = `<img src=x onerror="document.title='bad'">"'\n‮x`;
        await o.page.reload();
        await drawn(o.page, "eval/loss");
        expect(await o.page.locator("img[src]").count()).toBe(0);
    });
    it("a run without a metric: its state, console and files are in reach", async () => {
        o = await open(browser, { scenario: "one" });
        const [run] = o.mock.runs;
        run.tags.clear();
        o.mock.history.adopt(run, "Running");
        o.mock.history.write(run, "console/stdout.txt", "loading data\n");
        await o.page.reload();
        await o.page.getByRole("heading", { name: "No metric yet" }).waitFor();
        await o.page.getByRole("button", { name: "files", exact: true }).waitFor();
        await o.page.getByRole("button", { name: "console", exact: true }).click();
        await o.page.getByRole("log").getByText("loading data").waitFor();
        expect(o.errors).toEqual([]);
    });
});
