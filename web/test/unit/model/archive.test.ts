import { expect, it } from "vitest";
import { archiveWords } from "../../../src/model/archive";
import { said, secondsLeft, tell, UNDO_MS } from "../../../src/model/undo";

it("a sound history, or none, needs no words", () => {
    expect(archiveWords(null)).toBe(null);
    expect(archiveWords({ state: "ok" })).toBe(null);
});

it("a full disk is told with its figures", () => {
    const w = archiveWords({ state: "full", free_bytes: 2e9, reserve_bytes: 1e10 });
    expect(w?.words).toMatch(/full: 2.0 GB free, 10.0 GB are held in reserve\./);
    expect(archiveWords({ state: "full" })?.words).toMatch(/is full\./);
});

it("other states say what is wrong and what happens now", () => {
    const w = archiveWords({ state: "failing", message: "Read-only.", bytes_behind: 1500 });
    expect(w?.words).toMatch(/cannot be written \(Read-only\)\..*1.5 kB are not kept yet\./);
    expect(archiveWords({ state: "hung" })?.fail).toBe(false);
    expect(archiveWords({ state: "lost" })?.words).toMatch(/start it anew/);
});

it("what is told has its time", () => {
    tell("gone");
    const s = said.value;
    if (!s) throw new Error("nothing is told");
    expect(secondsLeft(s, s.until - UNDO_MS)).toBe(10);
    expect(secondsLeft(s, s.until - 1)).toBe(1);
    expect(secondsLeft(s, s.until + 1)).toBe(0);
});
