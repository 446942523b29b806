import { describe, expect, it } from "vitest";
import {
    amountAt,
    placeOfAmount,
    type Smooth,
    smoothBy,
    smoother,
} from "../../../src/model/smoother";

function run(how: Smooth, v: number[], x = v.map((_, i) => i), counts?: number[]): number[] {
    const one = smoother(how, counts === undefined);
    return v.map((value, i) => one.take(value, counts ? counts[i] : 1, x[i]));
}

const noisy = Array.from({ length: 200 }, (_, i) => Math.sin(i) + i / 50);

describe("half-life", () => {
    it("is the exponential one where points are evenly spaced", () => {
        const w = 0.5 ** (1 / 10);
        const a = run({ kind: "half", amount: 10 }, noisy);
        const b = run({ kind: "ema", amount: w }, noisy);
        a.forEach((v, i) => {
            expect(v).toBeCloseTo(b[i], 9);
        });
    });
    it("forgets half within the half-life", () => {
        const out = run({ kind: "half", amount: 10 }, [0, 3], [0, 10]);
        expect(out[1]).toBeCloseTo(2, 12);
    });
    it("passes over what is no number, keeps what is constant, starts anew where x falls", () => {
        const how: Smooth = { kind: "half", amount: 3 };
        expect(run(how, [1, Number.NaN, 1])).toEqual([1, Number.NaN, 1]);
        expect(run(how, [0.1, 0.1, 0.1, 0.1])).toEqual([0.1, 0.1, 0.1, 0.1]);
        expect(run(how, [1, 5, 7], [0, 1, 0])[2]).toBe(7);
    });
});

describe("running windows", () => {
    it("take the mean of what lies within the window", () => {
        const out = run({ kind: "mean", amount: 3 }, noisy);
        noisy.forEach((_, i) => {
            const part = noisy.slice(Math.max(0, i - 2), i + 1);
            expect(out[i]).toBeCloseTo(part.reduce((s, v) => s + v, 0) / part.length, 9);
        });
    });
    it("count a bucket as its points", () => {
        expect(run({ kind: "mean", amount: 9 }, [1, 4], [0, 1], [2, 1])[1]).toBe(2);
    });
    it("forget a huge value wholly", () => {
        const out = run({ kind: "mean", amount: 2 }, [1e300, 1, 2, 3]);
        expect(out.slice(2)).toEqual([1.5, 2.5]);
    });
    it("take the median likewise, over odd and even windows", () => {
        const out = run({ kind: "median", amount: 3 }, [5, 1, 9, 2, 2]);
        expect(out).toEqual([5, 3, 5, 2, 2]);
    });
    it("take a mean where buckets stand for points: a median of means would be none", () => {
        expect(run({ kind: "median", amount: 3 }, [0, 0, 9], undefined, [1, 1, 1])[2]).toBe(3);
    });
});

describe("the slider", () => {
    it("finds back the place of an amount", () => {
        for (const place of [0, 0.2, 0.5, 1]) {
            const amount = amountAt("half", place, 5000);
            expect(placeOfAmount({ kind: "half", amount }, 5000)).toBeCloseTo(place, 1);
        }
    });
    it("steps within the bounds of a weight", () => {
        expect(smoothBy({ kind: "ema", amount: 0.02 }, -1).amount).toBe(0);
        expect(smoothBy({ kind: "ema", amount: 0.98 }, 1).amount).toBe(0.999);
    });
});
