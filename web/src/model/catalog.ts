// Runs and tags as the server tells them, and what is derived from them: colours, what the filters
// leave, what is drawn. Signals; no DOM.

import { computed, signal } from "@preact/signals";
import type { About, Beat, NewSeries, Run, Tag } from "../wire/messages";
import { seconds } from "../wire/messages";
import { assign, DASHES, type Ink, ink } from "./colour";
import { EMPTY, type Filter, matches } from "./filter";
import { gather, lineKey, lineRun } from "./lines";
import { natural, sections } from "./names";
import { paramsOf } from "./params";
import { marks } from "./personal";
import { stateWord, statusWord } from "./state";
import { view } from "./view";

export interface TagEntry {
    tag: string;
    kind: string;
    /** Run → the directories that have it. */
    runs: Map<string, string[]>;
    display: string;
    description: string;
}

export const LIMIT_START = 40;
const START_NEWEST = 20;

export const about = signal<About | null>(null);
export const runs = signal<Run[]>([]);
export const tags = signal<TagEntry[]>([]);
/** The filters in force: the last good ones. */
export const runFilter = signal<Filter>(EMPTY);
export const tagFilter = signal<Filter>(EMPTY);

/** Server's clock less ours, in seconds. */
let clockOffset = 0;

export function setServerNow(now: number): void {
    if (Number.isFinite(now)) clockOffset = now - Date.now() / 1000;
}

export function serverNow(): number {
    return Date.now() / 1000 + clockOffset;
}

/** When the newest point of a run came, by the server's clock; not a signal: read on ticks. */
const newest = new Map<string, number>();

export function touch(run: string, at = serverNow()): void {
    if (at > (newest.get(run) ?? 0)) newest.set(run, at);
}

/** Seconds since the newest point of a run; NaN when it has none. */
export function runAge(run: Run): number {
    const at = newest.get(lineRun(run.id));
    return at === undefined ? Number.NaN : Math.max(0, serverNow() - at);
}

/** Seconds since the newest point of all; NaN when there is none. */
export function newestAge(): number {
    let at = 0;
    for (const t of newest.values()) if (t > at) at = t;
    return at > 0 ? Math.max(0, serverNow() - at) : Number.NaN;
}

/** A run read from disk long after it was written is as old as its last point. */
function learnAge(run: Run): void {
    const now = serverNow();
    const commit = typeof run.age_s === "number" ? now - run.age_s : seconds(run.commit_wall);
    const last = seconds(run.last_wall);
    const at = Number.isFinite(last) && last < now ? Math.min(last, commit || last) : commit;
    if (!Number.isFinite(at)) return;
    const known = newest.get(run.id);
    if (known === undefined || at > known) newest.set(run.id, at);
}

const slots = new Map<string, number>();

/** A run that gets another name keeps its line. */
function keepSlot(old: string | undefined, name: string): void {
    const slot = old === undefined || old === name ? undefined : slots.get(old);
    if (slot !== undefined && !slots.has(name)) slots.set(name, slot);
}

/** Hue and dash of each run by id. */
export const inks = computed<Map<string, Ink>>(() => {
    const byStart = [...runs.value].sort((a, b) => {
        const x = seconds(a.first_wall) || Number.POSITIVE_INFINITY;
        const y = seconds(b.first_wall) || Number.POSITIVE_INFINITY;
        return x - y || natural(a.name, b.name);
    });
    assign(
        byStart.map(r => r.name),
        slots,
    );
    const chosen = marks.value;
    return new Map(
        byStart.map(r => {
            const hue = chosen.get(r.name)?.hue;
            return [r.id, hue ? { hue, dash: 0 } : ink(slots.get(r.name) ?? 0)];
        }),
    );
});

export const experiments = computed<string[]>(() => {
    const names = new Set(runs.value.map(r => r.experiment));
    return [...names].sort(natural);
});

export const runById = computed(() => new Map(runs.value.map(r => [r.id, r])));

