// The readout at the crosshair: all runs drawn, sorted by value, the nearest in bold. Beside the
// pointer where there is room; on a phone it stands below its chart.

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Chart } from "../chart/chart";
import { around, type Reading, type Row, readAt } from "../chart/hover";
import { axisValue, clock, count, digits, plural, relative } from "../model/format";
import { isSame } from "../model/lines";
import { cursor, hot, view } from "../model/view";
import { Swatch } from "./icons";
import { charts } from "./near";

const MOST_ROWS = 12;

/** Under this width nothing floats. */
export const narrow = signal(matchMedia("(max-width: 680px)").matches);
matchMedia("(max-width: 680px)").addEventListener("change", e => {
    narrow.value = e.matches;
});

function headWords(chart: Chart, x: number): string {
    const axis = view.axis.value;
    const span = chart.scene ? chart.scene.x[1] - chart.scene.x[0] : 0;
    if (axis === "step") return `step ${count(Math.round(x))}`;
    return axis === "wall" ? axisValue("wall", x, span) : `after ${relative(x)}`;
}

function footWords(reading: Reading, more: number): string {
    if (more > 0) return `+ ${count(more)} more`;
    const { ended } = reading;
    if (ended.length === 1)
        return `${ended[0].name} ended at ${axisValue(view.axis.value, ended[0].x)}`;
    return ended.length > 1 ? `${plural(ended.length, "run")} ended before` : "";
}

function oddWords(r: Row): string {
    const out = [];
    if (r.nan > 0) out.push(r.points > 1 ? `${r.nan} NaN` : "NaN");
    if (r.inf > 0) out.push(r.points > 1 ? `${r.inf} Inf` : "");
    return out.filter(Boolean).join(", ");
}

function Rows({ rows, near }: { rows: Row[]; near: string }) {
    const smoothed = view.smooth.value.amount > 0;
    const f = digits(rows.flatMap(r => [r.smoothed, r.value]));
    const axis = view.axis.value;
    return (
        <table>
            <thead>
                <tr>
                    <th>
                        <span class="sr">line</span>
                    </th>
                    <th>run</th>
                    {smoothed && <th>smoothed</th>}
                    <th>value</th>
                    <th>{axis === "step" ? "time" : "step"}</th>
                </tr>
            </thead>
            <tbody>
                {rows.map(r => (
                    <tr key={r.run.id} class={isSame(near, r.run.id) ? "near" : ""}>
                        <td>
                            <Swatch {...r.ink} />
                        </td>
                        <td class="who">{r.run.name}</td>
                        {smoothed && <td>{f(r.smoothed)}</td>}
                        <td class={smoothed ? "soft" : ""}>
                            {f(r.value)}
                            {r.points > 1 && oddWords(r) && (
                                <span class="warn"> {oddWords(r)}</span>
                            )}
                        </td>
                        <td class="soft">{axis === "step" ? relative(r.since) : count(r.step)}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function TipBody({ chart, x, pinned }: { chart: Chart; x: number; pinned: boolean }) {
    chart.version.value;
    const reading = readAt(chart, x);
    const near = hot.value?.run ?? "";
    const { rows, more } = around(reading.rows, near, MOST_ROWS);
    if (reading.rows.length === 0) return null;
    const here = reading.rows.find(r => isSame(near, r.run.id)) ?? reading.rows[0];
    return (
        <>
            <p>
                <span>{headWords(chart, x)}</span>
                <span>{clock(here.wall)}</span>
            </p>
            <Rows rows={rows} near={near} />
            <p>
                <span>{footWords(reading, more)}</span>
                <span class="hide-narrow">{pinned ? "Esc to let go" : "click to pin"}</span>
            </p>
        </>
    );
}

/** Floats over all; placed beside the crosshair within the window. */
export function FloatingTip() {
    const at = cursor.value;
    const tip = useRef<HTMLDivElement>(null);
    const chart = at ? charts.get(at.card) : undefined;
    useLayoutEffect(() => {
        const el = tip.current;
        if (!el || !at || !chart) return;
        const host = chart.plot.lines.getBoundingClientRect();
        const x = host.left + chart.plot.xPos(at.x);
        const { offsetWidth: w, offsetHeight: h } = el;
        const right = x + 12 + w < window.innerWidth - 8;
        const left = right ? x + 12 : Math.max(8, x - 12 - w);
        const top = Math.max(8, Math.min(host.top - 2, window.innerHeight - h - 8));
        el.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    });
    if (!at || !chart?.scene || narrow.value) return null;
    if (chart.scene.lines.length === 0) return null;
    return (
        <div class="tip" ref={tip}>
            <TipBody chart={chart} x={at.x} pinned={at.pinned} />
        </div>
    );
}

/** On a phone: below its own chart. */
export function CardTip({ tag }: { tag: string }) {
    const at = cursor.value;
    if (!narrow.value || !at || at.card !== tag) return null;
    const chart = charts.get(tag);
    if (!chart) return null;
    return (
        <div class="tip">
            <TipBody chart={chart} x={at.x} pinned={at.pinned} />
        </div>
    );
}
