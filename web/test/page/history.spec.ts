import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { drawn, launch, type Opened, open } from "../lib/browser";
import type { MockRun } from "../mock/data";

// What the run history gives: states, console, files, names, deleting and taking that back.

let browser: Browser;
let o: Opened;

beforeAll(async () => {
    browser = await launch();
});
afterAll(() => browser?.close());
afterEach(() => o?.close());

const ESC = "\x1b";

/** A page with one run that reports, opened. */
async function openRun(status: string, more: object = {}, prepare?: (run: MockRun) => void) {
    o = await open(browser, { scenario: "ten" });
    await drawn(o.page, "eval/loss");
    const [run] = o.mock.runs;
    o.mock.history.adopt(run, status, more);
    prepare?.(run);
    await o.page.goto(`${o.url}#v1/run=${run.info.id}`);
    await o.page.reload();
    await o.page.getByRole("heading", { level: 1, name: run.info.name }).waitFor();
    return run;
}

const log = () => o.page.getByRole("log");
const lines = () => log().locator(".ln .tx").allTextContents();

describe("states", () => {
    it("are told with their reason, in the list and on the run's page", async () => {
        const run = await openRun("Failed", { reason: "exit", status_message: "exit 3, rank 1" });
        await o.page.getByText("Failed, exit 3, rank 1.").waitFor();
        const row = o.page.locator(`.row[data-run="${run.info.id}"]`);
        await row.getByRole("img", { name: "Failed: exit 3, rank 1" }).waitFor();
    });
    it("change as they happen: running, silent, asked to end, over", async () => {
        const run = await openRun("Running");
        await o.page.getByText("Running.", { exact: true }).waitFor();
        o.mock.history.change(run, { not_responding: true });
        await o.page.getByText("Running, NotResponding.").waitFor();
        o.mock.history.change(run, { not_responding: false });
        await o.page.getByRole("button", { name: "Cancel the run" }).click();
        await o.page.getByText("Running, CancelRequested.").waitFor();
        expect(o.mock.history.changes).toContain("POST cancel");
        o.mock.history.change(run, { status: "Canceled", reason: "user" });
        await o.page.getByText("Canceled, user.").waitFor();
        expect(await o.page.getByRole("button", { name: "Cancel the run" }).count()).toBe(0);
    });
    it("are words of the filter", async () => {
        await openRun("Running", { not_responding: true });
        await o.page.getByLabel("Filter runs by regex").fill("status:notresponding");
        await o.page.getByText("1 of 10", { exact: true }).waitFor();
    });
    it("have a history, and the command that began it", async () => {
        await openRun("Running");
        const rows = o.page.locator("#history li");
        await rows.nth(1).waitFor();
        expect(await rows.allTextContents()).toEqual([
            expect.stringContaining("attempt 1, on n2"),
            expect.stringContaining("NotStarted"),
        ]);
        await o.page.getByText("python train.py --note 'a b'").waitFor();
    });
});

