"""Starting `run`, `agent` and `drain` in a work directory, for the tests of the compute node."""

import os
import pathlib
import struct
import subprocess

from conftest import DEADLINE, ROOT
from mock_upload import crc32c

AGENT = os.environ.get("TAILBOARD_AGENT", str(ROOT / "build/release/tailboard-agent"))


def clean_env(**extra):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("TAILBOARD_", "SLURM_"))}
    return keep | {k: str(v) for k, v in extra.items()}


class Node:
    """A work directory on a compute node."""

    def __init__(self, path):
        self.path, self.running = pathlib.Path(path), []
        self.path.mkdir(parents=True, exist_ok=True)

    def call(self, *args, env=None, program=AGENT, **kwargs):
        return subprocess.run(
            [program, *map(str, args)], cwd=self.path, env=clean_env(**(env or {})),
            **({"capture_output": True, "timeout": DEADLINE} | kwargs))

    def run(self, server, *command, options=(), **kwargs):
        address = ["--server", server.url if hasattr(server, "url") else server] if server else []
        return self.call("run", *address, *options, "--", *command, **kwargs)

    def spawn(self, *args, env=None, **kwargs):
        process = subprocess.Popen(
            [AGENT, *map(str, args)], cwd=self.path, env=clean_env(**(env or {})),
            **({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE} | kwargs))
        self.running.append(process)
        return process

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()

    def spools(self, below="."):
        return sorted((self.path / below / ".tailboard").glob("*-a*-r*"))


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(payload):
    """One TFRecord."""
    head = struct.pack("<Q", len(payload))
    return (head + struct.pack("<I", masked(head)) + payload +
            struct.pack("<I", masked(payload)))


def event_file(count=10, begin=0):
    """Bytes of an event file: a version and `count` scalars."""
    records = []
    if begin == 0:
        records.append(record(b"\x09" + struct.pack("<d", 1.0) + b"\x1a\x0dbrain.Event:2"))
    for i in range(begin, begin + count):
        value = b"\x0a\x01a\x15" + struct.pack("<f", i)
        summary = b"\x0a" + bytes([len(value)]) + value
        records.append(record(b"\x09" + struct.pack("<d", 2.0 + i) + b"\x10" +
                              bytes([i % 128]) + b"\x2a" + bytes([len(summary)]) + summary))
    return records


EVENTS = "events.out.tfevents.1.host"
