// The bar: experiment, filter of tags, axis and smoothing, whether what is seen is live.

import { signal } from "@preact/signals";
import { tryNow } from "../boot";
import { archiveWords } from "../model/archive";
import {
    about,
    drawn,
    experiments,
    listed,
    newestAge,
    runs,
    scalarTags,
    shownTags,
} from "../model/catalog";
import { age, plural } from "../model/format";
import type { Axis } from "../model/series";
import { stateWord } from "../model/state";
import { LOST_MS, link } from "../model/status";
import { acts, missed, paused, tick, view } from "../model/view";
import { setPaused } from "./acts";
import { copyText, IconButton, Menu } from "./controls";
import { drawerOpen, settingsOpen } from "./drawer";
import { tagError } from "./filters";
import { helpOpen } from "./help";
import { Icon, Logo } from "./icons";
import { axisTo, Smoothing } from "./smoothing";
import { toggleTheme } from "./theme";

const AXES: [Axis, string][] = [
    ["step", "step"],
    ["relative", "relative"],
    ["wall", "wall"],
];

export function AxisChoice() {
    return (
        <fieldset class="seg" aria-label="Horizontal axis">
            {AXES.map(([axis, word]) => (
                <label key={axis}>
                    <input
                        type="radio"
                        name="x"
                        checked={view.axis.value === axis}
                        onChange={() => axisTo(axis)}
                    />
                    {word}
                </label>
            ))}
        </fieldset>
    );
}

function TagFilter() {
    const error = tagError.value;
    const text = view.tagFilter.value;
    return (
        <label class={`field tag-filter ${error ? "is-bad" : ""}`} title={error || undefined}>
            <Icon name="search" />
            <input
                id="tag-filter"
                aria-label="Filter tags by regex"
                aria-invalid={error !== ""}
                placeholder="Filter tags by regex"
                spellcheck={false}
                value={text}
                onInput={e => {
                    view.tagFilter.value = (e.currentTarget as HTMLInputElement).value;
                }}
            />
            {text ? (
                <span class={`tag ${error ? "fail" : ""}`}>
                    {error || `${shownTags.value.length} of ${scalarTags.value.length}`}
                </span>
            ) : (
                <kbd class="hide-narrow">t</kbd>
            )}
        </label>
    );
}

/** Why the newest point is as old as it is. */
function ageReason(): string {
    const polled = runs.value.find(r => r.watch === "poll");
    if (polled?.poll_ms) return `Polling the file system every ${age(polled.poll_ms / 1000)}.`;
    const usual = runs.value
        .filter(r => r.activity === "live")
        .map(r => r.usual_interval_s)
        .filter((s): s is number => typeof s === "number" && s > 5);
    if (usual.length > 0) return `The writer flushes every ${age(Math.min(...usual))}.`;
    return runs.value.some(r => r.activity === "live")
        ? "Files are watched; new points are drawn as they come."
        : "No run is being written now.";
}

const POLL_WORDS =
    " No WebSocket can be had, as behind some proxies: points are asked for by HTTP, none is lost.";

function LiveBadge() {
    tick.value;
    const l = link.value;
    const old = age(newestAge());
    if (l.state === "lost" && Date.now() - l.since > LOST_MS)
        return (
            <button type="button" class="live btn" title="Try now" onClick={tryNow}>
                <Icon name="silent" class="warn" />
                disconnected <span class="age mute">{age((Date.now() - l.since) / 1000)}</span>
            </button>
        );
    if (paused.value)
        return (
            <button
                type="button"
                class="live btn"
                title="Charts stand still. Space goes on."
                onClick={() => setPaused(false)}
            >
                <Icon name="pause" class="mute" />
                paused <span class="age mute">{missed.value} new</span>
            </button>
        );
    const busy = l.state === "opening" || l.state === "lost";
    const live = runs.value.some(r => r.activity === "live" || stateWord(r) === "running");
    const polls = l.polls ? POLL_WORDS : "";
    const kept = archiveWords(about.value?.archive);
    const word = busy ? "connecting" : live ? "live" : "watching";
    return (
        <button
            type="button"
            class="live btn"
            title={`Newest point ${old} ago. ${ageReason()}${polls} ${kept?.words ?? ""}`}
            onClick={() => setPaused(true)}
        >
            <Icon name={live ? "running" : "finished"} class={live ? "run" : "mute"} />
            {l.polls ? `${word} by HTTP` : word} <span class="age mute">{old}</span>
            {kept && <span class={kept.fail ? "fail" : "warn"}>{kept.brief}</span>}
        </button>
    );
}

