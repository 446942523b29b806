// Acts that reach over several parts of the page.

import { drawn, isChosen, matched } from "../model/catalog";
import { changedAll } from "../model/held";
import { missed, paused, step, view } from "../model/view";

/** Paused charts stand still; cursors go on, so that going on needs no new question. */
export function setPaused(on: boolean): void {
    if (paused.value === on) return;
    paused.value = on;
    missed.value = 0;
    if (!on) changedAll();
}

/** Draws or hides some runs; the selection becomes the shorter of "only these" and "all but". */
export function choose(ids: string[], on: boolean): void {
    step(() => {
        const { mode, ids: held } = view.selection.value;
        const set = new Set(ids);
        if (mode === "but") {
            const next = held.filter(id => !set.has(id));
            if (!on) next.push(...ids);
            view.selection.value =
                next.length > 0 ? { mode: "but", ids: next } : { mode: "start", ids: [] };
            return;
        }
        const all = matched.value.every(r => isChosen(r.id) || set.has(r.id));
        if (mode === "start" && !on && matched.value.every(r => isChosen(r.id))) {
            view.selection.value = { mode: "but", ids };
            return;
        }
        const now = mode === "start" ? drawn.value.map(r => r.id) : held;
        const next = now.filter(id => !set.has(id));
        if (on) next.push(...ids);
        view.selection.value = on && all ? { mode: "but", ids: [] } : { mode: "only", ids: next };
    });
}

export function only(id: string): void {
    step(() => {
        const { mode, ids } = view.selection.value;
        const alone = mode === "only" && ids.length === 1 && ids[0] === id;
        view.selection.value = alone ? { mode: "but", ids: [] } : { mode: "only", ids: [id] };
    });
}
