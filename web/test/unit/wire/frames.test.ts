import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join as path } from "node:path";
import { describe, expect, it } from "vitest";
import {
    BUCKET_COLUMNS,
    type Frame,
    readFrames,
    readMessage,
    WireError,
} from "../../../src/wire/frames";
import { frame, join } from "../../mock/frames";

const GOLDEN = path(import.meta.dirname, "../../../../tests/golden/frames");

function buffer(bytes: Uint8Array): ArrayBuffer {
    return new Uint8Array(bytes).buffer;
}

type Golden = Record<string, unknown> & { kind: string };

/** JSON writes what a double cannot hold, and what JSON cannot, as text. */
function numbers(list: (number | string)[]): number[] {
    return list.map(Number);
}

function check(f: Frame, g: Golden): void {
    const kinds = ["", "points", "buckets", "truncate", "behind"];
    expect(kinds[f.kind]).toBe(g.kind);
    expect(f.handle).toBe(g.handle);
    expect(f.ordinal).toBe(g.ordinal);
    if (g.kind === "truncate") expect(f.step).toBe(Number(g.step));
    if (g.count === undefined) return;
    expect(f.count).toBe(g.count);
    if (g.complete !== undefined) expect(f.complete).toBe(Boolean(g.complete));
    if (g.attempts) expect([...(f.attempts ?? [])]).toEqual(g.attempts);
    else if (g.attempt) expect(f.attempt).toBe(g.attempt);
    if (g.value) expect([...(f.value ?? [])]).toEqual(numbers(g.value as number[]));
    for (const [name] of BUCKET_COLUMNS) {
        if (!g[name] || g.kind === "truncate") continue;
        const got = [...(f.cols[name] ?? [])];
        const want = numbers(g[name] as number[]);
        expect(got.length).toBe(want.length);
        got.forEach((v, i) => {
            if (Number.isNaN(want[i])) expect(v).toBeNaN();
            else if (name.startsWith("wall")) expect(v).toBeCloseTo(want[i], 3);
            else expect(v).toBe(want[i]);
        });
    }
}

describe("golden frames", () => {
    const names = existsSync(GOLDEN) ? readdirSync(GOLDEN).filter(n => n.endsWith(".bin")) : [];
    it("are there", () => expect(names.length).toBeGreaterThan(5));
    it.each(names)("%s", name => {
        const bytes = readFileSync(path(GOLDEN, name));
        const golden = JSON.parse(
            readFileSync(path(GOLDEN, name.replace(".bin", ".json")), "utf8"),
        );
        const frames = readMessage(buffer(bytes));
        expect(frames.length).toBe(golden.frames.length);
        for (const [i, f] of frames.entries()) check(f, golden.frames[i]);
    });
    it.each(names)("%s cut anywhere is an error or a rest, never more", name => {
        const bytes = readFileSync(path(GOLDEN, name));
        for (let n = 0; n < bytes.length; n++) {
            const { frames, rest } = readFrames(new Uint8Array(bytes.subarray(0, n)));
            expect(rest).toBeLessThanOrEqual(n);
            expect(frames.length).toBeLessThanOrEqual(10);
            if (n > 0 && rest !== n)
                expect(() => readMessage(buffer(bytes.subarray(0, n)))).toThrow(WireError);
        }
    });
});

const columns = {
    step: [100, 110, 120],
    wall: [1.7e9, 1.7e9 + 0.5, 1.7e9 + 1],
    value: [0.5, 0.25, 3],
};

describe("own frames", () => {
    it.each([0, 2, 4])("step code %i", code => {
        const bytes = frame({
            kind: 1,
            handle: 7,
            count: 3,
            attempt: 1,
            ordinal: 42,
            columns,
            codes: { step: code },
        });
        const [f] = readMessage(buffer(bytes));
        expect([...(f.cols.step ?? [])]).toEqual([100, 110, 120]);
        expect([...(f.value ?? [])]).toEqual([0.5, 0.25, 3]);
    });
    it("wall in units of 2^-12 s, values as floats", () => {
        const bytes = frame({
            kind: 1,
            handle: 7,
            count: 3,
            attempt: 1,
            ordinal: 42,
            columns,
            codes: { step: 2, wall: 3, value: 1 },
        });
        expect(bytes.length).toBe(32 + 16 + 24 + 16);
        const [f] = readMessage(buffer(bytes));
        expect(f.cols.wall?.[1]).toBe(1.7e9 + 0.5);
    });
    it("skips a kind it does not know", () => {
        const other = frame({ kind: 4, handle: 1, count: 0, attempt: 0, ordinal: 1 });
        other[0] = 9;
        const known = frame({ kind: 4, handle: 2, count: 0, attempt: 0, ordinal: 3 });
        const frames = readMessage(buffer(join([other, known])));
        expect(frames.map(f => f.handle)).toEqual([2]);
    });
    it("refuses an unknown column code", () => {
        const bytes = frame({ kind: 1, handle: 7, count: 3, attempt: 1, ordinal: 42, columns });
        bytes[1] = 5;
        expect(() => readMessage(buffer(bytes))).toThrow(WireError);
    });
    it("trusts no count", () => {
        const bytes = frame({ kind: 1, handle: 7, count: 3, attempt: 1, ordinal: 42, columns });
        new DataView(bytes.buffer).setUint32(8, 0xffffffff, true);
        expect(() => readMessage(buffer(bytes))).toThrow(WireError);
    });
});

describe("damaged bytes", () => {
    it("end in a WireError or in frames, and in nothing else", () => {
        const good = join([
            frame({
                kind: 1,
                handle: 7,
                count: 3,
                attempt: 0,
                attempts: [1, 1, 2],
                ordinal: 42,
                columns,
            }),
            frame({
                kind: 2,
                handle: 8,
                count: 2,
                attempt: 1,
                ordinal: 9,
                columns: { step: [1, 2], last: [3, 4], n: [5, 6] },
            }),
        ]);
        let seed = 12345;
        const next = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0);
        for (let i = 0; i < 4000; i++) {
            const bytes = good.slice();
            for (let k = 0; k < 1 + (next() % 4); k++) bytes[next() % bytes.length] = next() & 255;
            try {
                readMessage(buffer(bytes));
            } catch (e) {
                expect(e).toBeInstanceOf(WireError);
            }
        }
    });
});
