// When charts draw: in one loop for all of them, at most BUDGET_MS in a frame, newest change
// first, only what is on the screen, and nothing in a hidden tab.

export const BUDGET_MS = 8;

export interface Painted {
    /** On the screen. */
    visible: boolean;
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

function frame(): void {
    asked = 0;
    const start = performance.now();
    const deadline = start + BUDGET_MS;
    for (const p of [...dirty].reverse()) {
        if (!p.visible) continue;
        if (performance.now() > deadline) break;
        if (p.paint(deadline)) dirty.delete(p);
        over.add(p);
    }
    for (const p of over) if (p.visible) p.paintOver();
    over.clear();
    figures.worst = Math.max(figures.worst, performance.now() - start);
    figures.frames++;
    for (const p of dirty) if (p.visible) return ask();
}

document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
});
