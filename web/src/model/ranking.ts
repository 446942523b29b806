// The value shown beside each run and sorted by: last, least or most of a tag. New values re-order
// at most every REORDER_MS. Runs that no chart has asked for get theirs by one small question.

import { computed, effect, signal, untracked } from "@preact/signals";
import { points } from "../net/http";
import type { Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { chosenAtStart, listed, matched, runAge, scalarTags, tagByName } from "./catalog";
import { onChange, seriesOf } from "./held";
import { lineKey, lineRef } from "./lines";
import type { Sort } from "./link";
import { natural } from "./names";
import { isPinned } from "./personal";
import { trackOf } from "./series";
import { stateWord, WORST } from "./state";
import type { Track } from "./track";
import { view } from "./view";

const REORDER_MS = 2000;

/** Measures of which more is better. */
const HIGH = /(acc|auc|f1|precision|recall|iou|bleu|rouge|reward|return|score|map)(?![a-z])/i;

/** The tag that says most: the first pinned one, else a loss, else the first. */
export const mainTag = computed<string>(() => {
    const tags = scalarTags.value;
    const pinned = view.pins.value.find(p => tags.some(t => t.tag === p));
    if (pinned) return pinned;
    const loss = tags.filter(t => /(^|[/_ ])loss$/i.test(t.tag));
    const best = loss.find(t => /train/i.test(t.tag)) ?? loss[0] ?? tags[0];
    return best?.tag ?? "";
});

export const sort = computed<Sort>(() => {
    if (view.sort.value) return view.sort.value;
    const tag = mainTag.value;
    return tag ? { by: `last:${tag}`, down: HIGH.test(tag) } : { by: "name", down: false };
});

/** "last:train/loss" → ["last", "train/loss"]; other orders have no tag. */
export function sortParts(by: string): [string, string] {
    const m = /^(last|min|max):(.*)$/s.exec(by);
    return m ? [m[1], m[2]] : [by, ""];
}

/** Value of each run by id; what is missing has none (yet). */
export const values = signal<Map<string, number>>(new Map());

const asked = new Map<string, Map<string, Track>>();

function shownValue(t: Track, kind: string): number {
    if (kind === "last") return t.last[t.n - 1];
    let best = Number.NaN;
    const from = kind === "min" ? t.lo : t.hi;
    for (let i = 0; i < t.n; i++) {
        const v = from[i];
        if (!Number.isFinite(v)) continue;
        if (Number.isNaN(best) || (kind === "min" ? v < best : v > best)) best = v;
    }
    return best;
}

/** The line that stands for a run in the list: of its first directory. */
function lineFor(run: string, tag: string): string {
    return lineKey([run, tagByName.value.get(tag)?.runs.get(run)?.[0] ?? ""]);
}

function compute(): void {
    const [kind, tag] = sortParts(sort.value.by);
    const next = new Map<string, number>();
    if (tag)
        for (const r of listed.value) {
            const held = seriesOf(lineFor(r.id, tag), tag)?.base;
            const t = held && held.n > 0 ? held : asked.get(tag)?.get(r.id);
            if (t && t.n > 0) next.set(r.id, shownValue(t, kind));
        }
    if (!same(next, values.value)) values.value = next;
}

function same(a: Map<string, number>, b: Map<string, number>): boolean {
    if (a.size !== b.size) return false;
    for (const [k, v] of a) if (!Object.is(b.get(k), v)) return false;
    return true;
}

let due = 0;

function later(ms: number): void {
    if (due) return;
    due = window.setTimeout(() => {
        due = 0;
        compute();
    }, ms);
}

/** Runs of the list whose value no chart brings. */
async function askRest(tag: string): Promise<void> {
    const entry = scalarTags.value.find(t => t.tag === tag);
    if (!entry) return;
    const have = asked.get(tag) ?? new Map<string, Track>();
    const rest = listed.value
        .map(r => r.id)
        .filter(
            id => entry.runs.has(id) && !have.has(id) && !seriesOf(lineFor(id, tag), tag)?.base.n,
        );
    if (rest.length === 0) return;
    asked.set(tag, have);
    for (const id of rest) have.set(id, trackOf([]));
    await points(
        {
            series: { runs: rest.map(id => lineRef(lineFor(id, tag))), tags: [tag] },
            x: "step",
            range: null,
            width: 1,
            cols: ["step", "last", "min", "max"],
            view: view.attempts.value,
        },
        frames => {
            for (const f of frames) {
                const id = rest[f.handle];
                if (id && f.count > 0) have.set(id, trackOf([f]));
            }
        },
    ).catch(() => undefined);
    compute();
}

/** Keeps the values fresh from now on. */
export function rankingStart(): void {
    let end = () => {};
    effect(() => {
        const [, tag] = sortParts(sort.value.by);
        scalarTags.value;
        listed.value;
        end();
        end = tag ? onChange(tag, () => later(values.peek().size > 0 ? REORDER_MS : 50)) : () => {};
        untracked(() => {
            compute();
            // The first charts go first: the rest of the list can wait for its numbers.
            if (tag) setTimeout(() => void askRest(tag), 1500);
        });
    });
}

function key(r: Run, by: string): number {
    if (by === "start") return seconds(r.first_wall) || 0;
    if (by === "update") return runAge(r) || 0;
    if (by === "state") return WORST.indexOf(stateWord(r));
    return values.value.get(r.id) ?? Number.NaN;
}

function firstly(list: Run[], goesFirst: (r: Run) => boolean): Run[] {
    const top = list.filter(goesFirst);
    return top.length === 0 ? list : [...top, ...list.filter(r => !goesFirst(r))];
}

/**
 * Matched runs in the order of the list: pinned ones first, each part in the order chosen. Until
 * an order is chosen, the runs that are drawn at the start go before the many that are not.
 */
export const ranked = computed<Run[]>(() => {
    const start = chosenAtStart.value;
    const some = !view.sort.value && start.size < listed.value.length;
    const list = some ? firstly(ordered.value, r => start.has(r.id)) : ordered.value;
    return firstly(list, isPinned);
});

/** Runs without a value come last. */
const ordered = computed<Run[]>(() => {
    const { by, down } = sort.value;
    const list = [...matched.value];
    const sign = down ? -1 : 1;
    if (by === "name") return list.sort((a, b) => sign * natural(a.name, b.name));
    const keys = new Map(list.map(r => [r.id, key(r, by)]));
    return list.sort((a, b) => {
        const x = keys.get(a.id) as number;
        const y = keys.get(b.id) as number;
        if (Number.isNaN(x) || Number.isNaN(y))
            return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || natural(a.name, b.name);
        return sign * (x - y) || natural(a.name, b.name);
    });
});
