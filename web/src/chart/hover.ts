// What is at a place of a chart: rows for the tooltip, the nearest run, readouts of other charts.

import type { Ink } from "../model/colour";
import { isSame } from "../model/lines";
import { size } from "../model/track";
import type { Run } from "../wire/messages";
import type { Chart } from "./chart";
import { nearestItem } from "./marks";

export interface Row {
    run: Run;
    ink: Ink;
    /** x of the item, in units of the axis. */
    x: number;
    step: number;
    wall: number;
    /** Since the run's first point. */
    since: number;
    smoothed: number;
    value: number;
    lo: number;
    hi: number;
    /** Points in the item. */
    points: number;
    nan: number;
    inf: number;
}

export interface Reading {
    rows: Row[];
    /** Runs that ended before this place. */
    ended: { name: string; x: number }[];
}

export function readAt(chart: Chart, x: number): Reading {
    const scene = chart.scene;
    const out: Reading = { rows: [], ended: [] };
    if (!scene) return out;
    for (const l of scene.lines) {
        const t = l.track;
        const i = nearestItem(l, x, chart.slack());
        if (i < 0) {
            const last = l.x[t.n - 1] - l.x0;
            if (l.rising && last < x) out.ended.push({ name: l.run.name, x: last });
            continue;
        }
        const first = typeof l.run.first_wall === "number" ? l.run.first_wall : t.wall[0];
        out.rows.push({
            run: l.run,
            ink: l.ink,
            x: l.x[i] - l.x0,
            step: t.step[i],
            wall: t.wall[i],
            since: t.wall[i] - first,
            smoothed: l.y[i],
            value: t.v[i],
            lo: t.lo[i],
            hi: t.hi[i],
            points: size(t, i),
            nan: t.raw ? Number(Number.isNaN(t.v[i])) : t.nan[i],
            inf: t.raw ? Number(Math.abs(t.v[i]) === Number.POSITIVE_INFINITY) : t.inf[i],
        });
    }
    out.rows.sort((a, b) => order(a.smoothed) - order(b.smoothed));
    return out;
}

/** Values that are no numbers come last. */
function order(v: number): number {
    return Number.isNaN(v) ? Number.MAX_VALUE : v;
}

/** The run whose line is nearest to a height; "" when there is none. */
export function nearestRun(chart: Chart, rows: Row[], y: number): string {
    let best = "";
    let least = Number.POSITIVE_INFINITY;
    for (const r of rows) {
        const at = chart.plot.yPos(r.smoothed);
        const d = Math.abs(at - y);
        if (d < least) {
            least = d;
            best = r.run.id;
        }
    }
    return best;
}

/** At most `most` rows around the nearest run, and how many are left out. */
export function around(rows: Row[], run: string, most: number): { rows: Row[]; more: number } {
    if (rows.length <= most) return { rows, more: 0 };
    const at = Math.max(
        0,
        rows.findIndex(r => isSame(run, r.run.id)),
    );
    const from = Math.max(0, Math.min(rows.length - most, at - Math.floor(most / 2)));
    return { rows: rows.slice(from, from + most), more: rows.length - most };
}

/** One run's value at a place, for the readout of a chart without the pointer. */
export function valueAt(chart: Chart, run: string, x: number): number | null {
    const l = chart.scene?.lines.find(line => isSame(run, line.run.id));
    if (!l) return null;
    const i = nearestItem(l, x, chart.slack());
    return i < 0 ? null : l.y[i];
}
