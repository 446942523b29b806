// What the user has chosen for runs, by their names: a hue, and a place at the top of the list.
// This browser keeps it; a link does not carry it.

import { signal } from "@preact/signals";

export interface Mark {
    /** 1 to 8. */
    hue?: number;
    pinned?: boolean;
}

export const marks = signal<Map<string, Mark>>(new Map());

const LIMIT_MARKS = 1000;

/** Marks from text that this page or an older one has written; what makes no sense is left out. */
export function marksRead(text: string): Map<string, Mark> {
    const out = new Map<string, Mark>();
    let held: unknown;
    try {
        held = JSON.parse(text);
    } catch {
        return out;
    }
    if (typeof held !== "object" || held === null) return out;
    for (const [name, m] of Object.entries(held as Record<string, Mark | null>)) {
        const mark: Mark = {};
        const hue = Number(m?.hue);
        if (Number.isInteger(hue) && hue >= 1 && hue <= 8) mark.hue = hue;
        if (m?.pinned === true) mark.pinned = true;
        if (Object.keys(mark).length > 0) out.set(name, mark);
    }
    return out;
}

/** The newest marks, as text. */
export function marksText(of: Map<string, Mark>): string {
    return JSON.stringify(Object.fromEntries([...of].slice(-LIMIT_MARKS)));
}

/** Changes the mark of a run; a part set to undefined goes. */
export function markRun(name: string, change: Mark): void {
    const next = new Map(marks.value);
    const mark = { ...next.get(name), ...change };
    next.delete(name);
    if (mark.hue || mark.pinned) next.set(name, mark);
    marks.value = next;
}

/** By the run history for all who look, or by this browser alone. */
export function isPinned(run: { name: string; pinned?: boolean }): boolean {
    return run.pinned === true || marks.value.get(run.name)?.pinned === true;
}
