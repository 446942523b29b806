#!/usr/bin/env python3
"""Packs the built page and the API document into one C file (see assets.h).

    embed.py OUT.c [--dist FOLDER] [--openapi openapi.yaml]
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import yaml_subset  # noqa: E402

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
# Vite's names: index-B3xK2a_1.js
HASHED = re.compile(r"-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")
COLUMNS = 24


def files(dist):
    if not dist:
        return
    for path in sorted(dist.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(dist).as_posix(), path.read_bytes()


def bytes_of(data):
    for i in range(0, len(data), COLUMNS):
        yield ",".join(str(b) for b in data[i : i + COLUMNS]) + ","


def pack(data):
    packed = gzip.compress(data, 9, mtime=0)
    return (packed, True) if len(packed) < 0.95 * len(data) else (data, False)


def entry(number, path, data):
    """The array of one file, and its row in the table."""
    packed, is_gzip = pack(data)
    suffix = pathlib.PurePosixPath(path).suffix
    row = "    {%s, %s, %s, %s, %s, data_%d, %d}," % (
        json.dumps(path),
        json.dumps(TYPES.get(suffix, "application/octet-stream")),
        json.dumps(hashlib.sha256(data).hexdigest()[:32]),
        "true" if HASHED.search(path) else "false",
        "true" if is_gzip else "false",
        number,
        len(packed),
    )
    lines = ["static const unsigned char data_%d[] = {" % number, *bytes_of(packed), "};"]
    return "\n".join(lines), row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--dist", type=pathlib.Path)
    parser.add_argument("--openapi", type=pathlib.Path)
    args = parser.parse_args()

    content = dict(files(args.dist))
    if args.openapi and args.openapi.exists():
        document = yaml_subset.parse(args.openapi.read_text())
        content[".openapi.json"] = json.dumps(document, separators=(",", ":")).encode()
    arrays, rows = [], []
    for number, (path, data) in enumerate(sorted(content.items())):
        array, row = entry(number, path, data)
        arrays.append(array)
        rows.append(row)
    # C has no empty arrays: without files the table has one row that is not counted.
    text = "\n".join([
        '#include "http/assets.h"',
        "",
        *arrays,
        "const struct asset assets_table[] = {",
        *(rows or ["    {0},"]),
        "};",
        "const size_t assets_count = %d;" % len(rows),
        "",
    ])
    args.out.write_text(text)


if __name__ == "__main__":
    main()
