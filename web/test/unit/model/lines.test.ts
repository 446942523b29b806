import { describe, expect, it } from "vitest";
import {
    gather,
    isSame,
    lineDir,
    lineKey,
    lineRef,
    lineRun,
    seriesRef,
} from "../../../src/model/lines";

describe("lines", () => {
    it("are known by run and directory, and both come back", () => {
        for (const ref of ["r1", ["r1", "train"], ["r1", "a/b"]] as (string | [string, string])[]) {
            const key = lineKey(ref);
            expect(lineRef(key)).toEqual(ref);
            expect(lineRun(key)).toBe("r1");
        }
        expect(lineDir("r1/a/b")).toBe("a/b");
        expect(lineKey(["r1", ""])).toBe("r1");
    });
    it("are asked for with the directory only where there is one", () => {
        expect(seriesRef("r1", "loss")).toEqual(["r1", "loss"]);
        expect(seriesRef("r1/val", "loss")).toEqual(["r1", "loss", "val"]);
    });
    it("gather by run without doubles", () => {
        const of = gather(["a", ["b", "x"], ["b", "y"], ["b", "x"]]);
        expect([...of]).toEqual([
            ["a", [""]],
            ["b", ["x", "y"]],
        ]);
    });
    it("are meant by their run, but not the other way round", () => {
        expect(isSame("r1", "r1/val")).toBe(true);
        expect(isSame("r1/val", "r1/val")).toBe(true);
        expect(isSame("r1/val", "r1/train")).toBe(false);
        expect(isSame("r1/val", "r1")).toBe(false);
        expect(isSame(undefined, "r1")).toBe(false);
    });
});
