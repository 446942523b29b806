import { describe, expect, it } from "vitest";
import { assign, DASHES, HUES, ink } from "../../../src/model/colour";
import { compile, explain, type Filter, matches, nearest, risky } from "../../../src/model/filter";
import { age, bytes, digits, logTick, short, span, tick } from "../../../src/model/format";
import { middle, natural, sections, sectionWords, tagParts } from "../../../src/model/names";

describe("colours", () => {
    it("give 8 runs 8 full hues, whatever their names", () => {
        const slots = new Map<string, number>();
        assign(["a", "b", "c", "d", "e", "f", "g", "h"], slots);
        expect(new Set(slots.values()).size).toBe(8);
        for (const slot of slots.values()) expect(ink(slot).dash).toBe(0);
    });
    it("are 32 before one comes twice", () => {
        const slots = new Map<string, number>();
        assign(
            Array.from({ length: 40 }, (_, i) => `run${i}`),
            slots,
        );
        const seen = [...slots.values()];
        expect(new Set(seen.slice(0, 32)).size).toBe(HUES * DASHES);
    });
    it("stay when runs come later", () => {
        const slots = new Map<string, number>();
        assign(["x", "y"], slots);
        const before = slots.get("x");
        assign(["a", "b", "x", "y", "z"], slots);
        expect(slots.get("x")).toBe(before);
    });
    it("are the same for the same names", () => {
        const one = new Map<string, number>();
        const two = new Map<string, number>();
        assign(["lr=0.1", "lr=0.01"], one);
        assign(["lr=0.1", "lr=0.01"], two);
        expect([...one]).toEqual([...two]);
    });
});

describe("names", () => {
    it("sort by their numbers", () => {
        const tags = ["layer10/a", "layer2/b", "layer2/a", "loss"];
        expect([...tags].sort(natural)).toEqual(["layer2/a", "layer2/b", "layer10/a", "loss"]);
    });
    it("are cut in the middle", () => {
        expect(middle("lr=0.01-bs256-warm500", 15)).toBe("lr=0.01…warm500");
        expect(middle("short", 15)).toBe("short");
    });
    it("have a strong last part", () => {
        expect(tagParts("train/loss")).toEqual(["train/", "loss"]);
        expect(tagParts("loss")).toEqual(["", "loss"]);
        expect(tagParts("a/b/")).toEqual(["a/", "b/"]);
    });
    it("make sections, and parts of large ones", () => {
        const tags = [
            "loss",
            ...Array.from({ length: 120 }, (_, i) => `w/layer${i >> 2}/${i % 4}`),
        ];
        const [top, w] = sections(tags);
        expect([top.name, top.tags]).toEqual(["", ["loss"]]);
        expect(w.parts.length).toBe(30);
        expect(sectionWords(w)).toBe("layer0 to layer29, 4 each");
    });
    it("make parts where tags first differ", () => {
        const [s] = sections(Array.from({ length: 120 }, (_, i) => `w/enc/h/${i >> 2}/${i % 4}`));
        expect(sectionWords(s)).toBe("0 to 29, 4 each");
    });
});

describe("filters", () => {
    const good = (text: string) => {
        const f = compile(text);
        if ("error" in f) throw new Error(f.error);
        return f as Filter;
    };
    it("know words beside the pattern", () => {
        const f = good("lr=0.1 status:failed|canceled");
        expect(matches(f, "lr=0.1-bs64", { status: "failed" })).toBe(true);
        expect(matches(f, "lr=0.1-bs64", { status: "running" })).toBe(false);
    });
    it.each([
        ["lr=(0.01|0.03", "The group opened at 4 is not closed."],
        ["a)b", "The bracket at 2 closes nothing."],
        ["x[ab", "The set opened at 2 is not closed."],
        ["*a", "There is nothing to repeat before *, + or ?."],
    ])("say what is wrong with %s", (text, words) => {
        const f = compile(text);
        expect("error" in f && f.error).toBe(words);
    });
    it("explain what they do not know", () => {
        expect(explain("x", new Error("Invalid regular expression: /x/: Odd thing"))).toContain(
            "Odd thing",
        );
    });
    it("see patterns that may never end", () => {
        expect(risky(good("(a+)+b"))).toBe(true);
        expect(risky(good("lr=0.[13]"))).toBe(false);
    });
    it("offer the nearest names", () => {
        expect(nearest("vall/loss", ["eval/loss", "train/acc", "lr"], 2)[0]).toBe("eval/loss");
    });
});

describe("figures", () => {
    it.each([
        [0.25, 0.25, "0.25"],
        [0.5, 0.25, "0.5"],
        [20_000, 20_000, "20k"],
        [2500, 500, "2,500"],
        [0, 1, "0"],
        [1.5e6, 5e5, "1.5M"],
    ])("tick %d at steps of %d is %s", (v, step, words) => expect(tick(v, step)).toBe(words));
    it("write decades as powers", () => {
        expect([1000, 100, 0.001].map(logTick)).toEqual(["10³", "100", "10⁻³"]);
    });
    it("are short in lists", () => {
        expect([0.0751, 3.41, 1596, -0.5, Number.NaN].map(short)).toEqual([
            "0.0751",
            "3.41",
            "1,596",
            "−0.500",
            "NaN",
        ]);
    });
    it("have the same digits in a column", () => {
        const f = digits([0.0836, 0.1]);
        expect([f(0.0836), f(0.1)]).toEqual(["0.0836", "0.1000"]);
    });
    it("say ages in one unit", () => {
        expect([0.43, 14, 250, 7300, 260_000].map(age)).toEqual([
            "0.4 s",
            "14 s",
            "4 min",
            "2 h",
            "3 d",
        ]);
        expect(span(3840)).toBe("1 h 04 min");
        expect(bytes(41_200_000)).toBe("41.2 MB");
    });
});