/** Runs of the chosen experiment. */
export const listed = computed<Run[]>(() => {
    const e = view.experiment.value;
    return e ? runs.value.filter(r => r.experiment === e) : runs.value;
});

function words(r: Run): Record<string, string> {
    return {
        status: `${stateWord(r)} ${statusWord(r)}`.trim(),
        activity: r.activity,
        experiment: r.experiment,
        damage: r.damage > 0 ? "yes" : "no",
        attempts: String(r.attempts),
    };
}

/** Runs that the filter leaves. */
export const matched = computed<Run[]>(() => {
    const f = runFilter.value;
    return listed.value.filter(r => matches(f, r.name, words(r), () => paramsOf(r)));
});

/** The newest runs as they were once all were read, and which were known then. */
let held: { experiment: string; chosen: Set<string>; known: Set<string> } | null = null;

/**
 * What is drawn before the user has chosen: all, or the newest when there are too many. The choice
 * stays as it is while runs grow; a run that is new since joins it.
 */
export const chosenAtStart = computed<Set<string>>(() => {
    const all = listed.value;
    const ids = all.map(r => r.id);
    if (all.length <= LIMIT_START) {
        held = null;
        return new Set(ids);
    }
    const experiment = view.experiment.value;
    if (held?.experiment === experiment) {
        const { chosen, known } = held;
        return new Set(ids.filter(id => chosen.has(id) || !known.has(id)));
    }
    const chosen = newestOf(all);
    const whole = !all.some(r => r.loading);
    held = whole ? { experiment, chosen, known: new Set(ids) } : null;
    return chosen;
});

function newestOf(all: Run[]): Set<string> {
    const newestFirst = [...all].sort((a, b) => {
        const live = Number(b.activity === "live") - Number(a.activity === "live");
        return live || (seconds(b.last_wall) || 0) - (seconds(a.last_wall) || 0);
    });
    return new Set(newestFirst.slice(0, START_NEWEST).map(r => r.id));
}

export function isChosen(id: string): boolean {
    const { mode, ids } = view.selection.value;
    if (mode === "start") return chosenAtStart.value.has(id);
    return mode === "only" ? ids.includes(id) : !ids.includes(id);
}

/** Runs that charts draw, in the order of the list. */
export const drawn = computed<Run[]>(() => {
    const { mode, ids } = view.selection.value;
    const set = mode === "start" ? chosenAtStart.value : new Set(ids);
    return matched.value.filter(r => (mode === "but" ? !set.has(r.id) : set.has(r.id)));
});

export const drawnIds = computed(() => new Set(drawn.value.map(r => r.id)));

/** Scalar tags of the chosen experiment, in natural order. */
export const scalarTags = computed<TagEntry[]>(() => {
    const here = new Set(listed.value.map(r => r.id));
    return tags.value.filter(t => {
        if (t.kind !== "scalar") return false;
        for (const r of t.runs.keys()) if (here.has(r)) return true;
        return false;
    });
});

export const tagByName = computed(() => new Map(scalarTags.value.map(t => [t.tag, t])));

/** Lines drawn under a tag: runs, or their directories. */
export function runsOf(tag: string): string[] {
    const have = tagByName.value.get(tag)?.runs;
    if (!have) return [];
    return drawn.value.flatMap(r => (have.get(r.id) ?? []).map(dir => lineKey([r.id, dir])));
}

/** All directories of each run, in their order: a dash for each. */
const dirs = computed<Map<string, string[]>>(() => {
    const refs = tags.value.flatMap(t =>
        [...t.runs].flatMap(([run, list]) => list.map(dir => [run, dir] as [string, string])),
    );
    const out = gather(refs);
    for (const list of out.values()) list.sort(natural);
    return out;
});

/** Hue of a line's run; each directory of it has its own dash. */
export function inkOf(key: string): Ink | undefined {
    const run = lineRun(key);
    const of = inks.value.get(run);
    const at = dirs.value.get(run)?.findIndex(dir => lineKey([run, dir]) === key) ?? 0;
    return of && at > 0 ? { hue: of.hue, dash: (of.dash + at) % DASHES } : of;
}

