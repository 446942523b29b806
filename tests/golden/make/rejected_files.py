"""Files that are no event files, or whose records are no events."""

import gzip
import bz2
import lzma
import shutil
import struct
import zlib

import common
from tfrecord import record


def main():
    target = common.GOLDEN / "rejected"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    good = (common.GOLDEN / "tensorboard" / "scalars.tfevents").read_bytes()
    # lz4, zstd: magic number and noise are enough
    files = {
        "gzip": gzip.compress(good, mtime=0),
        "bzip2": bz2.compress(good),
        "xz": lzma.compress(good),
        "zlib": zlib.compress(good),
        "zstd": b"\x28\xb5\x2f\xfd" + bytes(range(200)),
        "text": b"This is no event file, though its name says tfevents.\n" * 20,
        "json": b'{"events": [' + b'{"step": 1, "loss": 0.5}, ' * 20 + b"]}\n",
        "png": b"\x89PNG\r\n\x1a\n" + bytes(300),
        "zeros": bytes(4096),
        "absurd-length": struct.pack("<Q", 1 << 60) + bytes(300),
        "no-event": record(b"not a protobuf message") + record(b"\xff" * 40),
    }
    for name, raw in files.items():
        (target / f"{name}.tfevents").write_bytes(raw)


main()
