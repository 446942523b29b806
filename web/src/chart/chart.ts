// One chart: keeps its scene fresh, draws it when the frame loop says so, and answers what is at a
// place. What it says in words goes out as signals; the card around it shows them.

import { effect, signal, untracked } from "@preact/signals";
import { drawn, inkOf, inks, runOfLine, runsOf, tagByName } from "../model/catalog";
import { failures } from "../model/feed";
import { onChange, seriesOf } from "../model/held";
import { isSame } from "../model/lines";
import { cursor, hot, scaleOf, view } from "../model/view";
import { cursorLabel } from "./axis";
import { fillBand, type Pen, strokeExtremes, strokeLine, strokeRaw } from "./lines";
import {
    drawCross,
    drawDot,
    drawEnd,
    drawOdd,
    drawOutliers,
    drawPill,
    drawSplits,
    nearestItem,
} from "./marks";
import { isDense, shownAt } from "./means";
import { BUDGET_MS, forget, invalidate, invalidateOver, type Painted, rasterMs } from "./paint";
import { palette, themeVersion } from "./palette";
import { Plot } from "./plot";
import {
    BAND_LINES,
    clipX,
    countOdd,
    extentX,
    type Line,
    lineOf,
    rangeY,
    remarks,
    type Scene,
} from "./scene";

export interface Progress {
    have: number;
    of: number;
    points: number;
}

const MANY_LINES = 50;

export class Chart implements Painted {
    readonly plot: Plot;
    readonly note = signal("");
    readonly progress = signal<Progress>({ have: 0, of: 0, points: 0 });
    /** Grows with each drawing, for what depends on the scene. */
    readonly version = signal(0);
    scene: Scene | null = null;
    visible = false;
    vertices = 0;
    private stale = true;
    /** The axes fit the scene. */
    private framed = false;
    private themed = 0;
    private ends: (() => void)[] = [];
    private heldX: [number, number] | null = null;
    private heldY: { key: string; y: [number, number] } | null = null;
    private slice: { ctx: CanvasRenderingContext2D; at: number } | null = null;
    private spare: HTMLCanvasElement | null = null;

    constructor(
        readonly tag: string,
        host: HTMLElement,
        /** The chart in full width: the hovered run makes the others pale. */
        readonly full = false,
    ) {
        this.plot = new Plot(host);
        this.ends.push(
            onChange(tag, () => this.refresh()),
            effect(() => {
                view.axis.value;
                view.range.value;
                view.smooth.value;
                view.heights.value;
                view.scales.value;
                view.wide.value;
                drawn.value;
                inks.value;
                tagByName.value;
                failures.value;
                themeVersion.value;
                untracked(() => this.refresh());
            }),
            effect(() => {
                cursor.value;
                hot.value;
                untracked(() => invalidateOver(this));
            }),
        );
    }

    /** Something that is drawn has changed. */
    refresh(): void {
        this.stale = true;
        this.slice = null;
        invalidate(this);
    }

    /** Came on the screen: what changed meanwhile is drawn. */
    wake(): void {
        invalidate(this);
    }

    resize(width: number, height: number): void {
        if (this.plot.resize(width, height)) this.refresh();
    }

    destroy(): void {
        for (const end of this.ends) end();
        forget(this);
        this.plot.destroy();
        this.spare = null;
        this.scene = null;
    }

    /* ---- scene ------------------------------------------------------------------------- */

    private lines(): Line[] {
        const out: Line[] = [];
        const axis = view.axis.value;
        for (const id of runsOf(this.tag)) {
            const s = seriesOf(id, this.tag);
            const run = runOfLine(id);
            const ink = inkOf(id);
            if (!s || !run || !ink) continue;
            const line = lineOf(run, ink, s, axis, view.range.value, view.smooth.value);
            if (line) out.push(line);
        }
        return out;
    }

    private makeScene(): void {
        const lines = this.lines();
        const axis = view.axis.value;
        const scale = scaleOf(this.tag);
        const fullX = extentX(lines) ?? [0, 1];
        const x = view.range.value ?? this.steadyX(fullX, axis, lines);
        clipX(lines, x);
        const wide = view.wide.value.includes(this.tag);
        const y =
            view.heights.value[this.tag] ??
            this.steadyY(rangeY(lines, x, scale, wide), axis, scale, wide);
        const smoothed = view.smooth.value.amount > 0;
        const odd = { nan: 0, inf: 0, points: 0, blank: false };
        const scene = { axis, scale, smoothed, lines, x, fullX, y, ...odd };
        countOdd(scene);
        scene.blank = scene.points > 0 && scene.nan + scene.inf === scene.points;
        this.scene = scene;
        this.report(scene);
    }

