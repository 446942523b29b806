// What a zoomed view does when points come: at the right edge it follows and keeps its span, else
// nothing moves and a small "new data" says so.

import { effect, signal } from "@preact/signals";
import { view } from "../model/view";
import { charts } from "./near";

/** Set while there are points to the right of the view: moves there. */
export const newData = signal<(() => void) | null>(null);
/** Keeps the right edge of a zoomed view. */
export const following = signal(false);

let edge = 0;

function rightmost(): number {
    let hi = Number.NEGATIVE_INFINITY;
    for (const c of charts.values())
        if (c.scene && c.scene.lines.length > 0) hi = Math.max(hi, c.scene.fullX[1]);
    return hi;
}

function toEdge(): void {
    const range = view.range.value;
    const hi = rightmost();
    if (!range || !Number.isFinite(hi)) return;
    edge = hi;
    view.range.value = [hi - (range[1] - range[0]), hi];
    newData.value = null;
}

/** Looks a few times a second: cheap, and axes that move with every point cannot be read. */
function look(): void {
    const range = view.range.value;
    if (!range) return;
    const hi = rightmost();
    if (!(hi > edge)) return;
    if (!Number.isFinite(edge)) {
        edge = hi;
        return;
    }
    if (following.value) toEdge();
    else if (hi > range[1] && !newData.value)
        newData.value = () => {
            following.value = true;
            toEdge();
        };
}

export function toggleFollow(): void {
    following.value = !following.value;
    if (following.value) toEdge();
}

export function followStart(): void {
    setInterval(look, 250);
    let last = "";
    effect(() => {
        const range = view.range.value;
        const span = range ? String(range[1] - range[0]) : "";
        if (!range) {
            following.value = false;
            newData.value = null;
        } else if (span !== last) {
            edge = rightmost();
            const slack = (range[1] - range[0]) * 0.005;
            following.value = Number.isFinite(edge) && range[1] >= edge - slack;
            newData.value = null;
        }
        last = span;
    });
}
