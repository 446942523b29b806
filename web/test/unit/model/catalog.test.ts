import { beforeEach, describe, expect, it } from "vitest";
import { chosenAtStart, LIMIT_START, setRuns } from "../../../src/model/catalog";
import type { Run } from "../../../src/wire/messages";

function run(i: number, more: Partial<Run> = {}): Run {
    const part = { id: `r${i}`, name: `run ${i}`, experiment: "", status: null };
    const rest = { activity: "live", attempts: 1, points: 0, damage: 0, first_wall: 0 };
    return { ...part, ...rest, last_wall: 1000 - i, ...more } as Run;
}

const many = (more: (i: number) => Partial<Run> = () => ({})) =>
    Array.from({ length: LIMIT_START + 20 }, (_, i) => run(i, more(i)));

describe("what is drawn at the start", () => {
    beforeEach(() => {
        setRuns([]);
        expect(chosenAtStart.value.size).toBe(0);
    });
    it("is all of few, and the newest of many", () => {
        setRuns([run(1), run(2)]);
        expect([...chosenAtStart.value]).toEqual(["r1", "r2"]);
        setRuns(many());
        expect(chosenAtStart.value.size).toBe(20);
        expect(chosenAtStart.value.has("r0")).toBe(true);
    });
    it("does not change because other runs have newer points", () => {
        setRuns(many());
        const before = [...chosenAtStart.value].sort();
        setRuns(many(i => ({ last_wall: 2000 + i })));
        expect([...chosenAtStart.value].sort()).toEqual(before);
    });
    it("takes in a run that is new, and lets one go that is gone", () => {
        setRuns(many());
        expect(chosenAtStart.value.has("r0")).toBe(true);
        setRuns([...many().slice(1), run(999)]);
        expect(chosenAtStart.value.has("r999")).toBe(true);
        expect(chosenAtStart.value.has("r0")).toBe(false);
        expect(chosenAtStart.value.size).toBe(20);
    });
    it("follows the newest while runs are still read", () => {
        setRuns(many(() => ({ loading: true })));
        expect(chosenAtStart.value.has("r59")).toBe(false);
        setRuns(many(i => ({ last_wall: 2000 + i })));
        expect(chosenAtStart.value.has("r59")).toBe(true);
    });
});
