// Binary frames of points to columns. Nothing is decoded that need not be: columns of doubles,
// floats and counters are views on the bytes that arrived; linear and offset columns are spread.
//
// A message or answer is a row of frames, each at a multiple of 8 bytes, little endian:
//   0 kind · 1 codes of step and wall · 2 code of values, bit 7 complete · 3 flags · 4 handle
//   8 count · 12 attempt (0: mixed) · 16 length · 24 ordinal · 32 columns, each padded to 8
// The decoder trusts no length: whatever does not fit is a WireError.

export class WireError extends Error {}

export type Column = Float64Array | Float32Array | Uint32Array;

export const KIND_POINTS = 1;
export const KIND_BUCKETS = 2;
export const KIND_TRUNCATE = 3;
export const KIND_BEHIND = 4;

export const HEADER = 32;
const FLAG_NO_STEP = 4;
const FLAG_NO_WALL = 8;

/** Names of bucket columns in the order of the mask's bits, with the code that each one uses. */
export const BUCKET_COLUMNS = [
    ["step", "s"],
    ["wall", "w"],
    ["first", "v"],
    ["last", "v"],
    ["min", "v"],
    ["max", "v"],
    ["mean", "d"],
    ["n", "u"],
    ["nan", "u"],
    ["inf", "u"],
    ["argmin", "s"],
    ["argmax", "s"],
    ["step_last", "s"],
    ["wall_last", "w"],
    ["wall_min", "w"],
    ["wall_max", "w"],
] as const;

export type ColumnName = (typeof BUCKET_COLUMNS)[number][0];

export interface Frame {
    kind: number;
    handle: number;
    count: number;
    /** 0: mixed, then `attempts` holds one for each item. */
    attempt: number;
    attempts: Uint32Array | null;
    ordinal: number;
    complete: boolean;
    nonFinite: boolean;
    /** Steps exceed 2^53 and are rounded here. */
    bigSteps: boolean;
    cols: Partial<Record<ColumnName, Column>>;
    /** points: the values. */
    value: Column | null;
    /** truncate: everything from this step on is void. */
    step: number;
}

interface Cursor {
    view: DataView;
    at: number;
    end: number;
}

function room(c: Cursor, bytes: number): number {
    const at = c.at;
    const padded = Math.ceil(bytes / 8) * 8;
    if (at + padded > c.end) throw new WireError(`column of ${bytes} bytes does not fit its frame`);
    c.at = at + padded;
    return at;
}

function u32s(c: Cursor, n: number): Uint32Array {
    const at = room(c, n * 4);
    return new Uint32Array(c.view.buffer, c.view.byteOffset + at, n);
}

function f64s(c: Cursor, n: number): Float64Array {
    const at = room(c, n * 8);
    return new Float64Array(c.view.buffer, c.view.byteOffset + at, n);
}

function wide(c: Cursor, n: number, signed: boolean): Float64Array {
    const at = room(c, n * 8);
    const from = c.view.byteOffset + at;
    const items = signed
        ? new BigInt64Array(c.view.buffer, from, n)
        : new BigUint64Array(c.view.buffer, from, n);
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = Number(items[i]);
    return out;
}

function linear(c: Cursor, n: number): Float64Array {
    const at = room(c, 16);
    const first = c.view.getFloat64(at, true);
    const step = c.view.getFloat64(at + 8, true);
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = first + i * step;
    return out;
}

function offset(c: Cursor, n: number): Float64Array {
    const at = room(c, 8 + 4 * n);
    const base = c.view.getFloat64(at, true);
    const units = new Uint32Array(c.view.buffer, c.view.byteOffset + at + 8, n);
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = base + units[i] / 4096;
    return out;
}

function column(c: Cursor, code: number, n: number): Column {
    switch (code) {
        case 0:
            return f64s(c, n);
        case 1: {
            const at = room(c, n * 4);
            return new Float32Array(c.view.buffer, c.view.byteOffset + at, n);
        }
        case 2:
            if (c.end - c.at < 16) throw new WireError("linear column does not fit its frame");
            return linear(c, n);
        case 3:
            return offset(c, n);
        case 4:
            return wide(c, n, true);
        case 6:
            return wide(c, n, false);
        default:
            throw new WireError(`unknown column code ${code}`);
    }
}

