// Exponential smoothing by TensorBoard's rule, on points and on buckets alike.
//
//   s ← w·s + (1 − w)·v,  shown s / (1 − wⁿ)   from s = 0; n counts finite values
//
// NaN and ±Inf pass through and leave the state alone; a series of equal values is shown as it is;
// a bucket of c finite values with mean m counts as c values of m. The state is kept, so that new
// points continue it and a zoomed range starts from what lies left of it.

export interface Ema {
    /** Weight in [0, 1]. */
    w: number;
    s: number;
    /** Finite values so far. */
    n: number;
    /** Value of all so far while they are equal; NaN at the start and when they differ. */
    same: number;
    equal: boolean;
}

export function emaStart(w: number): Ema {
    return { w, s: 0, n: 0, same: Number.NaN, equal: true };
}

/** Takes `count` values of mean `v`; gives what is shown at their place. */
export function emaTake(e: Ema, v: number, count: number): number {
    if (!Number.isFinite(v) || count === 0) return v;
    if (e.n === 0) e.same = v;
    else if (v !== e.same) e.equal = false;
    const keep = count === 1 ? e.w : e.w ** count;
    e.s = keep * e.s + (1 - keep) * v;
    e.n += count;
    if (e.equal) return v;
    const all = e.w === 1 ? 1 : 1 - e.w ** e.n;
    return e.s / all;
}

/** Smooths items [from, to) of `v` into `out`, continuing `e`. */
export function emaRun(
    e: Ema,
    v: ArrayLike<number>,
    counts: ArrayLike<number> | null,
    from: number,
    to: number,
    out: Float64Array,
): void {
    for (let i = from; i < to; i++) out[i] = emaTake(e, v[i], counts ? counts[i] : 1);
}

/** How many points an exponential weight averages over, for words such as "≈ 5 points". */
export function emaSpan(w: number): number {
    return w >= 1 ? Number.POSITIVE_INFINITY : (1 + w) / (1 - w);
}
