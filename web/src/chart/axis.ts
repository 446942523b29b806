// Ticks: where they stand and what they say, for steps, time and values, linear and log.

import { axisValue, clock, logTick, moment, tick } from "../model/format";
import type { Scale } from "../model/link";
import type { Axis } from "../model/series";

/** 1, 2, 2.5 or 5 times a power of ten, about (hi − lo) / n. */
export function niceStep(lo: number, hi: number, n: number): number {
    const raw = (hi - lo) / Math.max(1, n);
    if (!(raw > 0) || !Number.isFinite(raw)) return 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    for (const m of [1, 2, 2.5, 5]) if (m * power >= raw * 0.93) return m * power;
    return 10 * power;
}

function multiples(lo: number, hi: number, step: number): number[] {
    const out: number[] = [];
    const first = Math.ceil(lo / step - 1e-9);
    for (let i = first; out.length < 100; i++) {
        const v = i * step;
        if (v > hi + step * 1e-9) break;
        out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
    }
    return out;
}

export function linearTicks(lo: number, hi: number, n: number): number[] {
    return multiples(lo, hi, niceStep(lo, hi, n));
}

/** Whole decades, thinned out; within less than a decade, linear ticks. */
export function logTicks(lo: number, hi: number, n: number): number[] {
    const a = Math.ceil(Math.log10(lo) - 1e-9);
    const b = Math.floor(Math.log10(hi) + 1e-9);
    if (b - a < 1) return linearTicks(lo, hi, n).filter(v => v > 0);
    const every = Math.max(1, Math.ceil((b - a + 1) / Math.max(2, n)));
    const out: number[] = [];
    for (let e = a; e <= b; e += every) out.push(10 ** e);
    return out;
}

/** Decades to both sides of zero. */
export function symlogTicks(lo: number, hi: number, n: number): number[] {
    const most = Math.max(Math.abs(lo), Math.abs(hi));
    if (most <= 1) return linearTicks(lo, hi, n);
    const top = Math.floor(Math.log10(most));
    const every = Math.max(1, Math.ceil((top + 1) / Math.max(1, n / 2)));
    const out = [0];
    for (let e = 0; e <= top; e += every) out.push(10 ** e, -(10 ** e));
    return out.filter(v => v >= lo && v <= hi).sort((a, b) => a - b);
}

const TIME_STEPS = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
    172800, 604800, 1209600, 2592000, 7776000, 31536000,
];

function timeStep(span: number, n: number): number {
    const raw = span / Math.max(1, n);
    if (raw < 1) return niceStep(0, span, n);
    return TIME_STEPS.find(s => s >= raw * 0.8) ?? niceStep(0, span, n);
}

/** Steps are whole numbers: there is none between two of them. */
function stepTicks(lo: number, hi: number, n: number): number[] {
    const nice = Math.max(1, niceStep(lo, hi, n));
    return multiples(lo, hi, nice === 2.5 ? 5 : nice);
}

export function xTicks(axis: Axis, lo: number, hi: number, n: number): number[] {
    if (axis === "step") return stepTicks(lo, hi, n);
    const step = timeStep(hi - lo, n);
    if (axis === "relative") return multiples(lo, hi, step);
    // Whole hours and days by the reader's clock, not by Greenwich's.
    const zone = new Date(lo * 1000).getTimezoneOffset() * 60;
    return multiples(lo - zone, hi - zone, step).map(v => v + zone);
}

function relativeTick(v: number, step: number): string {
    if (v === 0) return "0";
    if (step >= 86400) return `${tick(v / 86400, step / 86400)} d`;
    if (step >= 3600) return `${tick(v / 3600, step / 3600)} h`;
    if (step >= 60) return v >= 7200 ? hours(v) : `${tick(v / 60, step / 60)} min`;
    return `${tick(v, step)} s`;
}

function hours(v: number): string {
    const minutes = Math.round(v / 60);
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
}

export function xLabels(axis: Axis, ticks: number[]): string[] {
    const midnights = axis === "wall" && ticks.every(v => clock(v) === "00:00:00");
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : midnights ? 86400 : 60;
    if (axis === "step") return ticks.map(v => tick(v, step));
    if (axis === "relative") return ticks.map(v => relativeTick(v, step));
    if (step >= 86400) return ticks.map(v => moment(v, 0).split(",")[0]);
    const day = (v: number, i: number) => step >= 3600 && i > 0 && clock(v) === "00:00:00";
    return ticks.map((v, i) =>
        day(v, i) ? moment(v, 0).split(",")[0] : step >= 60 ? clock(v).slice(0, 5) : clock(v),
    );
}

export function yTicks(scale: Scale, lo: number, hi: number, n: number): number[] {
    if (scale === "log") return logTicks(lo, hi, n);
    return scale === "symlog" ? symlogTicks(lo, hi, n) : linearTicks(lo, hi, n);
}

export function yLabels(scale: Scale, ticks: number[]): string[] {
    const whole = ticks.every(v => v > 0 && Math.abs(Math.log10(v) % 1) < 1e-9);
    if (scale === "log" && whole) return ticks.map(logTick);
    if (scale === "symlog")
        return ticks.map(v => (v === 0 ? "0" : v < 0 ? `−${logTick(-v)}` : logTick(v)));
    const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : Math.abs(ticks[0] ?? 1);
    return ticks.map(v => tick(v, step).replace("-", "−"));
}

/** The crosshair's place on the x axis. */
export function cursorLabel(axis: Axis, v: number, width: number): string {
    return axisValue(axis, axis === "step" ? Math.round(v) : v, width);
}
