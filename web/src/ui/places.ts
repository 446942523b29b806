// Where the focus goes when what it stood on leaves with the screen: to the head of the new screen,
// and back to the card or the run from which it came. A focus that still is somewhere stays.

import { effect } from "@preact/signals";
import { view } from "../model/view";

const LOOKS = 60;

/** Focuses what `find` gives once it is there, unless something else has the focus by then. */
function focusSoon(find: () => HTMLElement | null, left = LOOKS): void {
    requestAnimationFrame(() => {
        if (document.activeElement && document.activeElement !== document.body) return;
        const el = find();
        if (el) {
            if (el.tabIndex < 0) el.tabIndex = -1;
            el.focus({ preventScroll: el.tagName === "H1" });
        } else if (left > 0) focusSoon(find, left - 1);
    });
}

function first(selector: string): HTMLElement | null {
    return document.querySelector<HTMLElement>(selector);
}

export function placesStart(): void {
    let full = view.full.peek();
    let run = view.run.peek();
    effect(() => {
        const was = { full, run };
        full = view.full.value;
        run = view.run.value;
        if (full === was.full && run === was.run) return;
        if (run || full) focusSoon(() => first(run ? ".sheet h1" : ".solo h1"));
        else if (was.full) focusSoon(() => first(`.card[data-tag="${CSS.escape(was.full)}"]`));
        else focusSoon(() => first(`.row[data-run="${CSS.escape(was.run)}"] .open`));
    });
}

/** Past the bar and the list of runs. */
export function skipToMain(): void {
    first(".main")?.focus();
}
