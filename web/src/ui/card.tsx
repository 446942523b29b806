// A card: title, remark, acts, and the chart with what stands in its place while there is none.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Chart } from "../chart/chart";
import { valueAt } from "../chart/hover";
import { inkOf, tagByName } from "../model/catalog";
import { failures, retryNow } from "../model/feed";
import { plural, short } from "../model/format";
import type { Scale } from "../model/link";
import { tagParts } from "../model/names";
import { acts, cursor, hot, scaleOf, view } from "../model/view";
import { copyText, IconButton, Menu, Meter } from "./controls";
import { exportChoices } from "./exports";
import { Icon, Swatch } from "./icons";
import { charts, follow } from "./near";
import { hands } from "./pointer";
import { CardTip } from "./tip";

const SCALES: Scale[] = ["linear", "log", "symlog"];

export function Title({ tag, as: Head = "h3" }: { tag: string; as?: "h1" | "h3" }) {
    const [head, tail] = tagParts(tag);
    const entry = tagByName.value.get(tag);
    const words = [entry?.display, entry?.description].filter(Boolean).join(": ");
    return (
        <Head class="cut name" title={words ? `${tag}\n${words}` : tag}>
            <i>{head}</i>
            <b>{tail}</b>
        </Head>
    );
}

/** Value of the emphasised run at the crosshair of another chart. */
function Read({ chart, tag }: { chart: Chart | null; tag: string }) {
    const at = cursor.value;
    const h = hot.value;
    chart?.version.value;
    if (!chart || !at || !h || at.card === tag) return null;
    const v = valueAt(chart, h.run, at.x);
    const ink = inkOf(h.run);
    if (v === null || !ink) return null;
    return (
        <span class="read">
            <Swatch {...ink} />
            {short(v)}
        </span>
    );
}

function Acts({ tag }: { tag: string }) {
    const pinned = view.pins.value.includes(tag);
    const scale = scaleOf(tag);
    return (
        <span class="acts">
            <IconButton icon="full" label="Full width" onClick={() => acts.full(tag)} />
            <IconButton
                icon={pinned ? "pinned" : "pin"}
                label={pinned ? "Unpin" : "Pin"}
                class="hide-narrow"
                onClick={() => acts.pin(tag)}
            />
            <Menu
                label={`More of ${tag}`}
                class="icon"
                choices={() => [
                    ...SCALES.map(s => ({
                        label: s,
                        on: scale === s,
                        act: () => acts.scale(tag, s),
                    })),
                    "-",
                    {
                        label: "all values",
                        on: view.wide.value.includes(tag),
                        act: () => acts.wide(tag),
                    },
                    {
                        label: "sort runs by its last value",
                        act: () => {
                            view.sort.value = { by: `last:${tag}`, down: false };
                        },
                    },
                    { label: pinned ? "unpin" : "pin", act: () => acts.pin(tag) },
                    { label: "copy the name", act: () => void copyText(tag) },
                    "-",
                    ...exportChoices(tag, () => charts.get(tag) ?? null),
                ]}
            >
                <Icon name="more" />
            </Menu>
        </span>
    );
}

/** What stands where a chart will be. */
function Skeleton({ chart }: { chart: Chart }) {
    const { have, of } = chart.progress.value;
    chart.version.value;
    if (of > 0 && have > 0) return null;
    if (of === 0 && tagByName.value.size === 0) return null;
    return (
        <div class="skel">
            {of === 0 ? (
                <p>No run that is drawn has this tag.</p>
            ) : (
                <div class="count">
                    <p>
                        {have} of {plural(of, "run")}
                    </p>
                    <Meter share={have / of} label="Runs read" />
                    <p class="mute">waiting for the first block</p>
                </div>
            )}
        </div>
    );
}

function Failure({ tag }: { tag: string }) {
    const text = failures.value.get(tag);
    if (!text) return null;
    return (
        <div class="skel fault">
            <div class="msg">
                <p class="strong">
                    <Icon name="warn" class="fail" />
                    Not read
                </p>
                <p>{text}</p>
                <p class="do">
                    <button type="button" class="btn" onClick={retryNow}>
                        Try again
                    </button>
                    <button
                        type="button"
                        class="btn"
                        onClick={() => void copyText(`${tag}: ${text}`)}
                    >
                        Copy details
                    </button>
                </p>
            </div>
        </div>
    );
}

export function summary(chart: Chart | null, tag: string): string {
    const lines = chart?.scene?.lines ?? [];
    if (lines.length === 0) return tag;
    let best = lines[0];
    for (const l of lines) if (l.y[l.track.n - 1] < best.y[best.track.n - 1]) best = l;
    const low = short(best.y[best.track.n - 1]);
    return `${tag}, ${plural(lines.length, "run")}, lowest ${best.run.name} at ${low}`;
}

/** The plot itself; `full` is the one in full width. */
export function PlotArea(p: { tag: string; full?: boolean; onChart?: (c: Chart | null) => void }) {
    const host = useRef<HTMLDivElement>(null);
    const chart = useSignal<Chart | null>(null);
    useEffect(() => {
        const el = host.current as HTMLElement;
        const set = (c: Chart | null) => {
            chart.value = c;
            p.onChart?.(c);
        };
        const end = follow(el, {
            tag: p.tag,
            near: () => {
                const c = new Chart(p.tag, el, p.full);
                set(c);
                return c;
            },
            drop: () => {
                chart.value?.destroy();
                set(null);
            },
        });
        const off = hands(el, () => chart.value);
        return () => {
            off();
            end();
        };
    }, [p.tag]);
    const c = chart.value;
    return (
        <div class="plot">
            <div class="host" ref={host} />
            {c && <Words chart={c} tag={p.tag} />}
            {c && !failures.value.has(p.tag) && <Skeleton chart={c} />}
            <Failure tag={p.tag} />
        </div>
    );
}

/** The chart in a sentence, for those who do not see it. */
function Words({ chart, tag }: { chart: Chart; tag: string }) {
    chart.progress.value;
    return <p class="sr">{summary(chart, tag)}</p>;
}

export function Card({ tag }: { tag: string }) {
    const chart = useSignal<Chart | null>(null);
    const c = chart.value;
    const busy = c !== null && c.progress.value.of > 0 && c.progress.value.have === 0;
    return (
        <article class="card" tabIndex={0} aria-label={tag} aria-busy={busy} data-tag={tag}>
            <div class="ttl">
                <Title tag={tag} />
                <span class="note cut" title={c?.note.value}>
                    {c?.note.value}
                </span>
                {c && <Read chart={c} tag={tag} />}
                {c && <Acts tag={tag} />}
            </div>
            <PlotArea
                tag={tag}
                onChart={next => {
                    chart.value = next;
                }}
            />
            <CardTip tag={tag} />
        </article>
    );
}
