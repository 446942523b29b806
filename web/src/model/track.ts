// Columns of one series at one resolution: points, or buckets of points, in the order of answers.
//
//   frames (history) ─► trackOf ─┐
//   frames (live) ────► append ──┴─► Track ─► chart/
//
// An item with count 1 is a point: lo = hi = v. Track.raw says that all are. Live points are
// appended in place (room doubles); a track that grows past LIMIT_ITEMS merges neighbours in
// pairs, exactly: extremes, counts and means stay those of its points.

import type { Column, Frame } from "../wire/frames";
import { KIND_POINTS } from "../wire/frames";

export const LIMIT_ITEMS = 6000;

export interface Track {
    n: number;
    step: Float64Array;
    wall: Float64Array;
    /** Value of a point, mean of a bucket's finite values; NaN and ±Inf as they are for points. */
    v: Float64Array;
    lo: Float64Array;
    hi: Float64Array;
    /** Last value of each item. */
    last: Float64Array;
    /** Finite values of each item. */
    cnt: Uint32Array;
    nan: Uint32Array;
    inf: Uint32Array;
    attempt: Uint32Array;
    /** Every item is one point; then lo, hi and last are v itself. */
    raw: boolean;
    /** Some item is not finite. */
    odd: boolean;
    /** Points behind all items. */
    points: number;
    /** Grows with every change. */
    version: number;
    /** Grows when items that were there change or go. */
    edits: number;
}

export function trackEmpty(): Track {
    const v = new Float64Array(0);
    const u = new Uint32Array(0);
    return {
        n: 0,
        step: new Float64Array(0),
        wall: new Float64Array(0),
        v,
        lo: v,
        hi: v,
        last: v,
        cnt: u,
        nan: u,
        inf: u,
        attempt: new Uint32Array(0),
        raw: true,
        odd: false,
        points: 0,
        version: 0,
        edits: 0,
    };
}

function grown64(a: Float64Array, room: number): Float64Array {
    const out = new Float64Array(room);
    out.set(a.subarray(0, Math.min(a.length, room)));
    return out;
}

function grown32(a: Uint32Array, room: number): Uint32Array {
    const out = new Uint32Array(room);
    out.set(a.subarray(0, Math.min(a.length, room)));
    return out;
}

/** Makes room for `n` items in all. */
function reserve(t: Track, n: number): void {
    if (t.step.length >= n) return;
    const room = Math.max(n, Math.ceil(t.step.length * 1.5), 16);
    t.step = grown64(t.step, room);
    t.wall = grown64(t.wall, room);
    t.v = grown64(t.v, room);
    t.attempt = grown32(t.attempt, room);
    if (t.raw) {
        t.lo = t.hi = t.last = t.v;
        return;
    }
    t.lo = grown64(t.lo, room);
    t.hi = grown64(t.hi, room);
    t.last = grown64(t.last, room);
    t.cnt = grown32(t.cnt, room);
    t.nan = grown32(t.nan, room);
    t.inf = grown32(t.inf, room);
}

/** Gives a raw track columns of its own for buckets. */
function unraw(t: Track): void {
    if (!t.raw) return;
    t.raw = false;
    const room = t.v.length;
    t.lo = t.v.slice();
    t.hi = t.v.slice();
    t.last = t.v.slice();
    t.cnt = new Uint32Array(room);
    t.nan = new Uint32Array(room);
    t.inf = new Uint32Array(room);
    for (let i = 0; i < t.n; i++) countPoint(t, i, t.v[i]);
}

function countPoint(t: Track, i: number, v: number): void {
    const finite = Number.isFinite(v);
    t.cnt[i] = finite ? 1 : 0;
    t.nan[i] = Number.isNaN(v) ? 1 : 0;
    t.inf[i] = finite || Number.isNaN(v) ? 0 : 1;
    t.lo[i] = t.hi[i] = finite ? v : Number.NaN;
    t.last[i] = v;
}

function appendPoints(t: Track, f: Frame): void {
    const value = f.value as Column;
    const { step, wall } = f.cols;
    const from = t.n;
    const to = from + f.count;
    if (!step) t.step.fill(Number.NaN, from, to);
    else if (step !== t.step) t.step.set(step, from);
    if (!wall) t.wall.fill(Number.NaN, from, to);
    else if (wall !== t.wall) t.wall.set(wall, from);
    t.v.set(value, from);
    if (f.attempts) t.attempt.set(f.attempts, from);
    else t.attempt.fill(f.attempt, from, to);
    if (!t.raw) for (let i = 0; i < f.count; i++) countPoint(t, from + i, value[i]);
    if (f.nonFinite) t.odd ||= value.some(v => !Number.isFinite(v));
    t.points += f.count;
}

function put(to: Float64Array | Uint32Array, at: number, from: Column | undefined, d: Column) {
    to.set(from ?? d, at);
}

