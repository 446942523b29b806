// Single keys, off inside fields and where the user has switched them off; Escape always works.

import { lineRun } from "../model/lines";
import type { Scale } from "../model/link";
import type { Axis } from "../model/series";
import { smoothBy } from "../model/smoother";
import { acts, cursor, hot, isZoomed, paused, scaleOf, view } from "../model/view";
import { choose, setPaused } from "./acts";
import { placeWords, say } from "./announce";
import { toggleFollow } from "./follow";
import { helpOpen } from "./help";
import { charts } from "./near";
import { pan, zoomAround } from "./pointer";
import { axisTo } from "./smoothing";
import { keysOn } from "./theme";

const AXES: Axis[] = ["step", "relative", "wall"];
const SCALES: Scale[] = ["linear", "log", "symlog"];

function cards(): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>(".card")];
}

function focused(): HTMLElement | null {
    return document.activeElement?.closest<HTMLElement>(".card") ?? null;
}

/** The tag that a key is about: the focused card, the one under the pointer, the full one. */
function currentTag(): string {
    return focused()?.dataset.tag ?? cursor.value?.card ?? view.full.value;
}

function walk(by: number): void {
    const all = cards();
    const at = all.indexOf(focused() as HTMLElement);
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
}

function back(): boolean {
    if (cursor.value?.pinned) cursor.value = null;
    else if (isZoomed()) acts.all();
    else if (view.full.value || view.run.value) acts.charts();
    else if (view.tagFilter.value) view.tagFilter.value = "";
    else return false;
    return true;
}

function moveCursor(by: number): void {
    const chart = charts.get(currentTag());
    const scene = chart?.scene;
    if (!chart || !scene) return;
    const { left, right } = chart.plot.box;
    const px = ((scene.x[1] - scene.x[0]) / (right - left)) * 4;
    const from = cursor.value?.x ?? Math.min(scene.x[1], scene.fullX[1]);
    const x = Math.max(scene.x[0], Math.min(scene.x[1], from + by * px));
    cursor.value = { x, card: chart.tag, pinned: true };
    say(placeWords(chart, x));
    if (!hot.value && scene.lines[0]) hot.value = { run: scene.lines[0].run.id, pale: false };
}

function zoomBy(factor: number): void {
    const chart = charts.get(currentTag()) ?? [...charts.values()][0];
    if (!chart?.scene) return;
    const [a, b] = chart.scene.x;
    zoomAround(chart, cursor.value?.x ?? (a + b) / 2, factor);
}

function next<T>(list: T[], now: T): T {
    return list[(list.indexOf(now) + 1) % list.length];
}

function focusField(id: string): void {
    const el = document.getElementById(id) as HTMLInputElement | null;
    el?.focus();
    el?.select();
}

function withTag(act: (tag: string) => void): void {
    const tag = currentTag();
    if (tag) act(tag);
}

const KEYS: Record<string, (e: KeyboardEvent) => void> = {
    "/": () => focusField("run-filter"),
    t: () => focusField("tag-filter"),
    s: () => document.querySelector<HTMLElement>(".range input")?.focus(),
    j: () => walk(1),
    k: () => walk(-1),
    f: () => (view.full.value ? acts.charts() : withTag(acts.full)),
    // In full width the data are one step further.
    Enter: () =>
        view.full.value ? document.getElementById("points-table")?.click() : withTag(acts.full),
    p: () => withTag(acts.pin),
    h: () => hot.value && choose([lineRun(hot.value.run)], false),
    x: () => axisTo(next(AXES, view.axis.value)),
    y: () => withTag(tag => acts.scale(tag, next(SCALES, scaleOf(tag)))),
    l: () => withTag(tag => acts.scale(tag, scaleOf(tag) === "log" ? "linear" : "log")),
    g: () => toggleFollow(),
    a: () => acts.attempts(view.attempts.value === "all" ? "stitched" : "all"),
    " ": () => setPaused(!paused.value),
    "[": () => {
        view.smooth.value = smoothBy(view.smooth.value, -1);
    },
    "]": () => {
        view.smooth.value = smoothBy(view.smooth.value, 1);
    },
    "+": () => zoomBy(0.5),
    "-": () => zoomBy(2),
    "0": () => acts.all(),
    "?": () => {
        helpOpen.value = true;
    },
    ArrowLeft: e => arrow(e, -1),
    ArrowRight: e => arrow(e, 1),
};

function arrow(e: KeyboardEvent, by: number): void {
    const chart = charts.get(currentTag());
    if (e.shiftKey && chart) pan(chart, by * 0.1);
    else moveCursor(by);
}

function inField(e: KeyboardEvent): boolean {
    const el = e.target as HTMLElement;
    return Boolean(el.closest("input:not([type=checkbox]):not([type=radio]), textarea, select"));
}

export function keysStart(): void {
    document.addEventListener("keydown", e => {
        if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
        if (document.querySelector("dialog[open]")) return;
        if (e.key === "Escape") {
            if (inField(e)) (e.target as HTMLElement).blur();
            if (back()) e.preventDefault();
            return;
        }
        if (inField(e) || !keysOn.value) return;
        // Buttons keep Enter and Space for themselves.
        const button = (e.target as HTMLElement).closest("button, a, label, [role=menu]");
        if (button && (e.key === "Enter" || e.key === " ")) return;
        const act = KEYS[e.key];
        if (!act) return;
        e.preventDefault();
        act(e);
    });
}
