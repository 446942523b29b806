import { describe, expect, it } from "vitest";
import {
    linkOf,
    linkRead,
    type State,
    stateDefault,
    stateRead,
    stateText,
} from "../../../src/model/link";
import { ema } from "../../../src/model/smoother";

const full: State = {
    ...stateDefault(),
    runFilter: "lr=0.[13]&x",
    tagFilter: "^train/",
    experiment: "cifar resnet",
    selection: { mode: "but", ids: ["r3", "r~9"] },
    axis: "relative",
    range: [0, 3600.5],
    scales: { "*": "log", "train/loss": "symlog" },
    wide: ["eval/loss"],
    smooth: { kind: "half", amount: 500 },
    heights: { "a/b:c": [-1, 2.5] },
    attempts: "all",
    pins: ["train/loss", "eval/a~b"],
    folds: ["layers"],
    full: "train/loss",
    sort: { by: "last:train/loss", down: true },
    other: [["future", "1%202"]],
};

describe("link", () => {
    it("is empty for the default", async () => {
        expect(await linkOf(stateDefault())).toBe("");
        expect(await linkRead("")).toEqual(stateDefault());
    });
    it("goes round", async () => {
        const link = await linkOf(full);
        expect(link.startsWith("#v1/")).toBe(true);
        expect(await linkRead(link)).toEqual(full);
    });
    it("keeps keys it does not know", () => {
        expect(stateText(stateRead("future=a%2Fb&tf=x"))).toBe("tf=x&future=a%2Fb");
    });
    it("is packed when it is long", async () => {
        const ids = Array.from({ length: 600 }, (_, i) => `run-${i}`);
        const long: State = { ...stateDefault(), selection: { mode: "only", ids } };
        const link = await linkOf(long);
        expect(link.startsWith("#z1/")).toBe(true);
        expect(link.length).toBeLessThan(2000);
        expect(await linkRead(link)).toEqual(long);
    });
    it("takes the words of the design", async () => {
        expect((await linkRead("#v1/sel=!r3~r9")).selection).toEqual({
            mode: "but",
            ids: ["r3", "r9"],
        });
        expect((await linkRead("#v1/x=rel&xr=0,3600&y=log")).range).toEqual([0, 3600]);
        expect((await linkRead("#v1/y=log")).scales).toEqual({ "*": "log" });
        expect((await linkRead("#v1/sm=ema,0.6")).smooth).toEqual(ema(0.6));
    });
    it("understands the stock page", async () => {
        const s = await linkRead("#timeseries&tagFilter=loss&runFilter=lr&smoothing=0.9");
        expect([s.tagFilter, s.runFilter, s.smooth]).toEqual(["loss", "lr", ema(0.9)]);
    });
    it.each(["#z1/%%%", "#z1/AAAA", "#v1/xr=5,1&sm=x&sel", "#hello", "#v1/tf=%E0%A4%A"])(
        "makes the best of %s",
        async text => {
            const s = await linkRead(text);
            expect(s.smooth).toEqual(ema(0.6));
            expect(s.range).toBeNull();
        },
    );
});