function appendBuckets(t: Track, f: Frame): void {
    const c = f.cols;
    const at = t.n;
    const none = new Float64Array(f.count).fill(Number.NaN);
    const mean = c.mean ?? c.last ?? c.first ?? none;
    put(t.step, at, c.step, none);
    put(t.wall, at, c.wall, none);
    put(t.v, at, mean, none);
    put(t.lo, at, c.min, mean);
    put(t.hi, at, c.max, mean);
    put(t.last, at, c.last ?? c.mean, none);
    put(t.cnt, at, c.n, new Uint32Array(f.count).fill(1));
    put(t.nan, at, c.nan, new Uint32Array(f.count));
    put(t.inf, at, c.inf, new Uint32Array(f.count));
    for (let i = at; i < at + f.count; i++) {
        t.attempt[i] = f.attempts ? f.attempts[i - at] : f.attempt;
        t.points += t.cnt[i];
        // On the wire n counts all points of a bucket, here only the finite ones.
        t.cnt[i] -= t.nan[i] + t.inf[i];
        if (t.nan[i] + t.inf[i] > 0) t.odd = true;
        // A bucket of one infinity is that infinity: its mean says only that nothing was finite.
        if (t.cnt[i] === 0 && t.inf[i] > 0 && t.nan[i] === 0) t.v[i] = t.last[i];
    }
}

/** The column itself where it was made for its frame, a copy where it lies over a message. */
function owned(c: Column | undefined, n: number): Float64Array {
    if (c instanceof Float64Array && c.length === n && c.byteLength === c.buffer.byteLength)
        return c as Float64Array;
    return c ? Float64Array.from(c) : new Float64Array(n).fill(Number.NaN);
}

/** Makes room for a frame behind what is there; an empty track takes over what it can. */
function admit(t: Track, f: Frame): void {
    if (f.kind !== KIND_POINTS) unraw(t);
    else if (t.step.length === 0) {
        t.step = owned(f.cols.step, f.count);
        t.wall = owned(f.cols.wall, f.count);
        t.v = t.lo = t.hi = t.last = new Float64Array(f.count);
        t.attempt = new Uint32Array(f.count);
    }
    reserve(t, t.n + f.count);
}

/** Appends a frame of points or buckets. */
export function append(t: Track, f: Frame): void {
    if (f.count === 0) return;
    admit(t, f);
    if (f.kind === KIND_POINTS) appendPoints(t, f);
    else appendBuckets(t, f);
    t.n += f.count;
    t.version++;
    if (t.n > LIMIT_ITEMS) halve(t);
}

/** Drops every item from `step` on; false when an item may reach over that step. */
export function truncate(t: Track, step: number): boolean {
    let keep = t.n;
    for (let i = 0; i < t.n; i++) {
        if (t.step[i] < step) continue;
        keep = i;
        break;
    }
    if (keep > 0 && keep < t.n && size(t, keep - 1) > 1) return false;
    if (keep === t.n && t.n > 0 && size(t, t.n - 1) > 1) return false;
    for (let i = keep; i < t.n; i++) {
        if (t.step[i] < step) return false;
        t.points -= size(t, i);
    }
    t.n = keep;
    t.version++;
    t.edits++;
    return true;
}

/** Points of item i. */
export function size(t: Track, i: number): number {
    return t.raw ? 1 : t.cnt[i] + t.nan[i] + t.inf[i];
}

function least(a: number, b: number): number {
    return Number.isNaN(a) || b < a ? b : a;
}

function most(a: number, b: number): number {
    return Number.isNaN(a) || b > a ? b : a;
}

/** Merges neighbours of one attempt in pairs. */
export function halve(t: Track): void {
    unraw(t);
    let to = 0;
    for (let i = 0; i < t.n; i++, to++) {
        move(t, i, to);
        if (i + 1 >= t.n || t.attempt[i + 1] !== t.attempt[to]) continue;
        i++;
        const n = t.cnt[to] + t.cnt[i];
        if (t.cnt[i] > 0) {
            t.v[to] = t.cnt[to] > 0 ? (t.v[to] * t.cnt[to] + t.v[i] * t.cnt[i]) / n : t.v[i];
            t.lo[to] = least(t.lo[to], t.lo[i]);
            t.hi[to] = most(t.hi[to], t.hi[i]);
        }
        t.last[to] = t.last[i];
        t.cnt[to] = n;
        t.nan[to] += t.nan[i];
        t.inf[to] += t.inf[i];
    }
    t.n = to;
    t.version++;
    t.edits++;
}

function move(t: Track, from: number, to: number): void {
    if (from === to) return;
    for (const a of [t.step, t.wall, t.v, t.lo, t.hi, t.last]) a[to] = a[from];
    for (const a of [t.cnt, t.nan, t.inf, t.attempt]) a[to] = a[from];
}

/** Bytes held. */
export function weight(t: Track): number {
    return t.step.length * (t.raw ? 28 : 64);
}
