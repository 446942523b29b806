// Beside the run: what was reported of it, and how it was started.

import { clock, moment } from "../model/format";
import { rowsOf, startFacts } from "../model/story";
import type { RunEvent } from "../wire/messages";
import { CopyButton } from "./controls";
import { StateMark } from "./icons";

const MOST_ROWS = 200;

export function History({ events }: { events: RunEvent[] }) {
    const rows = rowsOf(events).slice(0, MOST_ROWS);
    if (rows.length === 0) return null;
    return (
        <section class="part" id="history">
            <div class="hd">
                <h2>History</h2>
            </div>
            <ol class="story">
                {rows.map((r, i) => (
                    <li key={i}>
                        <span class="num" title={moment(r.time)}>
                            {clock(r.time)}
                        </span>
                        <StateMark state={r.state} title={r.word} />
                        <span class={i === 0 ? "strong" : ""}>{r.word}</span>
                        <span class="mute cut" title={r.words}>
                            {r.words}
                        </span>
                    </li>
                ))}
            </ol>
        </section>
    );
}

export function Command({ events }: { events: RunEvent[] }) {
    const { command, facts } = startFacts(events);
    if (!command && facts.length === 0) return null;
    return (
        <section class="part" id="command">
            <div class="hd">
                <h2 class="grow">Command</h2>
                {command && <CopyButton label="Copy the command" text={() => command} />}
            </div>
            {command && <p class="mono command">{command}</p>}
            <dl class="kv">
                {facts.map(([what, words]) => (
                    <div class="pair" key={what}>
                        <dt>{what}</dt>
                        <dd class={what === "directory" || what === "git" ? "mono" : ""}>
                            {words}
                        </dd>
                    </div>
                ))}
            </dl>
        </section>
    );
}
