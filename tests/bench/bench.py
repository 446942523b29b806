"""Runs the benchmarks and prints one table; see ./dev bench --help.

Everything is compared side by side in one run on one machine: ratios are what counts. Results are
also written to build/bench/results.json, with machine and versions.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys

import figures_archive
import figures_index
import figures_live
import figures_load
import figures_server

FIGURES = {
    "load": figures_load.run_load,
    "ceiling": figures_load.run_ceiling,
    "live": figures_live.run_live,
    "pixels": figures_live.run_pixels,
    "clients": figures_live.run_clients,
    "query": figures_server.run_query,
    "idle": figures_server.run_idle,
    "bitflip": figures_server.run_bitflip,
    "restart": figures_index.run_restart,
    "index": figures_index.run_index_cost,
    "memory": figures_index.run_memory,
    "archive": figures_archive.run_archive_cost,
    "durable": figures_archive.run_durable,
    "slowdisk": figures_archive.run_slow_disk,
    "upload": figures_archive.run_upload,
}


class Context:
    """Where things are, and the rows found so far."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.loads = self.build.parent / "loads"
        self.loads.mkdir(exist_ok=True)
        self.rows = []

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def row(self, figure, measured, ratio, goal):
        self.rows.append({"figure": figure, "measured": measured, "ratio": ratio, "goal": goal})
        self.say(f"{figure}: {measured} {ratio} (goal {goal or '-'})")


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine(context):
    """One line that says where the figures were measured."""
    version = subprocess.run([context.build / "tailboard", "version"], capture_output=True,
                             text=True).stdout.split("\n")[0]
    rust = importlib.metadata.version("tensorboard-data-server")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{cpu_name()}, {os.cpu_count()} CPUs, {memory:.0f} GiB, Linux {platform.release()}; "
            f"{version}, tensorboard-data-server {rust}")


def main():
    parser = argparse.ArgumentParser(description="benchmarks side by side with RustBoard")
    parser.add_argument("--build", default="build/release", help="folder with the programs")
    parser.add_argument("names", nargs="*", choices=[*FIGURES, []], help="figures to measure")
    args = parser.parse_args()
    context = Context(args.build)
    for name in args.names or FIGURES:
        FIGURES[name](context)
    where = machine(context)
    print(where)
    print("| figure | measured | ratio | goal |\n|---|---|---|---|")
    for row in context.rows:
        print("| {figure} | {measured} | {ratio} | {goal} |".format(**row))
    folder = context.build.parent / "bench"
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(
        json.dumps({"machine": where, "rows": context.rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
