// Lines, bands and spikes on a canvas, over the columns themselves. Cost follows vertices: items
// that share a pixel column become at most four of them (first, lowest, highest, last), so that a
// lone spike survives at every zoom.

import { DASH_PATTERN } from "../model/colour";
import { hasMeans, traceMeans } from "./means";
import type { Line, Scene } from "./scene";

export interface Pen {
    ctx: CanvasRenderingContext2D;
    /** CSS px of a value of x (already less x0) and of y. */
    x(v: number): number;
    y(v: number): number;
    left: number;
    right: number;
    top: number;
    bottom: number;
    hues: string[];
    /** Device px of a CSS px. */
    ratio: number;
    /** Vertices sent since the pen was made. */
    vertices: number;
}

/** A wall-time gap longer than this many usual intervals breaks the line. */
const GAP = 20;

function gapOf(l: Line, scene: Scene): number {
    if (scene.axis === "step" || l.to - l.from < 8) return Number.POSITIVE_INFINITY;
    const some: number[] = [];
    const every = Math.max(1, Math.floor((l.to - l.from) / 256));
    for (let i = l.from + every; i < l.to; i += every) some.push((l.x[i] - l.x[i - every]) / every);
    some.sort((a, b) => a - b);
    const usual = some[some.length >> 1];
    return usual > 0 ? usual * GAP : Number.POSITIVE_INFINITY;
}

/** Where a trace goes: a path of the canvas, or one of a picture. */
export interface Path {
    moveTo(x: number, y: number): void;
    lineTo(x: number, y: number): void;
}

function trace(p: Pen, l: Line, values: Float64Array, scene: Scene, means = false): Path2D {
    const path = new Path2D();
    traceTo(path, p, l, values, scene, means);
    return path;
}

/** What tracing needs of a pen. */
export type Scales = Pick<Pen, "x" | "y" | "left" | "right" | "vertices">;

/** Traces values of a line; `means`: one vertex for each pixel. */
export function traceTo(
    path: Path,
    p: Scales,
    l: Line,
    values: Float64Array,
    scene: Scene,
    means = false,
): void {
    const gap = gapOf(l, scene);
    if (means && l.rising) return traceMeans(path, p, l, values, gap);
    let open = false;
    let column = Number.NaN;
    let lo = 0;
    let hi = 0;
    let last = 0;
    let at = 0;
    let previous = 0;
    let attempt = l.track.attempt[l.from];
    const flush = () => {
        if (lo < last || hi > last || lo !== hi) {
            path.lineTo(at, lo);
            path.lineTo(at, hi);
            p.vertices += 2;
        }
        path.lineTo(at, last);
        p.vertices++;
    };
    for (let i = l.from; i < l.to; i++) {
        const value = values[i];
        const x = l.x[i] - l.x0;
        const cut =
            x - previous > gap || (!l.rising && (x < previous || l.track.attempt[i] !== attempt));
        previous = x;
        attempt = l.track.attempt[i];
        if (!Number.isFinite(value) || cut) {
            if (open) flush();
            open = false;
            if (!Number.isFinite(value)) continue;
        }
        const px = p.x(x);
        const py = p.y(value);
        const col = Math.floor(px * 2);
        if (!open) {
            path.moveTo(px, py);
            p.vertices++;
            open = true;
        } else if (col === column) {
            if (py < lo) lo = py;
            if (py > hi) hi = py;
            last = py;
            continue;
        } else flush();
        column = col;
        at = px;
        lo = hi = last = py;
    }
    if (open) flush();
}

/** Corners of a triangle: a line drawn at each of them is as thick in all directions. */
const THICKEN = [
    [0, -1],
    [0.87, 0.5],
    [-0.87, 0.5],
];
const MANY_VERTICES = 120;

/**
 * Strokes a path `width` CSS px wide. Without a GPU a line of one device px costs a tenth of a
 * wider one: three of those, a little apart, stand for one of up to two px.
 */
function strokePath(p: Pen, path: Path2D, width: number, vertices: number): void {
    const { ctx } = p;
    const thick = width * p.ratio;
    if (thick <= 1.05 || thick > 2 || vertices < MANY_VERTICES) {
        ctx.lineWidth = width;
        ctx.lineJoin = vertices < MANY_VERTICES ? "round" : "bevel";
        ctx.stroke(path);
        return;
    }
    ctx.lineWidth = 1 / p.ratio;
    const r = (thick - 1) / (1.6 * p.ratio);
    for (const [dx, dy] of THICKEN) {
        ctx.translate(dx * r, dy * r);
        ctx.stroke(path);
        ctx.translate(-dx * r, -dy * r);
    }
}

/** A line with fewer items than half-pixels, where nothing is to be merged, ends with a dot. */
export function strokeLine(p: Pen, l: Line, scene: Scene, width: number, alpha: number): void {
    const { ctx } = p;
    const before = p.vertices;
    const path = trace(p, l, l.y, scene, hasMeans(l, scene, p.right - p.left));
    ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.globalAlpha = alpha;
    ctx.setLineDash(DASH_PATTERN[l.ink.dash]);
    // Strokes over each other are one line only where they are opaque.
    if (alpha < 1) {
        ctx.lineWidth = width;
        ctx.stroke(path);
    } else strokePath(p, path, width, p.vertices - before);
    ctx.setLineDash([]);
    if (l.to - l.from === 1 || l.track.n === 1) single(p, l);
    ctx.globalAlpha = 1;
}

function single(p: Pen, l: Line): void {
    const i = l.from;
    if (!Number.isFinite(l.y[i])) return;
    p.ctx.beginPath();
    p.ctx.arc(p.x(l.x[i] - l.x0), p.y(l.y[i]), 2, 0, 7);
    p.ctx.fillStyle = p.hues[l.ink.hue - 1];
    p.ctx.fill();
}

