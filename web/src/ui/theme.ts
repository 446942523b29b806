// Light or dark: the system's choice until the user makes one, which this browser then keeps.

import { effect, signal } from "@preact/signals";
import { paletteChanged } from "../chart/palette";
import { marks, marksRead, marksText } from "../model/personal";

type Theme = "light" | "dark" | "";

const KEY = "tailboard.theme";
const MARKS = "tailboard.runs";

function stored(key: string): string {
    try {
        return localStorage.getItem(key) ?? "";
    } catch {
        return "";
    }
}

export function store(key: string, value: string): void {
    try {
        localStorage.setItem(key, value);
    } catch {
        // A browser that keeps nothing: the choice lasts as long as the page.
    }
}

export const theme = signal<Theme>("");

function show(t: Theme): void {
    theme.value = t;
    if (t) document.documentElement.dataset.theme = t;
    else delete document.documentElement.dataset.theme;
    paletteChanged();
}

export function isDark(): boolean {
    if (theme.value) return theme.value === "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches;
}

export function toggleTheme(): void {
    const next = isDark() ? "light" : "dark";
    show(next);
    store(KEY, next);
}

export function themeStart(): void {
    marks.value = marksRead(stored(MARKS));
    let first = true;
    effect(() => {
        const text = marksText(marks.value);
        if (!first) store(MARKS, text);
        first = false;
    });
    const t = stored(KEY);
    if (t === "light" || t === "dark") show(t);
}

/** Columns of charts: 0 fits as many as there is room for. */
export const columns = signal(Number(stored("tailboard.columns")) || 0);

export function setColumns(n: number): void {
    columns.value = n;
    store("tailboard.columns", String(n));
}

/** Single-key shortcuts may be switched off. */
export const keysOn = signal(stored("tailboard.keys") !== "off");

export function setKeys(on: boolean): void {
    keysOn.value = on;
    store("tailboard.keys", on ? "on" : "off");
}
