// What stands on or beside lines: ends, attempts, values that are no numbers, what leaves the view,
// the crosshair and its dots.

import type { Pen } from "./lines";
import type { Line, Scene } from "./scene";

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, up: boolean): void {
    const d = up ? 1 : -1;
    ctx.beginPath();
    ctx.moveTo(x, y - 4 * d);
    ctx.lineTo(x + 4, y + 3 * d);
    ctx.lineTo(x - 4, y + 3 * d);
    ctx.closePath();
}

/** How a run ended, at its last point: dot running, ring quiet, triangle failed. */
export function drawEnd(p: Pen, l: Line, scene: Scene, ground: string): void {
    if (l.end === "none" || l.track.n === 0) return;
    let i = l.track.n - 1;
    while (i > 0 && !Number.isFinite(l.y[i])) i--;
    const x = l.x[i] - l.x0;
    if (x < scene.x[0] || x > scene.x[1] || !Number.isFinite(l.y[i])) return;
    const px = p.x(x);
    const py = p.y(l.y[i]);
    const { ctx } = p;
    const hue = p.hues[l.ink.hue - 1];
    if (l.end === "failed") {
        triangle(ctx, px, Math.max(p.top + 4, Math.min(p.bottom - 3, py)), true);
        ctx.fillStyle = hue;
        ctx.fill();
        ctx.strokeStyle = ground;
        ctx.lineWidth = 1;
        ctx.stroke();
        return;
    }
    if (py < p.top - 1 || py > p.bottom + 1) return;
    ctx.beginPath();
    ctx.arc(px, py, 2.5, 0, 7);
    ctx.fillStyle = l.end === "running" ? hue : ground;
    ctx.fill();
    ctx.strokeStyle = l.end === "running" ? ground : hue;
    ctx.lineWidth = l.end === "running" ? 1 : 1.5;
    ctx.stroke();
}

/** A thin stroke where an attempt ends. */
export function drawSplits(p: Pen, l: Line): void {
    const { attempt } = l.track;
    const { ctx } = p;
    ctx.beginPath();
    for (let i = Math.max(1, l.from); i < l.to; i++) {
        if (attempt[i] === attempt[i - 1] || !l.rising) continue;
        const x = p.x(l.x[i] - l.x0);
        const y = p.y(l.y[i]);
        if (!Number.isFinite(y) || x < p.left || x > p.right) continue;
        ctx.moveTo(x, y - 6);
        ctx.lineTo(x, y + 6);
    }
    ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.lineWidth = 1.5;
    ctx.stroke();
}

type Odd = "nan" | "up" | "down";

function oddAt(l: Line, i: number): Odd | null {
    const t = l.track;
    if (t.raw) {
        const v = t.v[i];
        if (Number.isFinite(v)) return null;
        return Number.isNaN(v) ? "nan" : v > 0 ? "up" : "down";
    }
    if (t.inf[i] > 0) return t.last[i] === Number.NEGATIVE_INFINITY ? "down" : "up";
    return t.nan[i] > 0 ? "nan" : null;
}

function cross(ctx: CanvasRenderingContext2D, x: number, y: number): void {
    ctx.beginPath();
    ctx.moveTo(x - 3, y - 3);
    ctx.lineTo(x + 3, y + 3);
    ctx.moveTo(x + 3, y - 3);
    ctx.lineTo(x - 3, y + 3);
    ctx.stroke();
}

const APART = 5;

/** Small marks at the edges for NaN (×), +Inf (▲) and −Inf (▼). */
export function drawOdd(p: Pen, l: Line): void {
    if (!l.track.odd) return;
    const { ctx } = p;
    const at: Record<Odd, number> = { nan: -99, up: -99, down: -99 };
    ctx.fillStyle = ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.lineWidth = 1.5;
    for (let i = l.from; i < l.to; i++) {
        const odd = oddAt(l, i);
        if (!odd) continue;
        const x = p.x(l.x[i] - l.x0);
        if (x < p.left - 1 || x > p.right + 1 || x - at[odd] < APART) continue;
        at[odd] = x;
        if (odd === "nan") cross(ctx, x, p.bottom - 6);
        else {
            triangle(ctx, x, odd === "up" ? p.top + 5 : p.bottom - 5, odd === "up");
            ctx.fill();
        }
    }
}

