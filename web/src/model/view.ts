// What the user has chosen to see, one signal for each part, and the acts that change it. The link
// is written from here and read into here (ui/address.ts); nothing here touches the DOM.

import { batch, computed, signal } from "@preact/signals";
import {
    type Attempts,
    type Scale,
    type Selection,
    type Sort,
    type State,
    stateDefault,
} from "./link";
import type { Axis } from "./series";
import type { Smooth } from "./smoother";

const start = stateDefault();

export const view = {
    runFilter: signal(start.runFilter),
    tagFilter: signal(start.tagFilter),
    experiment: signal(start.experiment),
    selection: signal<Selection>(start.selection),
    axis: signal<Axis>(start.axis),
    range: signal<[number, number] | null>(null),
    scales: signal<Record<string, Scale>>({}),
    wide: signal<string[]>([]),
    smooth: signal<Smooth>(start.smooth),
    heights: signal<Record<string, [number, number]>>({}),
    attempts: signal<Attempts>(start.attempts),
    pins: signal<string[]>([]),
    folds: signal<string[]>([]),
    full: signal(""),
    run: signal(""),
    sort: signal<Sort | null>(null),
    other: signal<[string, string][]>([]),
};

/** The whole state: reading it subscribes to all parts. */
export const state = computed<State>(() => {
    const out = {} as Record<string, unknown>;
    for (const [key, part] of Object.entries(view)) out[key] = part.value;
    return out as unknown as State;
});

/** True while the change under way is one that the back key should undo. */
export let stepping = false;

/** Runs a change that makes a step in the browser's history. */
export function step(change: () => void): void {
    stepping = true;
    try {
        batch(change);
    } finally {
        stepping = false;
    }
}

export function setState(s: State): void {
    batch(() => {
        for (const [key, part] of Object.entries(view)) {
            const next = s[key as keyof State];
            if (JSON.stringify(part.value) !== JSON.stringify(next))
                (part as { value: unknown }).value = next;
        }
    });
}

/* ---- what is not in the link --------------------------------------------------------------- */

/** The run under the pointer, in the list (pale: the others fade) or in a chart. */
export const hot = signal<{ run: string; pale: boolean } | null>(null);

/** Where the crosshair stands, in units of the axis; `card` has the pointer. */
export const cursor = signal<{ x: number; card: string; pinned: boolean } | null>(null);

/** Paused: charts stand still and `missed` counts. */
export const paused = signal(false);
export const missed = signal(0);

/** Grows once a second: ages are read anew. */
export const tick = signal(0);

/* ---- acts ---------------------------------------------------------------------------------- */

export function toggleIn(list: string[], item: string): string[] {
    return list.includes(item) ? list.filter(i => i !== item) : [...list, item];
}

export const acts = {
    pin: (tag: string) =>
        step(() => {
            view.pins.value = toggleIn(view.pins.value, tag);
        }),
    fold: (section: string) => {
        view.folds.value = toggleIn(view.folds.value, section);
    },
    zoom: (range: [number, number] | null) =>
        step(() => {
            view.range.value = range;
        }),
    axis: (axis: Axis) =>
        step(() => {
            if (axis === view.axis.value) return;
            view.axis.value = axis;
            view.range.value = null;
            cursor.value = null;
        }),
    full: (tag: string) =>
        step(() => {
            view.full.value = tag;
            view.run.value = "";
            cursor.value = null;
        }),
    openRun: (run: string) =>
        step(() => {
            view.run.value = run;
            view.full.value = "";
            cursor.value = null;
        }),
    charts: () =>
        step(() => {
            view.run.value = "";
            view.full.value = "";
            cursor.value = null;
        }),
    scale: (tag: string, scale: Scale) => {
        const next = { ...view.scales.value };
        acts.height(tag, null);
        if (scale === "linear") delete next[tag];
        else next[tag] = scale;
        view.scales.value = next;
    },
    height: (tag: string, range: [number, number] | null) =>
        step(() => {
            const next = { ...view.heights.value };
            if (range) next[tag] = range;
            else delete next[tag];
            view.heights.value = next;
        }),
    /** Shows all of both axes again. */
    all: () =>
        step(() => {
            view.range.value = null;
            view.heights.value = {};
        }),
    wide: (tag: string) => {
        view.wide.value = toggleIn(view.wide.value, tag);
    },
    attempts: (attempts: Attempts) =>
        step(() => {
            view.attempts.value = attempts;
        }),
};

export function isZoomed(): boolean {
    return view.range.value !== null || Object.keys(view.heights.value).length > 0;
}

export function scaleOf(tag: string): Scale {
    const scales = view.scales.value;
    return scales[tag] ?? scales["*"] ?? "linear";
}
