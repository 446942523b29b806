// A server of the page's API in memory, for developing and for page tests: pages from a built
// folder, runs from a scenario, points that grow, and hands to break things.

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join as joinPath, normalize } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { addPoint, after, history, type MockRun } from "./data";
import { frame, join } from "./frames";
import { History } from "./history";
import { type Scenario, scenario } from "./runs";

const TYPES: Record<string, string> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
};

export const POLICY =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; worker-src 'self'; font-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'";

interface Watch {
    run: MockRun;
    tag: string;
    ordinal: number;
}

interface Client {
    socket: WebSocket;
    watches: Map<number, Watch>;
    paused: boolean;
    runs: boolean;
}

export interface MockOptions {
    scenario: Scenario;
    dist: string;
    port?: number;
    /** Milliseconds between new points; 0: only by hand. */
    every?: number;
    prefix?: string;
}

export class Mock {
    runs: MockRun[];
    readonly history: History;
    epoch = "00000000000000a1";
    clients = new Set<Client>();
    requests: string[] = [];
    /** Tags whose points are answered with an error. */
    broken = new Set<string>();
    /** Answers of points wait this long. */
    delay = 0;
    progress = { read: 61e9, total: 61e9, done: true, waiting: false };
    private readonly http = createServer((req, res) => void this.serve(req, res));
    private readonly ws = new WebSocketServer({ noServer: true });
    private timers: NodeJS.Timeout[] = [];
    private signedIn = false;

    constructor(private readonly options: MockOptions) {
        this.runs = scenario(options.scenario);
        this.history = new History(this.runs, m => this.tell(m));
        if (options.scenario === "empty") this.progress.waiting = true;
        if (options.scenario === "loading") {
            this.progress = { read: 18.9e9, total: 61e9, done: false, waiting: false };
            for (const r of this.runs.slice(6)) r.tags.clear();
            for (const r of this.runs) Object.assign(r.info, { loading: true, bytes_read: 300 });
        }
        this.http.on("upgrade", (req, socket, head) => {
            this.ws.handleUpgrade(req, socket, head, ws => this.join(ws));
        });
    }

    async start(): Promise<string> {
        await new Promise<void>(done => {
            this.http.listen(this.options.port ?? 0, "127.0.0.1", () => done());
        });
        const every = this.options.every ?? 500;
        if (every > 0) this.timers.push(setInterval(() => this.grow(), every));
        this.timers.push(setInterval(() => this.beat(), 5000));
        const { port } = this.http.address() as AddressInfo;
        return `http://127.0.0.1:${port}${this.options.prefix ?? ""}/`;
    }

    async stop(): Promise<void> {
        for (const t of this.timers) clearInterval(t);
        this.drop();
        this.history.cut();
        this.http.closeAllConnections();
        await new Promise<void>(done => this.http.close(() => done()));
    }

    /** Ends all sockets. */
    drop(): void {
        for (const c of this.clients) c.socket.terminate();
    }

    /** Ends all sockets with the word when to come back. */
    dismiss(retryMs: number): void {
        const bye = JSON.stringify({ t: "bye", reason: "shutdown", retry_ms: retryMs });
        for (const c of this.clients) c.socket.send(bye, () => c.socket.close(1001));
    }

    /** As if the server had been started anew: the same points, another epoch. */
    restart(): void {
        this.epoch = this.epoch.replace(/.$/, c => (c === "f" ? "0" : "f"));
        this.drop();
    }

    /** One new point in every tag of the running runs. */
    grow(points = 1): void {
        for (const run of this.runs) {
            if (run.info.activity !== "live" || run.info.loading) continue;
            for (let i = 0; i < points; i++)
                for (const [tag, p] of run.tags)
                    addPoint(
                        run,
                        tag,
                        p.step[p.step.length - 1] + run.stride,
                        Date.now() / 1000,
                        p.attempt[p.attempt.length - 1],
                    );
        }
        this.flush();
    }

    flush(): void {
        for (const c of this.clients) {
            if (c.paused) continue;
            const parts: Uint8Array[] = [];
            for (const [id, w] of c.watches) {
                const p = w.run.tags.get(w.tag);
                const news = p && after(p, w.ordinal, id);
                if (!news || !p) continue;
                w.ordinal = p.step.length;
                parts.push(news);
            }
            if (parts.length > 0) c.socket.send(join(parts));
        }
    }