/** The run of a line, under the line's own name where it has several. */
export function runOfLine(key: string): Run | undefined {
    const run = lineRun(key);
    const of = runById.value.get(run);
    if (!of || key === run) return of;
    const several = (dirs.value.get(run)?.length ?? 0) > 1;
    return { ...of, id: key, name: several ? `${of.name}${key.slice(run.length)}` : of.name };
}

export function isLoading(line: string): boolean {
    return Boolean(runById.value.get(lineRun(line))?.loading);
}

/** Tags of kinds that have no chart yet: kind → how many. */
export const otherKinds = computed(() => {
    const out = new Map<string, number>();
    for (const t of tags.value)
        if (t.kind !== "scalar") out.set(t.kind, (out.get(t.kind) ?? 0) + 1);
    return out;
});

export const shownTags = computed(() =>
    scalarTags.value.filter(t => matches(tagFilter.value, t.tag, {})),
);

export const shownSections = computed(() => sections(shownTags.value.map(t => t.tag)));

function entry(t: Tag): TagEntry {
    return {
        tag: t.tag,
        kind: t.kind,
        runs: gather(t.runs),
        display: t.display_name ?? "",
        description: t.description ?? "",
    };
}

/** A name given by hand goes before the one of the directory. */
function named(r: Run): Run {
    return r.title ? { ...r, name: r.title } : r;
}

export function setRuns(list: Run[]): void {
    for (const r of list) learnAge(r);
    runs.value = list.map(named);
}

export function setTags(list: Tag[]): void {
    tags.value = list.map(entry).sort((a, b) => natural(a.tag, b.tag));
}

/** Changed runs replace their older selves; unknown ones are added. */
export function mergeRuns(changed: Run[], removed: string[]): void {
    const next = new Map(runs.value.map(r => [r.id, r]));
    for (const r of changed.map(named)) {
        learnAge(r);
        keepSlot(next.get(r.id)?.name, r.name);
        next.set(r.id, { ...next.get(r.id), ...r });
    }
    for (const id of removed) next.delete(id);
    const list = [...next.values()];
    if (list.length !== runs.value.length || changed.some(r => !runById.value.has(r.id)))
        list.sort((a, b) => natural(a.name, b.name));
    runs.value = list;
}

/** True when a tag or a run under a tag is new. */
export function mergeSeries(list: NewSeries[]): boolean {
    const next = new Map(tags.value.map(t => [`${t.kind}\0${t.tag}`, t]));
    let any = false;
    for (const s of list) {
        const key = `${s.kind}\0${s.tag}`;
        const t = next.get(key);
        const dir = s.dir ?? "";
        const had = t?.runs.get(s.run) ?? [];
        if (had.includes(dir)) continue;
        any = true;
        next.set(key, {
            tag: s.tag,
            kind: s.kind,
            runs: new Map(t?.runs).set(s.run, [...had, dir]),
            display: t?.display || (s.display_name ?? ""),
            description: t?.description || (s.description ?? ""),
        });
    }
    if (any) tags.value = [...next.values()].sort((a, b) => natural(a.tag, b.tag));
    return any;
}

/** What a beat says of watched runs: newest commits, and states that changed. */
export function takeBeat(beats: [string, Beat][]): void {
    const changed: Run[] = [];
    for (const [id, b] of beats) {
        const run = runById.value.get(id);
        if (!run) continue;
        const at = seconds(b.commit_wall);
        const known = newest.get(id);
        // The first commit is the reading of old files: it says nothing of the newest point.
        if (Number.isFinite(at) && known !== undefined && at > known && (b.commit ?? 0) > 1)
            newest.set(id, at);
        const { activity, damage, loading, bytes_read } = { ...run, ...b };
        const same =
            activity === run.activity &&
            damage === run.damage &&
            Boolean(loading) === Boolean(run.loading) &&
            bytes_read === run.bytes_read;
        if (!same) changed.push({ ...run, activity, damage, loading, bytes_read });
    }
    if (changed.length > 0) mergeRuns(changed, []);
}
