// uPlot, and the only place that knows it. It gives scales, axes, grid and device pixels; lines,
// bands, marks and the crosshair are drawn by others on two canvases above its own.

import uPlot from "uplot";
import type { Scale } from "../model/link";
import type { Axis } from "../model/series";
import { xLabels, xTicks, yLabels, yTicks } from "./axis";
import { palette } from "./palette";

export const GUTTER = 40;
export const FOOT = 20;
const PAD_TOP = 6;
const PAD_RIGHT = 6;

export interface Frame {
    axis: Axis;
    scale: Scale;
    x: [number, number];
    y: [number, number];
}

export interface Box {
    left: number;
    top: number;
    right: number;
    bottom: number;
}

const DISTR: Record<Scale, 1 | 3 | 4> = { linear: 1, log: 3, symlog: 4 };

function layer(host: HTMLElement, name: string): HTMLCanvasElement {
    const c = document.createElement("canvas");
    c.className = name;
    host.append(c);
    return c;
}

/** Never an empty range, never zero on a log scale: both would end in an error inside. */
function safe(scale: Scale, [lo, hi]: [number, number]): [number, number] {
    if (!Number.isFinite(lo) || !Number.isFinite(hi)) return scale === "log" ? [0.1, 10] : [0, 1];
    if (scale === "log") {
        const a = lo > 0 ? lo : hi > 0 ? hi / 1000 : 0.1;
        return hi > a ? [a, hi] : [a, a * 10];
    }
    return hi > lo ? [lo, hi] : [lo - (Math.abs(lo) * 0.01 || 1), lo + (Math.abs(lo) * 0.01 || 1)];
}

export class Plot {
    readonly lines: HTMLCanvasElement;
    readonly over: HTMLCanvasElement;
    private u: uPlot | null = null;
    private ratio = 1;
    private width = 0;
    private height = 0;
    private ticks: { x: number[]; y: number[] } = { x: [], y: [] };
    frame: Frame = { axis: "step", scale: "linear", x: [0, 1], y: [0, 1] };

    constructor(private readonly host: HTMLElement) {
        this.lines = layer(host, "lines");
        this.over = layer(host, "over");
    }

    /** Size in CSS px; false while there is no room. */
    resize(width: number, height: number): boolean {
        const ratio = window.devicePixelRatio || 1;
        if (width < GUTTER + 20 || height < FOOT + 20) return false;
        if (width === this.width && height === this.height && ratio === this.ratio) return true;
        this.width = width;
        this.height = height;
        if (ratio !== this.ratio) this.drop();
        this.ratio = ratio;
        for (const c of [this.lines, this.over]) {
            c.width = Math.round(width * ratio);
            c.height = Math.round(height * ratio);
            c.style.width = `${width}px`;
            c.style.height = `${height}px`;
        }
        this.u?.setSize({ width, height });
        return true;
    }

    get ready(): boolean {
        return this.width > 0;
    }

    get box(): Box {
        return {
            left: GUTTER,
            top: PAD_TOP,
            right: this.width - PAD_RIGHT,
            bottom: this.height - FOOT,
        };
    }

    /** Shows another range or scale. */
    show(frame: Frame): void {
        const other = frame.scale !== this.frame.scale;
        this.frame = {
            ...frame,
            x: safe("linear", frame.x),
            y: safe(frame.scale, frame.y),
        };
        if (other) this.drop();
        if (!this.u) this.make();
        else
            this.u.batch(() => {
                this.u?.setScale("x", { min: this.frame.x[0], max: this.frame.x[1] });
                this.u?.setScale("y", { min: this.frame.y[0], max: this.frame.y[1] });
            });
    }

    /** Draws axes anew, with the colours of now. */
    recolour(): void {
        this.drop();
        if (this.ready) this.make();
    }

    /** A context over a layer in CSS px, cleared. */
    context(of: "lines" | "over"): CanvasRenderingContext2D {
        const c = this[of];
        const ctx = c.getContext("2d") as CanvasRenderingContext2D;
        ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
        ctx.clearRect(0, 0, this.width, this.height);
        return ctx;
    }

