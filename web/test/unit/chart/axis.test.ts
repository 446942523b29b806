import { describe, expect, it } from "vitest";
import { xTicks } from "../../../src/chart/axis";
import { tick } from "../../../src/model/format";

/** Labels of the step axis over a range. */
function labels(from: number, to: number): string[] {
    const at = xTicks("step", from, to, 6);
    return at.map((v, i) => tick(v, i > 0 ? v - at[i - 1] : at[1] - v));
}

describe("the step axis", () => {
    it.each([
        [0, 3],
        [0, 1],
        [0, 10],
        [7, 9],
        [0, 150],
        [0, 18_600],
        [1_000_000, 1_000_010],
        [0, 3e9],
        [0, 2e12],
        [2 ** 53 - 2000, 2 ** 53 - 1000],
        [0, 2 ** 60],
        [-5, 5],
    ])("from %d to %d has rising whole steps and labels that differ", (from, to) => {
        const at = xTicks("step", from, to, 6);
        expect(at.length).toBeGreaterThan(1);
        for (const v of at) {
            expect(Number.isInteger(v)).toBe(true);
            expect(v).toBeGreaterThanOrEqual(from);
            expect(v).toBeLessThanOrEqual(to);
        }
        expect([...at].sort((a, b) => a - b)).toEqual(at);
        const words = labels(from, to);
        expect(new Set(words).size).toBe(words.length);
    });
});
