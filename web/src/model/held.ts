// The series that the page holds, who listens to them, and how much they may weigh.

import { type Series, seriesNew, seriesWeight } from "./series";

const LIMIT_BYTES = 64 * 1024 * 1024;

const series = new Map<string, Series>();
const listeners = new Map<string, Set<() => void>>();
const answeredAt = new Map<Series, number>();

const keyOf = (run: string, tag: string) => `${run}\0${tag}`;

export function seriesOf(run: string, tag: string): Series | undefined {
    return series.get(keyOf(run, tag));
}

export function seriesMake(run: string, tag: string): Series {
    const key = keyOf(run, tag);
    const held = series.get(key);
    if (held) return held;
    const made = seriesNew(run, tag);
    series.set(key, made);
    return made;
}

export function allSeries(): IterableIterator<Series> {
    return series.values();
}

export function answeredNow(s: Series): void {
    answeredAt.set(s, performance.now());
}

/** When history was last answered, on performance.now()'s clock. */
export function answeredTime(s: Series): number {
    return answeredAt.get(s) ?? 0;
}

export function changed(tag: string): void {
    for (const fn of listeners.get(tag) ?? []) fn();
}

/** All charts draw anew, as after a pause. */
export function changedAll(): void {
    for (const tag of listeners.keys()) changed(tag);
}

/** Calls `fn` after each change of a series of `tag`; gives what ends that. */
export function onChange(tag: string, fn: () => void): () => void {
    const set = listeners.get(tag) ?? new Set();
    listeners.set(tag, set);
    set.add(fn);
    return () => set.delete(fn);
}

/** Drops what is not wanted when too much is held, whatever was made first. */
export function bound(wanted: (tag: string) => boolean): void {
    let held = 0;
    for (const s of series.values()) held += seriesWeight(s);
    for (const [key, s] of series) {
        if (held <= LIMIT_BYTES) return;
        if (wanted(s.tag)) continue;
        held -= seriesWeight(s);
        series.delete(key);
        answeredAt.delete(s);
    }
}
