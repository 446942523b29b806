// Rows of the list of runs: check box · line · name · value · state · age.

import { inks, isChosen, runAge } from "../model/catalog";
import { age, moment, plural, short } from "../model/format";
import { lineRun } from "../model/lines";
import { isPinned, markRun, marks } from "../model/personal";
import { sort, sortParts, values } from "../model/ranking";
import { closed, type FolderRow, type RunRow } from "../model/runlist";
import { reasonWords, stateWord, statusWord } from "../model/state";
import { acts, hot, tick, view } from "../model/view";
import type { Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { choose, only } from "./acts";
import { Check, type Choice, copyText, Menu } from "./controls";
import { Icon, StateMark, Swatch, stateWords } from "./icons";
import { fitName, textWidth } from "./measure";
import { renaming } from "./stage";

/** Room for name, badges and value in a row of the list. */
const ROOM_PX = 182;
const BADGE_PX = 26;
const WARN_PX = 34;

function nameRoom(run: Run, depth: number, value: string): number {
    const badges = (run.damage > 0 ? WARN_PX : 0) + ((run.restarts ?? 0) > 0 ? BADGE_PX : 0);
    return ROOM_PX - depth * 16 - badges - textWidth(value, 12);
}

/** The age is worth its room when it is old, and a warning where data ought to come. */
function RowAge({ run }: { run: Run }) {
    tick.value;
    const s = runAge(run);
    if (!(s >= 10)) return <span class="age" />;
    const late = stateWord(run) === "not-responding";
    return <span class={`age ${late ? "warn" : ""}`}>{age(s)}</span>;
}

function valueWord(run: Run): string {
    const { by } = sort.value;
    if (by === "start") return moment(seconds(run.first_wall)).split(",")[0];
    if (by === "name" || by === "update" || by === "state") return "";
    const v = values.value.get(run.id);
    return v === undefined ? "–" : short(v);
}

function Badges({ run }: { run: Run }) {
    const tries = (run.restarts ?? 0) + 1;
    return (
        <>
            {isPinned(run) && (
                <span class="tag" title="Pinned">
                    <Icon name="pinned" />
                </span>
            )}
            {tries > 1 && (
                <span class="tag" title={`${tries} attempts`}>
                    ×{tries}
                </span>
            )}
            {run.damage > 0 && (
                <button
                    type="button"
                    class="tag warn"
                    title={plural(run.damage, "damaged range")}
                    aria-label={`${plural(run.damage, "damaged range")}: open`}
                    onClick={() => acts.openRun(run.id)}
                >
                    <Icon name="warn" />
                    {run.damage}
                </button>
            )}
        </>
    );
}

function stateTitle(run: Run): string {
    const word = statusWord(run) || stateWords(stateWord(run));
    const why = reasonWords(run);
    return why ? `${word}: ${why}` : word;
}

function enter(run: string): void {
    hot.value = { run, pale: true };
}

function leave(run: string): void {
    if (hot.value?.run === run) hot.value = null;
}

export function RunItem({ row }: { row: RunRow }) {
    const { run, name, depth } = row;
    const ink = inks.value.get(run.id) ?? { hue: 1, dash: 0 };
    const on = isChosen(run.id);
    const here = view.run.value === run.id;
    const isHot = lineRun(hot.value?.run ?? "") === run.id;
    const value = valueWord(run);
    const looks = ["row", `in-${Math.min(depth, 4)}`];
    if (!on) looks.push("off");
    if (here) looks.push("is-here");
    if (isHot) looks.push("is-hot");
    const full = sortParts(sort.value.by)[1] ? "" : run.name;
    return (
        <div
            class={looks.join(" ")}
            role="listitem"
            onPointerEnter={e => e.pointerType === "mouse" && enter(run.id)}
            onPointerLeave={() => leave(run.id)}
            data-run={run.id}
        >
            <Check
                state={on ? "all" : "none"}
                label={`Draw ${run.name}`}
                onChange={now => choose([run.id], now)}
            />
            <Swatch {...ink} />
            <span class="name" title={full || run.name}>
                <button type="button" class="open" onClick={() => acts.openRun(run.id)}>
                    <b>{fitName(name, nameRoom(run, depth, value), isHot || here ? 12.5 : 12)}</b>
                </button>
                <Badges run={run} />
            </span>
            <span class="val">{value}</span>
            <StateMark state={stateWord(run)} title={stateTitle(run)} />
            <RowAge run={run} />
            <RowHand run={run} />
        </div>
    );
}

/** The hues of the tokens, in their order. */
const HUES = ["blue", "brown", "teal", "red", "violet", "gold", "cyan", "magenta"];

function colour(run: Run, label: string, hue: number | undefined): Choice {
    const on = marks.value.get(run.name)?.hue === hue;
    return { label, on, act: () => markRun(run.name, { hue }) };
}

const deeds = async () => (await import("./later")).deeds;

/** What a run that is kept by the history can be asked for besides. */
function historyActs(run: Run): (Choice | "-")[] {
    const name = () => {
        renaming.value = run.id;
        acts.openRun(run.id);
    };
    return [
        { label: "rename", act: name },
        "-",
        { label: "delete", act: () => void deeds().then(d => d.remove(run)) },
    ];
}

function RowHand({ run }: { run: Run }) {
    return (
        <span class="hand">
            <button
                type="button"
                class="btn"
                title="Draw only this run"
                aria-label={`Draw only ${run.name}`}
                onClick={() => only(run.id)}
            >
                only
            </button>
            <Menu
                label={`More of ${run.name}`}
                class="icon"
                choices={() => [
                    { label: "open the run", act: () => acts.openRun(run.id) },
                    { label: "draw only this", act: () => only(run.id) },
                    {
                        label: isChosen(run.id) ? "hide" : "draw",
                        act: () => choose([run.id], !isChosen(run.id)),
                    },
                    {
                        label: isPinned(run) ? "unpin" : "pin to the top",
                        act: () => void deeds().then(d => d.pin(run, !isPinned(run))),
                    },
                    "-",
                    { head: "colour" },
                    colour(run, "of its own", undefined),
                    ...HUES.map((word, i) => colour(run, word, i + 1)),
                    "-",
                    { label: "copy the name", act: () => void copyText(run.name) },
                    ...(run.archived ? historyActs(run) : []),
                ]}
            >
                <Icon name="more" />
            </Menu>
        </span>
    );
}

export function FolderItem({ row }: { row: FolderRow }) {
    const toggle = () => {
        const next = new Set(closed.value);
        if (!next.delete(row.path)) next.add(row.path);
        closed.value = next;
    };
    return (
        <div class={`row in-${Math.min(row.depth, 4)}`} role="listitem">
            <Check
                state={row.box}
                label={`Draw all in ${row.path}`}
                onChange={on =>
                    choose(
                        row.runs.map(r => r.id),
                        on,
                    )
                }
            />
            <button
                type="button"
                class="fold"
                aria-expanded={row.open}
                aria-label={`${row.open ? "Fold" : "Open"} ${row.path}`}
                onClick={toggle}
            >
                <Icon name={row.open ? "down" : "right"} />
            </button>
            <span class="name" title={row.path}>
                <b>{fitName(row.name, ROOM_PX - 24 - row.depth * 16, 12)}</b>
                <span class="tag">{row.runs.length}</span>
            </span>
            <span class="val" />
            <StateMark state={row.state} title={`worst state inside: ${stateWords(row.state)}`} />
            <span class="age" />
        </div>
    );
}

export function WaitRow({ width }: { width: number }) {
    return (
        <div class="row wait" aria-hidden="true">
            <span class="box" />
            <span class="bone line-bone" />
            <span class="bone" style={{ width: `${width}px` }} />
        </div>
    );
}
