// Which series are asked for and watched: those of wanted tags and drawn runs.
//
//   want(tag) ─► plan ─► POST /points ─► Series ─► changed(tag) ─► chart/
//                           └► watch block at the cursors ─► frames ─┘
//
// One block of watches for each tag and answer; handles are this page's own and start anew with
// each connection. What is held stays drawn while it is asked for again.

import { effect, signal } from "@preact/signals";
import { ApiError, CHART_COLS, NetError, points } from "../net/http";
import type { Frame } from "../wire/frames";
import { drawn, isLoading, runsOf, tagByName, touch } from "./catalog";
import { allSeries, answeredTime, bound, changed, seriesMake, seriesOf } from "./held";
import { Answer, type Job, jobAdd, pairsOf } from "./job";
import { lineRef, lineRun } from "./lines";
import { fineFits, type Series, seriesFine, seriesLive } from "./series";
import { missed, paused, view } from "./view";

const MOST_OPEN = 3;
const UNWATCH_MS = 5000;
const GATHER_MS = 60;

/** What takes our watches. */
interface Live {
    send(message: object): boolean;
}

interface Wanted {
    since: number;
    until: number;
    width: number;
    visible: boolean;
}

const wanted = new Map<string, Wanted>();
const handles = new Map<number, Series>();
const handleOf = new Map<Series, number>();
/** Why a tag could not be read, by tag. */
export const failures = signal<Map<string, string>>(new Map());

let socket: Live | null = null;
let epoch = "";
let connected = false;
let nextHandle = 1;
let open = 0;
let timer = 0;
let lastAnswerMs = 100;
let retryAt = 0;
let generation = 0;
/** Tags whose answer failed, and when they are asked for again, each alone. */
const coolUntil = new Map<string, number>();
const COOL_MS = 10_000;
let onEpoch: () => void = () => {};
let onDenied: () => void = () => {};

/** Says that a card of `tag`, `width` px wide, is on or near the screen. */
export function want(tag: string, width: number, visible: boolean): void {
    const w = wanted.get(tag);
    const until = Number.POSITIVE_INFINITY;
    if (w) Object.assign(w, { width: Math.max(w.width, width), until, visible });
    else wanted.set(tag, { since: performance.now(), until, width, visible });
    // Cards that come near do so one by one: they are asked for together.
    if (visible || timer === 0) schedule(visible ? 0 : GATHER_MS);
}

/** Asks at once for tags whose cards will stand on the screen; those that do not are let go. */
export function expect(tags: string[], width: number): void {
    const since = performance.now();
    for (const tag of tags)
        if (!wanted.has(tag))
            wanted.set(tag, { since, until: since + UNWATCH_MS, width, visible: true });
    setTimeout(() => schedule(0), UNWATCH_MS + 50);
    plan();
}

export function unwant(tag: string): void {
    const w = wanted.get(tag);
    if (!w) return;
    w.until = performance.now() + UNWATCH_MS;
    w.visible = false;
    setTimeout(() => schedule(0), UNWATCH_MS + 50);
}

function schedule(ms: number): void {
    clearTimeout(timer);
    timer = window.setTimeout(plan, ms);
}

function askedWidth(tag: string, lines: number): number {
    const px = wanted.get(tag)?.width ?? 400;
    const width = Math.ceil(px / 64) * 64;
    return Math.max(64, lines > 50 ? width / 2 : width);
}

/** Series that a tag lacks now. */
function missing(tag: string, now: number): string[] {
    if (now < (coolUntil.get(tag) ?? 0)) return [];
    const list = runsOf(tag);
    const width = askedWidth(tag, list.length);
    return list.filter(run => {
        const s = seriesOf(run, tag);
        if (!s || s.state === "none" || s.state === "void") return true;
        if (s.state !== "have") return false;
        if (isLoading(run)) return now >= reloadAt(s);
        // Drawn wider than it was asked for.
        return !s.base.raw && s.width * 1.5 < width;
    });
}

function isAsked(tag: string): boolean {
    return runsOf(tag).some(run => {
        const s = seriesOf(run, tag);
        return s?.state === "asked" && s.base.n === 0;
    });
}

/** A card on the screen waits for its first points. */
export function isWaiting(): boolean {
    for (const [tag, w] of wanted) if (w.visible && isAsked(tag)) return true;
    return false;
}

