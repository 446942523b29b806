// The frame of a chart: its ranges and scales, axes and grid on one canvas, and the canvases above
// it on which others draw lines, marks and the crosshair. Each is drawn only when it changes.
//
//   axes ─ lines ─ over      from the ground up; `over` follows the pointer

import type { Scale } from "../model/link";
import type { Axis } from "../model/series";
import { xLabels, xTicks, yLabels, yTicks } from "./axis";
import { palette } from "./palette";

/** Room of the words of y; more where they are wider. */
const GUTTER = 40;
const GUTTER_STEP = 8;
export const FOOT = 20;
const PAD_TOP = 6;
const PAD_RIGHT = 6;

export interface Frame {
    axis: Axis;
    scale: Scale;
    x: [number, number];
    y: [number, number];
    /** There is no value: y has no words, which would be invented. */
    blank?: boolean;
}

export interface Box {
    left: number;
    top: number;
    right: number;
    bottom: number;
}

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
    readonly axes: HTMLCanvasElement;
    readonly lines: HTMLCanvasElement;
    /** Made when there is first something to draw on it. */
    private over: HTMLCanvasElement | null = null;
    private overInked = false;
    ratio = 1;
    private width = 0;
    private height = 0;
    /** Axes stand. */
    made = false;
    private gutter = GUTTER;
    frame: Frame = { axis: "step", scale: "linear", x: [0, 1], y: [0, 1] };

    constructor(private readonly host: HTMLElement) {
        this.axes = layer(host, "axes");
        this.lines = layer(host, "lines");
    }

    /** Size in CSS px; false while there is no room. */
    resize(width: number, height: number): boolean {
        const ratio = window.devicePixelRatio || 1;
        if (width < GUTTER + 20 || height < FOOT + 20) return false;
        if (width === this.width && height === this.height && ratio === this.ratio) return true;
        this.width = width;
        this.height = height;
        this.ratio = ratio;
        this.fit(this.axes);
        this.fit(this.lines);
        this.over?.remove();
        this.over = null;
        if (this.made) this.drawAxes();
        return true;
    }

    private fit(c: HTMLCanvasElement): void {
        c.width = Math.round(this.width * this.ratio);
        c.height = Math.round(this.height * this.ratio);
        c.style.width = `${this.width}px`;
        c.style.height = `${this.height}px`;
    }

    get ready(): boolean {
        return this.width > 0;
    }

    get box(): Box {
        return {
            left: this.gutter,
            top: PAD_TOP,
            right: this.width - PAD_RIGHT,
            bottom: this.height - FOOT,
        };
    }

    /** Shows another range or scale. */
    show(frame: Frame): void {
        const x = safe("linear", frame.x);
        const y = safe(frame.scale, frame.y);
        const next = { ...frame, x, y };
        const same = this.made && String(Object.values(next)) === String(Object.values(this.frame));
        this.frame = next;
        if (!same) this.drawAxes();
    }

    /** Draws axes anew, with the colours of now. */
    recolour(): void {
        if (this.made) this.drawAxes();
    }

    /** The lines' context in CSS px, cleared. */
    linesContext(): CanvasRenderingContext2D {
        return this.cleared(this.lines);
    }

    /** As linesContext for the layer above them. */
    overContext(): CanvasRenderingContext2D {
        if (!this.over) {
            this.over = layer(this.host, "over");
            this.fit(this.over);
        }
        this.overInked = true;
        return this.cleared(this.over);
    }

    /** Takes away what follows the pointer: a canvas that did not change costs nothing. */
    wipeOver(): void {
        if (this.over && this.overInked) this.cleared(this.over);
        this.overInked = false;
    }

    private cleared(c: HTMLCanvasElement): CanvasRenderingContext2D {
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

    yValue(px: number): number {
        const { scale, y } = this.frame;
        const f = forward(scale);
        const { top, bottom } = this.box;
        const at = f(y[0]) + ((bottom - px) / (bottom - top)) * (f(y[1]) - f(y[0]));
        return scale === "log" ? 10 ** at : scale === "symlog" ? Math.sinh(at) : at;
    }

    destroy(): void {
        for (const c of [this.axes, this.lines, this.over]) {
            if (!c) continue;
            c.width = c.height = 0;
            c.remove();
        }
    }

    private drawAxes(): void {
        this.made = true;
        const ctx = this.cleared(this.axes);
        const p = palette();
        ctx.font = p.font;
        ctx.textBaseline = "middle";
        this.gutter = GUTTER;
        this.drawY(ctx, p.grid, p.ink3);
        ctx.textBaseline = "alphabetic";
        this.drawX(ctx, p.axis, p.ink3);
    }

    /** The middle of the device pixel at a place: lines of one pixel are crisp there. */
    private crisp(at: number): number {
        return (Math.round(at * this.ratio - 0.5) + 0.5) / this.ratio;
    }

    private drawY(ctx: CanvasRenderingContext2D, grid: string, ink: string): void {
        const { scale, y } = this.frame;
        const ticks = yTicks(scale, y[0], y[1], Math.max(3, Math.round(this.height / 52)));
        if (this.frame.blank) return;
        const words = yLabels(scale, ticks);
        const most = Math.max(0, ...words.map(w => ctx.measureText(w).width)) + 6;
        if (most > GUTTER) this.gutter = Math.ceil(most / GUTTER_STEP) * GUTTER_STEP;
        const { left, right } = this.box;
        ctx.strokeStyle = grid;
        ctx.lineWidth = 1 / this.ratio;
        ctx.beginPath();
        for (const v of ticks) {
            const at = this.crisp(this.yPos(v));
            ctx.moveTo(left, at);
            ctx.lineTo(right, at);
        }
        ctx.stroke();
        ctx.fillStyle = ink;
        ctx.textAlign = "right";
        ticks.forEach((v, i) => {
            ctx.fillText(words[i], left - 4, this.yPos(v));
        });
    }

    /** Words below the axis: the first and the last stay inside. */
    private drawX(ctx: CanvasRenderingContext2D, line: string, ink: string): void {
        const { axis, x } = this.frame;
        const { left, right, bottom } = this.box;
        const ticks = xTicks(axis, x[0], x[1], Math.max(2, Math.round(this.width / 110)));
        const words = xLabels(axis, ticks);
        const base = this.crisp(bottom);
        ctx.strokeStyle = line;
        ctx.beginPath();
        ctx.moveTo(left, base);
        ctx.lineTo(right, base);
        for (const v of ticks) {
            const at = this.crisp(this.xPos(v));
            ctx.moveTo(at, base);
            ctx.lineTo(at, base + 3);
        }
        ctx.stroke();
        ctx.fillStyle = ink;
        ticks.forEach((v, i) => {
            const at = this.xPos(v);
            const half = ctx.measureText(words[i]).width / 2;
            const first = at - half < left;
            const last = at + half > right;
            ctx.textAlign = first ? "left" : last ? "right" : "center";
            ctx.fillText(words[i], first ? left : last ? right : at, this.height - 4);
        });
    }
}

/** The function that makes a scale linear. */
export function forward(scale: Scale): (v: number) => number {
    if (scale === "log") return v => Math.log10(v > 0 ? v : 1e-300);
    return scale === "symlog" ? Math.asinh : v => v;
}
