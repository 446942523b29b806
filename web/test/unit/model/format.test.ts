import { describe, expect, it } from "vitest";
import { clock, grouped } from "../../../src/model/format";
import { natural } from "../../../src/model/names";

describe("what is written by hand is what the browser's own would be", () => {
    const values = [0, 1, 12, 999, 1000, 1234.5, -1234567, 0.1234567, 1e9, 123456789012];
    it.each([0, 2, 4])("figures with %i places", places => {
        const kind = { minimumFractionDigits: places, maximumFractionDigits: places };
        for (const language of ["en-US", "en-GB", "zh-CN", "ja", "ko"]) {
            const f = new Intl.NumberFormat(language, kind);
            for (const v of values) expect(grouped(v, places)).toBe(f.format(v));
        }
    });
    it("the clock", () => {
        const f = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
        for (const s of [0, 1_700_000_000, 1_764_000_123.9])
            expect(clock(s)).toBe(f.format(s * 1000));
        expect(clock(Number.NaN)).toBe("–");
    });
    it("the order of names", () => {
        const { compare } = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
        const names = [
            "lr=0.1",
            "lr=0.01",
            "LR=10",
            "lr_a",
            "a-1",
            "a1",
            "ab",
            "a 1",
            "x007",
            "x7b",
        ];
        for (const a of names)
            for (const b of names)
                if (compare(a, b) !== 0)
                    expect([a, b, Math.sign(natural(a, b))]).toEqual([a, b, compare(a, b)]);
    });
    it("the order of paths, part by part", () => {
        const sorted = ["a", "a/2", "a/10", "a/b", "a b", "a-1", "a1/x", "a10", "ä", "实"];
        expect([...sorted].reverse().sort(natural)).toEqual(sorted);
        expect(natural("x", "x")).toBe(0);
        expect(natural("x", "X")).not.toBe(0);
    });
});
