// One chart in full width, with its legend as a table.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Chart } from "../chart/chart";
import { readAt } from "../chart/hover";
import type { Line } from "../chart/scene";
import { runAge } from "../model/catalog";
import { age, axisValue, count, digits } from "../model/format";
import { seriesOf } from "../model/held";
import { isSame } from "../model/lines";
import type { Scale } from "../model/link";
import { stateWord } from "../model/state";
import { size } from "../model/track";
import { acts, cursor, hot, scaleOf, tick, view } from "../model/view";
import { PlotArea, Title } from "./card";
import { copyText, IconButton, Menu } from "./controls";
import { exportChoices } from "./exports";
import { newData } from "./follow";
import { Icon, StateMark, Swatch, stateWords } from "./icons";
import { CardTip } from "./tip";

interface Stats {
    line: Line;
    at: number;
    last: number;
    min: number;
    minStep: number;
    max: number;
    maxStep: number;
    mean: number;
    points: number;
}

/** Over the whole run, whatever is zoomed. */
function statsOf(line: Line, tag: string, at: number): Stats {
    const t = seriesOf(line.run.id, tag)?.base ?? line.track;
    const out: Stats = {
        line,
        at,
        last: t.last[t.n - 1],
        min: Number.NaN,
        minStep: 0,
        max: Number.NaN,
        maxStep: 0,
        mean: Number.NaN,
        points: 0,
    };
    let sum = 0;
    let n = 0;
    for (let i = 0; i < t.n; i++) {
        out.points += size(t, i);
        const c = t.raw ? Number(Number.isFinite(t.v[i])) : t.cnt[i];
        if (c === 0) continue;
        sum += t.v[i] * c;
        n += c;
        if (!(t.lo[i] >= out.min)) [out.min, out.minStep] = [t.lo[i], t.step[i]];
        if (!(t.hi[i] <= out.max)) [out.max, out.maxStep] = [t.hi[i], t.step[i]];
    }
    out.mean = sum / n;
    return out;
}

function StateCell({ line }: { line: Line }) {
    tick.value;
    const state = stateWord(line.run);
    const old = runAge(line.run);
    const word = stateWords(state).split(":")[0];
    return (
        <td class="soft">
            <StateMark state={state} />
            {word}
            {state === "quiet" && old > 10 ? `, ${age(old)}` : ""}
        </td>
    );
}

