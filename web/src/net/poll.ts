// Live points without a WebSocket: one request at a time waits at the server until something comes
// behind the cursors. It takes the messages that the socket takes and tells what the socket tells,
// so nothing else in the page knows which of the two it is.
//
//   idle ─ watch ─► asking ─ answer or 25 s ─► asking …        the list of runs beside it

import { lineKey, type RunRef, seriesRef } from "../model/lines";
import { type Frame, KIND_BEHIND } from "../wire/frames";
import type { Run } from "../wire/messages";
import { api, CHART_COLS, NetError, points } from "./http";
import type { Listener } from "./socket";

const WAIT_S = 25;
const LEAST_MS = 50;
const RUNS_MS = 2000;

interface Watch {
    handle: number;
    run: RunRef;
    tag: string;
    ordinal: number;
}

interface WatchMessage {
    id: number;
    runs: RunRef[];
    tags: string[];
    ordinals: number[];
    view: string;
}

const sleep = (ms: number) => new Promise<void>(go => setTimeout(go, ms));

/** Runs of `list` that are new or other than before, and those that are gone. */
export function changedRuns(before: Map<string, string>, list: Run[]) {
    const now = new Map(list.map(r => [r.id, JSON.stringify(r)]));
    const runs = list.filter(r => before.get(r.id) !== now.get(r.id));
    const removed = [...before.keys()].filter(id => !now.has(id));
    return { now, runs, removed };
}

export class LongPoll {
    private readonly watches = new Map<number, Watch>();
    private view = "stitched";
    private epoch = "";
    private stopped = false;
    private paused = false;
    private asking = new AbortController();
    private wake = () => {};
    private seen = new Map<string, string>();

    constructor(
        private readonly listener: Listener,
        /** The server cannot be reached this way either. */
        private readonly ended: () => void,
    ) {}

    /** False when the server does not answer. */
    async start(): Promise<boolean> {
        try {
            this.welcome((await api.about()).epoch);
        } catch {
            return false;
        }
        void this.loop();
        void this.runs();
        return true;
    }

    stop(): void {
        this.stopped = true;
        this.change();
    }

    send(message: object): boolean {
        const m = message as { t: string };
        if (m.t === "watch") this.watch(message as WatchMessage);
        else if (m.t === "unwatch")
            for (const id of (message as { ids: number[] }).ids) this.watches.delete(id);
        else if (m.t === "pause" || m.t === "resume") this.paused = m.t === "pause";
        else return true;
        this.change();
        return true;
    }

    private watch(m: WatchMessage): void {
        this.view = m.view;
        m.runs.forEach((run, r) => {
            m.tags.forEach((tag, t) => {
                const at = r * m.tags.length + t;
                const handle = m.id + at;
                this.watches.set(handle, { handle, run, tag, ordinal: m.ordinals[at] });
            });
        });
    }

    /** The question that waits is no longer the right one. */
    private change(): void {
        this.asking.abort();
        this.wake();
    }

    private welcome(epoch: string): void {
        this.epoch = epoch;
        this.watches.clear();
        this.listener.opened({ t: "welcome", epoch });
    }

    private fail(e: unknown): void {
        if (this.stopped) return;
        if (!(e instanceof NetError)) console.warn("a long poll failed:", e);
        this.stop();
        this.ended();
    }

    private async loop(): Promise<void> {
        try {
            while (!this.stopped) {
                if (this.paused || this.watches.size === 0)
                    await new Promise<void>(go => {
                        this.wake = go;
                    });
                else await this.ask();
                // Watches come in blocks, commits too: both are taken together.
                await sleep(LEAST_MS);
            }
        } catch (e) {
            this.fail(e);
        }
    }

    private async ask(): Promise<void> {
        const list = [...this.watches.values()];
        this.asking = new AbortController();
        const query = {
            series: list.map(w => seriesRef(lineKey(w.run), w.tag)),
            x: "step",
            range: null,
            width: null,
            cols: CHART_COLS,
            view: this.view,
            epoch: this.epoch,
            after: list.map(w => w.ordinal),
            wait: WAIT_S,
        };
        try {
            const take = (frames: Frame[]) => this.take(list, frames);
            const epoch = await points(query, take, this.asking.signal);
            if (epoch && epoch !== this.epoch) this.welcome(epoch);
        } catch (e) {
            if ((e as Error).name !== "AbortError") throw e;
        }
    }

    private take(list: Watch[], frames: Frame[]): void {
        const news: Frame[] = [];
        for (const f of frames) {
            const w = list[f.handle];
            // Let go of while the answer was under way.
            if (!w || this.watches.get(w.handle) !== w) continue;
            if (f.kind === KIND_BEHIND) this.watches.delete(w.handle);
            else if (f.ordinal === w.ordinal) continue;
            w.ordinal = f.ordinal;
            f.handle = w.handle;
            news.push(f);
        }
        if (news.length > 0) this.listener.frames(news);
    }

    private async runs(): Promise<void> {
        while (!this.stopped) {
            await sleep(RUNS_MS);
            if (this.stopped || this.paused) continue;
            try {
                const list = await api.runs(({ now }) => this.listener.told({ t: "beat", now }));
                const { now, runs, removed } = changedRuns(this.seen, list);
                this.seen = now;
                if (runs.length + removed.length > 0)
                    this.listener.told({ t: "runs", runs, removed });
            } catch (e) {
                this.fail(e);
            }
        }
    }
}
