// What the run's processes write, live: the last part of a stream first, the rest on request. Only
// the lines on the screen are in the page; the view keeps to the end until it is scrolled up.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { findLines, plainOf, type Screen, type Span } from "../model/console";
import { bytes, count } from "../model/format";
import { isOver } from "../model/state";
import type { Kept, Run } from "../wire/messages";
import { ConsoleFeed } from "./console_feed";
import { copyText, IconButton, Menu } from "./controls";
import { Icon } from "./icons";

const ROW_PX = 18;
const AROUND = 10;
const PAUSE_ROWS = 2;

const CLASSES: [number, string][] = [
    [16, "bold"],
    [32, "dim"],
    [64, "italic"],
    [128, "under"],
    [256, "inverse"],
];

function looks(style: number): string {
    const out = style & 15 ? [`a${style & 15}`] : [];
    for (const [bit, name] of CLASSES) if (style & bit) out.push(name);
    return out.join(" ");
}

/** The text with what is sought marked. */
function Found({ text, want }: { text: string; want: string }) {
    if (!want) return <>{text}</>;
    const low = text.toLowerCase();
    const parts: preact.ComponentChild[] = [];
    let at = 0;
    for (let i = low.indexOf(want); i >= 0; i = low.indexOf(want, at)) {
        parts.push(text.slice(at, i), <mark key={i}>{text.slice(i, i + want.length)}</mark>);
        at = i + want.length;
    }
    parts.push(text.slice(at));
    return <>{parts}</>;
}

function Line(p: { spans: Span[]; no: number | ""; want: string; here: boolean }) {
    return (
        <div class={`ln ${p.here ? "here" : ""}`}>
            <span class="no" aria-hidden="true">
                {p.no}
            </span>
            <span class="tx">
                {p.spans.map((s, i) => (
                    <span key={i} class={looks(s.style)}>
                        <Found text={s.text} want={p.want} />
                    </span>
                ))}
            </span>
        </div>
    );
}

interface Look {
    feed: ConsoleFeed;
    screen: Screen;
    want: string;
    found: number;
}

function Window({ feed, screen, want, found }: Look) {
    feed.version.value;
    const box = useRef<HTMLDivElement>(null);
    const top = useSignal(0);
    const follow = useSignal(true);
    const height = box.current?.clientHeight ?? 400;
    const from = Math.max(0, Math.floor(top.value / ROW_PX) - AROUND);
    const to = Math.min(screen.count, Math.ceil((top.value + height) / ROW_PX) + AROUND);
    useLayoutEffect(() => {
        const el = box.current;
        if (el && follow.peek()) el.scrollTop = el.scrollHeight;
    });
    useLayoutEffect(() => {
        const el = box.current;
        if (!el || found < 0) return;
        follow.value = false;
        el.scrollTop = Math.max(0, found * ROW_PX - el.clientHeight / 2);
    }, [found]);
    const onScroll = () => {
        const el = box.current as HTMLDivElement;
        const gap = el.scrollHeight - el.scrollTop - el.clientHeight;
        follow.value = gap < ROW_PX * PAUSE_ROWS;
        top.value = el.scrollTop;
    };
    const lines: preact.ComponentChild[] = [];
    for (let i = from; i < to; i++)
        lines.push(
            <Line
                key={screen.first + i}
                no={feed.from.value > 0 ? "" : screen.first + i + 1}
                spans={screen.line(i)}
                want={want}
                here={i === found}
            />,
        );
    return (
        <div class="console-at">
            <div
                class="console"
                ref={box}
                // A box that scrolls must be reached by keys.
                tabIndex={0}
                role="log"
                aria-label="Console output"
                aria-live="off"
                onScroll={onScroll}
            >
                <div style={{ height: `${from * ROW_PX}px` }} />
                {lines}
                <div style={{ height: `${Math.max(0, screen.count - to) * ROW_PX}px` }} />
            </div>
            {!follow.value && (
                <button
                    type="button"
                    class="btn line to-end"
                    onClick={() => {
                        follow.value = true;
                        const el = box.current as HTMLDivElement;
                        el.scrollTop = el.scrollHeight;
                    }}
                >
                    to the end
                    <Icon name="down" />
                </button>
            )}
        </div>
    );
}

