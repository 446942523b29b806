import { describe, expect, it } from "vitest";
import { compile, type Filter, matches } from "../../../src/model/filter";
import { paramsOf, passes, testOf } from "../../../src/model/params";
import type { Run } from "../../../src/wire/messages";

const run = (name: string, more: Partial<Run> = {}): Run => ({
    id: "r",
    name,
    experiment: "e",
    status: null,
    activity: "live",
    attempts: 1,
    points: 0,
    damage: 0,
    ...more,
});

describe("hyperparameters", () => {
    it("are read from names", () => {
        const of = (name: string) => Object.fromEntries(paramsOf(run(name)));
        expect(of("lr=0.01-bs=64")).toEqual({ lr: "0.01", bs: "64" });
        expect(of("sweep/LR=1e-3,optim=adam")).toEqual({ lr: "1e-3", optim: "adam" });
        expect(of("baseline")).toEqual({});
    });
    it("come from the server first", () => {
        const have = paramsOf(run("lr=1", { tags: { team: "a" }, hparams: { lr: 2 } }));
        expect(Object.fromEntries(have)).toEqual({ lr: "2", team: "a" });
    });
    it("are tested by number where both are numbers, else by text", () => {
        const have = new Map([
            ["lr", "0.01"],
            ["optim", "Adam"],
        ]);
        const pass = (word: string) => passes(testOf(word) as never, have);
        expect(pass("lr>0.001")).toBe(true);
        expect(pass("lr>1e-2")).toBe(false);
        expect(pass("lr>=1e-2")).toBe(true);
        expect(pass("LR<=0.01")).toBe(true);
        expect(pass("lr!=0.02")).toBe(true);
        expect(pass("optim==adam")).toBe(true);
        expect(pass("optim>adam")).toBe(false);
        expect(pass("wd<1")).toBe(false);
    });
    it("are words of the filter; patterns that look alike stay patterns", () => {
        const runs = ["lr=0.1-bs64", "lr=0.01-bs64", "base"].map(n => run(n));
        const left = (text: string) => {
            const f = compile(text) as Filter;
            return runs.filter(r => matches(f, r.name, {}, () => paramsOf(r))).map(r => r.name);
        };
        expect(left("lr>0.05")).toEqual(["lr=0.1-bs64"]);
        expect(left("bs64 lr<0.05")).toEqual(["lr=0.01-bs64"]);
        expect(left("lr=0.1")).toEqual(["lr=0.1-bs64"]);
        expect(testOf("(?<=a)b")).toBe(null);
        expect(testOf("a(?<!b)")).toBe(null);
    });
});
