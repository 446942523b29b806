import { describe, expect, it } from "vitest";
import { findLines, LIMIT_LINES, plainOf, Screen, STYLE, styled } from "../../../src/model/console";

const ESC = "\x1b[";

function shown(...parts: string[]): string[] {
    const s = new Screen();
    for (const p of parts) s.write(p);
    return Array.from({ length: s.count }, (_, i) => plainOf(s.line(i)));
}

describe("the console's screen", () => {
    it("has lines, the last of which may be open", () => {
        expect(shown("a\nb\n")).toEqual(["a", "b"]);
        expect(shown("a\nb")).toEqual(["a", "b"]);
        expect(shown("a\n\nb\n")).toEqual(["a", "", "b"]);
        expect(shown("a\r\nb\r\n")).toEqual(["a", "b"]);
        expect(shown("")).toEqual([]);
    });
    it("writes over a line after a carriage return", () => {
        expect(shown("10 %\r100 %")).toEqual(["100 %"]);
        expect(shown("abcdef\rxy")).toEqual(["xycdef"]);
        expect(shown(`abcdef\r${ESC}Kxy`)).toEqual(["xy"]);
        expect(shown("ab\bc")).toEqual(["ac"]);
        expect(shown("a\tb")).toEqual(["a       b"]);
    });
    it("moves up to lines that are there, as nested bars do, and down again", () => {
        expect(shown("one\ntwo\n", `${ESC}1Anew\n`, "end")).toEqual(["one", "new", "end"]);
        expect(shown(`a\nb\nc${ESC}2A\rX${ESC}2B\rY`)).toEqual(["X", "b", "Y"]);
        expect(shown(`${ESC}9Aa`)).toEqual(["a"]);
    });
    it("takes sequences that come in pieces, and leaves out what it does not know", () => {
        expect(shown("a\x1b", "[3", "1mb", "\x1b[?25l", "c")).toEqual(["abc"]);
        expect(shown("\x1b]0;title\x07x")).toEqual(["x"]);
        expect(shown("\x1b]0;", "title", "\x1b\\x")).toEqual(["x"]);
        expect(shown("\x1b(Bx".replace("(B", "7"))).toEqual(["x"]);
        expect(shown(`\x1b]${"y".repeat(400)}`)[0].length).toBeGreaterThan(0);
    });
    it("keeps letters outside the first plane whole", () => {
        expect(shown("🎉ü")).toEqual(["🎉ü"]);
        expect(shown("🎉\rab")).toEqual(["ab"]);
    });
    it("is bounded in lines and columns", () => {
        const s = new Screen();
        s.write("x\n".repeat(LIMIT_LINES * 2));
        expect(s.count).toBeLessThanOrEqual(LIMIT_LINES * 1.25);
        expect(s.first + s.count).toBe(LIMIT_LINES * 2);
        expect(shown("y".repeat(10_000)).length).toBe(3);
    });
    it("has no text that stays away for ever, whatever comes", () => {
        for (let c = 0; c < 256; c++) {
            const s = new Screen();
            s.write(`\x1b${String.fromCharCode(c)}0;1;2`);
            s.write("z".repeat(600));
            expect(s.count).toBeGreaterThan(0);
        }
    });
});

describe("styles", () => {
    it("have 16 colours in 8 classes, weights, and an end", () => {
        expect(styled(0, [31])).toBe(2);
        expect(styled(0, [92])).toBe(3);
        expect(styled(0, [1, 33])).toBe(STYLE.bold | 4);
        expect(styled(STYLE.bold | 4, [22])).toBe(4);
        expect(styled(STYLE.bold | 4, [39])).toBe(STYLE.bold);
        expect(styled(511, [0])).toBe(0);
    });
    it("take the nearest of finer colours, and leave grounds", () => {
        expect(styled(0, [38, 5, 196])).toBe(2);
        expect(styled(0, [38, 5, 240])).toBe(8);
        expect(styled(0, [38, 2, 20, 200, 30])).toBe(3);
        expect(styled(0, [48, 5, 196, 1])).toBe(STYLE.bold);
        expect(styled(0, [48, 2, 1, 2, 3, 1])).toBe(STYLE.bold);
    });
    it("part a line into spans", () => {
        const s = new Screen();
        s.write(`a${ESC}32mbb${ESC}mc`);
        expect(s.line(0)).toEqual([
            { text: "a", style: 0 },
            { text: "bb", style: 3 },
            { text: "c", style: 0 },
        ]);
    });
});

it("finds lines, upper and lower case alike", () => {
    const s = new Screen();
    s.write("NaN\nok\nnan");
    expect(findLines(s, "nan")).toEqual([0, 2]);
    expect(findLines(s, "nan", 1)).toEqual([0]);
});