function Streams({ feed, run }: { feed: ConsoleFeed; run: Run }) {
    const { stream, rank, attempt } = feed.place.value;
    const ranks = run.job?.ranks ?? 1;
    const attempts = run.job?.attempt ?? 1;
    const upTo = (n: number, from: number) => Array.from({ length: n }, (_, i) => i + from);
    const now = attempt || attempts;
    return (
        <>
            <fieldset class="seg" aria-label="Stream">
                {["stdout", "stderr"].map(word => (
                    <label key={word}>
                        <input
                            type="radio"
                            name="stream"
                            checked={stream === word}
                            onChange={() => feed.go({ stream: word })}
                        />
                        {word}
                    </label>
                ))}
            </fieldset>
            {ranks > 1 && (
                <Menu
                    label={`Rank ${rank}`}
                    choices={() =>
                        upTo(ranks, 0).map(n => ({
                            label: `rank ${n}`,
                            on: n === rank,
                            act: () => feed.go({ rank: n }),
                        }))
                    }
                >
                    rank {rank}
                    <Icon name="down" />
                </Menu>
            )}
            {attempts > 1 && (
                <Menu
                    label={`Attempt ${now}`}
                    choices={() =>
                        upTo(attempts, 1).map(n => ({
                            label: `attempt ${n}`,
                            on: n === now,
                            act: () => feed.go({ attempt: n }),
                        }))
                    }
                >
                    attempt {now}
                    <Icon name="down" />
                </Menu>
            )}
        </>
    );
}

function stateOf(feed: ConsoleFeed, run: Run): string {
    feed.version.value;
    if (feed.error.value) return feed.error.value;
    const lines = `${count(feed.screen.first + feed.screen.count)} lines`;
    const cut = feed.from.value > 0 ? ", the last part" : "";
    if (feed.screen.count > 0) return lines + cut;
    if (feed.busy.value && isOver(run)) return "being read";
    return isOver(run) ? "nothing was written" : "nothing written yet";
}

export function Console({ run, kept }: { run: Run; kept: Kept[] }) {
    const held = useRef<ConsoleFeed | null>(null);
    held.current ??= new ConsoleFeed(run, kept);
    const feed = held.current;
    const want = useSignal("");
    const at = useSignal(0);
    useEffect(() => () => feed.stop(), []);
    feed.update(run, kept);
    feed.version.value;
    const screen = feed.screen;
    const found = want.value ? findLines(screen, want.value) : [];
    const here = found.length > 0 ? found[at.value % found.length] : -1;
    const all = () =>
        Array.from({ length: screen.count }, (_, i) => plainOf(screen.line(i))).join("\n");
    return (
        <section class="part" id="console">
            <div class="hd">
                <h2>Console</h2>
                <span class="mute grow">{stateOf(feed, run)}</span>
                <label class="field find-line">
                    <Icon name="search" />
                    <input
                        aria-label="Find in the console"
                        placeholder="Find"
                        spellcheck={false}
                        onInput={e => {
                            want.value = (e.currentTarget as HTMLInputElement).value.toLowerCase();
                            at.value = 0;
                        }}
                        onKeyDown={e => {
                            if (e.key !== "Enter" || found.length === 0) return;
                            const by = e.shiftKey ? found.length - 1 : 1;
                            at.value = (at.value + by) % found.length;
                        }}
                    />
                    {want.value && (
                        <span class="tag">
                            {found.length === 0
                                ? "none"
                                : `${(at.value % found.length) + 1} of ${found.length}`}
                        </span>
                    )}
                </label>
                <Streams feed={feed} run={run} />
                <IconButton
                    icon="copy"
                    label="Copy these lines"
                    onClick={() => void copyText(all())}
                />
            </div>
            {feed.from.value > 0 && (
                <p class="mute after">
                    <button type="button" class="btn" onClick={() => feed.earlier()}>
                        Show earlier output
                    </button>
                    {bytes(feed.from.value)} lie before
                </p>
            )}
            {screen.count > 0 && (
                <Window feed={feed} screen={screen} want={want.value} found={here} />
            )}
        </section>
    );
}
