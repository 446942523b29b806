// What a screen reader is told as it happens: values at the crosshair that keys move, and runs that
// change their state. Politely, at most once a second, the newest words alone; new points are not.

import { effect, signal } from "@preact/signals";
import type { Chart } from "../chart/chart";
import { readAt } from "../chart/hover";
import { runs } from "../model/catalog";
import { axisValue, count, short } from "../model/format";
import { stateWord } from "../model/state";
import { view } from "../model/view";
import { stateWords } from "./icons";

const LEAST_MS = 1000;
const MOST_RUNS = 5;

const words = signal("");
let next = "";
let timer = 0;

export function say(text: string): void {
    next = text;
    if (timer) return;
    words.value = text;
    timer = window.setTimeout(() => {
        timer = 0;
        if (next !== words.peek()) say(next);
    }, LEAST_MS);
}

/** "step 120: a 0.31, b 0.44" */
export function placeWords(chart: Chart, x: number): string {
    const axis = view.axis.value;
    const { rows } = readAt(chart, x);
    const at = axis === "step" ? `step ${count(Math.round(x))}` : axisValue(axis, x);
    const few = rows.slice(0, MOST_RUNS).map(r => `${r.run.name} ${short(r.value)}`);
    const more = rows.length - few.length;
    if (more > 0) few.push(`and ${more} more`);
    return `${at}: ${few.join(", ") || "no value"}`;
}

export function announceStart(): void {
    let known = new Map<string, string>();
    effect(() => {
        const now = new Map(runs.value.map(r => [r.id, stateWord(r)]));
        const told = runs.value
            .filter(r => known.has(r.id) && known.get(r.id) !== now.get(r.id))
            .map(r => `${r.name}: ${stateWords(stateWord(r))}`);
        known = now;
        if (told.length > 0) say(told.slice(0, MOST_RUNS).join(", "));
    });
}

export function Announcer() {
    return (
        <p class="sr" role="status" aria-live="polite" id="said">
            {words.value}
        </p>
    );
}
