// The state of a run as a word. A run that reports has a status (NotStarted … Completed, Failed,
// Canceled) and may have an overlay; one that was found in a log directory has an activity.

import type { Run } from "../wire/messages";

const OF_STATUS: Record<string, string> = {
    NotStarted: "waiting",
    Queued: "queued",
    Preparing: "preparing",
    Running: "running",
    Finalizing: "finalizing",
    Completed: "finished",
    Failed: "failed",
    Canceled: "canceled",
};

const OVER = new Set(["Completed", "Failed", "Canceled"]);

/** From what needs a look to what does not. */
export const WORST = [
    "failed",
    "not-responding",
    "gone",
    "quiet",
    "canceling",
    "running",
    "finalizing",
    "preparing",
    "queued",
    "waiting",
    "canceled",
    "finished",
];

export function isOver(r: Run): boolean {
    return OVER.has(r.status ?? "");
}

/** The word behind the mark: one of those above. */
export function stateWord(r: Run): string {
    if (r.status) {
        if (isOver(r)) return OF_STATUS[r.status];
        if (r.not_responding) return "not-responding";
        if (r.cancel_requested) return "canceling";
        return OF_STATUS[r.status] ?? r.status;
    }
    if (r.activity === "live") return "running";
    return r.activity === "gone" ? "gone" : "quiet";
}

/** The status with what lies over it, in the words that every program of ours uses. */
export function statusWord(r: Run): string {
    if (!r.status) return "";
    if (isOver(r)) return r.status;
    const over = [r.cancel_requested && "CancelRequested", r.not_responding && "NotResponding"];
    return [r.status, ...over.filter(Boolean)].join(", ");
}

/** What the server says of why: "exit 3, rank 1 on n2". */
export function reasonWords(r: Run): string {
    const said = r.status_message ?? "";
    const why = r.reason ?? "";
    if (!said) return why;
    return !why || said.toLowerCase().startsWith(why.toLowerCase()) ? said : `${why}: ${said}`;
}
