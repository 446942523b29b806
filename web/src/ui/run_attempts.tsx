// Attempts of a run: one track each on a shared axis of time, newest first, and what stitching
// hides.

import { xTicks } from "../chart/axis";
import { clock, count, moment, span } from "../model/format";
import { stateWord } from "../model/state";
import { acts, view } from "../model/view";
import type { AttemptInfo, Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { Icon } from "./icons";

interface Track {
    info: AttemptInfo;
    from: number;
    to: number;
}

const percent = (share: number) => `${(share * 100).toFixed(3)}%`;

function endMark(run: Run, newest: boolean): { icon: "running" | "quiet" | "failed" | null } {
    if (!newest) return { icon: null };
    const state = stateWord(run);
    if (state === "running") return { icon: "running" };
    if (state === "failed") return { icon: "failed" };
    return { icon: state === "quiet" ? "quiet" : null };
}

function Lane({ t, run, newest, at }: { t: Track; run: Run; newest: boolean; at: At }) {
    const { icon } = endMark(run, newest);
    const words = `from step ${count(t.info.first_step ?? 0)} to ${count(t.info.last_step ?? 0)}`;
    return (
        <>
            <span class="strong">{t.info.attempt}</span>
            <span class="cut" title={words}>
                to step {count(t.info.last_step ?? 0)}
            </span>
            <span class="lane" title={`${moment(t.from)} to ${moment(t.to)}`}>
                <i style={{ left: percent(at(t.from)), width: percent(at(t.to) - at(t.from)) }} />
                {icon && (
                    <span class={`x state-${icon}`} style={{ left: percent(at(t.to)) }}>
                        <Icon name={icon} />
                    </span>
                )}
            </span>
            <span class="end">{span(t.to - t.from)}</span>
        </>
    );
}

type At = (t: number) => number;

/** Steps that a later attempt did again, in words. */
function HiddenWords({ list }: { list: AttemptInfo[] }) {
    const all = view.attempts.value === "all";
    const hidden = list.reduce((n, a) => n + (a.hidden ?? 0), 0);
    if (hidden === 0) return null;
    const last = list[list.length - 1];
    const before = list[list.length - 2];
    const again =
        before && (last.first_step ?? 0) <= (before.last_step ?? 0)
            ? `Attempt ${last.attempt} went on from step ${count(last.first_step ?? 0)}. `
            : "";
    return (
        <p class="mute words">
            {again}
            {count(hidden)} points that were done again are{" "}
            {all ? "drawn too" : "hidden while stitched"}.{" "}
            <button
                type="button"
                class="as-link"
                onClick={() => acts.attempts(all ? "stitched" : "all")}
            >
                {all ? "Stitch" : "Show all"}
            </button>
        </p>
    );
}

export function Attempts({ run, list }: { run: Run; list: AttemptInfo[] }) {
    const tracks = list
        .map(info => ({ info, from: seconds(info.first_wall), to: seconds(info.last_wall) }))
        .filter(t => Number.isFinite(t.from) && Number.isFinite(t.to));
    const lo = Math.min(...tracks.map(t => t.from));
    const hi = Math.max(...tracks.map(t => t.to), lo + 1);
    const at: At = t => ((t - lo) / (hi - lo)) * 0.96;
    const ticks = tracks.length > 0 ? xTicks("wall", lo, hi, 4) : [];
    return (
        <section class="part" id="attempts">
            <div class="hd">
                <h2>Attempts</h2>
                <span class="mute">{tracks.length || ""}</span>
            </div>
            {tracks.length === 0 ? (
                <p class="mute">No attempt has written a value yet.</p>
            ) : (
                <div class="tracks">
                    {[...tracks].reverse().map((t, i) => (
                        <Lane key={t.info.attempt} t={t} run={run} newest={i === 0} at={at} />
                    ))}
                    <span />
                    <span />
                    <span class="axis">
                        {ticks
                            .filter(v => at(v) < 0.9)
                            .map(v => (
                                <span key={v} style={{ left: percent(at(v)) }}>
                                    {clock(v).slice(0, hi - lo < 240 ? 8 : 5)}
                                </span>
                            ))}
                    </span>
                    <span />
                </div>
            )}
            <HiddenWords list={list} />
        </section>
    );
}
