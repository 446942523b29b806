// Kinds of smoothing beside one another: each takes items in order and gives what is shown at their
// place. All look back only, so that what is shown does not change when points come.
//
//   ema     TensorBoard's weight a point
//   half    weight halves every `amount` of x: the same curve at every density
//   mean    of the last `amount` of x       median   likewise
//
// NaN and ±Inf pass through and leave the state alone. An x that falls, as where attempts lie one
// behind the other, starts anew.

import { emaStart, emaTake } from "./smooth";

export type SmoothKind = "ema" | "half" | "mean" | "median";

export interface Smooth {
    kind: SmoothKind;
    /** ema: a weight in [0, 1]; else an extent of x. 0: no smoothing. */
    amount: number;
}

export interface Smoother {
    /** Takes `count` values of mean `v` at `x`. */
    take(v: number, count: number, x: number): number;
}

export const ema = (amount: number): Smooth => ({ kind: "ema", amount });

function emaSmoother(w: number): Smoother {
    const state = emaStart(w);
    return { take: (v, count) => emaTake(state, v, count) };
}

/** Weighted sums that forget with x; a series of equal values is shown as it is. */
class HalfLife implements Smoother {
    private sum = 0;
    private weight = 0;
    private at = Number.NaN;
    private first = Number.NaN;
    private equal = true;

    constructor(private readonly half: number) {}

    take(v: number, count: number, x: number): number {
        if (!Number.isFinite(v) || count === 0) return v;
        if (x < this.at || this.weight === 0) {
            this.sum = this.weight = 0;
            this.first = v;
            this.equal = true;
        } else {
            const keep = 0.5 ** ((x - this.at) / this.half);
            this.sum *= keep;
            this.weight *= keep;
        }
        this.at = x;
        if (v !== this.first) this.equal = false;
        this.sum += v * count;
        this.weight += count;
        return this.equal ? v : this.sum / this.weight;
    }
}

interface Item {
    x: number;
    v: number;
    count: number;
    /** Sums from this item to the end of the front. */
    sum: number;
    n: number;
}

/**
 * Mean of a window by a queue of two stacks: nothing is ever subtracted, so that one huge value
 * leaves no error behind when it goes.
 */
class WindowMean implements Smoother {
    private front: Item[] = [];
    private back: Item[] = [];
    private sum = 0;
    private n = 0;
    private at = Number.NaN;

    constructor(private readonly width: number) {}

    take(v: number, count: number, x: number): number {
        if (!Number.isFinite(v) || count === 0) return v;
        if (x < this.at) this.clear();
        this.at = x;
        this.back.push({ x, v, count, sum: 0, n: 0 });
        this.sum += v * count;
        this.n += count;
        while (this.oldest().x <= x - this.width) this.front.pop();
        const top = this.front.at(-1);
        return (this.sum + (top?.sum ?? 0)) / (this.n + (top?.n ?? 0));
    }

    private clear(): void {
        this.front = [];
        this.back = [];
        this.sum = this.n = 0;
    }

    private oldest(): Item {
        if (this.front.length === 0) {
            let sum = 0;
            let n = 0;
            for (let item = this.back.pop(); item; item = this.back.pop()) {
                item.sum = sum += item.v * item.count;
                item.n = n += item.count;
                this.front.push(item);
            }
            this.sum = this.n = 0;
        }
        return this.front[this.front.length - 1];
    }
}

/** First place in a sorted list whose value is not less than v. */
function placeOf(sorted: number[], v: number): number {
    let lo = 0;
    let hi = sorted.length;
    while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (sorted[mid] < v) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/** Median of a window of single points. */
class WindowMedian implements Smoother {
    private queue: { x: number; v: number }[] = [];
    private head = 0;
    private sorted: number[] = [];
    private at = Number.NaN;

    constructor(private readonly width: number) {}

    take(v: number, count: number, x: number): number {
        if (!Number.isFinite(v) || count === 0) return v;
        if (x < this.at) {
            this.queue = [];
            this.sorted = [];
            this.head = 0;
        }
        this.at = x;
        this.queue.push({ x, v });
        this.sorted.splice(placeOf(this.sorted, v), 0, v);
        for (; this.queue[this.head].x <= x - this.width; this.head++)
            this.sorted.splice(placeOf(this.sorted, this.queue[this.head].v), 1);
        const n = this.sorted.length;
        const mid = this.sorted[n >> 1];
        return n % 2 === 1 ? mid : (this.sorted[n / 2 - 1] + mid) / 2;
    }
}

/** `raw`: points are there one by one. A median of means would be none: the mean is taken. */
export function smoother({ kind, amount }: Smooth, raw: boolean): Smoother {
    if (kind === "ema") return emaSmoother(amount);
    if (kind === "half") return new HalfLife(amount);
    return kind === "median" && raw ? new WindowMedian(amount) : new WindowMean(amount);
}

/* ---- the slider ---------------------------------------------------------------------------- */

const LEAST = -3;
const RANGE = 2.7;

/** Amount at a place in [0, 1] of the slider: a thousandth to a half of the span. */
export function amountAt(kind: SmoothKind, place: number, span: number): number {
    if (kind === "ema") return place * 0.999;
    return place <= 0 ? 0 : Number((span * 10 ** (LEAST + RANGE * place)).toPrecision(2));
}

export function placeOfAmount({ kind, amount }: Smooth, span: number): number {
    if (kind === "ema") return amount / 0.999;
    if (amount <= 0) return 0;
    return Math.max(0, Math.min(1, (Math.log10(amount / span) - LEAST) / RANGE));
}

/** What `kind` starts with. */
export function smoothStart(kind: SmoothKind, span: number): Smooth {
    return { kind, amount: kind === "ema" ? 0.6 : amountAt(kind, 0.5, span) };
}

/** A little more (+1) or less (−1). */
export function smoothBy(s: Smooth, by: 1 | -1): Smooth {
    if (s.kind !== "ema")
        return { ...s, amount: Number((s.amount * (by > 0 ? 1.5 : 1 / 1.5)).toPrecision(3)) };
    const next = Math.round((s.amount + by * 0.05) * 100) / 100;
    return { ...s, amount: Math.max(0, Math.min(0.999, next)) };
}
