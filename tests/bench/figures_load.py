"""Cold load against RustBoard, its memory, and the share of the read-and-CRC ceiling."""

import glob
import json
import statistics
import subprocess

from servers import RustBoard, Tailboard

TAGS = [f"train/metric_{number:02d}" for number in range(50)]
# name: (last step, series, tags)
LOADS = {"v1": (99999, 100, TAGS[:10]), "v2": (99999, 100, TAGS[:10]),
         "long": (9999999, 1, TAGS[:1]), "many": (499, 10000, TAGS)}


def make(context, name):
    """The folder with a load, written when it is not there yet, and read once (page cache)."""
    folder = context.loads / name
    if not (folder / ".done").exists():
        context.say(f"writing load {name}")
        subprocess.run([context.build / "bench" / "make_load", name, folder], check=True)
        (folder / ".done").touch()
    for path in glob.glob(f"{folder}/*/*tfevents*"):
        with open(path, "rb") as file:
            while file.read(1 << 22):
                pass
    return folder


def cold_load(context, name, rounds=5):
    """Both servers in turn; medians, and the ratio pair by pair."""
    folder, expected = make(context, name), LOADS[name]
    ours, theirs, ratios, memory = [], [], [], []
    for _ in range(rounds):
        with RustBoard(folder) as server:
            theirs.append(server.loaded(expected))
            peak_theirs = server.peak_bytes()
        with Tailboard(context.build, folder) as server:
            ours.append(server.loaded(expected))
            peak_ours = server.peak_bytes()
        ratios.append(theirs[-1] / ours[-1])
        memory.append((peak_ours, peak_theirs))
    peak_ours, peak_theirs = memory[-1]
    context.row(
        f"cold load `{name}`",
        f"{statistics.median(ours):.3f} s (RustBoard {statistics.median(theirs):.2f} s)",
        f"{statistics.median(ratios):.1f}x",
        "25x, floor 15x" if name != "many" else "20x, floor 12x",
    )
    context.row(
        f"peak memory `{name}`",
        f"{peak_ours / 1e6:.0f} MB (RustBoard {peak_theirs / 1e6:.0f} MB)",
        f"{peak_ours / peak_theirs:.2f}x",
        "0.25x, floor 0.5x" if name == "many" else "",
    )
    return statistics.median(ours)


def ceiling(context, ours=None):
    """How much of the time that reading and checking alone takes is left for everything else."""
    folder = make(context, "v1")
    files = sorted(glob.glob(f"{folder}/*/*tfevents*"))
    runs = []
    for _ in range(5):
        out = subprocess.run([context.build / "bench" / "ceiling", "2", *files], check=True,
                             capture_output=True, text=True).stdout
        runs.append(json.loads(out)["seconds"])
    best = min(runs)
    if ours is None:
        times = []
        for _ in range(5):
            with Tailboard(context.build, folder) as server:
                times.append(server.loaded(LOADS["v1"]))
        ours = statistics.median(times)
    context.row("share of the read-and-CRC ceiling on `v1`", f"{best:.3f} s of {ours:.3f} s",
                f"{100 * best / ours:.0f} %", "45 %, floor 30 %")


def run_load(context):
    for name in ("v1", "v2", "long", "many"):
        cold_load(context, name)


def run_ceiling(context):
    ceiling(context)
