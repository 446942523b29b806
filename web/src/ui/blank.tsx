// What stands in the place of charts: nothing yet, log-in, no answer; and the strips above them.

import { useState } from "preact/hooks";
import { signIn, tryNow } from "../boot";
import { about } from "../model/catalog";
import { age, bytes, clock, count } from "../model/format";
import { LOST_MS, link, type Reading, reading, reason } from "../model/status";
import { tick } from "../model/view";
import { ApiError } from "../net/http";
import { CopyButton, Meter } from "./controls";
import { Icon, Logo } from "./icons";

function Command({ text }: { text: string }) {
    return (
        <div class="cmd">
            <code>{text}</code>
            <CopyButton text={() => text} label="Copy" />
        </div>
    );
}

function list(dirs: string[]) {
    return dirs.map((d, i) => (
        <span key={d}>
            {i > 0 && (i === dirs.length - 1 ? " and " : ", ")}
            <span class="mono">{d}</span>
        </span>
    ));
}

export function Empty() {
    const a = about.value;
    const dirs = a?.logdirs ?? [];
    const first = dirs[0] ?? "logs";
    const waiting = Boolean(a?.progress?.waiting);
    return (
        <div class="blank">
            <Logo size={32} />
            <h1>Nothing to show yet</h1>
            <p class="lead">
                {dirs.length === 0 ? (
                    "The log directory is being watched"
                ) : waiting ? (
                    <>There is no directory {list(dirs)}. It is looked for all the time</>
                ) : (
                    <>{list(dirs)} is being watched and holds no event file yet</>
                )}
                ; the first chart appears here with the first point.
            </p>
            <div class="steps">
                <div>
                    <span>Write event files there, from Python for example</span>
                    <Command text={`SummaryWriter("${first.replace(/^.*:(?=[/.])/, "")}/run1")`} />
                </div>
                <div>
                    <span>Or start a training with its console and files</span>
                    <Command text="tailboard run -- python train.py" />
                </div>
                <div>
                    <span>Or look at another directory</span>
                    <Command text="tailboard serve --logdir DIR" />
                </div>
            </div>
        </div>
    );
}

function refusal(e: unknown): string {
    if (!(e instanceof ApiError)) return (e as Error).message;
    const wait = Number.isFinite(e.retryAfter) ? ` Try again in ${age(e.retryAfter)}.` : "";
    if (e.status === 429) return `Too many tries.${wait}`;
    return e.status === 401 || e.status === 403
        ? `Not valid on this server.${wait}`
        : `${e.message}${wait}`;
}

export function Login() {
    const [token, setToken] = useState("");
    const [error, setError] = useState(reason.value);
    const [busy, setBusy] = useState(false);
    const submit = async (e: Event) => {
        e.preventDefault();
        if (!token.trim() || busy) return;
        setBusy(true);
        try {
            await signIn(token);
        } catch (problem) {
            setError(refusal(problem));
        }
        setBusy(false);
    };
    return (
        <div class="blank slim">
            <Logo size={32} />
            <h1>Enter the token</h1>
            <p class="lead">
                This server asks for one, because you reach it from another machine or as another
                user.
            </p>
            <form class="login" onSubmit={e => void submit(e)}>
                <label>
                    <span class="strong">Token</span>
                    <span class={`field ${error ? "is-bad" : ""}`}>
                        <input
                            type="password"
                            autocomplete="off"
                            aria-describedby={error ? "bad-token" : undefined}
                            aria-invalid={error !== ""}
                            value={token}
                            ref={el => {
                                if (el && !document.activeElement?.closest(".login")) el.focus();
                            }}
                            onInput={e => setToken((e.currentTarget as HTMLInputElement).value)}
                        />
                    </span>
                    {error && (
                        <span class="fail" id="bad-token" role="alert">
                            {error}
                        </span>
                    )}
                </label>
                <button type="submit" class="btn main" disabled={busy}>
                    Open
                </button>
            </form>
            <p class="mute small">
                The server prints a link that opens this page without typing when it starts. You
                stay signed in on this browser.
            </p>
        </div>
    );
}

export function Down() {
    return (
        <div class="blank">
            <Logo size={32} />
            <h1>No answer yet</h1>
            <p class="lead">
                {reason.value || "The server does not answer."} It is asked again every 2 s; this
                page goes on by itself.
            </p>
            <div class="steps">
                <div>
                    <span>Is it running? On the machine with the logs</span>
                    <Command text="tailboard serve --logdir DIR" />
                </div>
            </div>
        </div>
    );
}

/** The connection is lost: nothing disappears, and one strip says so. */
export function LostStrip() {
    tick.value;
    const l = link.value;
    if (l.state !== "lost" || Date.now() - l.since < LOST_MS) return null;
    const wait = Math.max(0, Math.ceil((l.next - performance.now()) / 1000));
    return (
        <div class="strip warn">
            <Icon name="warn" class="warn" />
            <span class="grow cut">
                <span role="status">
                    <b class="strong">Disconnected.</b> You see what was known at{" "}
                    {clock(l.since / 1000)}.
                </span>{" "}
                {wait > 0 ? `Next try in ${wait} s.` : "Trying now."}
            </span>
            <button type="button" class="btn strong" onClick={tryNow}>
                Try now
            </button>
        </div>
    );
}

function millions(n: number): string {
    return n >= 1e6 ? `${(n / 1e6).toFixed(n >= 1e8 ? 0 : 1)} million` : count(n);
}

let since = 0;
let sinceRead = 0;

/** Seconds left at the pace so far; NaN until there is a pace. */
function left(r: Reading): number {
    const now = performance.now() / 1000;
    if (since === 0 || r.read < sinceRead) {
        since = now;
        sinceRead = r.read;
    }
    const pace = (r.read - sinceRead) / (now - since);
    return now - since > 1 && pace > 0 ? (r.total - r.read) / pace : Number.NaN;
}

/** The first reading of the directories, in real units. */
export function LoadBar() {
    tick.value;
    const r = reading.value;
    if (!r) {
        since = 0;
        return null;
    }
    const dirs = about.value?.logdirs ?? [];
    const rest = left(r);
    return (
        <div class="load">
            <b class="strong cut">Reading {dirs.length === 1 ? dirs[0] : "the logs"}</b>
            <Meter share={r.total > 0 ? r.read / r.total : 0} label="Bytes read" />
            <span class="num">
                {bytes(r.read)} of {bytes(r.total)}
            </span>
            <span class="mute cut">
                {millions(r.points)} points in {r.runsDone} of {r.runs} runs
            </span>
            <span />
            <span class="mute num">{Number.isFinite(rest) ? `about ${age(rest)}` : ""}</span>
        </div>
    );
}