function reloadAt(s: Series): number {
    return answeredTime(s) + Math.max(250, 4 * lastAnswerMs);
}

function dropUnwanted(now: number): void {
    const ids: number[] = [];
    for (const [tag, w] of wanted) {
        if (w.until > now) continue;
        wanted.delete(tag);
        for (const s of allSeries()) {
            if (s.tag !== tag) continue;
            const handle = handleOf.get(s);
            if (handle !== undefined) ids.push(forget(s, handle));
            if (s.state === "have") s.state = "none";
        }
    }
    if (ids.length > 0) socket?.send({ t: "unwatch", ids });
    bound(tag => wanted.has(tag));
}

function forget(s: Series, handle: number): number {
    handles.delete(handle);
    handleOf.delete(s);
    return handle;
}

function plan(): void {
    timer = 0;
    const now = performance.now();
    dropUnwanted(now);
    if (now < retryAt) return schedule(retryAt - now);
    const order = [...wanted].sort(
        (a, b) => Number(b[1].visible) - Number(a[1].visible) || a[1].since - b[1].since,
    );
    const groups = new Map<string, Job>();
    let first = false;
    for (const [tag, w] of order) {
        // What is on the screen has the line for itself.
        if (first && !w.visible) break;
        if (w.visible && isAsked(tag)) first = true;
        const runs = missing(tag, now);
        if (w.visible && runs.length > 0) first = true;
        if (runs.length > 0) jobAdd(groups, jobOf(tag, runs, null), coolUntil.has(tag));
        if (connected) watch(tag, runsOf(tag));
    }
    if (groups.size === 0 && view.range.value) planFine(order, groups);
    for (const job of groups.values()) {
        if (open >= MOST_OPEN) return;
        void run(job);
    }
    if ([...drawn.value].some(r => r.loading)) schedule(Math.max(250, lastAnswerMs));
}

function jobOf(tag: string, runs: string[], fine: Job["fine"]): Job {
    return { runs, tags: [tag], width: askedWidth(tag, runs.length), fine };
}

/** Zoomed ranges of visible cards, where the overview holds buckets. */
function planFine(order: [string, Wanted][], groups: Map<string, Job>): void {
    const [from, to] = view.range.value as [number, number];
    const axis = view.axis.value;
    for (const [tag, w] of order) {
        if (!w.visible) continue;
        const runs = runsOf(tag).filter(run => {
            const s = seriesOf(run, tag);
            if (s?.state !== "have" || s.base.raw) return false;
            return !fineFits(s, axis, [from, to]);
        });
        // A little more than is seen, so that lines go on over the edges.
        const more = (to - from) * 0.03;
        if (runs.length > 0)
            jobAdd(
                groups,
                jobOf(tag, runs, { from: from - more, to: to + more }),
                coolUntil.has(tag),
            );
    }
}

async function run(job: Job): Promise<void> {
    open++;
    const started = performance.now();
    const mine = generation;
    if (!job.fine) markAsked(job);
    try {
        const answer = new Answer(job, () => mine !== generation);
        const fine = job.fine;
        const found = await points(
            {
                series: pairsOf(job),
                x: view.axis.value === "step" || !fine ? "step" : view.axis.value,
                range: fine ? [fine.from, fine.to] : null,
                width: job.width,
                cols: CHART_COLS,
                view: view.attempts.value,
            },
            frames => answer.take(frames),
        );
        if (mine !== generation) return;
        answer.end();
        if (!fine) answered(job, found);
        lastAnswerMs = performance.now() - started;
        retryAt = 0;
    } catch (e) {
        if (mine === generation) failed(job, e);
    } finally {
        open--;
        schedule(0);
    }
}

function markAsked(job: Job): void {
    const old: number[] = [];
    for (const tag of job.tags)
        for (const run of job.runs) {
            const s = seriesMake(run, tag);
            const handle = handleOf.get(s);
            if (handle !== undefined) old.push(forget(s, handle));
            s.state = "asked";
        }
    if (old.length > 0) socket?.send({ t: "unwatch", ids: old });
}

