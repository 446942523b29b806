// A real browser for page tests: the system's Chromium, one for each file of tests.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { Mock, type MockOptions } from "../mock/server";

export const DIST = resolve(process.env.WEB_OUT ?? resolve(import.meta.dirname, "../../dist"));

const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"];

export async function launch(): Promise<Browser> {
    const executablePath = CHROMIUM.find(p => p && existsSync(p));
    if (!executablePath) throw new Error("no Chromium: set CHROMIUM to one");
    if (!existsSync(`${DIST}/index.html`)) throw new Error(`no page in ${DIST}: npm run build`);
    return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

export interface Look {
    width?: number;
    height?: number;
    theme?: "light" | "dark";
    hash?: string;
    touch?: boolean;
}

export interface Opened {
    mock: Mock;
    page: Page;
    url: string;
    /** What the browser complained about, refused resources and CSP included. */
    errors: string[];
    close(): Promise<void>;
}

export async function pageAt(browser: Browser, url: string, look: Look = {}) {
    const context: BrowserContext = await browser.newContext({
        viewport: { width: look.width ?? 1440, height: look.height ?? 900 },
        colorScheme: look.theme ?? "light",
        hasTouch: look.touch ?? false,
        isMobile: look.touch ?? false,
        locale: "en-US",
    });
    context.setDefaultTimeout(25_000);
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", e => errors.push(String(e.stack ?? e)));
    page.on("console", m => {
        const ours = !m.text().includes("willReadFrequently");
        if (ours && (m.type() === "error" || m.type() === "warning")) errors.push(m.text());
    });
    await page.goto(url + (look.hash ?? ""));
    return { page, errors, context };
}

/** The built page over a mock server. */
export async function open(
    browser: Browser,
    options: Partial<MockOptions> = {},
    look: Look = {},
): Promise<Opened> {
    const mock = new Mock({ scenario: "demo", dist: DIST, every: 0, ...options });
    const url = await mock.start();
    const { page, errors, context } = await pageAt(browser, url, look);
    const close = async () => {
        await context.close();
        await mock.stop();
    };
    return { mock, page, url, errors, close };
}

/** Waits until a chart of the tag has lines. */
export async function drawn(page: Page, tag: string): Promise<void> {
    await page
        .locator(`.card[data-tag="${tag}"] .plot canvas.lines`)
        .waitFor({ state: "attached" });
    await page.waitForFunction(inked, tag);
}

/** Runs in the page: whether a good part of the lines' canvas is not empty. */
function inked(tag: string): boolean {
    const canvas = document.querySelector<HTMLCanvasElement>(
        `.card[data-tag="${tag}"] canvas.lines, .solo canvas.lines`,
    );
    const ctx = canvas?.getContext("2d");
    if (!canvas || !ctx || canvas.width === 0) return false;
    const { data } = ctx.getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) n++;
    return n > 50;
}
