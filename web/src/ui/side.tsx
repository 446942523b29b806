// The list of runs: filter, head with what is drawn and what is sorted by, rows, what is left out.

import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { chosenAtStart, drawn, listed, matched, runFilter, runs } from "../model/catalog";
import { plural } from "../model/format";
import { mainTag, sort, sortParts } from "../model/ranking";
import { boxOf, rows, tree } from "../model/runlist";
import { reading } from "../model/status";
import { view } from "../model/view";
import { choose } from "./acts";
import { Check, type Choice, Menu } from "./controls";
import { runError } from "./filters";
import { Icon } from "./icons";
import { FolderItem, RunItem, WaitRow } from "./runrow";
import { deletedOpen, rowRoom } from "./stage";

export function RunFilter({ id }: { id: string }) {
    const error = runError.value;
    const text = view.runFilter.value;
    return (
        <label class={`field ${error ? "is-bad" : ""}`}>
            <Icon name="search" />
            <input
                id={id}
                aria-label="Filter runs by regex"
                aria-invalid={error !== ""}
                aria-describedby={error ? `${id}-bad` : undefined}
                placeholder="Filter runs by regex"
                spellcheck={false}
                value={text}
                onInput={e => {
                    view.runFilter.value = (e.currentTarget as HTMLInputElement).value;
                }}
            />
            {text ? (
                <span class="tag">
                    {matched.value.length} of {listed.value.length}
                </span>
            ) : (
                <kbd class="hide-narrow">/</kbd>
            )}
        </label>
    );
}

export function RunFilterError({ id }: { id: string }) {
    if (!runError.value) return null;
    const last = runFilter.value.text;
    return (
        <p class="said fail" id={`${id}-bad`} role="status">
            {runError.value}{" "}
            {last && (
                <span class="mute">
                    Still filtered by <span class="mono">{last}</span>
                </span>
            )}
        </p>
    );
}

function sortChoices(): (Choice | "-")[] {
    const { by, down } = sort.value;
    const tag = sortParts(by)[1] || mainTag.value;
    const pick = (next: string, d: boolean) => () => {
        view.sort.value = { by: next, down: by === next ? !down : d };
    };
    const one = (label: string, next: string, d = false): Choice => ({
        label,
        on: by === next,
        note: by === next ? (down ? "falling" : "rising") : "",
        act: pick(next, d),
    });
    const fixed = [
        one("name", "name"),
        one("start", "start", true),
        one("last update", "update"),
        one("state", "state"),
    ];
    if (!tag) return fixed;
    const of = ["last", "min", "max"].map(k => one(`${tag} ${k}`, `${k}:${tag}`, k === "max"));
    return [...of, "-", ...fixed];
}

const deletedChoice: (Choice | "-")[] = [
    "-",
    {
        label: "deleted runs",
        act: () => {
            deletedOpen.value = true;
        },
    },
];

function listChoices(): (Choice | "-")[] {
    const set = (on: boolean) => () => {
        tree.value = on;
    };
    return [
        { label: "folders by /", on: tree.value, act: set(true) },
        { label: "flat list", on: !tree.value, act: set(false) },
        ...(runs.value.some(r => r.archived) ? deletedChoice : []),
    ];
}

function sortWord(): string {
    const [kind, tag] = sortParts(sort.value.by);
    if (tag) return `${tag} ${kind}`;
    return { name: "name", start: "start", update: "update", state: "state" }[kind] ?? kind;
}

function drawnWords(): string {
    const on = drawn.value.length;
    const hidden = matched.value.length - on;
    const busy = reading.value;
    if (busy && busy.runs > busy.runsDone)
        return `${busy.runsDone} read, ${busy.runs - busy.runsDone} to come`;
    return hidden > 0 ? `${on} drawn, ${hidden} hidden` : `${on} drawn`;
}

