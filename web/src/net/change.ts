// What changes something at the server, and what the run history alone has. Fetched when a run is
// opened or an act is asked for.

import type { Kept, Run, RunEvent } from "../wire/messages";
import { ask } from "./http";
import { sessionKey } from "./session";

const id = encodeURIComponent;

async function change(method: string, path: string, body?: object): Promise<Response> {
    const headers: Record<string, string> = {};
    if (body) headers["Content-Type"] = "application/json";
    const key = sessionKey();
    // A page that came in by cookie must show that it is ours.
    if (key) headers["X-Tailboard-Key"] = key;
    return ask(path, { method, headers, body: body && JSON.stringify(body) });
}

export interface Notes {
    name?: string;
    pinned?: boolean;
}

export const changes = {
    patch: async (run: string, notes: Notes): Promise<Run> =>
        (await change("PATCH", `runs/${id(run)}`, notes)).json(),
    remove: (run: string, force: boolean) =>
        change("DELETE", `runs/${id(run)}${force ? "?force=1" : ""}`),
    restore: async (run: string): Promise<Run> =>
        (await change("POST", `runs/${id(run)}/restore`)).json(),
    cancel: (run: string) => change("POST", `runs/${id(run)}/cancel`, { reason: "from the page" }),
};

export async function deletedRuns(): Promise<Run[]> {
    return (await (await ask("runs?deleted=1")).json()).runs ?? [];
}

export async function events(run: string): Promise<RunEvent[]> {
    return (await (await ask(`runs/${id(run)}/events`)).json()).events ?? [];
}

/** Files of the run history; null where none is kept. */
export async function keptFiles(run: string): Promise<Kept[] | null> {
    return (await (await ask(`runs/${id(run)}/files`)).json()).kept ?? null;
}

export function fileUrl(run: string, path: string, generation?: number): string {
    const parts = path.split("/").map(encodeURIComponent).join("/");
    const which = generation ? `?generation=${generation}` : "";
    return new URL(`api/v1/runs/${id(run)}/files/${parts}${which}`, document.baseURI).href;
}

export function tarUrl(run: string): string {
    return new URL(`api/v1/runs/${id(run)}/files.tar`, document.baseURI).href;
}

/** At most `most` bytes from one end of a file, as text. */
export async function peek(run: string, k: Kept, most: number, end: boolean): Promise<string> {
    const from = end ? Math.max(0, k.size - most) : 0;
    const url = fileUrl(run, k.path, k.generation).split("/api/v1/")[1];
    const answer = await ask(url, { headers: { Range: `bytes=${from}-${from + most - 1}` } });
    return answer.text();
}

export interface ConsoleQuery {
    stream: string;
    attempt: number;
    rank: number;
    offset: number;
    follow: boolean;
}

/** Gives bytes as they come; resolves when the answer ends. */
export async function consoleBytes(
    run: string,
    q: ConsoleQuery,
    each: (bytes: Uint8Array) => void,
    signal: AbortSignal,
): Promise<void> {
    const params = new URLSearchParams({ stream: q.stream, offset: String(q.offset) });
    if (q.attempt > 0) params.set("attempt", String(q.attempt));
    if (q.rank > 0) params.set("rank", String(q.rank));
    if (q.follow) params.set("follow", "1");
    const answer = await ask(`runs/${id(run)}/console?${params}`, { signal });
    const reader = answer.body?.getReader();
    for (;;) {
        const part = await reader?.read();
        if (!part || part.done) return;
        each(part.value);
    }
}