    xPos(v: number): number {
        const [a, b] = this.frame.x;
        const { left, right } = this.box;
        return left + ((v - a) / (b - a)) * (right - left);
    }

    xValue(px: number): number {
        const [a, b] = this.frame.x;
        const { left, right } = this.box;
        return a + ((px - left) / (right - left)) * (b - a);
    }

    yPos(v: number): number {
        const f = forward(this.frame.scale);
        const [a, b] = this.frame.y;
        const { top, bottom } = this.box;
        return bottom - ((f(v) - f(a)) / (f(b) - f(a))) * (bottom - top);
    }

    destroy(): void {
        this.drop();
        for (const c of [this.lines, this.over]) {
            c.width = c.height = 0;
            c.remove();
        }
    }

    private drop(): void {
        this.u?.destroy();
        this.u = null;
    }

    private make(): void {
        const p = palette();
        const quiet = { show: false };
        this.u = new uPlot(
            {
                width: this.width,
                height: this.height,
                pxAlign: 1,
                padding: [PAD_TOP, PAD_RIGHT, 0, 0],
                legend: quiet,
                cursor: quiet,
                select: { show: false, left: 0, top: 0, width: 0, height: 0 },
                scales: {
                    x: { time: false, range: () => this.frame.x },
                    y: { distr: DISTR[this.frame.scale], range: () => this.frame.y },
                },
                series: [{}, { points: quiet }],
                axes: [
                    {
                        size: FOOT,
                        gap: 0,
                        stroke: p.ink3,
                        font: p.font,
                        grid: quiet,
                        ticks: { stroke: p.axis, width: 1, size: 3 },
                        border: { show: true, stroke: p.axis, width: 1 },
                        splits: (_, __, lo, hi) => this.xSplits(lo, hi),
                        values: (_, ticks) => ticks.map(() => ""),
                    },
                    {
                        size: GUTTER,
                        gap: 4,
                        stroke: p.ink3,
                        font: p.font,
                        grid: { stroke: p.grid, width: 1 },
                        ticks: quiet,
                        splits: (_, __, lo, hi) => this.ySplits(lo, hi),
                        values: (_, ticks) => yLabels(this.frame.scale, ticks),
                    },
                ],
                hooks: { draw: [u => this.labels(u)] },
            },
            [this.frame.x, [null, null]] as unknown as uPlot.AlignedData,
            this.host,
        );
        this.host.prepend(this.u.root);
    }

    private xSplits(lo: number, hi: number): number[] {
        this.ticks.x = xTicks(this.frame.axis, lo, hi, Math.max(2, Math.round(this.width / 110)));
        return this.ticks.x;
    }

    private ySplits(lo: number, hi: number): number[] {
        const n = Math.max(3, Math.round(this.height / 52));
        this.ticks.y = yTicks(this.frame.scale, lo, hi, n);
        return this.ticks.y;
    }

    /** Words below the x axis: the first and the last stay inside. */
    private labels(u: uPlot): void {
        const p = palette();
        const { ctx } = u;
        const { left, right } = this.box;
        const words = xLabels(this.frame.axis, this.ticks.x);
        ctx.save();
        ctx.scale(this.ratio, this.ratio);
        ctx.font = p.font;
        ctx.fillStyle = p.ink3;
        ctx.textBaseline = "alphabetic";
        this.ticks.x.forEach((v, i) => {
            const at = this.xPos(v);
            const half = ctx.measureText(words[i]).width / 2;
            ctx.textAlign = at - half < left ? "left" : at + half > right ? "right" : "center";
            const x = at - half < left ? left : at + half > right ? right : at;
            ctx.fillText(words[i], x, this.height - 4);
        });
        ctx.restore();
    }
}

/** The function that makes a scale linear. */
export function forward(scale: Scale): (v: number) => number {
    if (scale === "log") return v => Math.log10(v > 0 ? v : 1e-300);
    return scale === "symlog" ? Math.asinh : v => v;
}
