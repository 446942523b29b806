"""The archive: what it costs, how soon all is durable, a slow disk, an agent against curl."""

import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from figures_load import LOADS, make
from figures_live import program
from servers import Tailboard

SLOW_MS = 50
UPLOAD_BYTES = 256 << 20
NGINX = """daemon off; pid %(dir)s/pid; error_log %(dir)s/error; worker_processes 1; user root;
events {}
http { access_log off; client_max_body_size 0; client_body_temp_path %(dir)s/body;
server { listen 127.0.0.1:%(port)d; location / { root %(dir)s/files; dav_methods PUT; } } }
"""


def scratch(context):
    """A folder on the disk of the loads: /tmp may be memory."""
    return tempfile.TemporaryDirectory(prefix="archive-", dir=context.loads.parent)


def run_archive_cost(context, rounds=5):
    folder = make(context, "v1")
    ratios = []
    for _ in range(rounds):
        with Tailboard(context.build, folder, "--no-index") as server:
            without = server.loaded(LOADS["v1"])
        with scratch(context) as place:
            with Tailboard(context.build, folder, archive=f"{place}/archive") as server:
                ratios.append(server.loaded(LOADS["v1"]) / without)
    context.row("all points served, archive and index on against off, `v1`", "",
                f"{statistics.median(ratios):.2f}x", "1.3x, floor 1.6x")


def durable(server):
    """Bytes of the archive that are durable, of all runs."""
    runs = server.get("/api/v1/runs?limit=10000")["runs"]
    return sum(file["size"] for run in runs
               for file in server.get(f"/api/v1/runs/{run['id']}/files")["kept"])


def run_durable(context, rounds=3):
    folder = make(context, "v1")
    size = sum(path.stat().st_size for path in folder.rglob("*tfevents*"))
    copies, ours = [], []
    for _ in range(rounds):
        with scratch(context) as place:
            begin = time.perf_counter()
            subprocess.run(["cp", "-r", folder, f"{place}/copy"], check=True)
            subprocess.run(["sync", "-f", f"{place}/copy"], check=True)
            copies.append(time.perf_counter() - begin)
        with scratch(context) as place:
            with Tailboard(context.build, folder, archive=f"{place}/archive") as server:
                while durable(server) < size:
                    time.sleep(0.02)
                ours.append(time.perf_counter() - server.started)
    ratio = statistics.median(a / b for a, b in zip(ours, copies))
    context.row("everything durable, against cp -r and sync -f, `v1`",
                f"{statistics.median(ours):.2f} s, cp {statistics.median(copies):.2f} s",
                f"{ratio:.2f}x", "1.3x, floor 1.6x")


def slow_disk(place):
    """What makes a program's disk slow: the environment."""
    library = pathlib.Path(place) / "slowsync.so"
    source = pathlib.Path(__file__).resolve().parents[1] / "torture/slowsync.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "SLOWSYNC_MS": str(SLOW_MS)}


def run_slow_disk(context, rounds=3):
    ratios, seen = [], []
    for _ in range(rounds):
        p99 = []
        for archived in (False, True):
            with scratch(context) as place:
                logs = pathlib.Path(place) / "logs"
                logs.mkdir()
                how = {"archive": f"{place}/archive", "env": slow_disk(place)} if archived else {}
                with Tailboard(context.build, logs, **how) as server:
                    p99.append(program(context, "bench_live", "latency", server.port(),
                                       logs)["p99_ms"])
        ratios.append(p99[1] / p99[0])
        seen.append(p99)
    off, on = (statistics.median(values) for values in zip(*seen))
    context.row(f"append to message, archive on and {SLOW_MS} ms a sync, against archive off",
                f"p99 {on:.2f} ms, {off:.2f} ms", f"{statistics.median(ratios):.2f}x",
                "1.2x, floor 1.5x")


def by_curl(place, data):
    """Seconds for curl -T to nginx, then sync of the file there."""
    folder = pathlib.Path(place) / "nginx"
    (folder / "files").mkdir(parents=True)
    port = 20000 + os.getpid() % 20000
    (folder / "conf").write_text(NGINX % {"dir": folder, "port": port})
    server = subprocess.Popen(["nginx", "-c", folder / "conf", "-p", folder],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        begin = time.perf_counter()
        subprocess.run(["curl", "-sfT", data, f"http://127.0.0.1:{port}/file"], check=True)
        subprocess.run(["sync", folder / "files/file"], check=True)
        return time.perf_counter() - begin
    finally:
        server.terminate()
        server.wait()


def by_agent(context, place, data):
    """Seconds for agent --once, from its exec until its end: all is acknowledged then."""
    work = pathlib.Path(place) / "work"
    (work / "logs").mkdir(parents=True)
    (work / "outputs").mkdir()
    os.link(data, work / "outputs/file")
    nothing = pathlib.Path(place) / "nothing"
    nothing.mkdir()
    with Tailboard(context.build, nothing, archive=f"{place}/archive") as server:
        url = f"http://127.0.0.1:{server.port()}"
        begin = time.perf_counter()
        subprocess.run([context.build / "tailboard-agent", "agent", "--once", "--server", url],
                       cwd=work, check=True)
        return time.perf_counter() - begin


def run_upload(context, rounds=3):
    if not shutil.which("nginx") or not shutil.which("curl"):
        context.row("agent to server, one file of 256 MiB", "skipped: needs nginx and curl", "", "")
        return
    curl, agent = [], []
    for _ in range(rounds):
        with scratch(context) as place:
            data = pathlib.Path(place) / "data"
            data.write_bytes(os.urandom(UPLOAD_BYTES))
            os.utime(data, (1e9, 1e9))  # settled long ago
            curl.append(by_curl(place, data))
            agent.append(by_agent(context, place, data))
    share = statistics.median(a / b for a, b in zip(curl, agent))
    context.row("agent to server, one file of 256 MiB, against curl -T to nginx and sync",
                f"{statistics.median(agent):.2f} s, curl {statistics.median(curl):.2f} s",
                f"{100 * share:.0f} %", "80 %, floor 60 %")