    tell(message: object): void {
        for (const c of this.clients) c.socket.send(JSON.stringify(message));
    }

    private beat(): void {
        const runs = this.runs.map(r => ({ id: r.info.id, commit_wall: r.info.last_wall }));
        this.tell({ t: "beat", now: Date.now() / 1000, runs });
    }

    private join(socket: WebSocket): void {
        const c: Client = { socket, watches: new Map(), paused: false, runs: false };
        this.clients.add(c);
        socket.on("close", () => this.clients.delete(c));
        socket.on("message", data => this.heard(c, JSON.parse(String(data))));
        socket.send(
            JSON.stringify({
                t: "welcome",
                epoch: this.epoch,
                version: "1.0",
                now: Date.now() / 1000,
            }),
        );
    }

    private heard(c: Client, m: Record<string, unknown>): void {
        if (m.t === "watch") this.watch(c, m as unknown as WatchMessage);
        if (m.t === "unwatch") for (const id of m.ids as number[]) c.watches.delete(id);
        if (m.t === "pause") c.paused = true;
        if (m.t === "resume") c.paused = false;
        this.flush();
    }

    private watch(c: Client, m: WatchMessage): void {
        const behind: Uint8Array[] = [];
        m.runs.forEach((ref, r) => {
            const id = idOf(ref);
            m.tags.forEach((tag, t) => {
                const at = r * m.tags.length + t;
                const run = this.runs.find(x => x.info.id === id);
                const handle = m.id + at;
                if (!run) return;
                if (m.epoch === this.epoch)
                    c.watches.set(handle, { run, tag, ordinal: m.ordinals[at] });
                else behind.push(frame({ kind: 4, handle, count: 0, attempt: 0, ordinal: 0 }));
            });
        });
        if (behind.length > 0) c.socket.send(join(behind));
    }

    private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
        const url = new URL(req.url ?? "/", "http://mock");
        const prefix = this.options.prefix ?? "";
        if (!url.pathname.startsWith(`${prefix}/`)) return end(res, 404, "not here");
        const path = url.pathname.slice(prefix.length);
        this.requests.push(`${req.method} ${path}`);
        if (!path.startsWith("/api/v1/")) return this.file(path, res);
        const api = path.slice(8);
        if (this.options.scenario === "login" && !this.signedIn && api !== "session")
            return problem(res, 401, "token", "A token is needed.");
        const run = this.runs.find(r => api.split("/")[1] === r.info.id);
        if (this.history.serve(req, url, run, res)) return;
        if (req.method === "GET")
            return this.get(url.search === "?deleted=1" ? "deleted" : api, res);
        let body = "";
        for await (const chunk of req) body += chunk;
        if (req.method === "PATCH" && run) return this.history.patch(run, JSON.parse(body), res);
        return this.post(api, JSON.parse(body), res);
    }

    private async file(path: string, res: ServerResponse): Promise<void> {
        const name = path === "/" ? "index.html" : normalize(path).replace(/^\/+/, "");
        try {
            const body = await readFile(joinPath(this.options.dist, name));
            res.setHeader("Content-Type", TYPES[extname(name)] ?? "application/octet-stream");
            res.setHeader("Content-Security-Policy", POLICY);
            res.end(body);
        } catch {
            end(res, 404, "no such file");
        }
    }

    private get(api: string, res: ServerResponse): void {
        const run = this.runs.find(r => api.startsWith(`runs/${r.info.id}`));
        const part = run ? api.slice(`runs/${run.info.id}`.length).replace(/^\//, "") : "";
        if (api === "")
            return send(res, {
                version: "0.1.0",
                epoch: this.epoch,
                logdirs: ["./logs"],
                progress: this.progress,
                archive: this.history.archive,
            });
        if (api === "runs")
            return send(res, {
                epoch: this.epoch,
                now: Date.now() / 1000,
                runs: this.runs.map(r => r.info),
            });
        if (api === "deleted") return send(res, { runs: this.history.deleted.map(r => r.info) });
        if (api === "tags") return send(res, { tags: this.tags() });
        if (!run) return problem(res, 404, "not-found", "There is no such run.");
        if (part === "") return send(res, { ...run.info, attempts_list: attemptsOf(run) });
        if (part === "damage") return send(res, { damage: run.damage });
        if (part === "files")
            return send(res, { files: filesOf(run), kept: this.history.kept(run) });
        if (part === "series") return send(res, { series: seriesOf(run) });
        problem(res, 404, "not-found", "There is nothing here.");
    }

    private tags(): object[] {
        const out = new Map<string, unknown[]>();
        for (const r of this.runs)
            for (const tag of r.tags.keys()) {
                const refs = r.dirs?.map(dir => [r.info.id, dir]) ?? [r.info.id];
                out.set(tag, [...(out.get(tag) ?? []), ...refs]);
            }
        return [...out].map(([tag, runs]) => ({ tag, kind: "scalar", runs }));
    }

    private async post(api: string, body: PointsBody, res: ServerResponse): Promise<void> {
        if (api === "session") {
            this.signedIn = (body as unknown as { token: string }).token === "right";
            if (this.signedIn) return end(res, 204, "");
            res.setHeader("RateLimit-Remaining", "9");
            return problem(res, 401, "token", "Not valid on this server.");
        }
        if (api !== "points") return problem(res, 404, "not-found", "There is nothing here.");
        if (this.delay > 0) await new Promise(done => setTimeout(done, this.delay));
        const pairs = pairsOf(body.series);
        if (pairs.some(([, tag]) => this.broken.has(tag)))
            return problem(
                res,
                500,
                "storage",
                "The index of this tag could not be opened: no space left. The files are whole.",
            );
        const parts = pairs.map(([id, tag], handle) => {
            const run = this.runs.find(x => x.info.id === id);
            return history(run?.tags.get(tag), body, handle);
        });
        res.setHeader("Content-Type", "application/vnd.tailboard.points");
        res.setHeader("Tailboard-Epoch", this.epoch);
        res.end(join(parts));
    }
}

