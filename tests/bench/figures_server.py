"""Figures of a running server: queries, idle cost, damage."""

import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import time

from figures_load import LOADS, make
from servers import Tailboard, cpu_seconds


def run_query(context):
    """An exact 1,000-bucket query over a series of 10^7 points, by the client's clock."""
    folder = make(context, "long")
    with Tailboard(context.build, folder) as server:
        server.loaded(LOADS["long"])
        run = server.get("/api/v1/runs")["runs"][0]["id"]
        body = json.dumps({"series": [[run, "train/metric_00"]], "width": 1000})
        times = []
        for _ in range(30):
            started = time.perf_counter()
            server.request("POST", "/api/v1/points", body,
                           {"Content-Type": "application/json",
                            "Accept": "application/vnd.tailboard.points"})
            times.append((time.perf_counter() - started) * 1e3)
    context.row("1,000-bucket exact query over 10^7 points",
                f"p50 {statistics.median(times):.2f} ms, worst {max(times):.2f} ms", "",
                "10 ms, floor 30 ms")


def wait_for_index(server):
    """Until no run was written into the index for 3 s: that is done once, after a load."""
    before, since = None, time.monotonic()
    while time.monotonic() < since + 3:
        lines = server.request("GET", "/metrics").decode().splitlines()
        flushes = [line for line in lines if line.startswith("tailboard_index_flushes")]
        if flushes != before:
            before, since = flushes, time.monotonic()
        time.sleep(0.2)


def run_idle(context):
    """Share of one core while 10,000 files do not change, and what the load before it cost."""
    folder = make(context, "idle")
    with Tailboard(context.build, folder) as server:
        while not server.get("/api/v1/")["progress"]["done"]:
            time.sleep(0.05)
        wait_for_index(server)
        pid, seconds = server.process.pid, 20
        before = cpu_seconds(pid)
        time.sleep(seconds)
        share = (cpu_seconds(pid) - before) / seconds
        memory = server.peak_bytes()
    context.row("10,000 idle files",
                f"{100 * share:.2f} % of a core, {memory / 1e6:.0f} MB; their load and index "
                f"before: {before:.1f} s of one core", "", "1 %, floor 2 %")


def run_bitflip(context):
    """One flipped bit in a file of 10,000 records, 200 files: what is lost, what is wrong."""
    folder = pathlib.Path(context.loads) / "bitflip"
    shutil.rmtree(folder, ignore_errors=True)
    source = make(context, "many") / "run00000"
    original = next(source.glob("*tfevents*")).read_bytes()
    record_bytes = len(original) // 25001
    original = original[: 10000 * record_bytes]
    rng = random.Random(7)
    worst, wrong, total = 0, 0, 0
    truth = points_of(context, folder, original)
    for _ in range(200):
        data = bytearray(original)
        bit = rng.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << (bit % 8)
        found = points_of(context, folder, bytes(data))
        lost = len(truth - found)
        worst, total = max(worst, lost), total + lost
        wrong += len(found - truth)
    context.row("one flipped bit, 200 files", f"{total} records lost, at most {worst} each, "
                f"{wrong} wrong points", "", "at most 1 each, none wrong")


def points_of(context, folder, data):
    """The set of (tag, step, value) that `tailboard cat --json` gives for these bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "events.out.tfevents.1.flip"
    path.write_bytes(data)
    out = subprocess.run([context.build / "tailboard", "cat", "--json", path],
                         capture_output=True, text=True).stdout
    os.unlink(path)
    rows = (json.loads(line) for line in out.splitlines())
    return {(row["tag"], row["step"], row["value"]) for row in rows if "value" in row}
