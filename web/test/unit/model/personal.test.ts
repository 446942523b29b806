import { beforeEach, describe, expect, it } from "vitest";
import { isPinned, markRun, marks, marksRead, marksText } from "../../../src/model/personal";

describe("marks of runs", () => {
    beforeEach(() => {
        marks.value = new Map();
    });
    it("come back as they were written", () => {
        markRun("a", { hue: 3 });
        markRun("b/c", { pinned: true });
        expect(marksRead(marksText(marks.value))).toEqual(marks.value);
    });
    it("go when nothing is left of them", () => {
        markRun("a", { hue: 3, pinned: true });
        markRun("a", { hue: undefined });
        expect(isPinned({ name: "a" })).toBe(true);
        markRun("a", { pinned: false });
        expect(marks.value.size).toBe(0);
    });
    it("are read from anything without harm", () => {
        for (const text of ["", "null", "7", "[1]", "{", '{"a":null,"b":{"hue":9,"pinned":1}}'])
            expect(marksRead(text).size).toBe(0);
    });
});
