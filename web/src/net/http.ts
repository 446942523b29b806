// History over HTTP. Knows addresses and errors of the API, nothing of charts.

import type { RunRef } from "../model/lines";
import { type Frame, readFrames, WireError } from "../wire/frames";
import type { About, AttemptInfo, Damage, FileInfo, Run, SeriesInfo, Tag } from "../wire/messages";

export const POINTS_TYPE = "application/vnd.tailboard.points";

/** An answer that is not 2xx, in the server's words. */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly retryAfter: number,
    ) {
        super(message);
    }
}

/** The server could not be reached at all. */
export class NetError extends Error {}

export function apiUrl(path: string): string {
    return new URL(`api/v1/${path}`, document.baseURI).href;
}

async function problem(answer: Response): Promise<ApiError> {
    let code = "";
    let text = answer.statusText || `The server answered ${answer.status}.`;
    try {
        const body = await answer.json();
        code = String(body.code ?? "");
        text = String(body.detail ?? body.title ?? text);
    } catch {
        // A proxy's page, say: the status must do.
    }
    const retry = Number(answer.headers.get("Retry-After") ?? Number.NaN);
    return new ApiError(answer.status, code, text, retry);
}

export async function ask(path: string, init?: RequestInit): Promise<Response> {
    let answer: Response;
    try {
        answer = await fetch(apiUrl(path), init);
    } catch (e) {
        if ((e as Error).name === "AbortError") throw e;
        throw new NetError("The server does not answer.");
    }
    if (!answer.ok) throw await problem(answer);
    return answer;
}

async function json<T>(path: string): Promise<T> {
    return (await ask(path)).json();
}

/** The head of a list: the server's clock, and what changes come behind it (of its first page). */
export interface ListHead {
    now: number;
    cursor: string;
}

/** All pages of a list; `next` is what `after` takes. */
async function pages<T, K extends string>(
    path: string,
    key: K,
    told?: (head: ListHead) => void,
): Promise<T[]> {
    const out: T[] = [];
    let after = "";
    for (let page = 0; page < 1000; page++) {
        const mark = path.includes("?") ? "&" : "?";
        const answer = await ask(after ? `${path}${mark}after=${encodeURIComponent(after)}` : path);
        const body = (await answer.json()) as Record<K, T[]> & {
            next?: string | null;
            now?: number;
            cursor?: string;
        };
        if (page === 0 && body.now !== undefined)
            told?.({ now: body.now, cursor: body.cursor ?? "" });
        out.push(...(body[key] ?? []));
        after = body.next ?? nextOf(answer.headers.get("Link"));
        if (!after) break;
    }
    return out;
}

function nextOf(link: string | null): string {
    const m = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? "");
    if (!m) return "";
    return new URL(m[1], document.baseURI).searchParams.get("after") ?? "";
}

const id = encodeURIComponent;

export const api = {
    about: () => json<About>(""),
    runs: (told: (head: ListHead) => void) => pages<Run, "runs">("runs", "runs", told),
    tags: () => pages<Tag, "tags">("tags", "tags"),
    run: (run: string) => json<Run & { attempts_list?: AttemptInfo[] }>(`runs/${id(run)}`),
    damage: (run: string) => pages<Damage, "damage">(`runs/${id(run)}/damage`, "damage"),
    files: (run: string) => pages<FileInfo, "files">(`runs/${id(run)}/files`, "files"),
    series: (run: string) => pages<SeriesInfo, "series">(`runs/${id(run)}/series`, "series"),
};

export interface PointsQuery {
    /** A block, answered run by run, or pairs of run and tag in any order. */
    series: { runs: RunRef[]; tags: string[] } | string[][];
    x: string;
    range: [number, number] | null;
    width: number | null;
    cols: string[];
    view: string;
    /** A long poll: what comes behind these ordinals, for up to `wait` seconds. */
    epoch?: string;
    after?: number[];
    wait?: number;
}

/** What charts need of each bucket. */
export const CHART_COLS = ["step", "wall", "last", "min", "max", "mean", "n", "nan", "inf"];

/** Bytes that arrive, as frames as soon as they are whole. */
class FrameStream {
    private bytes = new Uint8Array(0);
    private held = 0;
    private at = 0;

    add(chunk: Uint8Array): void {
        const left = this.held - this.at;
        // Frames are views on these bytes: what is left of them moves to bytes of its own.
        if (this.at > 0 || left + chunk.length > this.bytes.length) {
            const more = new Uint8Array(Math.max(left + chunk.length, left * 2));
            more.set(this.bytes.subarray(this.at, this.held));
            this.bytes = more;
            this.held = left;
            this.at = 0;
        }
        this.bytes.set(chunk, this.held);
        this.held += chunk.length;
    }

    /** Up to `most` frames; none when the next one is not whole yet. */
    next(most: number): Frame[] {
        const { frames, rest } = readFrames(this.bytes.subarray(0, this.held), this.at, most);
        this.at = rest;
        return frames;
    }

    end(): void {
        if (this.held > this.at) throw new WireError("the answer ends within a frame");
    }
}

/** Reading goes on after what else is due, so that no answer holds up the page. */
const SLICE_MS = 8;
const SOME = 16;

function breath(): Promise<void> {
    return new Promise(go => {
        const door = new MessageChannel();
        door.port1.onmessage = () => {
            door.port1.close();
            go();
        };
        door.port2.postMessage(null);
    });
}

/** Asks for points; `each` gets frames in the order of the request. Gives the answer's epoch. */
export async function points(
    query: PointsQuery,
    each: (frames: Frame[]) => void,
    signal?: AbortSignal,
): Promise<string> {
    const answer = await ask("points", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: POINTS_TYPE },
        body: JSON.stringify(query),
        signal,
    });
    const epoch = answer.headers.get("Tailboard-Epoch") ?? "";
    if (!answer.body) return epoch;
    const stream = new FrameStream();
    let started = performance.now();
    const reader = answer.body.getReader();
    for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        stream.add(value);
        for (let frames = stream.next(SOME); frames.length > 0; frames = stream.next(SOME)) {
            each(frames);
            if (performance.now() - started < SLICE_MS) continue;
            await breath();
            started = performance.now();
        }
    }
    stream.end();
    return epoch;
}