function readPoints(c: Cursor, f: Frame, codes: number, valueCode: number, flags: number): void {
    if (!(flags & FLAG_NO_STEP)) f.cols.step = column(c, codes & 15, f.count);
    if (!(flags & FLAG_NO_WALL)) f.cols.wall = column(c, codes >> 4, f.count);
    f.value = column(c, valueCode, f.count);
}

function readBuckets(c: Cursor, f: Frame, codes: number, valueCode: number): void {
    const mask = c.view.getUint32(room(c, 8), true);
    BUCKET_COLUMNS.forEach(([name, type], bit) => {
        if (!(mask & (1 << bit))) return;
        if (type === "u") f.cols[name] = u32s(c, f.count);
        else if (type === "d") f.cols[name] = f64s(c, f.count);
        else {
            const code = type === "s" ? codes & 15 : type === "w" ? codes >> 4 : valueCode;
            f.cols[name] = column(c, code, f.count);
        }
    });
}

/** Reads the frame at `at`; null for a kind that this page does not know. */
function readFrame(view: DataView, at: number, length: number): Frame | null {
    const kind = view.getUint8(at);
    if (kind < KIND_POINTS || kind > KIND_BEHIND) return null;
    const codes = view.getUint8(at + 1);
    const value = view.getUint8(at + 2);
    const flags = view.getUint8(at + 3);
    const frame: Frame = {
        kind,
        handle: view.getUint32(at + 4, true),
        count: view.getUint32(at + 8, true),
        attempt: view.getUint32(at + 12, true),
        attempts: null,
        ordinal: Number(view.getBigUint64(at + 24, true)),
        complete: (value & 128) !== 0,
        nonFinite: (flags & 1) !== 0,
        bigSteps: (flags & 2) !== 0,
        cols: {},
        value: null,
        step: 0,
    };
    const c: Cursor = { view, at: at + HEADER, end: at + length };
    if (kind === KIND_TRUNCATE) frame.step = Number(view.getBigInt64(room(c, 8), true));
    if (kind > KIND_BUCKETS || frame.count === 0) return frame;
    // A linear column takes 16 bytes whatever its count is: the values bound the count.
    if (frame.count > 20_000_000) throw new WireError(`${frame.count} items in one frame`);
    if (kind === KIND_POINTS) readPoints(c, frame, codes, value & 127, flags);
    else readBuckets(c, frame, codes, value & 127);
    if (frame.attempt === 0) frame.attempts = u32s(c, frame.count);
    return frame;
}

/** Length of the frame at `at`, or 0 when its header has not arrived whole. */
export function frameLength(view: DataView, at: number): number {
    if (view.byteLength - at < HEADER) return 0;
    const length = view.getBigUint64(at + 16, true);
    if (length < 32n || length % 8n !== 0n || length > 0x7fffffffn)
        throw new WireError(`frame of ${length} bytes`);
    return Number(length);
}

/**
 * The whole frames of `bytes`, at most `most`, from `at` on. What is left over is not an error for
 * a stream: `rest` says where it starts. The bytes must start at a multiple of 8 in their buffer.
 */
export function readFrames(
    bytes: Uint8Array,
    at = 0,
    most = Number.POSITIVE_INFINITY,
): { frames: Frame[]; rest: number } {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    while (at < bytes.byteLength && frames.length < most) {
        const length = frameLength(view, at);
        if (length === 0 || at + length > bytes.byteLength) break;
        const frame = readFrame(view, at, length);
        if (frame) frames.push(frame);
        at += length;
    }
    return { frames, rest: at };
}

/** All frames of a message, which must hold nothing else. */
export function readMessage(data: ArrayBuffer): Frame[] {
    const { frames, rest } = readFrames(new Uint8Array(data));
    if (rest !== data.byteLength) throw new WireError("message ends within a frame");
    return frames;
}
