// npm run shots -- FOLDER [PATTERN]: pictures of the page over made-up runs, to be looked at: every
// number of runs, width and theme, and the states that are rarely seen. PATTERN chooses by name.

import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [folder, pattern = ""] = process.argv.slice(2);
if (!folder) throw new Error("say into which folder");
const here = dirname(fileURLToPath(import.meta.url));
const load = async path => (await runnerImport(resolve(here, path))).module;
const { DIST, launch, pageAt } = await load("../lib/browser.ts");
const { Mock } = await load("../mock/server.ts");
const { STATES } = await load("states.ts");

const HEIGHTS = { 390: 844, 1280: 800, 1440: 900, 2560: 1440 };
const SETTLE_MS = 2500;

const list = [];
for (const theme of ["light", "dark"]) {
    for (const width of [390, 1280, 1440, 2560])
        for (const scenario of ["one", "ten", "many", "odd"])
            list.push({ name: `${scenario}-${width}-${theme}`, width, theme, scenario });
    for (const [state, how] of Object.entries(STATES))
        for (const width of how.widths ?? [390, 1440])
            list.push({ name: `${state}-${width}-${theme}`, width, theme, ...how });
}

mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
    for (const { name, width, theme, scenario = "demo", hash, prepare, act } of list) {
        if (!name.match(pattern)) continue;
        const look = { width, height: HEIGHTS[width], theme, touch: width < 500 };
        const mock = new Mock({ scenario, dist: DIST, every: 0 });
        const url = await mock.start();
        prepare?.(mock);
        const { page, errors, context } = await pageAt(browser, url, { ...look, hash });
        await page.waitForTimeout(SETTLE_MS);
        await act?.(page, mock);
        await page.screenshot({ path: `${folder}/${name}.png` });
        if (errors.length > 0) console.log(`${name}: ${errors.join("\n")}`);
        await context.close();
        await mock.stop();
    }
} finally {
    await browser.close();
}
