// What can still be taken back, and what an act ran into: told beside the list for a while.

import { signal } from "@preact/signals";

export const UNDO_MS = 10_000;

export interface Said {
    words: string;
    fail: boolean;
    /** On Date.now()'s clock. */
    until: number;
    act?: { label: string; do: () => void };
}

export const said = signal<Said | null>(null);

/** Shown until its time has come or something else is told. */
export function tell(words: string, more: Partial<Said> = {}): void {
    said.value = { words, fail: false, until: Date.now() + UNDO_MS, ...more };
}

/** Whole seconds left; 0: over. */
export function secondsLeft(s: Said, now = Date.now()): number {
    return Math.max(0, Math.ceil((s.until - now) / 1000));
}
