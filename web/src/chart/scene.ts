// What a chart shows: its lines with the columns they are drawn from, the ranges of both axes, and
// the remarks that say what is not seen. Pure: no canvas, no DOM.

import type { Ink } from "../model/colour";
import { count } from "../model/format";
import type { Scale } from "../model/link";
import { type Axis, fineFits, type Series, smoothBase, smoothFine } from "../model/series";
import type { Smooth } from "../model/smoother";
import { stateWord } from "../model/state";
import { size, type Track } from "../model/track";
import type { Run } from "../wire/messages";
import { seconds } from "../wire/messages";

export type End = "running" | "quiet" | "failed" | "none";

export interface Line {
    run: Run;
    ink: Ink;
    track: Track;
    /** Column of x and what to take from it. */
    x: Float64Array;
    x0: number;
    /** What the line goes through: smoothed values. */
    y: Float64Array;
    /** x never falls, so it can be searched. */
    rising: boolean;
    end: End;
    /** Items [from, to) within the x range, and one more on either side. */
    from: number;
    to: number;
    /** How much of the x range its items span: 0 to 1. */
    share: number;
}

export interface Extent {
    lo: number;
    hi: number;
}

export interface Scene {
    axis: Axis;
    scale: Scale;
    smoothed: boolean;
    lines: Line[];
    x: [number, number];
    /** All of x that there is. */
    fullX: [number, number];
    y: [number, number];
    /** No value is finite: y says nothing. */
    blank: boolean;
    nan: number;
    inf: number;
    points: number;
}

const seen = new WeakMap<Track, { version: number; axis: Axis; rising: boolean }>();

function isRising(t: Track, x: Float64Array, axis: Axis): boolean {
    const known = seen.get(t);
    if (known && known.version === t.version && known.axis === axis) return known.rising;
    let rising = true;
    for (let i = 1; i < t.n && rising; i++) rising = x[i] >= x[i - 1];
    seen.set(t, { version: t.version, axis, rising });
    return rising;
}

function endOf(run: Run): End {
    const state = stateWord(run);
    if (state === "failed" || state === "running") return state;
    if (state === "canceling" || state === "finalizing") return "running";
    return state === "quiet" || state === "not-responding" ? "quiet" : "none";
}

/** The line of a series on an axis; null while it has nothing. */
export function lineOf(
    run: Run,
    ink: Ink,
    s: Series,
    axis: Axis,
    range: [number, number] | null,
    how: Smooth,
): Line | null {
    const fits = range !== null && fineFits(s, axis, range);
    const track = fits && s.fine ? s.fine.track : s.base;
    if (track.n === 0) return null;
    const x = axis === "step" ? track.step : track.wall;
    let x0 = 0;
    if (axis === "relative") {
        const first = seconds(run.first_wall);
        x0 = Number.isFinite(first) ? first : s.base.wall[0];
    }
    const y = fits ? smoothFine(s, how, axis) : smoothBase(s, how, axis);
    const rising = isRising(track, x, axis);
    const place = { from: 0, to: track.n, share: 1 };
    return { run, ink, track, x, x0, y, rising, end: endOf(run), ...place };
}

/** Extent of finite x over all lines. */
export function extentX(lines: Line[]): [number, number] | null {
    let lo = Number.POSITIVE_INFINITY;
    let hi = Number.NEGATIVE_INFINITY;
    for (const l of lines) {
        if (l.rising && l.track.n > 0) {
            lo = Math.min(lo, l.x[0] - l.x0);
            hi = Math.max(hi, l.x[l.track.n - 1] - l.x0);
            continue;
        }
        for (let i = 0; i < l.track.n; i++) {
            const v = l.x[i] - l.x0;
            if (v < lo) lo = v;
            if (v > hi) hi = v;
        }
    }
    return lo <= hi ? [lo, hi] : null;
}

