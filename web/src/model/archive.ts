// How the run history stands, in words; what is shown is live whatever its state.

import type { ArchiveInfo } from "../wire/messages";
import { bytes } from "./format";

export interface ArchiveWords {
    /** A word or two for the bar. */
    brief: string;
    /** What it is and what happens now. */
    words: string;
    fail: boolean;
}

const LATER = "Charts stay live; what comes meanwhile is kept once it can be written.";

/** null: there is nothing to say. */
export function archiveWords(a: ArchiveInfo | null | undefined): ArchiveWords | null {
    if (!a || a.state === "ok") return null;
    const behind = a.bytes_behind ? ` ${bytes(a.bytes_behind)} are not kept yet.` : "";
    const said = a.message ? ` (${a.message.replace(/\.$/, "")})` : "";
    if (a.state === "full") {
        const free = a.free_bytes === undefined ? "" : `: ${bytes(a.free_bytes)} free`;
        const reserve = a.reserve_bytes ? `, ${bytes(a.reserve_bytes)} are held in reserve` : "";
        return {
            brief: "disk full",
            words: `The disk of the run history is full${free}${reserve}. ${LATER}${behind}`,
            fail: true,
        };
    }
    if (a.state === "hung")
        return {
            brief: "disk hangs",
            words: `The disk of the run history does not answer${said}. ${LATER}${behind}`,
            fail: false,
        };
    if (a.state === "lost")
        return {
            brief: "not kept",
            words:
                `Another server has taken over the run history${said}. ` +
                "This one shows what comes, but keeps nothing: start it anew.",
            fail: true,
        };
    return {
        brief: "not kept",
        words:
            `The run history cannot be written${said}. It is tried again and again. ` +
            `${LATER}${behind}`,
        fail: true,
    };
}
