// How the page stands with its server: what is shown instead of charts, and whether they are live.

import { computed, signal } from "@preact/signals";
import { about, runs } from "./catalog";

/** start: nothing known yet. login: a token is asked for. down: no first answer. ready: charts. */
export type Phase = "start" | "login" | "down" | "ready";

export const phase = signal<Phase>("start");
/** Why the phase is down or login, in the server's words. */
export const reason = signal("");

export interface Link {
    state: "opening" | "open" | "lost";
    /** Since when, on the page's clock (Date.now()). */
    since: number;
    /** The next try (performance.now()). */
    next: number;
    /** Points come by long poll, for want of a WebSocket. */
    polls?: boolean;
}

export const link = signal<Link>({ state: "opening", since: Date.now(), next: 0 });

/** The connection has been away long enough to say so. */
export const LOST_MS = 2000;

export interface Reading {
    read: number;
    total: number;
    runsDone: number;
    runs: number;
    points: number;
}

/** The first reading of the log directories, while it lasts. */
export const reading = computed<Reading | null>(() => {
    const list = runs.value;
    const busy = list.filter(r => r.loading);
    const whole = about.value?.progress;
    const open = whole ? !whole.done && whole.total > 0 : false;
    if (busy.length === 0 && !open) return null;
    const sum = (of: (r: (typeof list)[0]) => number) => list.reduce((n, r) => n + of(r), 0);
    return {
        read: whole?.total ? whole.read : sum(r => r.bytes_read ?? 0),
        total: whole?.total ? whole.total : sum(r => r.bytes_total ?? 0),
        runsDone: list.length - busy.length,
        runs: list.length,
        points: sum(r => r.points),
    };
});
