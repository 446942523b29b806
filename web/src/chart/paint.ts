// When charts draw: in one loop for all of them, at most BUDGET_MS in a frame, newest change
// first, only what is on the screen, and nothing in a hidden tab.
//
// What a browser without a GPU does with the lines comes after our own work, in the same frame. It
// follows the vertices, so what one of them took in the frames before is counted in.

export const BUDGET_MS = 8;
const LEAST_VERTICES = 2000;
const MOST_NS = 2000;

export interface Painted {
    /** On the screen. */
    visible: boolean;
    /** Vertices drawn; read and set to 0 by the loop. */
    vertices: number;
    /** Draws; true when done, false to go on in the next frame. */
    paint(deadline: number): boolean;
    /** Draws what follows the pointer: cheap, and always in the next frame. */
    paintOver(): void;
}

const dirty = new Set<Painted>();
const over = new Set<Painted>();
let asked = 0;

/** Longest time spent in one frame since it was last read, for tests. */
export const figures = { worst: 0, frames: 0 };

/** What the browser takes for a vertex after us, in ns; learnt. */
let afterNs = 200;
/** What the browser will take for so many vertices, in ms. */
export function rasterMs(vertices: number): number {
    return (vertices * afterNs) / 1e6;
}

let drawn = 0;
let scripted = 0;
const after = new MessageChannel();
after.port1.onmessage = () => {
    const ns = Math.min(MOST_NS, ((performance.now() - scripted) * 1e6) / drawn);
    afterNs += (ns - afterNs) / 4;
};

function ask(): void {
    if (asked === 0 && !document.hidden) asked = requestAnimationFrame(frame);
}

/** Draws `p` anew. The newest change goes first. */
export function invalidate(p: Painted): void {
    dirty.delete(p);
    dirty.add(p);
    ask();
}

export function invalidateOver(p: Painted): void {
    over.add(p);
    ask();
}

export function forget(p: Painted): void {
    dirty.delete(p);
    over.delete(p);
}

/** Something on the screen waits to be drawn. */
export function isBusy(): boolean {
    for (const p of dirty) if (p.visible) return true;
    return false;
}

function frame(): void {
    asked = 0;
    const start = performance.now();
    let deadline = start + BUDGET_MS;
    drawn = 0;
    for (const p of [...dirty].reverse()) {
        if (!p.visible) continue;
        if (performance.now() > deadline) break;
        p.vertices = 0;
        if (p.paint(deadline)) dirty.delete(p);
        over.add(p);
        drawn += p.vertices;
        deadline -= rasterMs(p.vertices);
    }
    for (const p of over) if (p.visible) p.paintOver();
    over.clear();
    scripted = performance.now();
    figures.worst = Math.max(figures.worst, scripted - start);
    if (drawn > LEAST_VERTICES) after.port2.postMessage(null);
    figures.frames++;
    if (isBusy()) ask();
}

document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
});
