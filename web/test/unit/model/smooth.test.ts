import { describe, expect, it } from "vitest";
import { emaRun, emaStart, emaTake } from "../../../src/model/smooth";

function smooth(v: number[], w: number): number[] {
    const out = new Float64Array(v.length);
    emaRun(emaStart(w), v, null, 0, v.length, out);
    return [...out];
}

/** TensorBoard's loop, as it is written there. */
function stock(data: number[], w: number): number[] {
    let last = data.length > 0 ? 0 : Number.NaN;
    let n = 0;
    const constant = data.every(v => v === data[0]);
    return data.map(v => {
        if (constant || !Number.isFinite(v)) return v;
        last = last * w + (1 - w) * v;
        n++;
        return last / (w === 1 ? 1 : 1 - w ** n);
    });
}

describe("exponential smoothing", () => {
    it("gives 1, 5/3, 3 for 1, 2, 4 at 0.5", () => {
        const [a, b, c] = smooth([1, 2, 4], 0.5);
        expect(a).toBeCloseTo(1, 12);
        expect(b).toBeCloseTo(5 / 3, 12);
        expect(c).toBeCloseTo(3, 12);
    });
    it("equals the stock page's loop", () => {
        const data = Array.from({ length: 500 }, (_, i) => Math.sin(i / 9) + (i % 7));
        for (const w of [0, 0.3, 0.6, 0.9, 0.99, 0.999]) {
            const ours = smooth(data, w);
            for (const [i, v] of stock(data, w).entries()) expect(ours[i]).toBeCloseTo(v, 9);
        }
    });
    it("passes NaN and infinities through and forgets them", () => {
        const out = smooth([1, Number.NaN, 2, Number.POSITIVE_INFINITY, 4], 0.5);
        expect(out[1]).toBeNaN();
        expect(out[3]).toBe(Number.POSITIVE_INFINITY);
        expect([out[0], out[2], out[4]]).toEqual(smooth([1, 2, 4], 0.5));
    });
    it("shows equal values as they are", () => {
        expect(smooth([0.1, 0.1, 0.1], 0.9)).toEqual([0.1, 0.1, 0.1]);
    });
    it("divides by 1 at weight 1", () => {
        expect(smooth([1, 2], 1)).toEqual([1, 0]);
    });
    it("a constant bucket counts as its points", () => {
        const one = emaStart(0.8);
        emaTake(one, 5, 1);
        for (let i = 0; i < 10; i++) emaTake(one, 2, 1);
        const all = emaStart(0.8);
        emaTake(all, 5, 1);
        emaTake(all, 2, 10);
        expect(all.s).toBeCloseTo(one.s, 12);
        expect(all.n).toBe(one.n);
    });
});
