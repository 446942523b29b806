#!/usr/bin/env python3
"""Golden frames: each case as bytes (NAME.bin) and as the columns it means (NAME.json).

An encoder of its own, written from docs/formats/frames.md, so that the codecs of the server (C)
and of the page (TypeScript) are held against something that shares no code with either. In the
JSON, NaN and infinities are the strings of the HTTP API, integers beyond 2^53 are strings too.
Run it in this folder after a change of the format."""
import json
import math
import struct

COLUMNS = ["step", "wall", "first", "last", "min", "max", "mean", "n", "nan", "inf", "argmin",
           "argmax", "step_last", "wall_last", "wall_min", "wall_max"]
STEPS = {"step", "argmin", "argmax", "step_last"}
WALLS = {"wall", "wall_last", "wall_min", "wall_max"}
COUNTS = {"n", "nan", "inf"}
KINDS = {"points": 1, "buckets": 2, "truncate": 3, "behind": 4}


def pad(data):
    return data + bytes(-len(data) % 8)


def column(code, items):
    n = len(items)
    if code == 0:
        return struct.pack(f"<{n}d", *items)
    if code == 1:
        return pad(struct.pack(f"<{n}f", *items))
    if code == 2:
        return struct.pack("<2d", items[0], items[1] - items[0])
    if code == 3:
        base = min(items)
        units = [math.floor((x - base) * 4096 + 0.5) for x in items]
        return struct.pack("<d", base) + pad(struct.pack(f"<{n}I", *units))
    if code == 4:
        return struct.pack(f"<{n}q", *items)
    if code == 6:
        return struct.pack(f"<{n}Q", *items)
    raise ValueError(code)


def frame(f):
    kind, count = f["kind"], f.get("count", 0)
    s, w, v = f.get("codes", (0, 0, 0))
    flags, body, attempt = 0, b"", f.get("attempt", 0)
    if kind == "truncate":
        s, body = 4, struct.pack("<q", f["step"])
    if kind == "points" and count:
        if "step" in f:
            body += column(s, f["step"])
        if "wall" in f:
            body += column(w, f["wall"])
        body += column(v, f["value"])
        flags |= any(isinstance(x, float) and not math.isfinite(x) for x in f["value"])
    if kind == "points":
        flags |= (0 if f.get("has_step", True) else 4) | (0 if f.get("has_wall", True) else 8)
    if kind == "buckets":
        mask = sum(1 << i for i, c in enumerate(COLUMNS) if c in f)
        body += struct.pack("<2I", mask, 0)
        for c in COLUMNS:
            if c not in f:
                continue
            if c in STEPS:
                body += column(s, f[c])
            elif c in WALLS:
                body += column(w, f[c])
            elif c == "mean":
                body += column(0, f[c])
            elif c in COUNTS:
                body += pad(struct.pack(f"<{count}I", *f[c]))
            else:
                body += column(v, f[c])
        flags |= any(f.get("strange", [0]))
    if s == 4 and kind != "truncate":
        flags |= 2
    if "attempts" in f:
        body += pad(struct.pack(f"<{count}I", *f["attempts"]))
    head = struct.pack("<4B3I2Q", KINDS[kind], s | w << 4, v | (0x80 if f.get("complete") else 0),
                       flags, f["handle"], count, attempt, 32 + len(body), f["ordinal"])
    return head + body


def plain(x):
    if isinstance(x, list):
        return [plain(y) for y in x]
    if isinstance(x, float):
        if math.isnan(x):
            return "NaN"
        if math.isinf(x):
            return "Infinity" if x > 0 else "-Infinity"
    if isinstance(x, int) and not isinstance(x, bool) and abs(x) > 2**53:
        return str(x)
    return x


NAN, INF = math.nan, math.inf
T = 1700000000.0

