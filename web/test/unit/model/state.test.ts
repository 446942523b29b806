import { describe, expect, it } from "vitest";
import { isOver, reasonWords, stateWord, statusWord } from "../../../src/model/state";
import type { Run } from "../../../src/wire/messages";

const run = (part: Partial<Run>): Run => ({
    id: "r",
    name: "r",
    experiment: "e",
    status: null,
    activity: "live",
    attempts: 1,
    points: 0,
    damage: 0,
    ...part,
});

describe("states", () => {
    it("come from the activity where nobody reports", () => {
        expect(stateWord(run({}))).toBe("running");
        expect(stateWord(run({ activity: "quiet" }))).toBe("quiet");
        expect(stateWord(run({ activity: "gone" }))).toBe("gone");
        expect(statusWord(run({}))).toBe("");
    });
    it.each([
        ["NotStarted", "waiting"],
        ["Queued", "queued"],
        ["Preparing", "preparing"],
        ["Running", "running"],
        ["Finalizing", "finalizing"],
        ["Completed", "finished"],
        ["Failed", "failed"],
        ["Canceled", "canceled"],
    ])("%s is %s, whatever its files do", (status, word) => {
        expect(stateWord(run({ status, activity: "quiet" }))).toBe(word);
    });
    it("have overlays only until the end is known", () => {
        const over = { cancel_requested: true, not_responding: true };
        expect(stateWord(run({ status: "Running", ...over }))).toBe("not-responding");
        expect(stateWord(run({ status: "Running", cancel_requested: true }))).toBe("canceling");
        expect(statusWord(run({ status: "Running", ...over }))).toBe(
            "Running, CancelRequested, NotResponding",
        );
        expect(stateWord(run({ status: "Failed", ...over }))).toBe("failed");
        expect(statusWord(run({ status: "Failed", ...over }))).toBe("Failed");
        expect(isOver(run({ status: "Failed" }))).toBe(true);
        expect(isOver(run({ status: "Finalizing" }))).toBe(false);
    });
    it("say why, once", () => {
        expect(reasonWords(run({}))).toBe("");
        expect(reasonWords(run({ reason: "user" }))).toBe("user");
        expect(reasonWords(run({ reason: "exit", status_message: "exit 3" }))).toBe("exit 3");
        expect(reasonWords(run({ reason: "user", status_message: "too slow" }))).toBe(
            "user: too slow",
        );
    });
});
