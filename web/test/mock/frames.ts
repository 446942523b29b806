// Writes frames as the server does: the counterpart of src/wire/frames.ts for tests.

import { BUCKET_COLUMNS, type ColumnName, HEADER } from "../../src/wire/frames";

export interface Columns {
    [name: string]: ArrayLike<number>;
}

export interface FrameInput {
    kind: number;
    handle: number;
    count: number;
    attempt: number;
    attempts?: ArrayLike<number>;
    ordinal: number;
    complete?: boolean;
    columns?: Columns;
    step?: number;
    /** Codes of step, wall and value columns; doubles unless given. */
    codes?: { step?: number; wall?: number; value?: number };
}

function pad(n: number): number {
    return Math.ceil(n / 8) * 8;
}

function doubles(v: ArrayLike<number>): Uint8Array {
    return new Uint8Array(Float64Array.from(v as number[]).buffer);
}

function coded(v: ArrayLike<number>, code: number): Uint8Array {
    if (code === 0) return doubles(v);
    if (code === 1) return new Uint8Array(Float32Array.from(v as number[]).buffer);
    if (code === 2) return doubles([v[0], v.length > 1 ? v[1] - v[0] : 0]);
    if (code === 4)
        return new Uint8Array(BigInt64Array.from([...(v as number[])].map(BigInt)).buffer);
    if (code !== 3) throw new Error(`code ${code}`);
    const out = new ArrayBuffer(8 + 4 * v.length);
    new DataView(out).setFloat64(0, v[0], true);
    const units = new Uint32Array(out, 8);
    for (let i = 0; i < v.length; i++) units[i] = Math.round((v[i] - v[0]) * 4096);
    return new Uint8Array(out);
}

function counters(v: ArrayLike<number>): Uint8Array {
    return new Uint8Array(Uint32Array.from(v as number[]).buffer);
}

function columnsOf(f: FrameInput): Uint8Array[] {
    const c = f.columns ?? {};
    const { step = 0, wall = 0, value = 0 } = f.codes ?? {};
    if (f.kind === 1) return [coded(c.step, step), coded(c.wall, wall), coded(c.value, value)];
    let mask = 0;
    const out: Uint8Array[] = [];
    BUCKET_COLUMNS.forEach(([name, type], bit) => {
        const v = c[name as ColumnName];
        if (!v) return;
        mask |= 1 << bit;
        if (type === "u") out.push(counters(v));
        else if (type === "d") out.push(doubles(v));
        else out.push(coded(v, type === "s" ? step : type === "w" ? wall : value));
    });
    return [counters([mask, 0]), ...out];
}

export function frame(f: FrameInput): Uint8Array {
    const parts: Uint8Array[] = [];
    if (f.kind <= 2 && f.count > 0) {
        parts.push(...columnsOf(f));
        if (f.attempt === 0) parts.push(counters(f.attempts ?? new Array(f.count).fill(1)));
    }
    if (f.kind === 3) parts.push(new Uint8Array(BigInt64Array.from([BigInt(f.step ?? 0)]).buffer));
    const length = parts.reduce((n, p) => n + pad(p.length), HEADER);
    const out = new Uint8Array(length);
    const view = new DataView(out.buffer);
    const { step = 0, wall = 0, value = 0 } = f.codes ?? {};
    out[0] = f.kind;
    out[1] = step | (wall << 4);
    out[2] = value | (f.complete ? 128 : 0);
    const values = f.columns?.value ?? f.columns?.last ?? [];
    out[3] = Array.prototype.some.call(values, v => !Number.isFinite(v)) ? 1 : 0;
    view.setUint32(4, f.handle, true);
    view.setUint32(8, f.count, true);
    view.setUint32(12, f.attempt, true);
    view.setBigUint64(16, BigInt(length), true);
    view.setBigUint64(24, BigInt(f.ordinal), true);
    let at = HEADER;
    for (const p of parts) {
        out.set(p, at);
        at += pad(p.length);
    }
    return out;
}

export function join(parts: Uint8Array[]): Uint8Array {
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) {
        out.set(p, at);
        at += p.length;
    }
    return out;
}