/** First item with x ≥ v. */
function firstFrom(l: Line, v: number): number {
    let lo = 0;
    let hi = l.track.n;
    while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (l.x[mid] - l.x0 < v) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/** Sets from and to of each line to what lies within the range. */
export function clipX(lines: Line[], [a, b]: [number, number]): void {
    for (const l of lines) {
        l.from = 0;
        l.to = l.track.n;
        l.share = 1;
        if (!l.rising) continue;
        l.from = Math.max(0, firstFrom(l, a) - 1);
        l.to = Math.min(l.track.n, firstFrom(l, b + Math.abs(b) * 1e-12) + 1);
        const span = l.to > l.from ? l.x[l.to - 1] - l.x[l.from] : 0;
        l.share = b > a ? Math.min(1, span / (b - a)) : 1;
    }
}

const SAMPLE = 6000;

/** Finite values drawn within the range of x, thinned to about SAMPLE. */
function sample(lines: Line[], range: [number, number], scale: Scale): number[] {
    let total = 0;
    for (const l of lines) total += l.to - l.from;
    const every = Math.max(1, Math.floor(total / SAMPLE));
    const out: number[] = [];
    for (const l of lines) {
        for (let i = l.from; i < l.to; i += every) {
            const x = l.x[i] - l.x0;
            const v = l.y[i];
            if (x < range[0] || x > range[1] || !Number.isFinite(v)) continue;
            if (scale !== "log" || v > 0) out.push(v);
        }
    }
    return out.sort((a, b) => a - b);
}

/** Linear interpolation between order statistics. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
    const at = (sorted.length - 1) * q;
    const i = Math.floor(at);
    const next = sorted[Math.min(i + 1, sorted.length - 1)];
    return sorted[i] + (next - sorted[i]) * (at - i);
}

function extremes(lines: Line[], range: [number, number], scale: Scale): Extent {
    let lo = Number.POSITIVE_INFINITY;
    let hi = Number.NEGATIVE_INFINITY;
    for (const l of lines)
        for (let i = l.from; i < l.to; i++) {
            const x = l.x[i] - l.x0;
            const v = l.y[i];
            if (x < range[0] || x > range[1] || !Number.isFinite(v)) continue;
            if (scale === "log" && v <= 0) continue;
            if (v < lo) lo = v;
            if (v > hi) hi = v;
        }
    return { lo, hi };
}

function padded({ lo, hi }: Extent, scale: Scale): [number, number] {
    if (!(lo <= hi)) return scale === "log" ? [0.1, 10] : [0, 1];
    if (scale === "log") {
        const a = Math.log10(lo);
        const b = Math.log10(hi);
        if (b - a > 1) return [10 ** Math.floor(a + 1e-9), 10 ** Math.ceil(b - 1e-9)];
        const pad = Math.max((b - a) * 0.05, 0.02);
        return [10 ** (a - pad), 10 ** (b + pad)];
    }
    if (lo === hi) {
        const pad = Math.max(Math.abs(lo) * 0.01, 1e-12);
        return lo === 0 ? [-1, 1] : [lo - pad, hi + pad];
    }
    const pad = (hi - lo) * 0.05;
    // A range that all but starts at zero starts at zero: nothing is above what it seems.
    const low = lo >= 0 && lo < (hi - lo) * 0.12 ? 0 : lo - pad;
    return [low, hi + pad];
}

/** How much wider than its middle 90 % the whole must be for its ends to be left out. */
const OUTLIER_RATIO = 1.6;

export function rangeY(
    lines: Line[],
    x: [number, number],
    scale: Scale,
    wide: boolean,
): [number, number] {
    const all = extremes(lines, x, scale);
    const values = wide ? [] : sample(lines, x, scale);
    if (values.length <= 2) return padded(all, scale);
    const middle = { lo: quantile(values, 0.05), hi: quantile(values, 0.95) };
    const f = (v: number) => (scale === "log" ? Math.log10(v) : v);
    const whole = f(all.hi) - f(all.lo);
    if (whole <= OUTLIER_RATIO * (f(middle.hi) - f(middle.lo))) return padded(all, scale);
    if (middle.lo === middle.hi) return padded(all, scale);
    return padded(middle, scale);
}

/** Counts values that are no numbers, and points, within the range of x. */
export function countOdd(scene: Scene): void {
    scene.nan = scene.inf = scene.points = 0;
    for (const l of scene.lines) {
        const t = l.track;
        for (let i = l.from; i < l.to; i++) {
            const x = l.x[i] - l.x0;
            if (x < scene.x[0] || x > scene.x[1]) continue;
            scene.points += size(t, i);
            if (!t.odd) continue;
            if (t.raw) {
                if (Number.isNaN(t.v[i])) scene.nan++;
                else if (!Number.isFinite(t.v[i])) scene.inf++;
            } else {
                scene.nan += t.nan[i];
                scene.inf += t.inf[i];
            }
        }
    }
}

/** Points behind one pixel column of the densest line; 1 when each has its own. */
export function perPixel(scene: Scene, width: number): number {
    let most = 0;
    const [a, b] = scene.x;
    for (const l of scene.lines) {
        const n = l.to - l.from;
        if (n < 2) continue;
        let points = n;
        if (!l.track.raw) {
            points = 0;
            for (let i = l.from; i < l.to; i++) points += size(l.track, i);
        }
        const span = l.x[l.to - 1] - l.x[l.from];
        const px = Math.max(1, (Math.min(span, b - a) / (b - a)) * width);
        most = Math.max(most, points / px);
    }
    return most;
}

/** Round numbers: 190, not 187.3. */
function about(n: number): string {
    if (n < 10) return count(Math.round(n));
    const unit = 10 ** (Math.floor(Math.log10(n)) - 1);
    return count(Math.round(n / unit) * unit);
}

function outside(scene: Scene, above: boolean): string {
    const [lo, hi] = scene.y;
    const out = (v: number) => (above ? v > hi : v < lo);
    const word = above ? "above" : "below";
    let start = 0;
    let any = 0;
    let whole = 0;
    for (const l of scene.lines) {
        let left = false;
        let stays = true;
        for (let i = l.from; i < l.to; i++) {
            if (!Number.isFinite(l.y[i])) continue;
            if (out(l.y[i])) left = true;
            else stays = false;
        }
        if (!left) continue;
        any++;
        if (stays) whole++;
        else if (out(l.y[l.from])) start++;
    }
    if (any === 0) return "";
    if (whole === any) return `${any} ${word} the view`;
    const verb = start === any ? "start" : "leave";
    return `${any} ${verb}${any === 1 ? "s" : ""} ${word}`;
}

export const BAND_LINES = 20;

/** Remarks of trust, in words. */
export function remarks(scene: Scene, width: number): string {
    const out: string[] = [];
    if (scene.scale !== "linear") out.push(scene.scale);
    const per = perPixel(scene, width);
    if (per >= 1.5) out.push(`1 px = ${about(per)} points`);
    if (scene.nan > 0) out.push(`${count(scene.nan)} NaN`);
    if (scene.inf > 0) out.push(`${count(scene.inf)} Inf`);
    const above = outside(scene, true);
    const below = outside(scene, false);
    if (above) out.push(above);
    // "9 leave above, 1 below": the verb is said once.
    if (below) out.push(above ? below.replace(/ (starts?|leaves?) /, " ") : below);
    return out.join(", ");
}
