import { describe, expect, it } from "vitest";
import { linearTicks, logTicks, xLabels, xTicks, yLabels } from "../../../src/chart/axis";
import { traceTo } from "../../../src/chart/lines";
import { shownAt } from "../../../src/chart/means";
import {
    clipX,
    extentX,
    lineOf,
    quantile,
    rangeY,
    remarks,
    type Scene,
} from "../../../src/chart/scene";
import { seriesHistory, seriesNew } from "../../../src/model/series";
import { ema } from "../../../src/model/smoother";
import { readMessage } from "../../../src/wire/frames";
import type { Run } from "../../../src/wire/messages";
import { frame } from "../../mock/frames";

function run(extra: Partial<Run> = {}): Run {
    return {
        id: "r",
        name: "r",
        experiment: "",
        status: null,
        activity: "live",
        attempts: 1,
        points: 0,
        damage: 0,
        first_wall: 1000,
        ...extra,
    };
}

function line(values: number[], axis: "step" | "relative" | "wall" = "step") {
    const step = values.map((_, i) => i);
    const bytes = frame({
        kind: 1,
        handle: 0,
        count: values.length,
        attempt: 1,
        ordinal: 1,
        columns: { step, wall: step.map(s => 1000 + s), value: values },
    });
    const s = seriesNew("r", "t");
    seriesHistory(s, readMessage(bytes.slice().buffer as ArrayBuffer), 100);
    const l = lineOf(run(), { hue: 1, dash: 0 }, s, axis, null, ema(0));
    if (!l) throw new Error("no line");
    return l;
}

describe("ranges", () => {
    it("interpolate quantiles linearly", () => {
        expect(quantile([0, 1, 2, 3], 0.5)).toBe(1.5);
        expect(quantile([0, 10], 0.05)).toBe(0.5);
    });
    it("leave out far ends, and say so", () => {
        const values = Array.from({ length: 200 }, (_, i) => (i < 4 ? 1000 : Math.sin(i)));
        const l = line(values);
        const y = rangeY([l], [0, 199], "linear", false);
        expect(y[1]).toBeLessThan(2);
        expect(rangeY([l], [0, 199], "linear", true)[1]).toBeGreaterThan(1000);
        const scene: Scene = {
            axis: "step",
            scale: "linear",
            smoothed: false,
            lines: [l],
            x: [0, 199],
            fullX: [0, 199],
            y,
            blank: false,
            nan: 0,
            inf: 0,
            points: 200,
        };
        expect(remarks(scene, 400)).toBe("1 starts above");
        expect(remarks(scene, 20)).toBe("1 px = 10 points, 1 starts above");
    });
    it("never are empty", () => {
        for (const values of [
            [5],
            [5, 5],
            [Number.NaN],
            [0, 0],
            [1e308, -1e308],
            [Number.POSITIVE_INFINITY],
        ]) {
            const l = line(values);
            for (const scale of ["linear", "log", "symlog"] as const) {
                const [a, b] = rangeY([l], [0, 9], scale, false);
                expect(b).toBeGreaterThan(a);
            }
        }
    });
    it("start at zero when they all but do", () => {
        expect(rangeY([line([0.01, 0.5, 1])], [0, 2], "linear", true)[0]).toBe(0);
    });
    it("follow the axis", () => {
        expect(extentX([line([1, 2, 3])])).toEqual([0, 2]);
        expect(extentX([line([1, 2, 3], "relative")])).toEqual([0, 2]);
        expect(extentX([line([1, 2, 3], "wall")])).toEqual([1000, 1002]);
    });
    it("clip to what is seen and one item more", () => {
        const l = line(Array.from({ length: 100 }, (_, i) => i));
        clipX([l], [20, 30]);
        expect([l.from, l.to]).toEqual([19, 32]);
    });
});

describe("ticks", () => {
    it("are nice", () => {
        expect(linearTicks(0, 61_000, 3)).toEqual([0, 20_000, 40_000, 60_000]);
        expect(yLabels("linear", linearTicks(0, 1, 4))).toEqual(["0", "0.25", "0.5", "0.75", "1"]);
    });
    it("are decades on a log axis", () => {
        expect(yLabels("log", logTicks(0.01, 1000, 8))).toEqual([
            "0.01",
            "0.1",
            "1",
            "10",
            "100",
            "10³",
        ]);
    });
    it("are whole steps", () => {
        expect(xTicks("step", 0, 3, 10).every(Number.isInteger)).toBe(true);
    });
    it("say relative time in one unit", () => {
        expect(xLabels("relative", [0, 600, 1200])).toEqual(["0", "10 min", "20 min"]);
    });
});

describe("dense lines", () => {
    const l = line(Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 0 : 10)));
    const pen = { x: (v: number) => v / 4, y: (v: number) => v, vertices: 0, left: 0, right: 250 };
    const scene = { axis: "step", lines: [l] } as unknown as Scene;
    it("go through the means of their pixels, from first to last item", () => {
        clipX([l], [0, 999]);
        const at: [number, number][] = [];
        const take = (x: number, y: number) => void at.push([x, y]);
        traceTo({ moveTo: take, lineTo: take }, pen, l, l.y, scene, true);
        expect(at.length).toBe(252);
        expect(new Set(at.slice(2, 250).map(([, y]) => y))).toEqual(new Set([5]));
        expect(at[0]).toEqual([0, 0]);
        expect(at[251]).toEqual([249.75, 10]);
        expect(shownAt(pen, l, 500, scene)).toBe(5);
    });
    it("are told by the room that they have, not by the chart's", () => {
        clipX([l], [0, 9990]);
        expect(l.share).toBeCloseTo(0.1);
        expect(shownAt({ ...pen, x: v => v / 40 }, l, 500, scene)).toBe(5);
    });
});

describe("remarks", () => {
    it("say once what leaves to both sides", () => {
        const values = Array.from({ length: 300 }, (_, i) => Math.sin(i) + (i % 90 === 9 ? 99 : 0));
        values[50] = -99;
        const l = line(values);
        const part = { axis: "step", scale: "linear", lines: [l], x: [0, 299], y: [-1, 1] };
        const scene = { ...part, nan: 0, inf: 0 } as unknown as Scene;
        expect(remarks(scene, 400)).toBe("1 leaves above, 1 below");
    });
});