function answered(job: Job, found: string): void {
    for (const tag of job.tags) coolUntil.delete(tag);
    if (failures.value.size > 0) {
        const next = new Map(failures.value);
        for (const tag of job.tags) next.delete(tag);
        failures.value = next;
    }
    const other = epoch !== "" && found !== "" && found !== epoch;
    if (!epoch) epoch = found;
    for (const tag of job.tags) {
        for (const run of job.runs) {
            const s = seriesOf(run, tag);
            // An answer of another process than the socket's: its ordinals mean nothing there.
            if (s?.state === "asked") s.state = other ? "void" : "have";
        }
        if (!other) watch(tag, job.runs);
        changed(tag);
    }
}

function watch(tag: string, runs: string[]): void {
    if (!connected || !wanted.has(tag)) return;
    const list = runs.filter(run => {
        const s = seriesOf(run, tag);
        return s && s.state === "have" && !handleOf.has(s) && !isLoading(run);
    });
    if (list.length === 0) return;
    const id = nextHandle;
    nextHandle += list.length;
    const ordinals = list.map((run, i) => {
        const s = seriesOf(run, tag) as Series;
        handles.set(id + i, s);
        handleOf.set(s, id + i);
        return s.ordinal;
    });
    const at = view.attempts.value;
    const cols = CHART_COLS;
    const refs = list.map(lineRef);
    socket?.send({ t: "watch", id, runs: refs, tags: [tag], epoch, ordinals, view: at, cols });
}

function failed(job: Job, e: unknown): void {
    for (const tag of job.tags)
        for (const run of job.runs) {
            const s = seriesOf(run, tag);
            if (s?.state === "asked") s.state = s.base.n > 0 ? "void" : "none";
        }
    if (e instanceof ApiError && e.status === 401) return onDenied();
    if (e instanceof NetError) {
        retryAt = performance.now() + 1000;
        return;
    }
    const now = performance.now();
    if (job.tags.length > 1) {
        // One of them may spoil it for the others: each is asked for alone.
        for (const tag of job.tags) coolUntil.set(tag, now);
        return;
    }
    const [tag] = job.tags;
    coolUntil.set(tag, now + COOL_MS);
    setTimeout(() => schedule(0), COOL_MS + 50);
    failures.value = new Map(failures.value).set(tag, String((e as Error).message));
}

/** By hand: asks again at once for what failed. */
export function retryNow(): void {
    retryAt = 0;
    for (const tag of coolUntil.keys()) coolUntil.set(tag, 0);
    schedule(0);
}

/* ---- the socket ---------------------------------------------------------------------------- */

export function feedStart(s: Live, told: { epoch: () => void; denied: () => void }): void {
    socket = s;
    onEpoch = told.epoch;
    onDenied = told.denied;
    let at = view.attempts.value;
    effect(() => {
        drawn.value;
        tagByName.value;
        view.range.value;
        if (view.attempts.value !== at) {
            at = view.attempts.value;
            reset();
        }
        if (!view.range.value) clearFine();
        schedule(view.range.value ? 60 : 0);
    });
}

/** Another view of attempts: nothing that is held fits. */
function reset(): void {
    generation++;
    const ids = [...handles.keys()];
    if (ids.length > 0) socket?.send({ t: "unwatch", ids });
    handles.clear();
    handleOf.clear();
    for (const s of allSeries()) s.state = "void";
}

function clearFine(): void {
    for (const s of allSeries()) if (s.fine) seriesFine(s, null);
}

export function feedOpened(of: string): void {
    connected = true;
    handles.clear();
    handleOf.clear();
    const other = epoch !== "" && of !== "" && of !== epoch;
    epoch = of || epoch;
    if (other) {
        generation++;
        for (const s of allSeries()) s.state = s.base.n > 0 ? "void" : "none";
        onEpoch();
    }
    retryAt = 0;
    schedule(0);
}

export function feedLost(): void {
    connected = false;
    handles.clear();
    handleOf.clear();
}

export function feedFrames(frames: Frame[]): void {
    const tags = new Set<string>();
    for (const f of frames) {
        const s = handles.get(f.handle);
        if (!s) continue;
        if (seriesLive(s, f)) {
            touch(lineRun(s.run));
            if (paused.value) missed.value += f.count;
        } else {
            forget(s, f.handle);
            schedule(0);
        }
        tags.add(s.tag);
    }
    if (!paused.value) for (const tag of tags) changed(tag);
}

/** Messages that make no sense: everything watched is asked for again. */
export function feedGarbled(): void {
    reset();
    schedule(1000);
}

/** Loading may have ended for a run: what it has is watched from now on. */
export function feedRunsChanged(): void {
    schedule(50);
}