export function ListHead() {
    return (
        <div class="cols">
            <Check
                state={boxOf(matched.value)}
                label="All runs"
                onChange={on =>
                    choose(
                        matched.value.map(r => r.id),
                        on,
                    )
                }
            />
            <span class="what cut">{drawnWords()}</span>
            <Menu label={`Sorted by ${sortWord()}`} class="sorted" choices={() => sortChoices()}>
                <span class="cut">{sortWord()}</span>
                <Icon name={sort.value.down ? "down" : "up"} />
            </Menu>
            <span />
            <span class="num">age</span>
        </div>
    );
}

function footWords(): string {
    const out = listed.value.length - matched.value.length;
    if (out > 0) return `${plural(out, "run does", "runs do")} not match the filter`;
    const all = plural(listed.value.length, "run");
    if (view.selection.value.mode === "start" && drawn.value.length < matched.value.length)
        return `The ${chosenAtStart.value.size} newest of ${all} are chosen`;
    return "";
}

export function ListFoot() {
    const at = view.attempts.value;
    const hidden = drawn.value.reduce((n, r) => n + (r.hidden ?? 0), 0);
    const pick = (next: "stitched" | "all") => () => {
        view.attempts.value = next;
    };
    return (
        <div class="foot">
            <span class="grow">{footWords()}</span>
            <Menu
                label={`Attempts: ${at}`}
                title={
                    at === "all"
                        ? "All attempts are drawn, one beside the other."
                        : `A later attempt hides what it did again: ${plural(hidden, "point")}.`
                }
                choices={() => [
                    { label: "stitched", on: at === "stitched", act: pick("stitched") },
                    { label: "all attempts", on: at === "all", act: pick("all") },
                ]}
            >
                {at}
                <Icon name="down" />
            </Menu>
        </div>
    );
}

/** Rows on the screen and a few around them: 10,000 runs cost as much as 40. */
export function VirtualRows({ height, scroller }: { height: number; scroller?: Signal<number> }) {
    const room = rowRoom.value;
    const list = rows.value.length > room ? rows.value.slice(0, room) : rows.value;
    const ref = useRef<HTMLDivElement>(null);
    const [span, setSpan] = useState<[number, number]>([0, Math.ceil(window.innerHeight / height)]);
    const measure = () => {
        const el = ref.current;
        if (!el) return;
        const from = Math.max(0, Math.floor(el.scrollTop / height) - 8);
        const to = Math.ceil((el.scrollTop + el.clientHeight) / height) + 8;
        setSpan(s => (s[0] === from && s[1] === to ? s : [from, to]));
        if (scroller) scroller.value = el.scrollTop;
    };
    useEffect(() => {
        const watch = new ResizeObserver(measure);
        watch.observe(ref.current as HTMLElement);
        return () => watch.disconnect();
    }, []);
    const wait = reading.value && list.length < 12 ? 12 - list.length : 0;
    const [from, to] = [span[0], Math.min(span[1], list.length)];
    return (
        <div class="rows" ref={ref} onScroll={measure} role="list" aria-label="Runs">
            <div style={{ height: `${from * height}px` }} />
            {list
                .slice(from, to)
                .map(r =>
                    r.kind === "run" ? (
                        <RunItem key={r.run.id} row={r} />
                    ) : (
                        <FolderItem key={r.path} row={r} />
                    ),
                )}
            <div style={{ height: `${Math.max(0, list.length - to) * height}px` }} />
            {Array.from({ length: wait }, (_, i) => (
                <WaitRow key={`w${i}`} width={88 + ((i * 37) % 56)} />
            ))}
        </div>
    );
}

export function Side() {
    return (
        <aside class="side" aria-label="Runs">
            <div class="find">
                <RunFilter id="run-filter" />
                <Menu label="Shape of the list" class="icon" choices={listChoices}>
                    <Icon name="sliders" />
                </Menu>
            </div>
            <RunFilterError id="run-filter" />
            <ListHead />
            <VirtualRows height={28} />
            <ListFoot />
        </aside>
    );
}
