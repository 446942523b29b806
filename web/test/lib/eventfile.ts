// Writes event files as TensorBoard's writers do: records with masked CRC-32C around events with
// one scalar each. Enough to feed a real server from a page test.

import { appendFileSync, mkdirSync, utimesSync } from "node:fs";
import { dirname } from "node:path";

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
    return c;
});

function maskedCrc(bytes: Uint8Array): number {
    let c = 0xffffffff;
    for (const b of bytes) c = TABLE[(c ^ b) & 255] ^ (c >>> 8);
    c = (c ^ 0xffffffff) >>> 0;
    return (((c >>> 15) | (c << 17)) + 0xa282ead8) >>> 0;
}

function record(data: Uint8Array): Buffer {
    const out = Buffer.alloc(data.length + 16);
    out.writeBigUInt64LE(BigInt(data.length), 0);
    out.writeUInt32LE(maskedCrc(out.subarray(0, 8)), 8);
    out.set(data, 12);
    out.writeUInt32LE(maskedCrc(data), 12 + data.length);
    return out;
}

function varint(n: number): number[] {
    const out: number[] = [];
    let v = BigInt(n);
    for (; v > 127n; v >>= 7n) out.push(Number(v & 127n) | 128);
    out.push(Number(v));
    return out;
}

function double(field: number, v: number): number[] {
    const b = Buffer.alloc(8);
    b.writeDoubleLE(v);
    return [(field << 3) | 1, ...b];
}

function bytes(field: number, data: number[]): number[] {
    return [(field << 3) | 2, ...varint(data.length), ...data];
}

function scalar(tag: string, value: number, step: number, wall: number): Uint8Array {
    const f = Buffer.alloc(4);
    f.writeFloatLE(value);
    const one = [...bytes(1, [...Buffer.from(tag)]), (2 << 3) | 5, ...f];
    const event = [...double(1, wall), 2 << 3, ...varint(step), ...bytes(5, bytes(1, one))];
    return Uint8Array.from(event);
}

export class EventFile {
    constructor(readonly path: string) {
        mkdirSync(dirname(path), { recursive: true });
        const version = [
            ...double(1, Date.now() / 1000),
            ...bytes(3, [...Buffer.from("brain.Event:2")]),
        ];
        appendFileSync(path, record(Uint8Array.from(version)));
    }

    /** Appends one value for each tag; they are on disk when it returns. */
    add(step: number, values: Record<string, number>, wall = Date.now() / 1000): void {
        const parts = Object.entries(values).map(([tag, v]) => record(scalar(tag, v, step, wall)));
        appendFileSync(this.path, Buffer.concat(parts));
    }

    /** As if the last byte had been written long ago: damage in it is final then. */
    age(seconds: number): void {
        const at = Date.now() / 1000 - seconds;
        utimesSync(this.path, at, at);
    }

    /** A record with a wrong checksum: damage that must be told and passed. */
    spoil(): void {
        const bad = record(scalar("bad", 1, 1, 1));
        bad[bad.length - 1] ^= 255;
        appendFileSync(this.path, bad);
    }
}
