// Attempts of a run: one track each on a shared axis of time, newest first, and what stitching
// hides.

import { xTicks } from "../chart/axis";
import { clock, count, moment, span } from "../model/format";
import { isOver, stateWord } from "../model/state";
import { attemptsOf } from "../model/story";
import { acts, view } from "../model/view";
import type { AttemptInfo, Run, RunEvent } from "../wire/messages";
import { seconds } from "../wire/messages";
import { Icon } from "./icons";

interface Track {
    attempt: number;
    from: number;
    to: number;
    /** How it ended, or how far it came. */
    words: string;
    title: string;
    failed: boolean;
}

/** Tracks from what was reported, else from the points. */
function tracksOf(run: Run, list: AttemptInfo[], events: RunEvent[]): Track[] {
    const told = attemptsOf(events);
    const step = (a: AttemptInfo | undefined) => (a ? `to step ${count(a.last_step ?? 0)}` : "");
    if (told.length > 0)
        return told.map(t => {
            const info = list.find(a => a.attempt === t.attempt);
            const words = [t.end, step(info)].filter(Boolean).join(", ") || "at work";
            const now = isOver(run) ? t.from : Date.now() / 1000;
            const to = Number.isFinite(t.to) ? t.to : now;
            return { attempt: t.attempt, from: t.from, to, words, title: words, failed: t.failed };
        });
    return list
        .map(a => ({
            attempt: a.attempt,
            from: seconds(a.first_wall),
            to: seconds(a.last_wall),
            words: step(a),
            title: `from step ${count(a.first_step ?? 0)} to ${count(a.last_step ?? 0)}`,
            failed: false,
        }))
        .filter(t => Number.isFinite(t.from) && Number.isFinite(t.to));
}

const percent = (share: number) => `${(share * 100).toFixed(3)}%`;

function endMark(
    run: Run,
    t: Track,
    newest: boolean,
): { icon: "running" | "quiet" | "failed" | null } {
    if (t.failed) return { icon: "failed" };
    if (!newest) return { icon: null };
    const state = stateWord(run);
    if (state === "running") return { icon: "running" };
    if (state === "failed") return { icon: "failed" };
    return { icon: state === "quiet" ? "quiet" : null };
}

function Lane({ t, run, newest, at }: { t: Track; run: Run; newest: boolean; at: At }) {
    const { icon } = endMark(run, t, newest);
    return (
        <>
            <span class="strong">{t.attempt}</span>
            <span class="cut" title={t.title}>
                {t.words}
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

export function Attempts(p: { run: Run; list: AttemptInfo[]; events: RunEvent[] }) {
    const { run, list } = p;
    const tracks = tracksOf(run, list, p.events);
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
                <p class="mute">No attempt has begun yet.</p>
            ) : (
                <div class="tracks">
                    {[...tracks].reverse().map((t, i) => (
                        <Lane key={t.attempt} t={t} run={run} newest={i === 0} at={at} />
                    ))}
                    <span />
                    <span />
                    <span class="axis">
                        {ticks
                            .filter(v => at(v) < 0.9)
                            .filter((v, i, list) => i === 0 || clock(v) !== clock(list[i - 1]))
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
