// Starts everything in the order that puts charts on the screen first: runs and tags at once, the
// socket beside them, then what can wait.

import { batch, effect } from "@preact/signals";
import {
    about,
    mergeRuns,
    mergeSeries,
    runs,
    setRuns,
    setServerNow,
    setTags,
    takeBeat,
} from "./model/catalog";
import {
    feedFrames,
    feedGarbled,
    feedLost,
    feedOpened,
    feedRunsChanged,
    feedStart,
    retryNow,
} from "./model/feed";
import { rankingStart } from "./model/ranking";
import { link, phase, reading, reason } from "./model/status";
import { tick } from "./model/view";
import { ApiError, api, NetError } from "./net/http";
import { openSession } from "./net/session";
import { type Listener, LiveSocket } from "./net/socket";
import { expectFirst } from "./ui/first";
import type { Beat, Told } from "./wire/messages";
import { seconds } from "./wire/messages";

const RETRY_MS = 2000;
const EMPTY_MS = 2000;

function pairs(beat: Extract<Told, { t: "beat" }>): [string, Beat][] {
    const list = beat.runs ?? [];
    if (Array.isArray(list)) return list.map(b => [b.id ?? b.run ?? "", b]);
    return Object.entries(list);
}

const listener: Listener = {
    opened(welcome) {
        setServerNow(seconds(welcome.now));
        const again = link.value.state === "lost";
        link.value = { state: "open", since: Date.now(), next: 0, polls: socket.polls };
        followRuns();
        feedOpened(String(welcome.epoch ?? ""));
        if (document.hidden) socket.send({ t: "pause" });
        if (again) void reload();
    },
    frames: feedFrames,
    told(m) {
        if (m.t === "runs") {
            mergeRuns(m.runs ?? [], m.removed ?? []);
            feedRunsChanged();
            for (const r of m.runs ?? []) if (!r.loading && r.series) scheduleTags();
        } else if (m.t === "series") mergeSeries(m.series ?? []);
        else if (m.t === "beat") {
            setServerNow(seconds(m.now));
            takeBeat(pairs(m));
        }
    },
    lost(next) {
        const was = link.value;
        const since = was.state === "lost" ? was.since : Date.now();
        link.value = { state: "lost", since, next };
        feedLost();
    },
    garbled(error) {
        console.warn("a live message was not understood:", error);
        feedGarbled();
    },
};

export const socket = new LiveSocket(listener);

/** What the newest list of runs may lack begins here. */
let cursor = "";

/** Also what changed between the list and the socket is told then. */
function followRuns(): void {
    socket.send({ t: "runs", on: true, cursor: cursor || null });
}

/** Runs and tags, as one. */
async function fetchAll(): Promise<void> {
    let behind = "";
    const asked = api.runs(head => {
        setServerNow(head.now);
        behind = head.cursor;
    });
    const [list, tags] = await Promise.all([asked, api.tags(), viewRead]);
    cursor = behind;
    batch(() => {
        setRuns(list);
        setTags(tags);
    });
}

let tagsTimer = 0;

/** New runs may bring tags that no watch of ours announces. */
function scheduleTags(): void {
    if (tagsTimer) return;
    tagsTimer = window.setTimeout(async () => {
        tagsTimer = 0;
        await api.tags().then(setTags, () => undefined);
    }, 1000);
}

async function reload(): Promise<void> {
    try {
        await fetchAll();
        followRuns();
    } catch (e) {
        failed(e);
    }
}

function failed(e: unknown): void {
    if (e instanceof ApiError && e.status === 401) {
        phase.value = "login";
        return;
    }
    if (phase.value === "ready") return;
    reason.value = e instanceof NetError ? e.message : `The server says: ${(e as Error).message}`;
    phase.value = "down";
    setTimeout(() => void load(), RETRY_MS);
}

/** Resolves when the address has said what is to be shown. */
let viewRead: Promise<void> = Promise.resolve();

/** The first questions. */
async function load(): Promise<void> {
    try {
        await fetchAll();
        phase.value = "ready";
        expectFirst();
        setTimeout(() => socket.start());
        if (runs.value.length === 0 || runs.value.some(r => r.loading)) watchAbout();
    } catch (e) {
        failed(e);
    }
}

let aboutTimer = 0;

/** Progress of the first reading, and the directories that are waited for. */
function watchAbout(): void {
    if (aboutTimer) return;
    void api.about().then(a => {
        about.value = a;
    }, failed);
    aboutTimer = window.setTimeout(() => {
        aboutTimer = 0;
        if (runs.value.length > 0 && !reading.value) return;
        if (runs.value.length === 0 && link.value.state !== "open") void reload();
        watchAbout();
    }, EMPTY_MS);
}

/** Trades a token for a session and goes on; rejects with the server's reason. */
export async function signIn(token: string): Promise<void> {
    await openSession(token);
    reason.value = "";
    phase.value = "start";
    await load();
}

/** Resolves when the first charts are asked for; `token` is one from the address, or "". */
export async function boot(token: string, read: Promise<void>): Promise<void> {
    viewRead = read;
    feedStart(socket, {
        epoch: () => void reload(),
        denied: () => {
            phase.value = "login";
        },
    });
    rankingStart();
    setInterval(() => {
        if (!document.hidden) tick.value++;
    }, 1000);
    document.addEventListener("visibilitychange", () => {
        socket.send({ t: document.hidden ? "pause" : "resume" });
        if (!document.hidden) {
            socket.retry();
            tick.value++;
        }
    });
    window.addEventListener("online", () => tryNow());
    effect(() => {
        if (reading.value && phase.value === "ready") watchAbout();
    });
    if (token) {
        // The document has asked for runs and tags ahead of us, without a session: those answers
        // are taken away first.
        await Promise.allSettled([api.runs(() => undefined), api.tags()]);
        await openSession(token).catch(e => {
            reason.value = (e as Error).message;
        });
    }
    await load();
}

/** By hand: connects and asks again at once. */
export function tryNow(): void {
    socket.retry();
    retryNow();
}
