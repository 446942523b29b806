// The first drawing is made in parts, each a task of its own, so that none of them holds up the
// browser: the frame with the cards on the screen, then some rows of the list of runs at a time,
// then some more cards at a time. ui/first.ts goes from one to the next.

import { signal } from "@preact/signals";

/** Rows that the list of runs may have. */
export const rowRoom = signal(0);

/** Tags of the cards that there are so far; null: all. */
export const firstCards = signal<Set<string> | null>(new Set());

/** The first charts stand: what can wait is fetched now. */
export const settled = signal(false);

/** The list of deleted runs is shown. */
export const deletedOpen = signal(false);
/** The run whose name is being changed. */
export const renaming = signal("");