const copied = signal(false);

function copyLink(): void {
    void copyText(location.href).then(() => {
        copied.value = true;
        setTimeout(() => {
            copied.value = false;
        }, 1500);
    });
}

function Experiment() {
    const all = experiments.value;
    const name = view.experiment.value || (all.length === 1 ? all[0] : "") || "all experiments";
    if (all.length < 2) return <span class="exp cut">{all.length === 1 ? name : "Tailboard"}</span>;
    const pick = (e: string) => () => {
        view.experiment.value = e;
    };
    return (
        <Menu
            label="Experiment"
            class="exp"
            choices={() => [
                { label: "all experiments", on: !view.experiment.value, act: pick("") },
                "-",
                ...all.map(e => ({ label: e, on: view.experiment.value === e, act: pick(e) })),
            ]}
        >
            <span class="cut">{name}</span>
            <Icon name="down" class="mute" />
        </Menu>
    );
}

const PARTS = ["attempts", "console", "damage", "metrics", "files"];

function RunTools() {
    return (
        <>
            <button type="button" class="btn back" onClick={() => acts.charts()}>
                <Icon name="back" />
                charts
            </button>
            <nav class="set hide-narrow" aria-label="Parts of the run">
                {PARTS.map(part => (
                    <button
                        key={part}
                        type="button"
                        class="btn"
                        onClick={() => document.getElementById(part)?.scrollIntoView()}
                    >
                        {part}
                    </button>
                ))}
            </nav>
        </>
    );
}

function ChartTools() {
    return (
        <>
            <TagFilter />
            <div class="narrow-set only-narrow">
                <button
                    type="button"
                    class="btn line"
                    onClick={() => {
                        drawerOpen.value = true;
                    }}
                >
                    {drawn.value.length} of {plural(listed.value.length, "run")}
                </button>
                <IconButton
                    icon="sliders"
                    label="View settings"
                    class="line"
                    onClick={() => {
                        settingsOpen.value = true;
                    }}
                />
            </div>
            <div class="set wide-only">
                <span class="word">x</span>
                <AxisChoice />
            </div>
            <div class="wide-only">
                <Smoothing />
            </div>
        </>
    );
}

export function Bar() {
    return (
        <header class="bar">
            <div class="brand">
                <Logo />
                <Experiment />
            </div>
            <div class="tools">
                {view.run.value ? <RunTools /> : <ChartTools />}
                <span class="grow wide-only" />
                <div class="set end">
                    <LiveBadge />
                    <IconButton
                        icon={paused.value ? "play" : "pause"}
                        label={paused.value ? "Go on" : "Pause"}
                        title={paused.value ? "Go on  Space" : "Pause  Space"}
                        class="hide-narrow"
                        onClick={() => setPaused(!paused.value)}
                    />
                    <IconButton
                        icon={copied.value ? "done" : "link"}
                        label={copied.value ? "Copied" : "Copy link to this view"}
                        class="hide-narrow hide-mid"
                        onClick={copyLink}
                    />
                    <IconButton icon="theme" label="Light or dark" onClick={toggleTheme} />
                    <button
                        type="button"
                        class="btn icon hide-narrow"
                        aria-label="Keys"
                        title="Keys  ?"
                        onClick={() => {
                            helpOpen.value = true;
                        }}
                    >
                        ?
                    </button>
                </div>
            </div>
        </header>
    );
}
