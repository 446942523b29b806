"""Shared by the scripts that make golden event files.

Each writer works in a scratch directory; its files are then moved to WRITER/CASE.tfevents (names
with time, host and pid would change at each run). Python's clock is replaced by one that counts, so
that writers in Python give the same bytes again.
"""

import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

GOLDEN = pathlib.Path(__file__).resolve().parent.parent
MAX_BYTES = 60_000


def fixed_clock(start=1_700_000_000.0, tick=0.125):
    """Makes time.time() count from `start`; call it before importing a writer."""
    state = {"now": start}

    def now():
        state["now"] += tick
        return state["now"]

    time.time = now
    random.seed(7)


def event_files(directory):
    return sorted(p for p in pathlib.Path(directory).rglob("*") if "tfevents" in p.name)


class Cases:
    """Collects the files of one writer: `with cases("scalars") as directory: ...`."""

    def __init__(self, writer):
        self.target = GOLDEN / writer
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir(parents=True)

    def __call__(self, case):
        return _Case(self.target, case)


class _Case:
    def __init__(self, target, case):
        self.target, self.case = target, case

    def __enter__(self):
        self.directory = tempfile.mkdtemp()
        os.chdir(self.directory)  # relative log directories keep paths out of the files
        return "logs"

    def __exit__(self, kind, value, trace):
        os.chdir(GOLDEN)
        if kind is None:
            files = event_files(self.directory)
            if not files:
                sys.exit(f"{self.case}: no event file was written")
            for i, path in enumerate(files):
                name = self.case if len(files) == 1 else f"{self.case}-{i}"
                size = path.stat().st_size
                if size > MAX_BYTES:
                    sys.exit(f"{self.case}: {size} bytes, more than {MAX_BYTES}")
                shutil.copyfile(path, self.target / f"{name}.tfevents")
        shutil.rmtree(self.directory)
        return False
