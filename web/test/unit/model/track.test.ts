import { describe, expect, it } from "vitest";
import {
    seriesHistory,
    seriesLive,
    seriesNew,
    smoothBase,
    smoothFine,
} from "../../../src/model/series";
import { ema } from "../../../src/model/smoother";
import { append, halve, LIMIT_ITEMS, size, trackEmpty, truncate } from "../../../src/model/track";
import { type Frame, readMessage } from "../../../src/wire/frames";
import { type FrameInput, frame } from "../../mock/frames";

function made(f: FrameInput): Frame {
    return readMessage(frame(f).slice().buffer as ArrayBuffer)[0];
}

function points(from: number, values: number[], attempt = 1, ordinal = 0): Frame {
    const step = values.map((_, i) => from + i);
    const columns = { step, wall: step.map(s => 1000 + s), value: values };
    return made({ kind: 1, handle: 0, count: values.length, attempt, ordinal, columns });
}

function buckets(): Frame {
    const columns = {
        step: [0, 10],
        wall: [1000, 1010],
        last: [1, 2],
        min: [-5, 0],
        max: [9, 3],
        mean: [1.5, 1],
        n: [10, 10],
        nan: [0, 2],
        inf: [0, 1],
    };
    return made({ kind: 2, handle: 0, count: 2, attempt: 1, ordinal: 20, columns });
}

describe("tracks", () => {
    it("take points behind points", () => {
        const t = trackEmpty();
        append(t, points(0, [1, 2, 3]));
        append(t, points(3, [4, Number.NaN]));
        expect(t.n).toBe(5);
        expect(t.raw).toBe(true);
        expect(t.odd).toBe(true);
        expect(t.lo).toBe(t.v);
        expect([...t.step.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);
    });
    it("count the finite values of a bucket", () => {
        const t = trackEmpty();
        append(t, buckets());
        expect(t.points).toBe(20);
        expect([t.cnt[1], t.nan[1], t.inf[1]]).toEqual([7, 2, 1]);
        expect(size(t, 1)).toBe(10);
    });
    it("take points behind buckets", () => {
        const t = trackEmpty();
        append(t, buckets());
        append(t, points(20, [7]));
        expect(t.raw).toBe(false);
        expect([t.lo[2], t.hi[2], t.cnt[2]]).toEqual([7, 7, 1]);
        expect(t.points).toBe(21);
    });
    it("drop what a truncation voids", () => {
        const t = trackEmpty();
        append(t, points(0, [1, 2, 3, 4]));
        expect(truncate(t, 2)).toBe(true);
        expect(t.n).toBe(2);
        append(t, points(2, [9], 2));
        expect([...t.attempt.subarray(0, 3)]).toEqual([1, 1, 2]);
    });
    it("cannot cut through a bucket", () => {
        const t = trackEmpty();
        append(t, buckets());
        expect(truncate(t, 15)).toBe(false);
    });
    it("halve exactly: extremes, counts and means stay", () => {
        const t = trackEmpty();
        const values = Array.from({ length: 1001 }, (_, i) => Math.sin(i) * (i % 13));
        values[500] = 1e6;
        append(t, points(0, values));
        halve(t);
        expect(t.n).toBe(501);
        expect(Math.max(...t.hi.subarray(0, t.n))).toBe(1e6);
        let sum = 0;
        for (let i = 0; i < t.n; i++) sum += t.v[i] * t.cnt[i];
        expect(sum).toBeCloseTo(
            values.reduce((a, b) => a + b),
            6,
        );
    });
    it("stay bounded however long they live", () => {
        const t = trackEmpty();
        for (let i = 0; i < 40_000; i += 100) append(t, points(i, new Array(100).fill(1)));
        expect(t.n).toBeLessThanOrEqual(LIMIT_ITEMS);
        expect(t.points).toBe(40_000);
    });
});

describe("series", () => {
    it("continue smoothing as if all had come at once", () => {
        const values = Array.from({ length: 60 }, (_, i) => Math.cos(i));
        const whole = seriesNew("r", "t");
        seriesHistory(whole, [points(0, values)], 100);
        const grown = seriesNew("r", "t");
        seriesHistory(grown, [points(0, values.slice(0, 20))], 100);
        smoothBase(grown, ema(0.9), "step");
        for (let i = 20; i < 60; i += 4) {
            expect(seriesLive(grown, points(i, values.slice(i, i + 4), 1, i + 4))).toBe(true);
            smoothBase(grown, ema(0.9), "step");
        }
        const a = smoothBase(whole, ema(0.9), "step");
        const b = smoothBase(grown, ema(0.9), "step");
        for (let i = 0; i < 60; i++) expect(b[i]).toBeCloseTo(a[i], 12);
        expect(grown.ordinal).toBe(60);
    });
    it("a zoomed range goes on from what lies left of it", () => {
        const values = Array.from({ length: 100 }, (_, i) => Math.sin(i / 5));
        const s = seriesNew("r", "t");
        seriesHistory(s, [points(0, values)], 100);
        const track = trackEmpty();
        append(track, points(50, values.slice(50, 80)));
        s.fine = { axis: "step", from: 50, to: 79, width: 100, track, open: false };
        const base = smoothBase(s, ema(0.95), "step");
        const fine = smoothFine(s, ema(0.95), "step");
        for (let i = 0; i < 30; i++) expect(fine[i]).toBeCloseTo(base[50 + i], 12);
    });
    it("asks history again after behind", () => {
        const s = seriesNew("r", "t");
        seriesHistory(s, [points(0, [1])], 10);
        expect(seriesLive(s, made({ kind: 4, handle: 0, count: 0, attempt: 0, ordinal: 3 }))).toBe(
            false,
        );
        expect(s.state).toBe("void");
        expect(s.base.n).toBe(1);
    });
});