/** A run, or a directory of it: all directories of ours hold the same. */
type Ref = string | [string, string];

function idOf(ref: Ref): string {
    return typeof ref === "string" ? ref : ref[0];
}

interface WatchMessage {
    id: number;
    runs: Ref[];
    tags: string[];
    epoch: string;
    ordinals: number[];
}

interface PointsBody {
    series: { runs: Ref[]; tags: string[] } | [string, string][];
    x: string;
    range: [number, number] | null;
    width: number | null;
}

function pairsOf(series: PointsBody["series"]): [string, string][] {
    if (Array.isArray(series)) return series;
    return series.runs.flatMap(run => series.tags.map(tag => [idOf(run), tag] as [string, string]));
}

function end(res: ServerResponse, status: number, text: string): void {
    res.statusCode = status;
    res.end(text);
}

function send(res: ServerResponse, body: object): void {
    res.setHeader("Content-Type", "application/json");
    res.end(JSON.stringify(body));
}

function problem(res: ServerResponse, status: number, code: string, detail: string): void {
    res.statusCode = status;
    res.setHeader("Content-Type", "application/problem+json");
    res.end(JSON.stringify({ type: "about:blank", title: detail, status, code, detail }));
}

function attemptsOf(run: MockRun): object[] {
    const p = run.tags.get("train/loss") ?? [...run.tags.values()][0];
    const out = [];
    for (let a = 1; a <= Number(run.info.attempts) && p; a++) {
        const from = p.attempt.indexOf(a);
        const to = p.attempt.lastIndexOf(a);
        out.push({
            attempt: a,
            files: 1,
            first_wall: p.wall[from],
            last_wall: p.wall[to],
            first_step: p.step[from],
            last_step: p.step[to] + (to < p.step.length - 1 ? 640 : 0),
            points: to - from + 1,
            hidden: to < p.step.length - 1 ? 640 : 0,
        });
    }
    return out;
}

function filesOf(run: MockRun): object[] {
    return Array.from({ length: Number(run.info.files) }, (_, i) => ({
        path: `events.out.tfevents.176389${9574 + i * 2226}.n2.${i}`,
        generation: 1,
        attempt: i + 1,
        first_wall: Number(run.info.first_wall) + i * 1000,
        last_wall: Number(run.info.last_wall),
        points: Number(run.info.points),
        references: 0,
        damage: i === 0 ? run.damage.length : 0,
    }));
}

function seriesOf(run: MockRun): object[] {
    return [...run.tags].map(([tag, p]) => {
        const finite = p.value.filter(Number.isFinite);
        return {
            tag,
            kind: "scalar",
            count: p.step.length,
            first_step: p.step[0],
            last_step: p.step[p.step.length - 1],
            last: p.value[p.value.length - 1],
            min: Math.min(...finite),
            max: Math.max(...finite),
        };
    });
}
