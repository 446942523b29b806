// Runs that look like training, made from a seed, and the little of a store that the page needs:
// points in order, buckets of a range, points after an ordinal.

import { type FrameInput, frame } from "./frames";

export interface Points {
    step: number[];
    wall: number[];
    value: number[];
    attempt: number[];
}

export interface MockRun {
    /** Directories; each has all tags. */
    dirs?: string[];
    info: Record<string, unknown> & { id: string; name: string; activity: string };
    tags: Map<string, Points>;
    damage: Record<string, unknown>[];
    /** Steps between points, and how the curves go. */
    stride: number;
    quality: number;
    random: () => number;
    end: number;
}

export const TOTAL = 60_000;

export function random(seed: string): () => number {
    let h = 2166136261;
    for (const c of seed) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
    return () => {
        h = Math.imul(h ^ (h >>> 15), 2246822507);
        h = Math.imul(h ^ (h >>> 13), 3266489909);
        h ^= h >>> 16;
        return (h >>> 0) / 4294967296;
    };
}

type Curve = (t: number, q: number, g: number) => number;

const CURVES: Record<string, Curve> = {
    "train/loss": (t, q, g) =>
        0.02 +
        q * 0.55 +
        2.1 * Math.exp(-t * (15 - q * 12)) +
        (0.006 + 0.05 * Math.exp(-t * 5)) * g,
    "eval/loss": (t, q, g) =>
        0.09 + q * 0.62 + 1.9 * Math.exp(-t * (13 - q * 10)) + q * 0.22 * t * t + 0.012 * g,
    "eval/accuracy": (t, q, g) => 0.972 - q * 0.3 - 0.75 * Math.exp(-t * (13 - q * 11)) + 0.006 * g,
    "train/grad_norm": (t, q, g) =>
        Math.exp(-0.4 + q * 2.2 - t * 1.6 + 0.2 * g + (g > 2.75 ? 2.2 : 0)),
    "train/lr": (t, q) => {
        const top = q > 0.6 ? 0.1 : q > 0.3 ? 0.001 : q > 0.2 ? 0.003 : q > 0.15 ? 0.03 : 0.01;
        return top * (t < 0.04 ? t / 0.04 : 0.5 + 0.5 * Math.cos((Math.PI * (t - 0.04)) / 0.96));
    },
    "train/samples_per_s": (t, q, g) =>
        1840 + 450 * Math.sin(q * 37) + 14 * g - (g > 2.9 ? 600 : 0) + 20 * Math.sin(t * 40),
    "train/gpu_memory_gib": (t, q) =>
        21.5 + 14 * Math.abs(Math.sin(q * 23)) + (t > 0.02 ? 3.1 : 0) + (t > 0.12 ? 0.6 : 0),
    "train/entropy": (t, q, g) => 2.3 * Math.exp(-t * 2) + q + 0.03 * g,
    "train/perplexity": (t, q, g) => Math.exp(1 + q + 2 * Math.exp(-t * 9) + 0.02 * g),
};

/** Every n-th step of a run has a point of the tag. */
const EVERY: Record<string, number> = { "eval/loss": 20, "eval/accuracy": 20, "train/lr": 4 };

export function curveOf(tag: string): Curve {
    return CURVES[tag] ?? ((t, q, g) => Math.sin(t * 9 + q * 7 + tag.length) + 0.05 * g);
}

export function gauss(r: () => number): number {
    return Math.sqrt(-2 * Math.log(r() + 1e-9)) * Math.cos(6.2832 * r());
}

export function addPoint(run: MockRun, tag: string, step: number, wall: number, attempt = 1): void {
    let p = run.tags.get(tag);
    if (!p) run.tags.set(tag, (p = { step: [], wall: [], value: [], attempt: [] }));
    const t = step / TOTAL;
    let v = curveOf(tag)(t, run.quality, gauss(run.random));
    if (run.info.status === "failed" && t > 0.2 && /loss|norm/.test(tag)) v *= 1 + (t - 0.2) * 14;
    if (tag === "train/grad_norm" && run.info.status === "failed" && t > 0.25)
        v = run.random() < 0.02 ? Number.NaN : run.random() < 0.01 ? Number.POSITIVE_INFINITY : v;
    p.step.push(step);
    p.wall.push(wall);
    p.value.push(v);
    p.attempt.push(attempt);
}