CASES = {
    # The example of docs/formats/frames.md.
    "points": [dict(kind="points", handle=7, count=3, attempt=1, ordinal=42, complete=False,
                    codes=(2, 3, 1), step=[100, 110, 120], wall=[T, T + 0.5, T + 1],
                    value=[0.5, 0.25, NAN])],
    # Exact wall times, doubles, steps that fit no line.
    "points-f64": [dict(kind="points", handle=1, count=4, attempt=2, ordinal=2**40 + 5,
                        complete=True, codes=(0, 0, 0), step=[-3, 0, 1, 9007199254740992],
                        wall=[T + 0.1, -INF, NAN, INF], value=[0.1, -0.0, INF, -1e300])],
    "points-large-steps": [dict(kind="points", handle=2, count=2, attempt=1, ordinal=2,
                                complete=True, codes=(4, 0, 1),
                                step=[-9223372036854775808, 9223372036854775807],
                                wall=[T, T + 1], value=[1.0, 2.0])],
    "points-linear-wall": [dict(kind="points", handle=3, count=4, attempt=1, ordinal=4,
                                complete=True, codes=(2, 2, 1), step=[0, -5, -10, -15],
                                wall=[T, T + 0.25, T + 0.5, T + 0.75],
                                value=[0.0, 1.5, -2.0, 3.0])],
    "points-i64": [dict(kind="points", handle=4, count=3, attempt=1, ordinal=3, complete=True,
                        codes=(2, 2, 4), step=[1, 2, 3], wall=[T, T + 1, T + 2],
                        value=[-9223372036854775808, -1, 9223372036854775807])],
    "points-u64": [dict(kind="points", handle=5, count=1, attempt=1, ordinal=1, complete=True,
                        codes=(0, 0, 6), step=[5], wall=[T], value=[18446744073709551615])],
    "points-attempts": [dict(kind="points", handle=6, count=3, attempt=0, ordinal=3,
                             complete=True, codes=(0, 2, 1), step=[1, 2, 2],
                             wall=[T, T + 1, T + 2], value=[1.0, 2.0, 3.0], attempts=[1, 1, 2])],
    "points-value-only": [dict(kind="points", handle=8, count=3, attempt=1, ordinal=3,
                               complete=True, codes=(0, 0, 1), has_step=False, has_wall=False,
                               value=[0.5, 1.0, 2.0])],
    "empty": [dict(kind="points", handle=9, count=0, attempt=0, ordinal=0, complete=True)],
    "buckets": [dict(kind="buckets", handle=10, count=3, attempt=1, ordinal=12, complete=True,
                     codes=(0, 3, 1), step=[0, 10, 20], wall=[T, T + 10, T + 20],
                     first=[1.0, 2.0, NAN], last=[1.5, 2.5, NAN], min=[0.5, -2.0, NAN],
                     max=[1.5, 8.0, NAN], mean=[1.1, 2.2, NAN], n=[5, 5, 2], nan=[0, 1, 2],
                     inf=[0, 1, 0], argmin=[3, 12, 20], argmax=[4, 13, 20],
                     step_last=[4, 14, 21], wall_last=[T + 4, T + 14, T + 21],
                     wall_min=[T + 3, T + 12, T + 20], wall_max=[T + 4, T + 13, T + 20],
                     strange=[0, 1, 1])],
    "buckets-some": [dict(kind="buckets", handle=11, count=2, attempt=0, ordinal=8,
                          complete=False, codes=(0, 0, 0), step=[1, 5], min=[0.1, 0.2],
                          max=[0.3, 0.4], n=[4, 4], attempts=[1, 0])],
    # Doubles and integers beyond 2^53 in one series: one frame a kind.
    "points-split": [
        dict(kind="points", handle=12, count=2, attempt=1, ordinal=5, complete=False,
             codes=(0, 0, 0), step=[1, 2], wall=[T, T + 1], value=[0.1, 0.2]),
        dict(kind="points", handle=12, count=2, attempt=1, ordinal=5, complete=False,
             codes=(0, 0, 4), step=[3, 4], wall=[T + 2, T + 3],
             value=[9007199254740993, -9007199254740993]),
        dict(kind="points", handle=12, count=1, attempt=1, ordinal=5, complete=True,
             codes=(0, 0, 0), step=[5], wall=[T + 4], value=[0.3])],
    "truncate": [dict(kind="truncate", handle=13, ordinal=100, step=-7)],
    "behind": [dict(kind="behind", handle=14, ordinal=101)],
}


def main():
    for name, frames in CASES.items():
        with open(f"{name}.bin", "wb") as out:
            for f in frames:
                out.write(frame(f))
        shown = [{k: plain(v) for k, v in f.items()
                  if k not in ("codes", "strange", "has_step", "has_wall")} for f in frames]
        with open(f"{name}.json", "w") as out:
            json.dump({"frames": shown}, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
