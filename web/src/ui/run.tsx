// One run: what is known of it in a sentence, facts, attempts on a shared track of time, damage
// with the line that saves what is sound, its metrics and files.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inks, runAge, runById } from "../model/catalog";
import { age, bytes, count, moment, plural, span } from "../model/format";
import { stateWord } from "../model/state";
import { acts, tick } from "../model/view";
import { ApiError, api } from "../net/http";
import type { AttemptInfo, Damage, FileInfo, Run, SeriesInfo } from "../wire/messages";
import { seconds } from "../wire/messages";
import { copyText, Menu } from "./controls";
import { Icon, StateMark, Swatch, stateWords } from "./icons";
import { Attempts } from "./run_attempts";
import { DamageTable, Files, Metrics } from "./run_parts";

interface Detail {
    attempts: AttemptInfo[];
    damage: Damage[];
    files: FileInfo[];
    series: SeriesInfo[];
    error: string;
}

const NOTHING: Detail = { attempts: [], damage: [], files: [], series: [], error: "" };

async function fetchDetail(id: string): Promise<Detail> {
    try {
        const [one, damage, files, series] = await Promise.all([
            api.run(id),
            api.damage(id),
            api.files(id),
            api.series(id),
        ]);
        const attempts = one.attempts_list ?? [];
        return { attempts, damage, files, series, error: "" };
    } catch (e) {
        const gone = e instanceof ApiError && e.status === 404;
        return { ...NOTHING, error: gone ? "There is no such run." : (e as Error).message };
    }
}

const REFRESH_MS = 5000;

/** Why the run is in its state, and what is to be expected. */
function Why({ run }: { run: Run }) {
    tick.value;
    const state = stateWord(run);
    const old = age(runAge(run));
    const how = run.watch === "poll" ? `polled every ${age((run.poll_ms ?? 0) / 1000)}` : "watched";
    const usual = run.usual_interval_s;
    const silence = `Nothing has come for ${old}${usual ? `, where ${age(usual)} is usual` : ""}.`;
    const words: Record<string, string> = {
        running: `The newest point is ${old} old. Its files are ${how}.`,
        quiet: `${silence} Its files are still ${how}: a point that comes is drawn at once.`,
        gone: "Its directory is not there any more. What was read is kept while the server runs.",
        finished: `Ended ${old} ago; nothing more is expected.`,
        failed: `Ended ${old} ago.`,
    };
    const word = stateWords(state).split(":")[0];
    const head = word[0].toUpperCase() + word.slice(1) + (run.reason ? `, ${run.reason}` : "");
    return (
        <div class="why">
            <StateMark state={state} />
            <p>
                <b class={`strong state-${state}`}>{head}.</b> {words[state] ?? ""}
                {run.damage > 0 && (
                    <>
                        {" "}
                        {plural(run.damage, "range")} of its files could not be read;{" "}
                        <button
                            type="button"
                            class="as-link"
                            onClick={() => document.getElementById("damage")?.scrollIntoView()}
                        >
                            what was saved
                        </button>
                        .
                    </>
                )}
                {run.message && ` ${run.message}`}
            </p>
        </div>
    );
}

function Facts({ run, detail }: { run: Run; detail: Detail }) {
    const first = seconds(run.first_wall);
    const last = seconds(run.last_wall);
    const tries = (run.restarts ?? 0) + 1;
    const step = detail.series.reduce((m, s) => Math.max(m, s.last_step ?? 0), 0);
    const facts: [string, string, string][] = [
        ["started", moment(first), ""],
        ["ran", span(last - first), tries > 1 ? `in ${tries} attempts` : ""],
        ["last step", detail.series.length > 0 ? count(step) : "–", ""],
        ["points", count(run.points), run.hidden ? `${count(run.hidden)} hidden` : ""],
        ["files", String(run.files ?? 0), run.bytes ? bytes(run.bytes) : ""],
        ["metrics", count(run.series ?? 0), ""],
    ];
    return (
        <dl class="facts">
            {facts.map(([name, value, more]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>
                        {value} {more && <span class="mute">{more}</span>}
                    </dd>
                </div>
            ))}
        </dl>
    );
}

function Source({ run }: { run: Run }) {
    const left = run.left_out ?? 0;
    return (
        <section class="part">
            <div class="hd">
                <h2>Source</h2>
            </div>
            <dl class="kv">
                <dt>directory</dt>
                <dd class="mono">{run.path ?? "–"}</dd>
                <dt>experiment</dt>
                <dd>{run.experiment || "–"}</dd>
                <dt>followed</dt>
                <dd>
                    {run.watch === "poll"
                        ? `by polling every ${age((run.poll_ms ?? 0) / 1000)}`
                        : "as it is written"}
                </dd>
                {(run.unreadable ?? 0) > 0 && (
                    <>
                        <dt>not readable</dt>
                        <dd class="warn">{plural(run.unreadable ?? 0, "file")}</dd>
                    </>
                )}
                {left > 0 && (
                    <>
                        <dt>left out</dt>
                        <dd class="warn">{plural(left, "file")}, over the limit</dd>
                    </>
                )}
                {(run.references ?? 0) > 0 && (
                    <>
                        <dt>other values</dt>
                        <dd>{count(run.references ?? 0)} images, histograms, texts and the like</dd>
                    </>
                )}
            </dl>
        </section>
    );
}

function Missing({ id, error }: { id: string; error: string }) {
    return (
        <div class="blank">
            <h1>No such run</h1>
            <p class="lead">
                {error || (
                    <>
                        The server knows no run <span class="mono">{id}</span>. Its directory may
                        have been removed or renamed.
                    </>
                )}
            </p>
            <p class="choices out">
                <button type="button" class="btn" onClick={() => acts.charts()}>
                    <Icon name="back" />
                    All charts
                </button>
            </p>
        </div>
    );
}

export function RunScreen({ id }: { id: string }) {
    const detail = useSignal<Detail | null>(null);
    useEffect(() => {
        let on = true;
        const ask = () =>
            fetchDetail(id).then(d => {
                if (on) detail.value = d;
            });
        void ask();
        const timer = setInterval(() => !document.hidden && void ask(), REFRESH_MS);
        return () => {
            on = false;
            clearInterval(timer);
        };
    }, [id]);
    const run = runById.value.get(id);
    if (!run) return <Missing id={id} error="" />;
    const ink = inks.value.get(id) ?? { hue: 1, dash: 0 };
    const d = detail.value ?? NOTHING;
    return (
        <div class={`sheet h${ink.hue}`}>
            <header>
                <Swatch {...ink} wide />
                <h1 class="grow cut" title={run.name}>
                    {run.name}
                </h1>
                <Menu
                    label="More"
                    class="icon"
                    choices={() => [
                        { label: "copy the name", act: () => void copyText(run.name) },
                        { label: "copy the directory", act: () => void copyText(run.path ?? "") },
                        { label: "copy the link", act: () => void copyText(location.href) },
                    ]}
                >
                    <Icon name="more" />
                </Menu>
            </header>
            <Why run={run} />
            <Facts run={run} detail={d} />
            {d.error && (
                <div class="strip fail" role="status">
                    <Icon name="warn" class="fail" />
                    <span>Not all of this could be read: {d.error}</span>
                </div>
            )}
            <div class="two">
                <div>
                    <Attempts run={run} list={d.attempts} />
                    <DamageTable run={run} list={d.damage} />
                    <Metrics run={run} list={d.series} loaded={detail.value !== null} />
                </div>
                <div>
                    <Source run={run} />
                    <Files run={run} list={d.files} loaded={detail.value !== null} />
                </div>
            </div>
        </div>
    );
}
