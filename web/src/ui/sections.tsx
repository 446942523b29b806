// Sections of cards by the first part of the tag, the pinned ones on top. A folded section costs
// one row; what a large one holds is said in words.

import { useState } from "preact/hooks";
import {
    listed,
    otherKinds,
    scalarTags,
    shownSections,
    shownTags,
    tagFilter,
} from "../model/catalog";
import { nearest } from "../model/filter";
import { axisValue, count, plural } from "../model/format";
import { type Section, sectionWords } from "../model/names";
import { reading } from "../model/status";
import { acts, view } from "../model/view";
import { Card } from "./card";
import { Menu } from "./controls";
import { newData } from "./follow";
import { Icon } from "./icons";
import { lazy } from "./lazy";
import { firstCards } from "./stage";
import { columns, setColumns } from "./theme";

/** Sections open at the start: as many as hold about this many cards. */
const OPEN_CARDS = 60;
/** A section that is larger starts folded. */
const LARGE = 40;
const SHOW_STEP = 60;

function startsOpen(name: string): boolean {
    const list = shownSections.value;
    let sum = 0;
    for (const s of list) {
        const large = s.tags.length > LARGE && list.length > 1;
        if (s.name === name) return !large && sum < OPEN_CARDS;
        if (!large) sum += s.tags.length;
    }
    return true;
}

function isOpen(name: string): boolean {
    return startsOpen(name) !== view.folds.value.includes(name);
}

/** Tags of the first cards, in the order in which they will stand. */
export function firstTags(most: number): string[] {
    if (view.full.value) return [view.full.value];
    if (view.run.value) return [];
    const shown = new Set(shownTags.value.map(t => t.tag));
    const pins = view.pins.value.filter(p => shown.has(p));
    const out = isOpen("*pinned") ? [...pins] : [];
    for (const s of shownSections.value) {
        if (out.length >= most) break;
        if (isOpen(s.name) && s.parts.length === 0)
            out.push(...s.tags.filter(t => !pins.includes(t)));
    }
    return out.slice(0, most);
}

function ColumnMenu() {
    const now = columns.value;
    const one = (n: number) => ({
        label: n === 0 ? "fit" : String(n),
        on: now === n,
        act: () => setColumns(n),
    });
    return (
        <Menu
            label={`columns: ${now === 0 ? "fit" : now}`}
            class="hide-narrow"
            choices={() => [one(0), "-", ...[1, 2, 3, 4, 5, 6].map(one)]}
        >
            columns: {now === 0 ? "fit" : now}
            <Icon name="down" />
        </Menu>
    );
}

/** What is zoomed, and the way back; new data beyond the right edge. */
function ZoomWords() {
    const range = view.range.value;
    if (!range) return null;
    const axis = view.axis.value;
    const span = range[1] - range[0];
    const [a, b] = range.map(v => axisValue(axis, axis === "step" ? Math.round(v) : v, span));
    return (
        <span class="zoomed">
            {newData.value && (
                <button type="button" class="btn" onClick={() => newData.value?.()}>
                    new data
                    <Icon name="right" />
                </button>
            )}
            <span class="mute hide-narrow">
                zoom linked, {a} to {b}
            </span>
            <button type="button" class="btn" onClick={() => acts.zoom(null)}>
                all
                <kbd class="hide-narrow">Esc</kbd>
            </button>
        </span>
    );
}

function Head(p: { name: string; title: string; size: number; words: string; first: boolean }) {
    const open = isOpen(p.name);
    const id = `s-${p.name || "top"}`;
    return (
        <div class="top">
            <button
                type="button"
                class="fold"
                aria-expanded={open}
                aria-label={`${open ? "Fold" : "Open"} ${p.title}`}
                onClick={() => acts.fold(p.name)}
            >
                <Icon name={open ? "down" : "right"} />
            </button>
            <h2 id={id}>{p.title}</h2>
            <span class="mute">
                {p.size}
                {reading.value ? " so far" : ""}
            </span>
            {!open && p.words && <span class="said mute cut">{p.words}</span>}
            <span class="grow" />
            {p.first && <ZoomWords />}
            {p.first && <ColumnMenu />}
        </div>
    );
}

