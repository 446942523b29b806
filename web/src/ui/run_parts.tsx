// Tables of the run screen: damage, metrics.

import { useState } from "preact/hooks";
import { count, moment, plural, short } from "../model/format";
import { middle, natural, tagParts } from "../model/names";
import { acts } from "../model/view";
import type { Damage, Run, SeriesInfo } from "../wire/messages";
import { number, seconds } from "../wire/messages";
import { CopyButton } from "./controls";
import { Icon } from "./icons";

function quoted(path: string): string {
    return /^[\w./=@:+-]+$/.test(path) ? path : `'${path.replace(/'/g, `'\\''`)}'`;
}

function fileOf(d: Damage): string {
    return d.file ?? d.path ?? "";
}

/** The line that writes a clean copy of a damaged file. */
function recoverLine(run: Run, file: string): string {
    const path = run.path && !file.startsWith("/") ? `${run.path}/${file}` : file;
    return `tailboard recover ${quoted(path)} -o ${quoted(`${path}.clean`)}`;
}

const REASONS: Record<string, string> = {
    checksum: "Length and checksum of a record do not agree.",
    cut: "The last record is cut off; the writer ended before it was whole.",
    zeros: "Zeros in the file, as after a lost write.",
    "not-events": "These bytes are no event records.",
};

function damageWords(list: Damage[]): string {
    const lost = list.reduce((n, d) => n + d.length, 0);
    const saved = list.reduce((n, d) => n + (d.records_after ?? 0), 0);
    const after = saved > 0 ? `, ${plural(saved, "record")} after them were saved` : "";
    return `${plural(list.length, "range")}, ${plural(lost, "byte")} not readable${after}`;
}

export function DamageTable({ run, list }: { run: Run; list: Damage[] }) {
    if (list.length === 0)
        return (
            <section class="part" id="damage">
                <div class="hd">
                    <h2>Damage</h2>
                    <span class="mute">none: every record was sound</span>
                </div>
            </section>
        );
    return (
        <section class="part" id="damage">
            <div class="hd">
                <h2>Damage</h2>
                <Icon name="warn" class="warn" />
                <span class="mute">{damageWords(list)}</span>
            </div>
            <div class="wide">
                <table class="tbl dmg">
                    <thead>
                        <tr>
                            <th>file</th>
                            <th class="num">offset</th>
                            <th class="num">length</th>
                            <th class="num">saved after</th>
                            <th class="num">found</th>
                            <th>
                                <span class="sr">recover</span>
                            </th>
                        </tr>
                    </thead>
                    {list.map(d => (
                        <tbody key={`${fileOf(d)} ${d.offset}`}>
                            <tr>
                                <td class="mono" title={fileOf(d)}>
                                    {middle(fileOf(d), 52)}
                                </td>
                                <td class="num">{count(d.offset)}</td>
                                <td class="num">{count(d.length)}</td>
                                <td class="num">
                                    {d.records_after ? plural(d.records_after, "record") : "–"}
                                </td>
                                <td class="num">{moment(seconds(d.found_at ?? d.found_wall))}</td>
                                <td class="num">
                                    <CopyButton
                                        label="Copy: tailboard recover …"
                                        text={() => recoverLine(run, fileOf(d))}
                                    />
                                </td>
                            </tr>
                            <tr class="why2">
                                <td colSpan={6} class="mute">
                                    <div>{d.message || REASONS[d.reason] || d.reason}</div>
                                </td>
                            </tr>
                        </tbody>
                    ))}
                </table>
            </div>
        </section>
    );
}

const FIRST_METRICS = 24;

export function Metrics(p: { run: Run; list: SeriesInfo[]; loaded: boolean }) {
    const [all, setAll] = useState(false);
    const list = [...p.list].sort(
        (a, b) => natural(a.tag, b.tag) || natural(a.dir ?? "", b.dir ?? ""),
    );
    const shown = all ? list : list.slice(0, FIRST_METRICS);
    const v = (s: SeriesInfo, x: number | string | null | undefined) =>
        s.kind === "scalar" ? short(number(x)) : "";
    return (
        <section class="part" id="metrics">
            <div class="hd">
                <h2>Metrics</h2>
                <span class="mute">{p.loaded ? list.length || "none yet" : "being read"}</span>
            </div>
            {list.length > 0 && (
                <div class="wide">
                    <table class="tbl">
                        <thead>
                            <tr>
                                <th>tag</th>
                                <th class="num">last</th>
                                <th class="num">min</th>
                                <th class="num">max</th>
                                <th class="num">last step</th>
                                <th class="num">values</th>
                            </tr>
                        </thead>
                        <tbody>
                            {shown.map(s => (
                                <Metric key={`${s.kind} ${s.dir} ${s.tag}`} s={s} v={v} />
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
            {list.length > shown.length && (
                <p class="after">
                    <button type="button" class="btn" onClick={() => setAll(true)}>
                        Show all {list.length}
                    </button>
                </p>
            )}
        </section>
    );
}

function Metric(p: {
    s: SeriesInfo;
    v: (s: SeriesInfo, x: number | string | null | undefined) => string;
}) {
    const { s, v } = p;
    const [head, tail] = tagParts(s.tag);
    return (
        <tr>
            <td>
                {s.kind === "scalar" ? (
                    <button type="button" class="as-link tag-link" onClick={() => acts.full(s.tag)}>
                        {s.dir && <span class="mute">{s.dir}: </span>}
                        <span class="mute">{head}</span>
                        {tail}
                    </button>
                ) : (
                    <>
                        <span class="mute">{head}</span>
                        {tail} <span class="mute">{s.kind}</span>
                    </>
                )}
            </td>
            <td class="num strong">{v(s, s.last)}</td>
            <td class="num">{v(s, s.min)}</td>
            <td class="num">{v(s, s.max)}</td>
            <td class="num mute">{count(s.last_step ?? 0)}</td>
            <td class="num mute">{count(s.count)}</td>
        </tr>
    );
}