/** The line as logged, pale behind the smoothed one. */
export function strokeRaw(p: Pen, l: Line, scene: Scene): void {
    const { ctx } = p;
    const path = trace(p, l, l.track.v, scene);
    ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.globalAlpha = 0.25;
    ctx.lineWidth = 1;
    ctx.stroke(path);
    ctx.globalAlpha = 1;
}

let low = new Float32Array(0);
let high = new Float32Array(0);

/** Lowest and highest y of each pixel column from the left edge on; NaN where there is nothing. */
function columnsOf(p: Pen, l: Line): number {
    const width = Math.ceil(p.right - p.left) + 1;
    if (low.length < width) {
        low = new Float32Array(width);
        high = new Float32Array(width);
    }
    low.fill(Number.NaN, 0, width);
    high.fill(Number.NaN, 0, width);
    const { lo, hi } = l.track;
    for (let i = l.from; i < l.to; i++) {
        const c = Math.round(p.x(l.x[i] - l.x0) - p.left);
        if (c < 0 || c >= width) continue;
        // Pixels grow downwards: the highest value has the least y.
        const a = p.y(hi[i]);
        const b = p.y(lo[i]);
        if (!(high[c] <= a)) high[c] = a;
        if (!(low[c] >= b)) low[c] = b;
    }
    return width;
}

function fillGaps(width: number): void {
    let before = -1;
    for (let c = 0; c < width; c++) {
        if (Number.isNaN(high[c])) continue;
        const gap = c - before;
        if (before >= 0 && gap > 1 && gap < 24)
            for (let k = before + 1; k < c; k++) {
                const t = (k - before) / gap;
                high[k] = high[before] + (high[c] - high[before]) * t;
                low[k] = low[before] + (low[c] - low[before]) * t;
            }
        before = c;
    }
}

/** Band from lowest to highest, and strokes where one column leaves its neighbours. */
export function fillBand(p: Pen, l: Line): void {
    const { ctx } = p;
    const width = columnsOf(p, l);
    spikes(p, l, width);
    fillGaps(width);
    ctx.fillStyle = p.hues[l.ink.hue - 1];
    ctx.globalAlpha = 0.12;
    // Where columns meet at whole device pixels, rectangles are a quarter of the work.
    if (Number.isInteger(p.ratio)) fillColumns(p, width);
    else fillOutline(p, width);
    ctx.globalAlpha = 1;
}

function fillColumns(p: Pen, width: number): void {
    for (let c = 0; c < width; c++) {
        if (Number.isNaN(high[c])) continue;
        p.ctx.fillRect(p.left + c, high[c], 1, Math.max(0.5, low[c] - high[c]));
        p.vertices += 2;
    }
}

function fillOutline(p: Pen, width: number): void {
    const { ctx } = p;
    ctx.beginPath();
    for (let c = 0; c < width; ) {
        if (Number.isNaN(high[c])) {
            c++;
            continue;
        }
        let end = c;
        while (end < width && !Number.isNaN(high[end])) end++;
        ctx.moveTo(p.left + c, high[c]);
        for (let k = c + 1; k < end; k++) ctx.lineTo(p.left + k, high[k]);
        for (let k = end - 1; k >= c; k--) ctx.lineTo(p.left + k, low[k]);
        ctx.closePath();
        p.vertices += 2 * (end - c);
        c = end;
    }
    ctx.fill();
}

const SPIKE_PX = 4;

function spikes(p: Pen, l: Line, width: number): void {
    const { ctx } = p;
    ctx.beginPath();
    let any = false;
    for (let c = 0; c < width; c++) {
        if (Number.isNaN(high[c])) continue;
        const x = p.left + c;
        const up = Math.min(near(high, c, width, -1), near(high, c, width, 1));
        const down = Math.max(near(low, c, width, -1), near(low, c, width, 1));
        if (up - high[c] > SPIKE_PX) {
            ctx.moveTo(x, up);
            ctx.lineTo(x, high[c]);
            any = true;
        }
        if (low[c] - down > SPIKE_PX) {
            ctx.moveTo(x, down);
            ctx.lineTo(x, low[c]);
            any = true;
        }
    }
    if (!any) return;
    ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.lineWidth = 1;
    ctx.globalAlpha = 0.35;
    ctx.stroke();
    ctx.globalAlpha = 1;
}

/** The next column with something in it, or this one. */
function near(a: Float32Array, c: number, width: number, by: number): number {
    for (let k = c + by; k >= 0 && k < width && Math.abs(k - c) < 24; k += by)
        if (!Number.isNaN(a[k])) return a[k];
    return a[c];
}

/** Above BAND_LINES lines: a stroke for each item whose extremes leave the line. */
export function strokeExtremes(p: Pen, l: Line): void {
    if (l.track.raw) return;
    const { ctx } = p;
    const { lo, hi } = l.track;
    ctx.beginPath();
    let any = false;
    for (let i = l.from; i < l.to; i++) {
        const y = p.y(l.y[i]);
        const a = p.y(hi[i]);
        const b = p.y(lo[i]);
        if (!(y - a > 8 || b - y > 8)) continue;
        const x = p.x(l.x[i] - l.x0);
        ctx.moveTo(x, a);
        ctx.lineTo(x, b);
        p.vertices += 2;
        any = true;
    }
    if (!any) return;
    ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.lineWidth = 1;
    ctx.globalAlpha = 0.15;
    ctx.stroke();
    ctx.globalAlpha = 1;
}
