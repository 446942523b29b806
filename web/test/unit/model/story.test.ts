import { describe, expect, it } from "vitest";
import { attemptsOf, endWords, rowsOf, startFacts } from "../../../src/model/story";
import type { RunEvent } from "../../../src/wire/messages";

let n = 0;

function event(kind: string, part: Partial<RunEvent> = {}): RunEvent {
    n++;
    return {
        id: `e${n}`,
        kind,
        source: "agent",
        attempt: 1,
        rank: 0,
        time: n,
        data: {},
        ...part,
    };
}

describe("the story of a run", () => {
    it("is told newest first, ranks that say the same as one", () => {
        const rows = rowsOf([
            event("created", { rank: null }),
            event("started", { rank: 0, data: { host: "n1" } }),
            event("started", { rank: 1, data: { host: "n2" } }),
            event("exited", { rank: 1, data: { exit: 5 } }),
            event("exited", { rank: 0, data: { exit: 0 } }),
            event("flushed", { data: { files: 3, bytes: 1500 } }),
        ]);
        expect(rows.map(r => `${r.word}: ${r.words}`)).toEqual([
            "all kept: 3 files, 1.5 kB",
            "ended: exit 5, rank 1",
            "Running: attempt 1, 2 ranks",
            "NotStarted: made",
        ]);
        expect(rows[1].state).toBe("failed");
    });
    it("shows kinds that it does not know by their name", () => {
        expect(rowsOf([event("novel")])[0].word).toBe("novel");
    });
    it("has attempts with the end of the first rank that failed", () => {
        const list = attemptsOf([
            event("started", { time: 10 }),
            event("started", { time: 11, rank: 1 }),
            event("exited", { time: 20, rank: 1, data: { exit: 3 } }),
            event("exited", { time: 22, data: { signal: 15 } }),
            event("started", { time: 30, attempt: 2 }),
        ]);
        expect(list[0]).toEqual({
            attempt: 1,
            from: 10,
            to: 22,
            end: "exit 3, rank 1",
            failed: true,
        });
        expect(list[1].to).toBeNaN();
        expect(attemptsOf([event("exited")])).toEqual([]);
    });
    it("says how a process ended", () => {
        expect(endWords({ exit: 0 })).toBe("exit 0");
        expect(endWords({ signal: 9, exit: null })).toBe("signal 9");
        expect(endWords({})).toBe("ended");
    });
    it("knows the command, ready for a shell, and where it ran", () => {
        const git = { commit: "0123456789abcdef", branch: "main", dirty: true };
        const job = { command: ["sh", "-c", "echo it's"], host: "n1", user: null, git };
        const { command, facts } = startFacts([event("created", { data: { job } })]);
        expect(command).toBe(`sh -c 'echo it'\\''s'`);
        expect(facts).toEqual([
            ["host", "n1"],
            ["git", "0123456789 main with changes"],
        ]);
        expect(startFacts([])).toEqual({ command: "", facts: [] });
    });
});
