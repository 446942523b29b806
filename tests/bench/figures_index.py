"""The index: restart against the first load and RustBoard, bytes a point, memory, what it costs."""

import pathlib
import statistics
import tempfile
import time

from figures_load import LOADS, TAGS, make
from servers import RustBoard, Tailboard

HUGE = (99999, 1000, TAGS[:10])
MEMORY = 256 << 20


def known(context, folder, expected, cache):
    """Loads once, so that the index in `cache` is complete."""
    with Tailboard(context.build, folder, "--cache", cache) as server:
        return server.loaded(expected)


def first_chart(server):
    """Seconds from exec until one chart of one run was answered to its last step."""
    while True:
        runs = server.get("/api/v1/runs?limit=1")["runs"]
        if runs:
            answer = server.get(f"/api/v1/runs/{runs[0]['id']}/points?tag={TAGS[0]}&width=1000")
            now = time.perf_counter()
            if answer["step_last"] and answer["step_last"][-1] == 99999:
                return now - server.started
        time.sleep(0.0005)


def restarts(context, folder, expected, cache, rounds=7):
    times, charts = [], []
    for _ in range(rounds):
        with Tailboard(context.build, folder, "--cache", cache) as server:
            charts.append(first_chart(server))
            parsed = server.request("GET", "/metrics").decode()
        assert "\ntailboard_tail_records_total 0\n" in parsed, "something was parsed again"
        with Tailboard(context.build, folder, "--cache", cache) as server:
            times.append(server.loaded(expected))
    return statistics.median(charts), statistics.median(times)


def run_restart(context):
    folder = make(context, "v1")
    tenth = pathlib.Path(tempfile.mkdtemp(prefix="bench-tenth-"))
    (tenth / "run00000").symlink_to(folder / "run00000")
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as small:
        first = known(context, folder, LOADS["v1"], cache)
        chart, again = restarts(context, folder, LOADS["v1"], cache)
        known(context, tenth, (99999, 10, TAGS[:10]), small)
        less, _ = restarts(context, tenth, (99999, 10, TAGS[:10]), small)
        bytes_kept = sum(path.stat().st_size for path in pathlib.Path(cache).glob("**/*.seg"))
    with RustBoard(folder) as server:
        rust = server.loaded(LOADS["v1"])
    (tenth / "run00000").unlink()
    tenth.rmdir()
    context.row("restart with `v1` known, exec to first complete chart", f"{1e3 * chart:.1f} ms",
                "", "50 ms, floor 100 ms")
    context.row("the same with a tenth of the data", f"{1e3 * less:.1f} ms",
                f"{chart / less:.2f}x", "1.2x")
    context.row("restart with `v1` known, exec to every series' last step",
                f"{1e3 * again:.0f} ms (first load {first:.2f} s)", f"{first / again:.0f}x", "")
    context.row("restart against RustBoard's start", f"{rust:.2f} s", f"{rust / again:.0f}x",
                "50x, floor 25x")
    context.row("index bytes a point, `v1`", f"{bytes_kept / 10e6:.2f}", "", "6, floor 8")


def run_index_cost(context, rounds=7):
    folder = make(context, "v1")
    ratios = []
    for _ in range(rounds):
        with Tailboard(context.build, folder, "--no-index") as server:
            without = server.loaded(LOADS["v1"])
        with Tailboard(context.build, folder) as server:
            ratios.append(server.loaded(LOADS["v1"]) / without)
    context.row("all points served, index on against off, `v1`", "",
                f"{statistics.median(ratios):.2f}x", "1.3x, floor 1.6x (archive too)")


def run_memory(context):
    """10^8 points: every chart is asked for once, cold and after a restart."""
    folder = make(context, "huge")
    with tempfile.TemporaryDirectory() as cache:
        for what in ("first load", "restart"):
            extra = ("--cache", cache, "--memory", str(MEMORY))
            with Tailboard(context.build, folder, *extra) as server:
                seconds = server.loaded(HUGE)
                for run in server.get("/api/v1/runs?limit=10000")["runs"]:
                    for tag in HUGE[2]:
                        server.get(f"/api/v1/runs/{run['id']}/points?tag={tag}&width=1000")
                peak = server.peak_bytes()
            context.row(f"10^8 points within 256 MB, {what}",
                        f"{seconds:.2f} s, peak {peak / 2**20:.0f} MiB",
                        f"{peak / MEMORY:.2f}x", "1.1x, floor 1.25x")
