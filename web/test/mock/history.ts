// The run history of the mock server: events, files and console of runs that report, names, pins,
// deleting and restoring.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { MockRun } from "./data";

interface HeldFile {
    path: string;
    body: Buffer;
}

interface Told {
    id: string;
    kind: string;
    source: string;
    attempt: number;
    rank: number | null;
    time: number;
    data: object;
}

export class History {
    /** What GET /api/v1/ says of it. */
    archive: Record<string, unknown> | null = { state: "ok", message: "", runs: 0, files: 0 };
    deleted: MockRun[] = [];
    /** Runs whose deletion is refused unless forced. */
    busy = new Set<string>();
    changes: string[] = [];
    private readonly files = new Map<string, HeldFile[]>();
    private readonly events = new Map<string, Told[]>();
    private readonly readers = new Map<string, Set<ServerResponse>>();

    constructor(
        private readonly runs: MockRun[],
        private readonly tell: (message: object) => void,
    ) {}

    /** Makes a run one that reports. */
    adopt(run: MockRun, status: string, more: object = {}): void {
        const now = Date.now() / 1000;
        const time = new Date((now - 90) * 1000).toISOString();
        const over = status === "Completed" || status === "Failed";
        Object.assign(run.info, {
            status,
            archived: true,
            job: {
                attempt: 1,
                ranks: 1,
                ranks_started: 1,
                ranks_ended: over ? 1 : 0,
                files_complete: over,
                created_time: time,
                started_time: time,
                ended_time: over ? new Date(now * 1000).toISOString() : null,
            },
            ...more,
        });
        const job = {
            command: ["python", "train.py", "--note", "a b"],
            host: "n2",
            directory: "~",
        };
        this.say(run, "created", { job }, -92);
        this.say(run, "started", { host: "n2", world_size: 1 }, -90);
    }

    say(run: MockRun, kind: string, data: object, ago = 0): void {
        const list = this.events.get(run.info.id) ?? [];
        list.push({
            id: `e${list.length}`,
            kind,
            source: "agent",
            attempt: 1,
            rank: kind === "created" ? null : 0,
            time: Date.now() / 1000 + ago,
            data,
        });
        this.events.set(run.info.id, list);
    }

    /** Adds to a file, and to whoever follows it. */
    write(run: MockRun, path: string, text: string): void {
        const list = this.files.get(run.info.id) ?? [];
        const held = list.find(f => f.path === path);
        const body = Buffer.from(text);
        if (held) held.body = Buffer.concat([held.body, body]);
        else list.push({ path, body });
        this.files.set(run.info.id, list);
        for (const res of this.readers.get(`${run.info.id} ${path}`) ?? []) res.write(body);
    }

    change(run: MockRun, part: object): void {
        Object.assign(run.info, part);
        this.tell({ t: "runs", runs: [run.info], removed: [] });
    }

    kept(run: MockRun): object[] | undefined {
        return this.files.get(run.info.id)?.map(f => ({
            path: f.path,
            generation: 1,
            newest: true,
            event_file: f.path.startsWith("logs/"),
            size: f.body.length,
            received: f.body.length,
            complete: true,
            sha256: "6e887e1936b61a5c0ef07460a49d864e84b8483621516e1f797bf74e65b25da4",
            changed_time: new Date().toISOString(),
        }));
    }

    /** False: the request is none of ours. */
    serve(req: IncomingMessage, url: URL, run: MockRun | undefined, res: ServerResponse): boolean {
        const part = run ? url.pathname.split(`/runs/${run.info.id}`)[1].replace(/^\//, "") : "";
        if (req.method !== "GET" && url.pathname.includes("/runs/"))
            this.changes.push(`${req.method} ${part || "run"}`);
        if (req.method === "DELETE" && run && !part) return this.remove(url, run, res);
        if (!run) return this.restore(req, url, res);
        if (part === "events")
            json(res, { run: run.info.id, events: this.events.get(run.info.id) ?? [] });
        else if (part === "console") this.console(url, run, req, res);
        else if (part.startsWith("files/"))
            this.file(decodeURIComponent(part.slice(6)), run, req, res);
        else if (part === "cancel") {
            this.change(run, { cancel_requested: true });
            res.statusCode = 202;
            res.end("{}");
        } else return false;
        return true;
    }

    patch(run: MockRun, body: { name?: string }, res: ServerResponse): void {
        const { name, ...rest } = body;
        this.change(run, name === undefined ? rest : { ...rest, title: name });
        json(res, run.info);
    }

    private remove(url: URL, run: MockRun, res: ServerResponse): boolean {
        if (this.busy.has(run.info.id) && !url.searchParams.has("force")) {
            res.statusCode = 409;
            const detail = "The run was heard of in the last 15 minutes.";
            json(res, { title: "Conflict", status: 409, code: "busy", detail });
            return true;
        }
        this.deleted.push(run);
        this.runs.splice(this.runs.indexOf(run), 1);
        res.statusCode = 204;
        res.end();
        return true;
    }

    private restore(req: IncomingMessage, url: URL, res: ServerResponse): boolean {
        const m = /\/runs\/([^/]+)\/restore$/.exec(url.pathname);
        const at = this.deleted.findIndex(r => r.info.id === m?.[1]);
        if (req.method !== "POST" || at < 0) return false;
        const [run] = this.deleted.splice(at, 1);
        this.runs.push(run);
        json(res, run.info);
        return true;
    }

    private console(url: URL, run: MockRun, req: IncomingMessage, res: ServerResponse): void {
        const path = `console/${url.searchParams.get("stream")}.txt`;
        const held = this.files.get(run.info.id)?.find(f => f.path === path);
        const follow = url.searchParams.get("follow") === "1";
        if (!held && !follow) {
            res.statusCode = 404;
            const detail = "Nothing is kept of this stream.";
            return json(res, { title: "Not Found", status: 404, code: "no-console", detail });
        }
        res.setHeader("Content-Type", "text/plain; charset=utf-8");
        res.flushHeaders();
        const rest = held?.body.subarray(Number(url.searchParams.get("offset") ?? 0));
        if (rest?.length) res.write(rest);
        if (!follow) return void res.end();
        const key = `${run.info.id} ${path}`;
        const set = this.readers.get(key) ?? new Set();
        this.readers.set(key, set.add(res));
        req.on("close", () => set.delete(res));
        res.on("close", () => set.delete(res));
    }

    /** Ends the answers of all who follow. */
    cut(): void {
        for (const set of this.readers.values()) for (const res of set) res.destroy();
    }

    private file(path: string, run: MockRun, req: IncomingMessage, res: ServerResponse): void {
        const held = this.files.get(run.info.id)?.find(f => f.path === path);
        const range = /bytes=(\d+)-(\d+)/.exec(req.headers.range ?? "");
        res.statusCode = held ? (range ? 206 : 200) : 404;
        res.setHeader("Content-Disposition", "attachment");
        res.end(range ? held?.body.subarray(Number(range[1]), Number(range[2]) + 1) : held?.body);
    }
}

function json(res: ServerResponse, body: object): void {
    res.setHeader("Content-Type", "application/json");
    res.end(JSON.stringify(body));
}
