// Hands on a chart: moving sets the crosshair, dragging selects a range, clicking pins the readout,
// a double click shows all. Two fingers zoom; Ctrl and the wheel too.

import type { Chart } from "../chart/chart";
import { nearestRun, readAt } from "../chart/hover";
import { isSame } from "../model/lines";
import { acts, cursor, hot, step, view } from "../model/view";

const DRAG_PX = 4;

interface Drag {
    from: { x: number; y: number };
    /** With Shift: a range of y. */
    tall: boolean;
    box: HTMLElement;
    moved: boolean;
}

/** Sets the crosshair to a place in CSS px of the plot. */
function point(chart: Chart, x: number, y: number, pinned: boolean): void {
    const { left, right } = chart.plot.box;
    if (!chart.scene) return;
    const at = chart.plot.xValue(Math.max(left, Math.min(right, x)));
    const { rows } = readAt(chart, at);
    const run = nearestRun(chart, rows, y);
    // The crosshair stands at a point of the nearest run: what it says was really logged there.
    const here = rows.find(r => isSame(run, r.run.id));
    cursor.value = { x: here ? here.x : at, card: chart.tag, pinned };
    if (hot.peek()?.run !== run) hot.value = run ? { run, pale: false } : null;
}

/** Range of x zoomed by a factor around a place. */
export function zoomAround(chart: Chart, at: number, factor: number): void {
    const scene = chart.scene;
    if (!scene) return;
    const [a, b] = scene.x;
    const next: [number, number] = [at - (at - a) * factor, at + (b - at) * factor];
    const [lo, hi] = scene.fullX;
    const range: [number, number] = [Math.max(lo, next[0]), Math.min(hi, next[1])];
    if (range[1] - range[0] <= 0) return;
    view.range.value = range[0] <= lo && range[1] >= hi ? null : range;
}

/** Moves the range by a share of its width. */
export function pan(chart: Chart, share: number): void {
    const range = view.range.value;
    if (!range || !chart.scene) return;
    const by = (range[1] - range[0]) * share;
    const [lo, hi] = chart.scene.fullX;
    const shift = Math.max(lo - range[0], Math.min(hi - range[1], by));
    view.range.value = [range[0] + shift, range[1] + shift];
}

class Hand {
    private drag: Drag | null = null;
    private readonly fingers = new Map<number, { x: number; y: number }>();
    private spread = 0;

    constructor(
        private readonly host: HTMLElement,
        private readonly chart: () => Chart | null,
    ) {}

    private place(e: PointerEvent | MouseEvent): { x: number; y: number } {
        const at = this.host.getBoundingClientRect();
        return { x: e.clientX - at.left, y: e.clientY - at.top };
    }

    private inside(x: number, y: number): boolean {
        const box = this.chart()?.plot.box;
        return !!box && x >= box.left - 4 && x <= box.right + 6 && y >= 0 && y <= box.bottom + 20;
    }

    move = (e: PointerEvent) => {
        const chart = this.chart();
        const { x, y } = this.place(e);
        if (!chart) return;
        if (this.fingers.has(e.pointerId)) this.fingers.set(e.pointerId, { x, y });
        if (this.fingers.size === 2) return this.pinch(chart);
        if (this.drag) return this.pull(chart, x, y);
        if (cursor.peek()?.pinned) return;
        if (this.inside(x, y)) point(chart, x, y, false);
        else this.leave();
    };

    private pull(chart: Chart, x: number, y: number): void {
        const drag = this.drag as Drag;
        const by = drag.tall ? y - drag.from.y : x - drag.from.x;
        if (!drag.moved && Math.abs(by) < DRAG_PX) return;
        drag.moved = true;
        const { left, right, top, bottom } = chart.plot.box;
        const [a, b] = this.selected(chart, drag, x, y);
        Object.assign(drag.box.style, {
            left: `${drag.tall ? left : a}px`,
            width: `${drag.tall ? right - left : Math.max(0, b - a)}px`,
            top: `${drag.tall ? a : top - 3}px`,
            height: `${drag.tall ? Math.max(0, b - a) : bottom - top + 3}px`,
        });
        if (!drag.box.isConnected) this.host.append(drag.box);
        cursor.value = null;
    }

