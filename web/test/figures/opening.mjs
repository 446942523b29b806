// npm run figures -- PROGRAM LOGDIR [rounds]: how the page opens over a log directory, in a browser
// without cache: times from the navigation on, medians of several rounds, and what it asked for.
//
// `lines`: the first stroke of a data line; `charts`: every chart on the screen has lines;
// tasks: over 50 ms, and the longest one; heap: collected, with the
// columns of points, in MB, three seconds after the charts; cpu: of the page's own thread, in s.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [program, logdir, rounds = "5"] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const WAIT_MS = 3000;
const LOADED_MS = 60_000;

async function until(what, ms) {
    for (const end = Date.now() + ms; Date.now() < end; ) {
        const got = await what();
        if (got) return got;
        await new Promise(go => setTimeout(go, 50));
    }
    throw new Error("waited in vain");
}

/** Runs in the page before its own code. */
function watch() {
    const seen = { lines: 0, charts: 0, longest: 0, blocked: 0, tasks: [] };
    window.seen = seen;
    const tasks = list => {
        for (const t of list.getEntries()) {
            seen.longest = Math.max(seen.longest, t.duration);
            seen.blocked += Math.max(0, t.duration - 50);
            seen.tasks.push([Math.round(t.startTime), Math.round(t.duration)]);
        }
    };
    new PerformanceObserver(tasks).observe({ type: "longtask", buffered: true });
    const { stroke } = CanvasRenderingContext2D.prototype;
    const inked = new Set();
    CanvasRenderingContext2D.prototype.stroke = function (...args) {
        const host = this.canvas.className === "lines" && this.canvas.parentElement;
        if (host && !seen.charts) {
            inked.add(host);
            seen.lines ||= performance.now();
            const due = [...document.querySelectorAll(".card .host")].filter(h => {
                const at = h.getBoundingClientRect();
                return at.top < innerHeight && at.bottom > 0;
            });
            if (due.every(h => inked.has(h))) seen.charts = performance.now();
        }
        return stroke.apply(this, args);
    };
}

async function open(browser, url) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    const asked = [];
    page.on("request", r => asked.push(`${r.method()} ${new URL(r.url()).pathname}`));
    const client = await context.newCDPSession(page);
    await client.send("Performance.enable");
    await page.addInitScript(watch);
    await page.goto(url);
    await page.waitForFunction(() => window.seen.charts > 0, undefined, { polling: 100 });
    const requests = asked.length;
    const first = asked.slice();
    await page.waitForTimeout(WAIT_MS);
    await client.send("HeapProfiler.collectGarbage");
    await client.send("HeapProfiler.collectGarbage");
    const { metrics } = await client.send("Performance.getMetrics");
    const held = await client.send("Runtime.getHeapUsage");
    const of = name => metrics.find(m => m.name === name)?.value ?? 0;
    const seen = await page.evaluate(() => {
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        return { ...window.seen, paint: paint?.startTime ?? 0 };
    });
    await context.close();
    const heap = (held.usedSize + (held.backingStorageSize ?? 0)) / 1e6;
    return { ...seen, requests, first, heap, cpu: of("TaskDuration") };
}

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const folder = mkdtempSync(join(tmpdir(), "tailboard-figures-"));
const portFile = join(folder, "port");
const args = ["serve", "--logdir", logdir, "--state", join(folder, "state"), "--port", "0"];
const server = spawn(program, [...args, "--port-file", portFile, "--quiet"], { stdio: "inherit" });
let browser;
try {
    const port = await until(() => existsSync(portFile) && readFileSync(portFile, "utf8"), 10_000);
    const url = `http://localhost:${port.trim()}/`;
    const read = async () => (await (await fetch(`${url}api/v1/`)).json()).progress.done;
    await until(read, LOADED_MS);
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    await open(browser, url);
    const all = [];
    for (let i = 0; i < Number(rounds); i++) all.push(await open(browser, url));
    const row = name => {
        const list = all.map(o => o[name]);
        const [low, mid, high] = [Math.min(...list), median(list), Math.max(...list)];
        const middle = mid.toFixed(1).padStart(8);
        return `${name.padEnd(9)} ${middle}   ${low.toFixed(1)}–${high.toFixed(1)}`;
    };
    for (const name of [
        "paint",
        "lines",
        "charts",
        "longest",
        "blocked",
        "requests",
        "heap",
        "cpu",
    ])
        console.log(row(name));
    console.log(all.at(-1).first.join("\n"));
    for (const o of all) console.log("tasks", JSON.stringify(o.tasks));
} finally {
    await browser?.close();
    server.kill("SIGINT");
    rmSync(folder, { recursive: true, force: true });
}