    /** At full extent a growing chart takes room in steps, so that axes do not crawl. */
    private steadyX(full: [number, number], axis: string, lines: Line[]): [number, number] {
        const held = this.heldX;
        const live = lines.some(l => l.end === "running");
        const same = held && held[0] === full[0] && full[1] > held[0];
        if (live && same && held[1] >= full[1] && held[1] - full[1] < (full[1] - full[0]) / 4)
            return held;
        const grow = live && same && full[1] > held[1] && axis === view.axis.value;
        const next: [number, number] = [full[0], full[1]];
        if (grow) next[1] = full[1] + (full[1] - full[0]) / 16;
        this.heldX = next;
        return next;
    }

    /** Keeps the range while what is new fits in it and fills most of it. */
    private steadyY(
        y: [number, number],
        axis: string,
        scale: string,
        wide: boolean,
    ): [number, number] {
        const { range } = view;
        const { kind, amount } = view.smooth.value;
        const key = [axis, scale, wide, kind, amount, range.value, drawn.value.length].join();
        const held = this.heldY;
        if (held && held.key === key && !range.value) {
            const inside = y[0] >= held.y[0] && y[1] <= held.y[1];
            if (inside && y[1] - y[0] > 0.8 * (held.y[1] - held.y[0])) return held.y;
        }
        this.heldY = { key, y };
        return y;
    }

    private report(scene: Scene): void {
        const of = runsOf(this.tag);
        let have = 0;
        for (const id of of) {
            const s = seriesOf(id, this.tag);
            if (s && (s.state === "have" || s.base.n > 0)) have++;
        }
        const { left, right } = this.plot.box;
        const loading = have < of.length && have > 0 ? `${have} of ${of.length} runs` : "";
        const means = view.smooth.value.kind === "median" && scene.lines.some(l => !l.track.raw);
        const words = [loading, remarks(scene, right - left)];
        if (scene.smoothed && means) words.push("mean in place of median");
        if (view.heights.value[this.tag]) words.push("y zoomed");
        this.note.value = words.filter(Boolean).join(", ");
        const was = this.progress.value;
        if (was.have !== have || was.of !== of.length || was.points !== scene.points)
            this.progress.value = { have, of: of.length, points: scene.points };
    }

    /* ---- drawing ----------------------------------------------------------------------- */

    private pen(ctx: CanvasRenderingContext2D): Pen {
        const { hues } = palette();
        const { ratio } = this.plot;
        return { ctx, ...this.plot.box, hues, ratio, vertices: 0, ...this.fastScales() };
    }

    /** xPos and yPos with the constant parts taken out: they run for every vertex. */
    private fastScales(): { x(v: number): number; y(v: number): number } {
        const { frame, box } = this.plot;
        const kx = (box.right - box.left) / (frame.x[1] - frame.x[0]);
        const cx = box.left - frame.x[0] * kx;
        const x = (v: number) => v * kx + cx;
        const height = box.bottom - box.top;
        const ends = frame.y;
        // Far outside lines would be drawn for ever: nothing is put further than this away.
        const clamp = (v: number) => (v < -4000 ? -4000 : Math.min(v, 8000));
        if (frame.scale === "linear") {
            const ky = height / (ends[1] - ends[0]);
            const cy = box.bottom + ends[0] * ky;
            return { x, y: v => clamp(cy - v * ky) };
        }
        const f = frame.scale === "log" ? Math.log10 : Math.asinh;
        const ky = height / (f(ends[1]) - f(ends[0]));
        const cy = box.bottom + f(ends[0]) * ky;
        if (frame.scale === "symlog") return { x, y: v => clamp(cy - f(v) * ky) };
        return { x, y: v => (v > 0 ? clamp(cy - f(v) * ky) : box.bottom) };
    }

    paint(deadline: number): boolean {
        if (!this.plot.ready) return true;
        if (this.themed !== themeVersion.peek()) {
            this.themed = themeVersion.peek();
            this.plot.recolour();
        }
        if (this.stale) {
            this.makeScene();
            this.stale = false;
            this.framed = false;
        }
        const scene = this.scene as Scene;
        if (!this.framed) {
            // Axes without lines would be made twice: a skeleton stands in their place.
            if (scene.lines.length === 0 && !this.plot.made) return true;
            if (performance.now() > deadline) return false;
            const { axis, scale, x, y, blank } = scene;
            this.plot.show({ axis, scale, x, y, blank });
            this.framed = true;
            // Ranges and lines of one chart are together more than a frame should take.
            if (performance.now() > deadline - BUDGET_MS / 2) return false;
        }
        const done = this.paintLines(deadline);
        if (done) this.version.value++;
        return done;
    }

