// Questions for history: several tags of the same runs in one, and what becomes of its answer.

import type { Frame } from "../wire/frames";
import { answeredNow, changed, seriesOf } from "./held";
import { seriesRef } from "./lines";
import { seriesFine, seriesHistory, trackOf } from "./series";
import { view } from "./view";

export interface Job {
    /** Lines: runs, or directories of runs. */
    runs: string[];
    tags: string[];
    width: number;
    fine: { from: number; to: number } | null;
}

/** What is asked for, tag by tag: the first chart is whole before the second one begins. */
export function pairsOf(job: Job): string[][] {
    return job.tags.flatMap(tag => job.runs.map(run => seriesRef(run, tag)));
}

const MOST_SERIES = 240;
const MOST_TAGS = 12;

/**
 * Adds a question of one tag to those that can be asked together: of the same runs and width. One
 * whose tag is in `alone` shares its answer with nobody.
 */
export function jobAdd(jobs: Map<string, Job>, job: Job, alone: boolean): void {
    const { width, fine } = job;
    const [tag] = job.tags;
    for (let from = 0; from < job.runs.length; from += MOST_SERIES) {
        const runs = job.runs.slice(from, from + MOST_SERIES);
        for (let n = 0; ; n++) {
            const key = `${n} ${alone ? tag : ""} ${width} ${runs.join()}`;
            const held = jobs.get(key);
            if (!held) jobs.set(key, { runs, tags: [tag], width, fine });
            else if (held.tags.length < MOST_TAGS && held.tags.length * runs.length < MOST_SERIES)
                held.tags.push(tag);
            else continue;
            break;
        }
    }
}

const TELL_MS = 250;

/** Frames of one answer, gathered for each series until the next one begins. */
export class Answer {
    private held: Frame[] = [];
    private handle = -1;
    private tag = "";
    private told = performance.now();

    constructor(
        private readonly job: Job,
        private readonly stale: () => boolean,
    ) {}

    take(frames: Frame[]): void {
        for (const f of frames) {
            if (f.handle !== this.handle) this.flush();
            this.handle = f.handle;
            this.held.push(f);
        }
    }

    end(): void {
        this.flush();
        this.tell();
    }

    private flush(): void {
        const frames = this.held;
        this.held = [];
        if (frames.length === 0 || this.stale()) return;
        const { runs, tags, fine, width } = this.job;
        const tag = tags[Math.floor(this.handle / runs.length)];
        const run = runs[this.handle % runs.length];
        if (this.tag !== tag) this.tell();
        this.tag = tag;
        const s = seriesOf(run, tag);
        if (!s) return;
        if (fine) {
            const open = frames.some(f => f.complete);
            const axis = view.axis.value;
            seriesFine(s, { ...fine, axis, width, track: trackOf(frames), open });
        } else {
            seriesHistory(s, frames, width);
            answeredNow(s);
        }
        if (performance.now() - this.told > TELL_MS) this.tell();
    }

    /** A chart is told once its tag is whole, or now and then while that takes long. */
    private tell(): void {
        this.told = performance.now();
        if (this.tag) changed(this.tag);
    }
}
