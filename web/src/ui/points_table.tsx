// The points of a chart as a table, for those who do not see the lines and for who wants numbers.
// Fetched when it is first opened.

import { useState } from "preact/hooks";
import type { Chart } from "../chart/chart";
import type { Line } from "../chart/scene";
import { clock, count, digits, moment } from "../model/format";
import { size } from "../model/track";

const PAGE = 200;

interface Part {
    line: Line;
    tag: string;
    smoothed: boolean;
    from: number;
    to: number;
}

function Rows(p: Part) {
    const { line } = p;
    const { track: t } = line;
    const f = digits([...t.v.subarray(p.from, p.to)].filter(Number.isFinite));
    const v = (x: number) => (Number.isFinite(x) ? f(x) : String(x));
    const rows = Array.from({ length: p.to - p.from }, (_, i) => p.from + i);
    return (
        <table class="tbl points">
            <caption class="sr">
                {p.tag}, {line.run.name}
            </caption>
            <thead>
                <tr>
                    <th class="num">step</th>
                    <th class="num">time</th>
                    <th class="num">{t.raw ? "value" : "mean"}</th>
                    {p.smoothed && <th class="num">smoothed</th>}
                    {!t.raw && <th class="num">min</th>}
                    {!t.raw && <th class="num">max</th>}
                    {!t.raw && <th class="num">points</th>}
                </tr>
            </thead>
            <tbody>
                {rows.map(i => (
                    <tr key={i}>
                        <td class="num">{count(t.step[i])}</td>
                        <td class="num mute" title={moment(t.wall[i])}>
                            {clock(t.wall[i])}
                        </td>
                        <td class="num">{v(t.v[i])}</td>
                        {p.smoothed && <td class="num">{v(line.y[i])}</td>}
                        {!t.raw && <td class="num">{v(t.lo[i])}</td>}
                        {!t.raw && <td class="num">{v(t.hi[i])}</td>}
                        {!t.raw && <td class="num">{count(size(t, i))}</td>}
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

export function PointsTable({ chart }: { chart: Chart }) {
    chart.version.value;
    const lines = chart.scene?.lines ?? [];
    const [id, setId] = useState("");
    const [page, setPage] = useState(0);
    const line = lines.find(l => l.run.id === id) ?? lines[0];
    if (!line) return <p class="mute">No run that is drawn has this tag.</p>;
    const { track: t, from, to } = line;
    const pages = Math.max(1, Math.ceil((to - from) / PAGE));
    const at = Math.min(page, pages - 1);
    const first = from + at * PAGE;
    const last = Math.min(to, first + PAGE);
    const smoothed = chart.scene?.smoothed ?? false;
    const pick = (e: Event) => {
        setId((e.currentTarget as HTMLSelectElement).value);
        setPage(0);
    };
    return (
        <>
            <p class="choices">
                <label>
                    run{" "}
                    <select value={line.run.id} onChange={pick}>
                        {lines.map(l => (
                            <option key={l.run.id} value={l.run.id}>
                                {l.run.name}
                            </option>
                        ))}
                    </select>
                </label>
                <button
                    type="button"
                    class="btn"
                    disabled={at === 0}
                    onClick={() => setPage(at - 1)}
                >
                    Before
                </button>
                <span class="mute">
                    {count(first - from + 1)} to {count(last - from)} of {count(to - from)}
                    {t.raw ? " points" : " groups of points"}
                </span>
                <button
                    type="button"
                    class="btn"
                    disabled={at >= pages - 1}
                    onClick={() => setPage(at + 1)}
                >
                    Next
                </button>
            </p>
            <Rows line={line} tag={chart.tag} smoothed={smoothed} from={first} to={last} />
        </>
    );
}