function Cards({ tags }: { tags: string[] }) {
    const [shown, setShown] = useState(SHOW_STEP);
    const n = columns.value;
    const first = firstCards.value;
    const now = first ? tags.filter(t => first.has(t)) : tags.slice(0, shown);
    return (
        <>
            <div class={`grid ${n > 0 ? `cols-${n}` : ""}`}>
                {now.map(tag => (
                    <Card key={tag} tag={tag} />
                ))}
            </div>
            {tags.length > shown && (
                <p class="more-cards">
                    <button type="button" class="btn" onClick={() => setShown(shown + SHOW_STEP)}>
                        Show {Math.min(SHOW_STEP, tags.length - shown)} more of{" "}
                        {count(tags.length - shown)}
                    </button>
                </p>
            )}
        </>
    );
}

function SubSection({ part }: { part: Section }) {
    const [open, setOpen] = useState(false);
    return (
        <div class="part-sec">
            <div class="top">
                <button
                    type="button"
                    class="fold"
                    aria-expanded={open}
                    aria-label={`${open ? "Fold" : "Open"} ${part.name}`}
                    onClick={() => setOpen(!open)}
                >
                    <Icon name={open ? "down" : "right"} />
                </button>
                <h3>{part.name}</h3>
                <span class="mute">{part.tags.length}</span>
            </div>
            {open && <Cards tags={part.tags} />}
        </div>
    );
}

function SectionView({ s, first }: { s: Section; first: boolean }) {
    const pins = view.pins.value;
    const tags = s.tags.filter(t => !pins.includes(t));
    if (tags.length === 0) return null;
    return (
        <section class="sec">
            <Head
                name={s.name}
                title={s.name || "scalars"}
                size={tags.length}
                words={sectionWords(s)}
                first={first}
            />
            {isOpen(s.name) &&
                (s.parts.length > 0 ? (
                    s.parts.map(part => <SubSection key={part.name} part={part} />)
                ) : (
                    <Cards tags={tags} />
                ))}
        </section>
    );
}

/** Nothing matches: what there is instead. */
function NoMatch() {
    const text = tagFilter.value.text;
    const names = scalarTags.value.map(t => t.tag);
    const close = nearest(text, names, 3);
    const set = (to: string) => () => {
        view.tagFilter.value = to;
    };
    return (
        <div class="blank">
            <h1>
                No tag matches <span class="mono-big">{text}</span>
            </h1>
            <p class="lead">
                There are {plural(names.length, "tag")} in {plural(listed.value.length, "run")}.
                {close.length > 0 ? " Nearest by name:" : ""}
            </p>
            {close.length > 0 && (
                <p class="choices">
                    {close.map(name => (
                        <button key={name} type="button" class="btn line" onClick={set(name)}>
                            {name}
                        </button>
                    ))}
                </p>
            )}
            <p class="choices out">
                <button type="button" class="btn" onClick={set("")}>
                    Clear the filter <kbd>Esc</kbd>
                </button>
            </p>
        </div>
    );
}

function OtherKinds() {
    const kinds = [...otherKinds.value];
    if (kinds.length === 0) return null;
    const words = kinds.map(([kind, n]) => plural(n, `${kind} tag`)).join(", ");
    return <p class="others mute">Not drawn here: {words}. They are kept and counted.</p>;
}

const Waiting = lazy(async () => (await import("./later")).Waiting);

export function Sections() {
    const nothing = scalarTags.value.length === 0 && otherKinds.value.size === 0;
    if (nothing && listed.value.length > 0 && !reading.value) return <Waiting />;
    if (shownTags.value.length === 0 && view.tagFilter.value) return <NoMatch />;
    const shown = new Set(shownTags.value.map(t => t.tag));
    const pins = view.pins.value.filter(p => shown.has(p));
    const rest = shownSections.value.filter(s => s.tags.some(t => !pins.includes(t)));
    return (
        <>
            {pins.length > 0 && (
                <section class="sec">
                    <Head name="*pinned" title="Pinned" size={pins.length} words="" first />
                    {isOpen("*pinned") && <Cards tags={pins} />}
                </section>
            )}
            {rest.map((s, i) => (
                <SectionView key={s.name} s={s} first={pins.length === 0 && i === 0} />
            ))}
            <OtherKinds />
        </>
    );
}
