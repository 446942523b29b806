// What the server says in JSON: objects of the API and text messages of the socket. Only the
// fields that the page uses; everything may be absent from an older or newer server.

import type { RunRef } from "../model/lines";

export interface Run {
    id: string;
    /** Where it was found, or what it was made as; `title` goes before it. */
    name: string;
    title?: string | null;
    experiment: string;
    path?: string;
    status: string | null;
    reason?: string | null;
    activity: "live" | "quiet" | "gone";
    attempts: number;
    restarts?: number;
    first_wall?: Time;
    last_wall?: Time;
    points: number;
    hidden?: number;
    references?: number;
    series?: number;
    files?: number;
    bytes?: number;
    damage: number;
    commit?: number;
    commit_wall?: Time;
    age_s?: number | null;
    loading?: boolean | number;
    bytes_total?: number;
    bytes_read?: number;
    watch?: string;
    poll_ms?: number;
    unreadable?: number;
    left_out?: number;
    message?: string;
    usual_interval_s?: number | null;
    status_message?: string;
    /** The run history has it: it can be renamed, pinned, deleted. */
    archived?: boolean;
    pinned?: boolean;
    deleted?: boolean;
    cancel_requested?: boolean;
    /** Nothing was heard of it for three heartbeats. */
    not_responding?: boolean;
    job?: Job | null;
    tags?: Record<string, string>;
    hparams?: Record<string, unknown> | null;
}

/** What a run that reports has told of its processes. */
export interface Job {
    attempt: number;
    ranks?: number;
    ranks_started?: number;
    ranks_ended?: number;
    exit_code?: number | null;
    signal?: number | null;
    files_complete?: boolean;
    created_time?: Time;
    started_time?: Time;
    ended_time?: Time;
}

/** RFC 3339 text in lists, seconds since 1970 elsewhere. */
export type Time = string | number | null | undefined;

export interface Tag {
    tag: string;
    kind: string;
    /** The runs that have it, or directories of theirs. */
    runs: RunRef[];
    display_name?: string;
    description?: string;
}

export interface About {
    version: string;
    epoch: string;
    logdirs?: string[];
    progress?: { read: number; total: number; done: boolean | number; waiting: boolean | number };
    limits?: Record<string, number>;
    archive?: ArchiveInfo | null;
}

/** How the run history stands. */
export interface ArchiveInfo {
    state: "ok" | "full" | "failing" | "hung" | "lost";
    message?: string;
    bytes_kept?: number;
    bytes_behind?: number;
    behind_s?: number;
    free_bytes?: number;
    reserve_bytes?: number;
    runs?: number;
    files?: number;
}

export interface Damage {
    file?: string;
    path?: string;
    generation?: number;
    offset: number;
    length: number;
    reason: string;
    message?: string;
    records_after?: number;
    found_at?: Time;
    found_wall?: Time;
}

export interface AttemptInfo {
    attempt: number;
    files?: number;
    first_wall?: Time;
    last_wall?: Time;
    first_step?: number;
    last_step?: number;
    points: number;
    hidden?: number;
}

export interface FileInfo {
    path: string;
    generation?: number;
    last_wall?: Time;
    attempt?: number;
    points?: number;
    damage?: number;
}

/** A file of the run history. */
export interface Kept {
    path: string;
    generation: number;
    newest: boolean;
    event_file: boolean;
    /** Durable bytes. */
    size: number;
    received?: number;
    complete: boolean;
    sha256: string | null;
    changed_time?: Time;
}

/** What was reported about a run. */
export interface RunEvent {
    id: string;
    kind: string;
    source: string;
    attempt: number;
    rank: number | null;
    time: number;
    data: Record<string, unknown>;
}

export interface SeriesInfo {
    tag: string;
    dir?: string;
    kind: string;
    count: number;
    last_step?: number;
    last?: number | string | null;
    min?: number | string | null;
    max?: number | string | null;
}

export type Told =
    | { t: "welcome"; epoch: string; version?: string; now?: Time; limits?: Record<string, number> }
    | { t: "series"; series?: NewSeries[] }
    | { t: "runs"; runs?: Run[]; removed?: string[] }
    | { t: "damage"; run?: string; damage?: Damage[] }
    | { t: "beat"; now?: Time; runs?: Beat[] | Record<string, Beat> }
    | { t: "error"; id?: number; code?: string; message?: string }
    | { t: "bye"; reason?: string; retry_ms?: number };

export interface NewSeries {
    run: string;
    dir?: string;
    tag: string;
    kind: string;
    handle?: number;
    display_name?: string;
    description?: string;
}

export interface Beat {
    id?: string;
    commit?: number;
    run?: string;
    commit_wall?: Time;
    byte_wall?: Time;
    activity?: Run["activity"];
    damage?: number;
    watch?: string;
    poll_ms?: number;
    loading?: boolean | number;
    bytes_total?: number;
    bytes_read?: number;
}

/** Seconds since 1970, or NaN. */
export function seconds(t: Time): number {
    if (typeof t === "number") return t;
    if (typeof t !== "string") return Number.NaN;
    const ms = Date.parse(t);
    return ms / 1000;
}

/** A number that JSON cannot write arrives as its name. */
export function number(v: number | string | null | undefined): number {
    return v === null || v === undefined ? Number.NaN : Number(v);
}