function Legend({ chart }: { chart: Chart }) {
    chart.version.value;
    const lines = chart.scene?.lines ?? [];
    const at = cursor.value;
    const reading = at ? readAt(chart, at.x) : null;
    const valueAtX = new Map(reading?.rows.map(r => [r.run.id, r.smoothed]));
    const stats = lines.map(l => statsOf(l, chart.tag, valueAtX.get(l.run.id) ?? Number.NaN));
    const key = (s: Stats) => (at ? s.at : s.last);
    stats.sort((a, b) => (key(a) > key(b) ? 1 : key(a) < key(b) ? -1 : 0));
    const f = digits(stats.flatMap(s => [s.last, s.min, s.mean]).filter(Number.isFinite));
    const v = (x: number) => (Number.isNaN(x) ? "–" : f(x));
    return (
        <table class="tbl legend">
            <thead>
                <tr>
                    <th colSpan={2}>run</th>
                    <th>state</th>
                    {at && <th class="num">↑ at {axisValue(view.axis.value, at.x)}</th>}
                    <th class="num">{at ? "" : "↑ "}last</th>
                    <th class="num">min</th>
                    <th class="num hide-narrow">at step</th>
                    <th class="num">max</th>
                    <th class="num hide-narrow">at step</th>
                    <th class="num hide-narrow">mean</th>
                    <th class="num">points</th>
                </tr>
            </thead>
            <tbody>
                {stats.slice(0, 200).map(s => (
                    <tr
                        key={s.line.run.id}
                        class={isSame(hot.value?.run, s.line.run.id) ? "is-hot" : ""}
                        onPointerEnter={() => {
                            hot.value = { run: s.line.run.id, pale: true };
                        }}
                        onPointerLeave={() => {
                            hot.value = null;
                        }}
                    >
                        <td>
                            <Swatch {...s.line.ink} />
                        </td>
                        <td class="who">{s.line.run.name}</td>
                        <StateCell line={s.line} />
                        {at && <td class="num">{v(s.at)}</td>}
                        <td class="num">{f(s.last)}</td>
                        <td class="num">{v(s.min)}</td>
                        <td class="num mute hide-narrow">{count(s.minStep)}</td>
                        <td class="num">{v(s.max)}</td>
                        <td class="num mute hide-narrow">{count(s.maxStep)}</td>
                        <td class="num hide-narrow">{v(s.mean)}</td>
                        <td class="num">{count(s.points)}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

/** Every point in numbers: behind a button, and fetched by it. */
function Points({ chart }: { chart: Chart }) {
    const Table = useSignal<((p: { chart: Chart }) => ComponentChildren) | null>(null);
    const toggle = async () => {
        if (Table.value) Table.value = null;
        else Table.value = (await import("./later")).PointsTable;
    };
    const Shown = Table.value;
    return (
        <section aria-label="Points">
            <button
                type="button"
                class="btn"
                id="points-table"
                aria-expanded={Shown !== null}
                onClick={() => void toggle()}
            >
                <Icon name={Shown ? "down" : "right"} />
                Points as a table
            </button>
            {Shown && <Shown chart={chart} />}
        </section>
    );
}

const SCALES: Scale[] = ["linear", "log", "symlog"];

function rangeWords(chart: Chart | null): string {
    const scene = chart?.scene;
    const note = chart?.note.value ?? "";
    if (!scene || !view.range.value) return note;
    const { axis } = scene;
    const word = (v: number) => axisValue(axis, axis === "step" ? Math.round(v) : v);
    const [a, b] = scene.x.map(word);
    const unit = axis === "step" ? "steps " : "";
    return [note, `${unit}${a} to ${b} of ${word(scene.fullX[1])}`].filter(Boolean).join(", ");
}

export function FullChart({ tag }: { tag: string }) {
    const chart = useSignal<Chart | null>(null);
    const c = chart.value;
    c?.version.value;
    return (
        <div class="solo">
            <div class="hd">
                <IconButton icon="back" label="Back" onClick={() => acts.charts()} />
                <Title tag={tag} as="h1" />
                <span class="mute cut grow" title={rangeWords(c)}>
                    {rangeWords(c)}
                </span>
                {newData.value && (
                    <button type="button" class="btn line" onClick={() => newData.value?.()}>
                        new data
                        <Icon name="right" />
                    </button>
                )}
                {view.range.value && (
                    <button type="button" class="btn" onClick={() => acts.zoom(null)}>
                        all
                    </button>
                )}
                <fieldset class="seg hide-narrow" aria-label="Vertical axis">
                    {SCALES.map(s => (
                        <label key={s}>
                            <input
                                type="radio"
                                name="y"
                                checked={scaleOf(tag) === s}
                                onChange={() => acts.scale(tag, s)}
                            />
                            {s}
                        </label>
                    ))}
                </fieldset>
                <Menu
                    label="Export"
                    class="hide-narrow"
                    choices={() => [
                        ...exportChoices(tag, () => c),
                        { label: "copy the link", act: () => void copyText(location.href) },
                    ]}
                >
                    <Icon name="save" />
                    Export
                </Menu>
                <IconButton icon="close" label="Close" onClick={() => acts.charts()} />
            </div>
            <PlotArea
                key={tag}
                tag={tag}
                full
                onChart={next => {
                    chart.value = next;
                }}
            />
            <CardTip tag={tag} />
            <div class="wide">
                {c && <Legend chart={c} />}
                {c && <Points chart={c} />}
            </div>
        </div>
    );
}