    private paintLines(deadline: number): boolean {
        const scene = this.scene as Scene;
        if (!this.slice && scene.lines.length <= MANY_LINES) {
            const pen = this.pen(this.plot.linesContext());
            this.drawAll(pen, scene);
            this.vertices += pen.vertices;
            return true;
        }
        if (!this.slice) this.slice = { ctx: this.spareContext(), at: 0 };
        const pen = this.pen(this.slice.ctx);
        clip(pen);
        while (this.slice.at < scene.lines.length) {
            if (this.slice.at % 8 === 0 && performance.now() + rasterMs(pen.vertices) > deadline) {
                pen.ctx.restore();
                this.vertices += pen.vertices;
                return false;
            }
            const l = scene.lines[this.slice.at++];
            strokeExtremes(pen, l);
            strokeLine(pen, l, scene, 1, 0.45);
        }
        pen.ctx.restore();
        for (const l of scene.lines) drawOdd(pen, l);
        this.vertices += pen.vertices;
        const ctx = this.plot.linesContext();
        ctx.setTransform(1, 0, 0, 1, 0, 0);
        ctx.drawImage(this.spare as HTMLCanvasElement, 0, 0);
        this.slice = null;
        return true;
    }

    private spareContext(): CanvasRenderingContext2D {
        const { lines } = this.plot;
        this.spare ??= document.createElement("canvas");
        this.spare.width = lines.width;
        this.spare.height = lines.height;
        const ctx = this.spare.getContext("2d") as CanvasRenderingContext2D;
        const ratio = lines.width / Number.parseFloat(lines.style.width);
        ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
        return ctx;
    }

    private drawAll(pen: Pen, scene: Scene): void {
        const width = pen.right - pen.left;
        const bands = scene.lines.length <= BAND_LINES;
        clip(pen);
        for (const l of scene.lines) {
            const dense = isDense(l, width);
            if (bands && dense) fillBand(pen, l);
            else if (!bands) strokeExtremes(pen, l);
            if (bands && !dense && scene.smoothed) strokeRaw(pen, l, scene);
        }
        const thick = bands ? 1.5 : 1;
        for (const l of scene.lines) strokeLine(pen, l, scene, thick, bands ? 1 : 0.9);
        for (const l of scene.lines) drawSplits(pen, l);
        pen.ctx.restore();
        const { ground } = palette();
        for (const l of scene.lines) {
            if (bands) drawOutliers(pen, l);
            drawOdd(pen, l);
            drawEnd(pen, l, scene, ground);
        }
    }

    paintOver(): void {
        const scene = this.scene;
        if (!scene || !this.plot.ready) return;
        const at = cursor.peek();
        const crossed = at !== null && at.x >= scene.x[0] && at.x <= scene.x[1];
        if (!crossed && !hot.peek()) return this.plot.wipeOver();
        const p = palette();
        const pen = this.pen(this.plot.overContext());
        pen.ctx.font = p.font;
        this.drawHot(pen, scene);
        if (!crossed) return;
        drawCross(pen, at.x, p.cross);
        if (at.card === this.tag) this.drawDots(pen, scene, at.x);
        const span = scene.x[1] - scene.x[0];
        drawPill(pen, at.x, cursorLabel(scene.axis, at.x, span), p.ink2, p.ground);
    }

    private drawHot(pen: Pen, scene: Scene): void {
        const h = hot.peek();
        const line = h && scene.lines.find(l => isSame(h.run, l.run.id));
        if (!h || !line) return;
        const { ground } = palette();
        const { ctx } = pen;
        clip(pen);
        if ((h.pale || this.full) && scene.lines.length <= MANY_LINES) {
            ctx.globalAlpha = 0.65;
            ctx.fillStyle = ground;
            ctx.fillRect(pen.left, pen.top - 6, pen.right - pen.left + 6, pen.bottom - pen.top + 6);
            ctx.globalAlpha = 1;
            if (isDense(line, pen.right - pen.left)) fillBand(pen, line);
            else if (scene.smoothed) strokeRaw(pen, line, scene);
        }
        strokeLine(pen, line, scene, 2.5, 1);
        ctx.restore();
        drawEnd(pen, line, scene, ground);
    }

    private drawDots(pen: Pen, scene: Scene, x: number): void {
        if (scene.lines.length > MANY_LINES) return;
        const { ground } = palette();
        const h = hot.peek();
        for (const l of scene.lines) {
            const i = nearestItem(l, x, this.slack());
            if (i < 0) continue;
            const radius = isSame(h?.run, l.run.id) ? 3.5 : 2.5;
            drawDot(pen, l, i, shownAt(pen, l, i, scene), radius, ground);
        }
    }

    /** How far beyond its last point a line still answers: two pixels. */
    slack(): number {
        const { frame, box } = this.plot;
        return ((frame.x[1] - frame.x[0]) / (box.right - box.left)) * 2;
    }
}

function clip(pen: Pen): void {
    const { ctx } = pen;
    ctx.save();
    ctx.beginPath();
    ctx.rect(pen.left, pen.top - 3, pen.right - pen.left + 5, pen.bottom - pen.top + 4);
    ctx.clip();
}
