// What was reported about a run, told: its states in order, its attempts, how it was started.

import type { RunEvent } from "../wire/messages";
import { bytes, plural } from "./format";

export interface Row {
    time: number;
    state: string;
    word: string;
    words: string;
}

export interface StoryAttempt {
    attempt: number;
    from: number;
    /** NaN: it has not ended. */
    to: number;
    /** How it ended: "exit 1, rank 2". */
    end: string;
    failed: boolean;
}

const text = (v: unknown): string => (v === null || v === undefined ? "" : String(v));

/** "exit 1", "signal 9", "exit 0" */
export function endWords(data: Record<string, unknown>): string {
    if (data.signal) return `signal ${text(data.signal)}`;
    return data.exit === undefined || data.exit === null ? "ended" : `exit ${text(data.exit)}`;
}

function isBad(e: RunEvent): boolean {
    return Boolean(e.data.signal) || Number(e.data.exit ?? 0) !== 0;
}

function who(list: RunEvent[]): string {
    const ranks = list.filter(e => e.rank !== null).length;
    if (ranks > 1) return `${ranks} ranks`;
    const [e] = list;
    const host = text(e.data.host);
    const rank = e.rank ? `rank ${e.rank}` : "";
    return [rank, host && `on ${host}`].filter(Boolean).join(" ");
}

const TELL: Record<string, (list: RunEvent[]) => Omit<Row, "time">> = {
    created: () => ({ state: "waiting", word: "NotStarted", words: "made" }),
    submitted: () => ({ state: "queued", word: "Queued", words: "given to the engine" }),
    preparing: list => ({ state: "preparing", word: "Preparing", words: who(list) }),
    started: list => {
        const words = [`attempt ${list[0].attempt}`, who(list)].filter(Boolean).join(", ");
        return { state: "running", word: "Running", words };
    },
    exited: list => {
        const bad = list.find(isBad) ?? list[0];
        const rank = list.length > 1 || bad.rank ? `, rank ${bad.rank ?? 0}` : "";
        const state = isBad(bad) ? "failed" : "finished";
        return { state, word: "ended", words: endWords(bad.data) + rank };
    },
    flushed: list => {
        const sum = (key: string) => list.reduce((n, e) => n + Number(e.data[key] ?? 0), 0);
        const words = `${plural(sum("files"), "file")}, ${bytes(sum("bytes"))}`;
        return { state: "finished", word: "all kept", words };
    },
    cancel: list => ({
        state: "canceling",
        word: "CancelRequested",
        words: text(list[0].data.reason),
    }),
    stop: list => ({ state: "canceling", word: "stopped", words: text(list[0].data.cause) }),
    engine: list => ({ state: "queued", word: "engine", words: text(list[0].data.state) }),
};

/** Newest first; what several ranks report alike is one row. */
export function rowsOf(events: RunEvent[]): Row[] {
    const out: Row[] = [];
    for (let i = 0; i < events.length; ) {
        const { kind, attempt } = events[i];
        let to = i + 1;
        while (to < events.length && events[to].kind === kind && events[to].attempt === attempt)
            to++;
        const list = events.slice(i, to);
        const tell = TELL[kind]?.(list) ?? { state: "waiting", word: kind, words: "" };
        out.push({ time: list[0].time, ...tell });
        i = to;
    }
    return out.reverse();
}

export function attemptsOf(events: RunEvent[]): StoryAttempt[] {
    const out = new Map<number, StoryAttempt>();
    const alive = new Map<number, number>();
    for (const e of events) {
        let a = out.get(e.attempt);
        if (e.kind === "started") {
            if (!a) {
                a = { attempt: e.attempt, from: e.time, to: Number.NaN, end: "", failed: false };
                out.set(e.attempt, a);
            }
            a.from = Math.min(a.from, e.time);
            alive.set(e.attempt, (alive.get(e.attempt) ?? 0) + 1);
        }
        if (e.kind !== "exited" || !a) continue;
        const left = (alive.get(e.attempt) ?? 1) - 1;
        alive.set(e.attempt, left);
        if (!a.failed) a.end = endWords(e.data) + (e.rank ? `, rank ${e.rank}` : "");
        a.failed ||= isBad(e);
        if (left <= 0) a.to = e.time;
    }
    return [...out.values()].sort((a, b) => a.attempt - b.attempt);
}

function shellWord(word: string): string {
    return /^[\w./=@:+,%-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

/** How the run was started: [what, words]. */
export function startFacts(events: RunEvent[]): { command: string; facts: [string, string][] } {
    const job = (events.find(e => e.kind === "created")?.data.job ?? {}) as Record<string, unknown>;
    const words = Array.isArray(job.command) ? job.command.map(text) : [];
    const git = (job.git ?? {}) as Record<string, unknown>;
    const commit = text(git.commit).slice(0, 10);
    const dirty = git.dirty ? "with changes" : "";
    const facts: [string, string][] = [
        ["host", text(job.host)],
        ["user", text(job.user)],
        ["directory", text(job.directory)],
        ["git", [commit, text(git.branch), commit && dirty].filter(Boolean).join(" ")],
        ["processes", Number(job.world_size ?? 1) > 1 ? text(job.world_size) : ""],
    ];
    return { command: words.map(shellWord).join(" ").trim(), facts: facts.filter(f => f[1]) };
}
