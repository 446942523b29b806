// Brings a stream of the console: asks from a place on, takes what comes as long as the run writes,
// and asks again from where it was after a lost connection.

import { signal } from "@preact/signals";
import { Screen } from "../model/console";
import { isOver } from "../model/state";
import { consoleBytes } from "../net/change";
import { ApiError } from "../net/http";
import type { Kept, Run } from "../wire/messages";

const FIRST_BYTES = 256 * 1024;
const MORE_FACTOR = 8;
const AGAIN_MS = 2000;
const DRAW_MS = 50;

export interface Place {
    stream: string;
    rank: number;
    attempt: number;
}

/** Where a stream lies among the files of the run; several names are in use. */
export function consolePaths(p: Place): string[] {
    const folder = p.attempt > 1 ? `console/a${p.attempt}` : "console";
    const own = `${folder}/${p.stream}-r${String(p.rank).padStart(4, "0")}.txt`;
    return p.rank === 0 ? [own, `${folder}/${p.stream}.txt`] : [own];
}

export class ConsoleFeed {
    readonly version = signal(0);
    readonly error = signal("");
    readonly busy = signal(false);
    /** The offset that the shown part begins at. */
    readonly from = signal(0);
    readonly place = signal<Place>({ stream: "stdout", rank: 0, attempt: 0 });
    screen = new Screen();
    private decoder = new TextDecoder();
    private offset = 0;
    private window = FIRST_BYTES;
    private stopper = new AbortController();
    private timer = 0;
    private drawing = 0;

    constructor(
        private run: Run,
        private kept: Kept[],
    ) {
        // What ended a run is told on its error stream.
        if (run.status === "Failed" && this.size("stderr") > 0)
            this.place.value = { ...this.place.value, stream: "stderr" };
        this.begin();
    }

    update(run: Run, kept: Kept[]): void {
        this.run = run;
        this.kept = kept;
    }

    go(change: Partial<Place>): void {
        this.place.value = { ...this.place.value, ...change };
        this.window = FIRST_BYTES;
        this.begin();
    }

    earlier(): void {
        this.window *= MORE_FACTOR;
        this.begin();
    }

    stop(): void {
        this.stopper.abort();
        clearTimeout(this.timer);
        clearTimeout(this.drawing);
    }

    private size(stream: string): number {
        const { rank, attempt } = this.place.peek();
        const paths = consolePaths({
            stream,
            rank,
            attempt: attempt || (this.run.job?.attempt ?? 1),
        });
        return this.kept.find(k => paths.includes(k.path) && k.newest)?.size ?? 0;
    }

    private begin(): void {
        this.stop();
        this.stopper = new AbortController();
        this.screen = new Screen();
        this.decoder = new TextDecoder();
        this.offset = Math.max(0, this.size(this.place.peek().stream) - this.window);
        this.from.value = this.offset;
        this.error.value = "";
        void this.ask(this.stopper.signal);
    }

    private draw(): void {
        this.drawing ||= window.setTimeout(() => {
            this.drawing = 0;
            this.version.value++;
        }, DRAW_MS);
    }

    private async ask(signal: AbortSignal): Promise<void> {
        const over = isOver(this.run);
        const query = { ...this.place.peek(), offset: this.offset, follow: !over };
        const take = (bytes: Uint8Array) => {
            this.offset += bytes.length;
            this.screen.write(this.decoder.decode(bytes, { stream: true }));
            this.draw();
        };
        this.busy.value = true;
        try {
            await consoleBytes(this.run.id, query, take, signal);
            this.error.value = "";
        } catch (e) {
            if (signal.aborted) return;
            const none = e instanceof ApiError && e.status === 404;
            this.error.value = none ? "" : (e as Error).message;
        }
        if (signal.aborted) return;
        this.busy.value = false;
        this.draw();
        // The end of a run is heard of a little later than its last line.
        if (!over || this.error.peek())
            this.timer = window.setTimeout(() => void this.ask(signal), AGAIN_MS);
    }
}