    /** From and to in px: of x, or of y from above. */
    private selected(chart: Chart, drag: Drag, x: number, y: number): [number, number] {
        const { left, right, top, bottom } = chart.plot.box;
        const [from, to] = drag.tall ? [drag.from.y, y] : [drag.from.x, x];
        const [least, most] = drag.tall ? [top, bottom] : [left, right];
        return [Math.max(least, Math.min(from, to)), Math.min(most, Math.max(from, to))];
    }

    private pinch(chart: Chart): void {
        const [a, b] = [...this.fingers.values()];
        const spread = Math.max(20, Math.abs(a.x - b.x));
        if (this.spread > 0 && Math.abs(spread - this.spread) > 2) {
            zoomAround(chart, chart.plot.xValue((a.x + b.x) / 2), this.spread / spread);
            this.spread = spread;
        }
        if (this.spread === 0) this.spread = spread;
    }

    down = (e: PointerEvent) => {
        const { x, y } = this.place(e);
        if (e.pointerType === "touch") {
            this.fingers.set(e.pointerId, { x, y });
            return;
        }
        if (e.button !== 0 || !this.inside(x, y)) return;
        const box = document.createElement("div");
        box.className = "select";
        this.drag = { from: { x, y }, tall: e.shiftKey, box, moved: false };
        this.host.setPointerCapture(e.pointerId);
    };

    up = (e: PointerEvent) => {
        const chart = this.chart();
        const { x, y } = this.place(e);
        if (e.pointerType === "touch") {
            const two = this.fingers.size === 2;
            this.fingers.delete(e.pointerId);
            this.spread = 0;
            if (chart && !two && this.inside(x, y)) point(chart, x, y, true);
            return;
        }
        const drag = this.drag;
        this.drag = null;
        if (!drag || !chart) return;
        drag.box.remove();
        if (!drag.moved) return this.click(chart, x, y);
        const [a, b] = this.selected(chart, drag, x, y);
        if (b <= a) return;
        const { plot } = chart;
        if (drag.tall) acts.height(chart.tag, [plot.yValue(b), plot.yValue(a)]);
        else acts.zoom([plot.xValue(a), plot.xValue(b)]);
    };

    private click(chart: Chart, x: number, y: number): void {
        const pinned = cursor.peek()?.pinned;
        point(chart, x, y, !pinned);
    }

    cancel = (e: PointerEvent) => {
        this.fingers.delete(e.pointerId);
        this.spread = 0;
        this.drag?.box.remove();
        this.drag = null;
    };

    leave = () => {
        if (this.drag || cursor.peek()?.pinned) return;
        if (cursor.peek()) cursor.value = null;
        if (hot.peek() && !hot.peek()?.pale) hot.value = null;
    };

    double = () => {
        const chart = this.chart();
        if (!chart) return;
        cursor.value = null;
        if (view.range.value || view.heights.value[chart.tag]) {
            step(() => {
                acts.height(chart.tag, null);
                acts.zoom(null);
            });
        } else acts.wide(chart.tag);
    };

    wheel = (e: WheelEvent) => {
        const chart = this.chart();
        if (!chart || !(e.ctrlKey || e.metaKey)) return;
        e.preventDefault();
        zoomAround(chart, chart.plot.xValue(this.place(e).x), 1.0015 ** e.deltaY);
    };
}

/** Puts hands on an element; gives what takes them off. */
export function hands(host: HTMLElement, chart: () => Chart | null): () => void {
    const h = new Hand(host, chart);
    const on: [string, EventListener][] = [
        ["pointermove", h.move as EventListener],
        ["pointerdown", h.down as EventListener],
        ["pointerup", h.up as EventListener],
        ["pointercancel", h.cancel as EventListener],
        ["pointerleave", h.leave as EventListener],
        ["dblclick", h.double as EventListener],
        ["wheel", h.wheel as EventListener],
    ];
    for (const [name, fn] of on) host.addEventListener(name, fn, { passive: name !== "wheel" });
    return () => {
        for (const [name, fn] of on) host.removeEventListener(name, fn);
    };
}
