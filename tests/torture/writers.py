"""Writers of the torture campaign: real event files that grow, end, and are replaced.

Every life of a file (what a name held from its beginning until it was replaced) begins with a
record of its own, so that an archived file tells which life it is. Lives that ended are kept in a
folder beside the sources: what is there and in the sources together is the truth.
"""

import os
import pathlib
import random
import shutil
import struct
import threading
import time

from node_lib import record

HEAD_BYTES = 40  # the version record: unique by its time
FILE_BYTES = 256 << 10  # then the next name


class Pause:
    """Holds all writers between two records."""

    def __init__(self):
        self.go, self.ended = threading.Event(), threading.Event()
        self.go.set()


def scalar(step, value):
    body = b"\x0a\x04loss\x15" + struct.pack("<f", value)
    body = b"\x0a" + bytes([len(body)]) + body
    number, digits = step, b""
    while number > 127:
        digits += bytes([number & 127 | 128])
        number >>= 7
    digits += bytes([number])
    return record(b"\x09" + struct.pack("<d", 1e9 + step) + b"\x10" + digits + b"\x2a" +
                  bytes([len(body)]) + body)


class Writer(threading.Thread):
    """Appends records to event files of one directory, one file at a time."""

    def __init__(self, folder, lives, seed, pause):
        super().__init__(daemon=True)
        self.folder, self.lives = pathlib.Path(folder), pathlib.Path(lives)
        self.random, self.pause = random.Random(seed), pause
        self.path, self.file, self.step, self.failure = None, None, 0, None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lives.mkdir(parents=True, exist_ok=True)

    def head(self):
        stamp = struct.pack("<d", 1e9 + time.time_ns() % 10**15 * 1e-3 + self.random.random())
        return record(b"\x09" + stamp + b"\x1a\x0dbrain.Event:2")

    def begin(self):
        """The next file name."""
        if self.file:
            self.file.close()
        number = time.time_ns() // 1000
        self.path = self.folder / f"events.out.tfevents.{number}.torture"
        self.file = open(self.path, "ab", buffering=0)
        self.file.write(self.head())

    def keep(self, how):
        """The life that is over, among the ended ones."""
        how(self.path, self.lives / f"{time.time_ns()}")

    def replace(self):
        """Another file under the same name: a new inode, or the same one cut to nothing."""
        if self.random.random() < 0.5:
            fresh = self.folder / ".fresh.tmp"
            fresh.write_bytes(self.head() + self.records(20))
            self.keep(os.link)
            os.replace(fresh, self.path)
        else:
            self.keep(shutil.copyfile)
            self.path.write_bytes(self.head() + self.records(5))
        self.file.close()
        self.file = open(self.path, "ab", buffering=0)

    def records(self, count):
        made = []
        for _ in range(count):
            made.append(scalar(self.step, self.random.random()))
            self.step += 1
        return b"".join(made)

    def append(self):
        data = self.records(self.random.randrange(1, 60))
        if self.random.random() < 0.2:  # a writer's buffer ends within a record
            cut = self.random.randrange(1, len(data))
            self.file.write(data[:cut])
            time.sleep(self.random.random() * 0.05)
            data = data[cut:]
        self.file.write(data)

    def run(self):
        try:
            while not self.pause.ended.is_set():
                self.pause.go.wait()
                chance = self.random.random()
                if not self.file or self.file.tell() > FILE_BYTES:
                    self.begin()
                elif chance < 0.004:
                    self.replace()
                elif chance < 0.006:
                    self.begin()
                else:
                    self.append()
                time.sleep(self.random.random() * 0.04)
        except OSError as error:
            self.failure = error


class Checkpoints(threading.Thread):
    """A checkpoint that is replaced, and a log of text that grows."""

    def __init__(self, work, seed, pause):
        super().__init__(daemon=True)
        self.outputs, self.logs = pathlib.Path(work) / "outputs", pathlib.Path(work) / "logs"
        self.random, self.pause, self.failure = random.Random(seed), pause, None
        for folder in (self.outputs, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def run(self):
        while not self.pause.ended.is_set():
            self.pause.go.wait()
            fresh = self.outputs / "model.tmp"
            fresh.write_bytes(self.random.randbytes(self.random.randrange(1, 200_000)))
            os.replace(fresh, self.outputs / "model.bin")
            with open(self.logs / "train.txt", "ab") as text:
                text.write(f"a line about {self.random.random()}\n".encode())
            self.pause.ended.wait(self.random.uniform(1, 15))
