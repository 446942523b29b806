// One run: what is known of it in a sentence, facts, attempts on a shared track of time, console,
// damage with the line that saves what is sound, its metrics, history and files. Fetched when the
// first run is opened.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inks, runById } from "../model/catalog";
import { age, bytes, count, moment, plural, span } from "../model/format";
import { isOver } from "../model/state";
import { acts, tick } from "../model/view";
import { events, keptFiles } from "../net/change";
import { ApiError, api } from "../net/http";
import type {
    AttemptInfo,
    Damage,
    FileInfo,
    Kept,
    Run,
    RunEvent,
    SeriesInfo,
} from "../wire/messages";
import { seconds } from "../wire/messages";
import { Console } from "./console";
import { Icon } from "./icons";
import { Attempts } from "./run_attempts";
import { Files } from "./run_files";
import { Head, Why } from "./run_head";
import { DamageTable, Metrics } from "./run_parts";
import { Command, History } from "./run_story";
import "./css/run.css";
import "./css/console.css";

interface Detail {
    attempts: AttemptInfo[];
    damage: Damage[];
    files: FileInfo[];
    kept: Kept[] | null;
    events: RunEvent[];
    series: SeriesInfo[];
    error: string;
}

const NOTHING: Detail = {
    attempts: [],
    damage: [],
    files: [],
    kept: null,
    events: [],
    series: [],
    error: "",
};

async function fetchDetail(id: string): Promise<Detail> {
    // Servers without a history have no events.
    const told = events(id).catch(() => []);
    try {
        const [one, damage, files, kept, series] = await Promise.all([
            api.run(id),
            api.damage(id),
            api.files(id),
            keptFiles(id),
            api.series(id),
        ]);
        const attempts = one.attempts_list ?? [];
        return { attempts, damage, files, kept, events: await told, series, error: "" };
    } catch (e) {
        const gone = e instanceof ApiError && e.status === 404;
        return { ...NOTHING, error: gone ? "There is no such run." : (e as Error).message };
    }
}

const REFRESH_MS = 5000;

/** Seconds that the processes of a run have been at work, or its points span. */
function ranFor(run: Run): number {
    const from = seconds(run.job?.started_time);
    if (!Number.isFinite(from)) return seconds(run.last_wall) - seconds(run.first_wall);
    const to = isOver(run) ? seconds(run.job?.ended_time) : Date.now() / 1000;
    return to - from;
}

function ranksWords(run: Run): string {
    const job = run.job;
    const of = job?.ranks ?? 1;
    const ended = job?.ranks_ended ?? 0;
    return of > 1 && ended > 0 && ended < of ? `${ended} ended` : "";
}

function Facts({ run, detail }: { run: Run; detail: Detail }) {
    tick.value;
    const first = seconds(run.job?.started_time ?? run.first_wall);
    const tries = Math.max((run.restarts ?? 0) + 1, run.job?.attempt ?? 1);
    const step = detail.series.reduce((m, s) => Math.max(m, s.last_step ?? 0), 0);
    const kept = detail.kept?.reduce((n, k) => n + k.size, 0);
    const files = detail.kept?.length ?? run.files ?? 0;
    const size = kept ?? run.bytes ?? 0;
    const whole = run.job && isOver(run) ? (run.job.files_complete ? "complete" : "not all") : "";
    const facts: [string, string, string][] = [
        ["started", moment(first), ""],
        ["ran", span(ranFor(run)), tries > 1 ? `in ${tries} attempts` : ""],
        ["last step", detail.series.length > 0 ? count(step) : "–", ""],
        ["points", count(run.points), run.hidden ? `${count(run.hidden)} hidden` : ""],
    ];
    if (run.job) facts.push(["processes", count(run.job.ranks ?? 1), ranksWords(run)]);
    else facts.push(["metrics", count(run.series ?? 0), ""]);
    const more = [size ? bytes(size) : "", whole].filter(Boolean).join(", ");
    facts.push([detail.kept ? "kept" : "files", plural(files, "file"), more]);
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
    const labels = Object.entries(run.tags ?? {});
    return (
        <section class="part">
            <div class="hd">
                <h2>Source</h2>
            </div>
            <dl class="kv">
                {run.path && (
                    <>
                        <dt>directory</dt>
                        <dd class="mono">{run.path}</dd>
                    </>
                )}
                <dt>experiment</dt>
                <dd>{run.experiment || "–"}</dd>
                {(run.path || run.watch) && (
                    <>
                        <dt>followed</dt>
                        <dd>
                            {run.watch === "poll"
                                ? `by polling every ${age((run.poll_ms ?? 0) / 1000)}`
                                : "as it is written"}
                        </dd>
                    </>
                )}
                {labels.length > 0 && (
                    <>
                        <dt>labels</dt>
                        <dd>{labels.map(([key, v]) => `${key}: ${v}`).join(", ")}</dd>
                    </>
                )}
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
            <Head run={run} ink={ink} />
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
                    <Attempts run={run} list={d.attempts} events={d.events} />
                    {(run.job || d.kept?.some(k => k.path.startsWith("console/"))) &&
                        detail.value && <Console run={run} kept={d.kept ?? []} />}
                    <DamageTable run={run} list={d.damage} />
                    <Metrics run={run} list={d.series} loaded={detail.value !== null} />
                </div>
                <div>
                    <History events={d.events} />
                    <Command events={d.events} />
                    <Source run={run} />
                    <Files run={run} list={d.files} kept={d.kept} loaded={detail.value !== null} />
                </div>
            </div>
        </div>
    );
}
