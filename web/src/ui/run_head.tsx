// The head of the run screen: its line, its name, which can be changed in place, what can be done
// with it, and why it is in its state.

import { useEffect, useRef } from "preact/hooks";
import { runAge } from "../model/catalog";
import { age, plural } from "../model/format";
import { isPinned } from "../model/personal";
import { isOver, reasonWords, stateWord, statusWord } from "../model/state";
import { tick } from "../model/view";
import { tarUrl } from "../net/change";
import type { Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { type Choice, copyText, Menu } from "./controls";

import * as deeds from "./deeds";
import { Icon, StateMark, Swatch, stateWords } from "./icons";
import { renaming } from "./stage";

const LIMIT_NAME = 63;

function NameField({ run }: { run: Run }) {
    const field = useRef<HTMLInputElement>(null);
    const done = useRef(false);
    useEffect(() => field.current?.select(), []);
    const end = (keep: boolean) => {
        if (done.current) return;
        done.current = true;
        renaming.value = "";
        const name = field.current?.value.trim() ?? "";
        if (keep && name && name !== run.name) void deeds.rename(run, name);
    };
    return (
        <span class="field name-field grow">
            <input
                ref={field}
                aria-label="Name of the run"
                maxLength={LIMIT_NAME}
                spellcheck={false}
                defaultValue={run.name}
                onBlur={() => end(true)}
                onKeyDown={e => {
                    e.stopPropagation();
                    if (e.key === "Enter" || e.key === "Escape") end(e.key === "Enter");
                }}
            />
        </span>
    );
}

function choices(run: Run): (Choice | "-")[] {
    const pinned = isPinned(run);
    const kept: Choice[] = [
        {
            label: "rename",
            act: () => {
                renaming.value = run.id;
            },
        },
    ];
    const pinning = {
        label: pinned ? "unpin" : "pin to the top",
        act: () => void deeds.pin(run, !pinned),
    };
    const copies: Choice[] = [
        { label: "copy the name", act: () => void copyText(run.name) },
        { label: "copy the link", act: () => void copyText(location.href) },
    ];
    if (run.path)
        copies.push({ label: "copy the directory", act: () => void copyText(run.path as string) });
    const last: (Choice | "-")[] = run.archived
        ? ["-", { label: "delete", act: () => void deeds.remove(run) }]
        : [];
    return [...(run.archived ? kept : []), pinning, "-", ...copies, ...last];
}

export function Head({ run, ink }: { run: Run; ink: { hue: number; dash: number } }) {
    const canStop = Boolean(run.job) && !isOver(run) && !run.cancel_requested;
    return (
        <header>
            <Swatch {...ink} wide />
            {renaming.value === run.id ? (
                <NameField run={run} />
            ) : (
                <h1 class="grow cut" title={run.name}>
                    {run.name}
                </h1>
            )}
            {canStop && (
                <button type="button" class="btn line" onClick={() => void deeds.cancel(run)}>
                    Cancel the run
                </button>
            )}
            {run.archived && (
                <a class="btn line" href={tarUrl(run.id)} download={`${run.name}.tar`}>
                    <Icon name="save" />
                    Download
                </a>
            )}
            <Menu label="More" class="icon" choices={() => choices(run)}>
                <Icon name="more" />
            </Menu>
        </header>
    );
}

/** What is expected of a run that was found in a directory. */
function foundWords(run: Run): Record<string, string> {
    const old = age(runAge(run));
    const how = run.watch === "poll" ? `polled every ${age((run.poll_ms ?? 0) / 1000)}` : "watched";
    const usual = run.usual_interval_s;
    const silence = `Nothing has come for ${old}${usual ? `, where ${age(usual)} is usual` : ""}.`;
    const kept = run.archived
        ? "What was read is kept in the run history."
        : "What was read is kept while the server runs.";
    return {
        running: `The newest point is ${old} old. Its files are ${how}.`,
        quiet: `${silence} Its files are still ${how}: a point that comes is drawn at once.`,
        gone: `Its directory is not there any more. ${kept}`,
    };
}

/** What is expected of a run that reports. */
function jobWords(run: Run): string {
    const now = Date.now() / 1000;
    const since = (t: unknown) => age(now - seconds(t as string));
    const job = run.job;
    if (!job) return "";
    if (run.not_responding && !isOver(run))
        return (
            "Nothing was heard of it for three heartbeats: its machine may be down or cut off. " +
            "It goes on here by itself when it is heard again."
        );
    if (run.cancel_requested && !isOver(run)) return "It has been told to end.";
    if (run.status === "Finalizing") return "All processes have ended; files are on their way.";
    if (isOver(run)) {
        const ended = Number.isFinite(seconds(job.ended_time))
            ? `Ended ${since(job.ended_time)} ago. `
            : "";
        const lack = "Not all of its files have come; they are taken when it sends them.";
        return ended + (job.files_complete ? "All of its files are kept." : lack);
    }
    const point = runAge(run);
    const newest = Number.isFinite(point) ? ` The newest point is ${age(point)} old.` : "";
    if (run.status === "Running") return `Started ${since(job.started_time)} ago.${newest}`;
    return Number.isFinite(seconds(job.created_time)) ? `Made ${since(job.created_time)} ago.` : "";
}

/** Why the run is in its state, and what is to be expected. */
export function Why({ run }: { run: Run }) {
    tick.value;
    const state = stateWord(run);
    const word = statusWord(run) || stateWords(state).split(":")[0];
    const why = reasonWords(run);
    const head = word[0].toUpperCase() + word.slice(1) + (why ? `, ${why}` : "");
    const expect = run.status ? jobWords(run) : (foundWords(run)[state] ?? "");
    return (
        <div class="why">
            <StateMark state={state} />
            <p>
                <b class={`strong state-${state}`}>{head}.</b> {expect}
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
