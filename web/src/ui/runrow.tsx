// Rows of the list of runs: check box · line · name · value · state · age.

import { inks, isChosen, runAge, stateWord } from "../model/catalog";
import { age, moment, plural, short } from "../model/format";
import { middle } from "../model/names";
import { sort, sortParts, values } from "../model/ranking";
import { closed, type FolderRow, type RunRow } from "../model/runlist";
import { acts, hot, tick, view } from "../model/view";
import type { Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { choose, only } from "./acts";
import { Check, Menu } from "./controls";
import { Icon, StateMark, stateWords, Swatch } from "./icons";

/** Room for a name, and of a letter in it on average. */
const NAME_PX = 178;
const LETTER_PX = 7;

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
    const word = stateWords(stateWord(run));
    return run.reason ? `${word}: ${run.reason}` : word;
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
    const isHot = hot.value?.run === run.id;
    const badges = (run.damage > 0 ? 36 : 0) + ((run.restarts ?? 0) > 0 ? 24 : 0);
    const most = Math.floor((NAME_PX - depth * 16 - badges) / LETTER_PX);
    const full = sortParts(sort.value.by)[1] ? "" : run.name;
    return (
        <div
            class={`row ${on ? "" : "off"} ${here ? "is-here" : ""} ${isHot ? "is-hot" : ""} in-${Math.min(depth, 4)}`}
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
                    <b>{middle(name, most)}</b>
                </button>
                <Badges run={run} />
            </span>
            <span class="val">{valueWord(run)}</span>
            <StateMark state={stateWord(run)} title={stateTitle(run)} />
            <RowAge run={run} />
            <RowHand run={run} />
        </div>
    );
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
                    "-",
                    {
                        label: "copy the name",
                        act: () => void navigator.clipboard?.writeText(run.name),
                    },
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
                <b>{middle(row.name, 26 - row.depth * 3)}</b>
                <span class="tag">{row.runs.length}</span>
            </span>
            <span class="val" />
            <StateMark
                state={row.state}
                title={`worst state inside: ${stateWords(row.state)}`}
            />
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