describe("the console", () => {
    it("shows colours, and progress bars as they stand", async () => {
        const run = await openRun("Running", {}, r => {
            o.mock.history.write(r, "console/stdout.txt", `${ESC}[31mred${ESC}[0m plain\n`);
            o.mock.history.write(r, "console/stdout.txt", "10 %\r50 %\r100 %\ndone");
        });
        await expect.poll(lines).toEqual(["red plain", "100 %", "done"]);
        expect(await log().locator(".a2").textContent()).toBe("red");
        o.mock.history.write(run, "console/stdout.txt", "\nlive ü");
        await expect.poll(lines).toEqual(["red plain", "100 %", "done", "live ü"]);
        expect(o.errors).toEqual([]);
    });
    it("keeps few lines in the page, and to the end unless scrolled up", async () => {
        const run = await openRun("Running", {}, r => {
            const many = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join("");
            o.mock.history.write(r, "console/stdout.txt", many);
        });
        await log().getByText("line 4999").waitFor();
        expect(await log().locator(".ln").count()).toBeLessThan(80);
        const place = () => log().evaluate(e => e.scrollHeight - e.scrollTop - e.clientHeight);
        expect(await place()).toBeLessThan(20);
        o.mock.history.write(run, "console/stdout.txt", "more\n");
        await log().getByText("more", { exact: true }).waitFor();
        await log().evaluate(e => {
            e.scrollTop = 100;
        });
        await log().getByText("line 8", { exact: true }).waitFor();
        o.mock.history.write(run, "console/stdout.txt", "and more\n");
        await o.page.getByText("5,002 lines").waitFor();
        expect(await log().evaluate(e => e.scrollTop)).toBe(100);
        await o.page.getByRole("button", { name: "to the end" }).click();
        await log().getByText("and more").waitFor();
    });
    it("goes on from its place after a cut connection", async () => {
        const run = await openRun("Running", {}, r =>
            o.mock.history.write(r, "console/stdout.txt", "one\n"),
        );
        await log().getByText("one").waitFor();
        o.mock.history.cut();
        o.mock.history.write(run, "console/stdout.txt", "two\n");
        await expect.poll(lines).toEqual(["one", "two"]);
    });
    it("shows the error stream of a failed run, and both on request", async () => {
        await openRun("Failed", {}, r => {
            o.mock.history.write(r, "console/stdout.txt", "step 1\n");
            o.mock.history.write(r, "console/stderr.txt", "Traceback\n");
        });
        await expect.poll(lines).toEqual(["Traceback"]);
        await o.page.locator(".seg").getByText("stdout").click();
        await expect.poll(lines).toEqual(["step 1"]);
    });
    it("begins with the last part of long output, and fetches what lies before", async () => {
        await openRun("Completed", {}, r =>
            o.mock.history.write(
                r,
                "console/stdout.txt",
                Array.from({ length: 10_000 }, (_, i) => `${i} ${"x".repeat(60)}\n`).join(""),
            ),
        );
        await o.page.getByText("the last part").waitFor();
        await o.page.getByRole("button", { name: "Show earlier output" }).click();
        await o.page.getByText("10,000 lines", { exact: true }).waitFor();
    });
    it("finds text and goes from place to place", async () => {
        await openRun("Completed", {}, r =>
            o.mock.history.write(r, "console/stdout.txt", "nan\nok\nNaN again\n"),
        );
        await o.page.getByLabel("Find in the console").fill("nan");
        await o.page.getByText("1 of 2", { exact: true }).waitFor();
        await o.page.keyboard.press("Enter");
        await o.page.getByText("2 of 2", { exact: true }).waitFor();
        expect(await log().locator(".here mark").textContent()).toBe("NaN");
    });
});

describe("files", () => {
    const prepare = (r: MockRun) => {
        o.mock.history.write(r, "outputs/model 1.pt", "x".repeat(1500));
        o.mock.history.write(r, "outputs/notes.txt", "a note\n".repeat(20_000));
    };
    it("have size and download, and all of them come in one", async () => {
        const run = await openRun("Completed", {}, prepare);
        await o.page.getByText("2, 142 kB").waitFor();
        const [file] = await Promise.all([
            o.page.waitForEvent("download"),
            o.page.getByRole("link", { name: "outputs/model 1.pt" }).click(),
        ]);
        expect(file.suggestedFilename()).toBe("model 1.pt");
        const all = await o.page.getByRole("link", { name: "all" }).getAttribute("href");
        expect(all).toBe(`${o.url}api/v1/runs/${run.info.id}/files.tar`);
    });
    it("can be looked into, by a range of the file", async () => {
        await openRun("Completed", {}, prepare);
        await o.page.getByRole("button", { name: "More of outputs/notes.txt" }).click();
        await o.page.getByRole("menuitem", { name: "look at the end" }).click();
        await o.page.getByText("the last 65.5 kB").waitFor();
        await expect
            .poll(async () => (await o.page.locator(".look pre").textContent())?.length)
            .toBe(65_536);
    });
});

