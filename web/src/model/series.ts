// One metric of one run: its overview with live points behind it, and a finer track of the zoomed
// range. Smoothing is computed here once for each version and kept for all who draw.

import type { Frame } from "../wire/frames";
import { KIND_BEHIND, KIND_TRUNCATE } from "../wire/frames";
import { type Smooth, type Smoother, smoother } from "./smoother";
import { append, size, type Track, trackEmpty, truncate, weight } from "./track";

export type Axis = "step" | "relative" | "wall";

export interface Fine {
    axis: Axis;
    from: number;
    to: number;
    width: number;
    track: Track;
    /** Reaches to the end of the series, so that live points continue it. */
    open: boolean;
}

interface Smoothed {
    track: Track;
    version: number;
    edits: number;
    n: number;
    key: string;
    out: Float64Array;
    smoother: Smoother;
}

export interface Series {
    /** A line: a run, or a directory of one. */
    run: string;
    tag: string;
    /** Cursor: ordinal of the newest point held, in the epoch of the socket. */
    ordinal: number;
    /** void: must be asked again; what is held is drawn meanwhile. */
    state: "none" | "asked" | "have" | "void";
    width: number;
    base: Track;
    fine: Fine | null;
    /** Grows with every change of either track. */
    version: number;
    smoothed: Smoothed | null;
    smoothedFine: Smoothed | null;
}

export function seriesNew(run: string, tag: string): Series {
    return {
        run,
        tag,
        ordinal: 0,
        state: "none",
        width: 0,
        base: trackEmpty(),
        fine: null,
        version: 0,
        smoothed: null,
        smoothedFine: null,
    };
}

export function trackOf(frames: Frame[]): Track {
    const t = trackEmpty();
    for (const f of frames) append(t, f);
    return t;
}

/** Takes the answer of history: it replaces what it covers. */
export function seriesHistory(s: Series, frames: Frame[], width: number): void {
    s.base = trackOf(frames);
    s.width = width;
    s.ordinal = frames.at(-1)?.ordinal ?? 0;
    s.state = "have";
    s.version++;
}

/** Whether what is held of a zoomed range shows [from, to] as finely as a new answer would. */
export function fineFits(s: Series, axis: Axis, [from, to]: [number, number]): boolean {
    const f = s.fine;
    if (!f || f.axis !== axis || f.from > from || (f.to < to && !f.open)) return false;
    return f.track.raw || f.to - f.from <= (to - from) * 1.5;
}

export function seriesFine(s: Series, fine: Fine | null): void {
    s.fine = fine;
    s.version++;
}

/** Takes a frame of the socket; false: history must be asked again. */
export function seriesLive(s: Series, f: Frame): boolean {
    if (f.kind === KIND_BEHIND) {
        s.state = "void";
        return false;
    }
    s.version++;
    s.ordinal = f.ordinal;
    if (f.kind === KIND_TRUNCATE) {
        if (s.fine && !truncate(s.fine.track, f.step)) s.fine = null;
        if (truncate(s.base, f.step)) return true;
        s.state = "void";
        return false;
    }
    append(s.base, f);
    if (s.fine?.open) append(s.fine.track, f);
    return true;
}

export function seriesWeight(s: Series): number {
    return weight(s.base) + (s.fine ? weight(s.fine.track) : 0);
}

/** Points that one pixel stands for, at most, in a plot `px` wide over [from, to] of x. */
export function pointsPerItem(t: Track): number {
    if (t.raw || t.n === 0) return 1;
    return t.points / t.n;
}

/** x of the axis; relative time has the differences of wall time. */
export function columnOf(t: Track, axis: Axis): Float64Array {
    return axis === "step" ? t.step : t.wall;
}

function keyOf(how: Smooth, axis: Axis): string {
    return how.kind === "ema" ? `${how.amount}` : `${how.kind} ${how.amount} ${axis === "step"}`;
}

function fresh(t: Track, how: Smooth, key: string): Smoothed {
    const out = new Float64Array(t.n);
    const one = smoother(how, t.raw);
    return { track: t, version: -1, edits: t.edits, n: 0, key, out, smoother: one };
}

function extend(m: Smoothed, t: Track, axis: Axis): void {
    if (m.out.length < t.n) {
        const out = new Float64Array(Math.max(t.n, Math.ceil(m.out.length * 1.5)));
        out.set(m.out.subarray(0, m.n));
        m.out = out;
    }
    const x = columnOf(t, axis);
    for (let i = m.n; i < t.n; i++) m.out[i] = m.smoother.take(t.v[i], t.raw ? 1 : t.cnt[i], x[i]);
    m.n = t.n;
    m.version = t.version;
}

/** An append continues what was smoothed; truncation and halving start anew. */
function continues(m: Smoothed | null, t: Track, key: string): m is Smoothed {
    return m !== null && m.track === t && m.key === key && m.edits === t.edits;
}

function same(m: Smoothed | null, t: Track, key: string): m is Smoothed {
    return m !== null && m.track === t && m.key === key && m.version === t.version;
}

/** What is drawn for items of the overview. */
export function smoothBase(s: Series, how: Smooth, axis: Axis): Float64Array {
    if (!(how.amount > 0)) return s.base.v;
    const key = keyOf(how, axis);
    if (same(s.smoothed, s.base, key)) return s.smoothed.out;
    const m = continues(s.smoothed, s.base, key) ? s.smoothed : fresh(s.base, how, key);
    extend(m, s.base, axis);
    s.smoothed = m;
    return m.out;
}

/** As smoothBase for the fine track, warmed up on the overview left of it. */
export function smoothFine(s: Series, how: Smooth, axis: Axis): Float64Array {
    const fine = s.fine as Fine;
    const t = fine.track;
    if (!(how.amount > 0)) return t.v;
    const key = keyOf(how, axis);
    if (same(s.smoothedFine, t, key)) return s.smoothedFine.out;
    const m = fresh(t, how, key);
    const start = t.n > 0 ? t.step[0] : Number.POSITIVE_INFINITY;
    const x = columnOf(s.base, axis);
    for (let i = 0; i < s.base.n && s.base.step[i] < start; i++)
        m.smoother.take(s.base.v[i], Math.min(size(s.base, i), 1e6), x[i]);
    extend(m, t, axis);
    s.smoothedFine = m;
    return m.out;
}