export function fill(run: MockRun, tags: string[], now: number, attempts = 1): void {
    const points = Math.floor((run.end * TOTAL) / run.stride);
    const perPoint = (0.3 + run.quality) * run.stride * 0.2;
    for (let i = 0; i < points; i++) {
        const attempt = 1 + Math.floor((i / points) * attempts);
        const wall = now - (points - i) * perPoint;
        for (const tag of tags)
            if (i % (EVERY[tag] ?? 1) === 0) addPoint(run, tag, i * run.stride, wall, attempt);
    }
    run.info.points = [...run.tags.values()].reduce((n, p) => n + p.step.length, 0);
    run.info.first_wall = now - points * perPoint;
    run.info.last_wall = now;
}

function lowerBound(x: number[], at: number): number {
    let lo = 0;
    let hi = x.length;
    while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (x[mid] < at) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

function xOf(p: Points, axis: string): number[] {
    if (axis === "step") return p.step;
    return axis === "wall" ? p.wall : p.wall.map(w => w - p.wall[0]);
}

function pointsFrame(p: Points, from: number, to: number, handle: number): FrameInput {
    const attempts = p.attempt.slice(from, to);
    const mixed = attempts.some(a => a !== attempts[0]);
    return {
        kind: 1,
        handle,
        count: to - from,
        attempt: mixed || to === from ? 0 : attempts[0],
        attempts,
        ordinal: p.step.length,
        complete: to === p.step.length,
        columns: {
            step: p.step.slice(from, to),
            wall: p.wall.slice(from, to),
            value: p.value.slice(from, to),
        },
    };
}

function bucketsFrame(p: Points, from: number, to: number, n: number, handle: number): FrameInput {
    const c: Record<string, number[]> = {};
    const names = ["step", "wall", "last", "min", "max", "mean", "n", "nan", "inf"];
    for (const name of names) c[name] = [];
    const attempts: number[] = [];
    for (let b = 0; b < n; b++) {
        const a = from + Math.floor(((to - from) * b) / n);
        const e = from + Math.floor(((to - from) * (b + 1)) / n);
        if (a === e) continue;
        const all = p.value.slice(a, e);
        const finite = all.filter(Number.isFinite);
        c.step.push(p.step[a]);
        c.wall.push(p.wall[a]);
        c.last.push(all[all.length - 1]);
        c.min.push(finite.length ? Math.min(...finite) : Number.NaN);
        c.max.push(finite.length ? Math.max(...finite) : Number.NaN);
        c.mean.push(finite.reduce((s, v) => s + v, 0) / finite.length);
        c.n.push(all.length);
        c.nan.push(all.filter(Number.isNaN).length);
        c.inf.push(all.length - finite.length - all.filter(Number.isNaN).length);
        attempts.push(p.attempt[a]);
    }
    const mixed = attempts.some(a => a !== attempts[0]);
    return {
        kind: 2,
        handle,
        count: attempts.length,
        attempt: mixed ? 0 : attempts[0],
        attempts,
        ordinal: p.step.length,
        complete: to === p.step.length,
        columns: c,
    };
}

export interface Query {
    x: string;
    range: [number, number] | null;
    width: number | null;
}

export function history(p: Points | undefined, q: Query, handle: number): Uint8Array {
    if (!p) return frame({ kind: 1, handle, count: 0, attempt: 0, ordinal: 0, complete: true });
    const x = xOf(p, q.x);
    const from = q.range ? lowerBound(x, q.range[0]) : 0;
    const to = q.range ? lowerBound(x, q.range[1] + 1e-9) : x.length;
    if (!q.width || to - from <= 4 * q.width) return frame(pointsFrame(p, from, to, handle));
    return frame(bucketsFrame(p, from, to, Math.round(q.width * 2), handle));
}

export function after(p: Points, ordinal: number, handle: number): Uint8Array | null {
    if (ordinal >= p.step.length) return null;
    return frame(pointsFrame(p, ordinal, p.step.length, handle));
}