describe("acts", () => {
    const menu = async (name: RegExp | string) => {
        await o.page.getByRole("button", { name: "More", exact: true }).click();
        await o.page.getByRole("menuitem", { name }).click();
    };
    it("rename in place; Escape leaves it", async () => {
        const run = await openRun("Completed");
        await menu("rename");
        await o.page.getByLabel("Name of the run").fill("other");
        await o.page.keyboard.press("Escape");
        await o.page.getByRole("heading", { name: run.info.name }).waitFor();
        expect(o.mock.history.changes).toEqual([]);
        await menu("rename");
        await o.page.getByLabel("Name of the run").fill("best so far");
        await o.page.keyboard.press("Enter");
        await o.page.getByRole("heading", { name: "best so far" }).waitFor();
        await o.page.locator(".row", { hasText: "best so far" }).waitFor();
    });
    it("pin for all: at the top of the list", async () => {
        const run = await openRun("Completed");
        await menu(/^pin/);
        await o.page.locator(`.row[data-run="${run.info.id}"]`).getByTitle("Pinned").waitFor();
        expect(run.info.pinned).toBe(true);
        expect(await o.page.locator(".row").first().getAttribute("data-run")).toBe(run.info.id);
    });
    it("delete, with undo", async () => {
        const run = await openRun("Completed");
        await menu("delete");
        await o.page.getByText("is deleted.").waitFor();
        await expect.poll(() => o.page.locator(`[data-run="${run.info.id}"]`).count()).toBe(0);
        await o.page.getByRole("button", { name: /^Undo/ }).click();
        await o.page.locator(`[data-run="${run.info.id}"]`).waitFor();
        expect(o.mock.history.changes).toEqual(["DELETE run", "POST run"]);
    });
    it("delete a busy run only when asked twice", async () => {
        const run = await openRun("Running");
        o.mock.history.busy.add(run.info.id);
        await menu("delete");
        await o.page.getByText("was heard of in the last minutes").waitFor();
        await o.page.getByRole("button", { name: /Delete all the same/ }).click();
        await o.page.getByText("is deleted.").waitFor();
    });
    it("restore from the list of deleted runs", async () => {
        const run = await openRun("Completed");
        for (const r of o.mock.runs) r.info.archived = true;
        await o.page.reload();
        await o.page.getByRole("heading", { level: 1, name: run.info.name }).waitFor();
        await menu("delete");
        await o.page.getByRole("button", { name: "Close" }).click();
        await o.page.getByRole("button", { name: "Shape of the list" }).click();
        await o.page.getByRole("menuitem", { name: "deleted runs" }).click();
        await o.page.getByRole("button", { name: "Restore" }).click();
        await o.page.getByText("There is nothing to restore.").waitFor();
        await o.page.keyboard.press("Escape");
        await o.page.locator(`[data-run="${run.info.id}"]`).waitFor();
    });
});

describe("the history's own state", () => {
    it.each([
        ["full", /disk of the run history is full/],
        ["failing", /cannot be written/],
        ["hung", /does not answer/],
        ["lost", /Another server has taken over/],
    ])("%s is told above the charts and in the bar", async (state, words) => {
        o = await open(browser, { scenario: "ten" });
        o.mock.history.archive = { state, message: "", free_bytes: 1e9, reserve_bytes: 1e10 };
        await o.page.locator(".strip", { hasText: words }).waitFor();
        await drawn(o.page, "eval/loss");
        expect(await o.page.locator(".live").textContent()).toMatch(/disk|not kept/);
    });
    it("says nothing when all is well", async () => {
        o = await open(browser, { scenario: "ten" });
        await drawn(o.page, "eval/loss");
        await expect.poll(() => o.mock.requests.filter(r => r === "GET /api/v1/").length).toBe(1);
        expect(await o.page.locator(".strip").count()).toBe(0);
    });
});

it("draws each directory of a run: one hue, a dash each", async () => {
    o = await open(browser, { scenario: "one" });
    o.mock.runs[0].dirs = ["train", "val"];
    await o.page.reload();
    await drawn(o.page, "eval/loss");
    const box = await o.page.locator('.card[data-tag="eval/loss"] .host').boundingBox();
    if (!box) throw new Error("no box");
    await o.page.mouse.move(box.x + 90, box.y + 90);
    const { name } = o.mock.runs[0].info;
    const who = o.page.locator(".tip tbody .who");
    await who.first().waitFor();
    expect((await who.allTextContents()).sort()).toEqual([`${name}/train`, `${name}/val`]);
    const dashes = await o.page
        .locator(".tip tbody .sw path")
        .evaluateAll(list => list.map(p => p.getAttribute("stroke-dasharray") ?? ""));
    expect(new Set(dashes).size).toBe(2);
    o.mock.grow(5);
    await expect.poll(() => [...o.mock.clients][0]?.watches.size ?? 0).toBeGreaterThan(8);
});

it("filters by hyperparameters of names and labels", async () => {
    o = await open(browser, { scenario: "ten" });
    const field = o.page.getByLabel("Filter runs by regex");
    await field.fill("lr>0.02");
    await o.page.getByText("2 of 10", { exact: true }).waitFor();
    await field.fill("lr<=0.01 bs64");
    await o.page.getByText("3 of 10", { exact: true }).waitFor();
});