/** Short strokes at the edge for single items that leave the view while their line stays. */
export function drawOutliers(p: Pen, l: Line): void {
    const { lo, hi } = l.track;
    const { ctx } = p;
    let upAt = -99;
    let downAt = -99;
    ctx.beginPath();
    for (let i = l.from; i < l.to; i++) {
        const y = p.y(l.y[i]);
        if (y < p.top || y > p.bottom) continue;
        const x = p.x(l.x[i] - l.x0);
        if (p.y(hi[i]) < p.top - 3 && x - upAt >= APART) {
            ctx.moveTo((upAt = x), p.top - 3);
            ctx.lineTo(x, p.top + 2);
        }
        if (p.y(lo[i]) > p.bottom + 3 && x - downAt >= APART) {
            ctx.moveTo((downAt = x), p.bottom - 5);
            ctx.lineTo(x, p.bottom);
        }
    }
    ctx.strokeStyle = p.hues[l.ink.hue - 1];
    ctx.lineWidth = 1.5;
    ctx.stroke();
}

/** The item of a line nearest to x; −1 when x is beyond its ends. */
export function nearestItem(l: Line, x: number, slack: number): number {
    const n = l.track.n;
    if (n === 0) return -1;
    if (!l.rising) return nearestScan(l, x, slack);
    let lo = 0;
    let hi = n;
    const want = x + l.x0;
    while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (l.x[mid] < want) lo = mid + 1;
        else hi = mid;
    }
    if (lo === n) return want - l.x[n - 1] <= slack ? n - 1 : -1;
    if (lo === 0) return l.x[0] - want <= slack ? 0 : -1;
    return want - l.x[lo - 1] <= l.x[lo] - want ? lo - 1 : lo;
}

function nearestScan(l: Line, x: number, slack: number): number {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < l.track.n; i++) {
        const d = Math.abs(l.x[i] - l.x0 - x);
        if (d <= least) {
            least = d;
            best = i;
        }
    }
    const next = best >= 0 ? Math.abs(l.x[Math.min(best + 1, l.track.n - 1)] - l.x[best]) : 0;
    return least <= Math.max(slack, next) ? best : -1;
}

export function drawCross(p: Pen, x: number, colour: string): void {
    const at = Math.round(p.x(x)) + 0.5;
    p.ctx.beginPath();
    p.ctx.moveTo(at, p.top - 3);
    p.ctx.lineTo(at, p.bottom);
    p.ctx.strokeStyle = colour;
    p.ctx.lineWidth = 1;
    p.ctx.stroke();
}

/** The crosshair's place in words, on the axis. */
export function drawPill(p: Pen, x: number, text: string, back: string, front: string): void {
    const { ctx } = p;
    const width = Math.ceil(ctx.measureText(text).width) + 8;
    const at = Math.max(p.left, Math.min(p.right - width, Math.round(p.x(x)) - width / 2));
    ctx.beginPath();
    ctx.roundRect(at, p.bottom + 3, width, 16, 3);
    ctx.fillStyle = back;
    ctx.fill();
    ctx.fillStyle = front;
    ctx.textAlign = "center";
    ctx.textBaseline = "alphabetic";
    ctx.fillText(text, at + width / 2, p.bottom + 15);
}

/** A dot on a line at an item, where `value` is shown. */
export function drawDot(
    p: Pen,
    l: Line,
    i: number,
    value: number,
    radius: number,
    ground: string,
): void {
    const y = p.y(value);
    if (!Number.isFinite(y) || y < p.top - 2 || y > p.bottom + 2) return;
    p.ctx.beginPath();
    p.ctx.arc(p.x(l.x[i] - l.x0), y, radius, 0, 7);
    p.ctx.fillStyle = p.hues[l.ink.hue - 1];
    p.ctx.fill();
    p.ctx.strokeStyle = ground;
    p.ctx.lineWidth = 1.5;
    p.ctx.stroke();
}
