// States of the page for pictures: how the server stands, and what is done on the page.

import type { Page } from "playwright-core";
import type { Mock } from "../mock/server";

export interface State {
    scenario?: string;
    hash?: string;
    widths?: number[];
    /** Before the page opens. */
    prepare?(mock: Mock): void;
    act?(page: Page, mock: Mock): Promise<void>;
}

const DESK = [1440];

const LAST = [
    "\x1b[33mwarning\x1b[0m grad_norm nan, step skipped",
    "\x1b[1mTraceback\x1b[0m (most recent call last):",
    '  File "train.py", line 212, in <module>',
    "    trainer.fit(loader, epochs=args.epochs)",
    '  File "trainer.py", line 88, in fit',
    '    raise FloatingPointError(f"loss is {loss} at step {step:,}")',
    "\x1b[31mFloatingPointError\x1b[0m: loss is nan at step 49,760",
];

/** What a training says: a line now and then, and a warning. */
function consoleText(lines: number, failed: boolean): string {
    const out = Array.from({ length: lines }, (_, i) => {
        const step = 49_740 - (lines - i) * 120;
        if (i % 9 === 7) return `\x1b[33mwarning\x1b[0m grad_norm ${300 + i}.4 clipped to 1.0`;
        const loss = (0.09 + 2 / (i + 4)).toFixed(4);
        const pace = `\x1b[32m5.5${i % 10} it/s\x1b[0m`;
        return `step ${step}  loss ${loss}  ${pace}  lr 0.00${900 - (i % 90)}`;
    });
    return `${out.concat(failed ? LAST : []).join("\n")}\n`;
}

/** A run that reports, with console and files. */
function reports(mock: Mock, status: string, lines: number): string {
    const [run] = mock.runs;
    const failed = status === "Failed";
    const more = failed ? { reason: "exit", status_message: "exit 1, rank 1 on n2" } : {};
    mock.history.adopt(run, status, more);
    if (failed) mock.history.say(run, "exited", { exit: 1, rank: 1 });
    mock.history.write(run, "console/stdout.txt", consoleText(lines, failed));
    mock.history.write(run, "outputs/checkpoints/epoch=90.pt", "x".repeat(150_000));
    mock.history.write(run, "outputs/config.yaml", "lr: 0.1\n");
    return run.info.id;
}

const openRun = (of: (mock: Mock) => string) => async (page: Page, mock: Mock) => {
    await page.goto(`${page.url().split("#")[0]}#v1/run=${of(mock)}`);
    await page.reload();
    await page.waitForTimeout(1500);
};

const hover = (tag: string) => async (page: Page) => {
    const host = page.locator(`.card[data-tag="${tag}"] .host`).first();
    const box = await host.boundingBox();
    if (box) await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.7);
    await page.waitForTimeout(300);
};

export const STATES: Record<string, State> = {
    hover: { act: hover("eval/loss"), widths: [1280, 1440, 2560] },
    hover200: {
        scenario: "many",
        widths: DESK,
        act: async page => {
            await page.getByRole("checkbox", { name: "All runs" }).click();
            await page.waitForTimeout(2500);
            await hover("eval/loss")(page);
        },
    },
    tap: {
        widths: [390],
        act: async page => {
            const box = await page.locator(".host").first().boundingBox();
            if (box) await page.touchscreen.tap(box.x + box.width * 0.6, box.y + 100);
            await page.waitForTimeout(400);
        },
    },
    full: { hash: "#v1/full=train/loss" },
    zoomed: { hash: "#v1/xr=18000,39000" },
    run: {
        act: openRun(m => m.runs.find(r => r.info.name === "lr=0.1-bs64")?.info.id ?? ""),
    },
    console: { scenario: "ten", act: openRun(m => reports(m, "Failed", 400)) },
    fresh: {
        scenario: "ten",
        act: openRun(m => {
            const [run] = m.runs;
            run.tags.clear();
            Object.assign(run.info, { points: 0, series: 0, age_s: null, last_wall: null });
            return reports(m, "Running", 12);
        }),
    },
    // Nothing but a run that has not logged a point, as it is met first.
    waiting: {
        scenario: "one",
        prepare: m => {
            const [run] = m.runs;
            run.tags.clear();
            Object.assign(run.info, { points: 0, series: 0, age_s: null, last_wall: null });
            reports(m, "Running", 12);
        },
    },
    deep: { scenario: "odd", hash: "#v1/tf=qkvo|layers/1/", widths: [1440] },
    empty: { scenario: "empty" },
    login: { scenario: "login" },
    loading: { scenario: "loading" },
    nomatch: { hash: "#v1/tf=losss" },
    diskfull: {
        prepare: m => {
            m.history.archive = {
                state: "full",
                message: "",
                free_bytes: 3e9,
                reserve_bytes: 1e10,
                bytes_behind: 123e6,
            };
        },
    },
    lost: {
        act: async (page, mock) => {
            await mock.stop();
            await page.waitForTimeout(4000);
        },
    },
    help: {
        act: async page => {
            await page.keyboard.press("?");
            await page.waitForTimeout(300);
        },
        widths: DESK,
    },
    menu: {
        act: async page => {
            await page.locator(".card").first().hover();
            await page.locator(".card .acts .btn").nth(2).click();
            await page.waitForTimeout(300);
        },
        widths: DESK,
    },
    smooth: {
        hash: "#v1/sm=ema,0.9",
    },
    log: { hash: "#v1/y=log", widths: DESK },
    wall: { hash: "#v1/x=wall", widths: DESK },
    drawer: {
        act: async page => {
            await page.locator(".narrow-set .btn").first().click();
            await page.waitForTimeout(400);
        },
        widths: [390],
    },
    settings: {
        act: async page => {
            await page.locator(".narrow-set .btn").nth(1).click();
            await page.waitForTimeout(400);
        },
        widths: [390],
    },
};
