"""The crash campaign: server and agents are killed and cut off at random moments while writers
append to event files, rotate and replace them; afterwards nothing acknowledged is missing.

  writers ─► local/ ─────────────────────────► server (follows it) ─► archive
  writers ─► node0/, node1/ ─► agents ─► network with loss and cuts ─┘

Before each kill it is known what was acknowledged (a thread asks all the time). After each kill
those bytes must be on disk, and equal. At the end, and now and then: the archive is byte for byte
its source, fsck finds nothing, and the index gives the points of a rebuild from nothing.

Everything that is chosen comes from the seed and the number of the step; the state is kept in the
work folder, and --resume goes on with it.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import checks  # noqa: E402
import network  # noqa: E402
import writers  # noqa: E402

NODES = 2
CALM_EACH = 100  # steps


class Processes:
    """The server and the agents: started, killed, started again."""

    def __init__(self, args, work, net, port):
        self.program, self.work, self.net, self.port = args.program, work, net, port
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("TAILBOARD_", "SLURM_"))} | {
            "XDG_DATA_HOME": str(work / "data"), "XDG_CACHE_HOME": str(work / "cache")}
        self.server, self.agents = None, [None] * NODES
        self.log = open(work / "log", "ab")

    def token(self):
        path = self.work / "state" / "token"
        return path.read_text().strip() if path.exists() else ""

    def start_server(self, logdir=None):
        port_file = self.work / "port"
        port_file.unlink(missing_ok=True)
        self.server = subprocess.Popen(
            [self.program, "serve", "--host", self.net.host, "--auth", "token", "--port",
             str(self.port), "--logdir", logdir or self.work / "local", "--archive",
             self.work / "archive", "--state", self.work / "state", "--port-file", port_file,
             "--archive-reserve", "1"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.env)

    def wait_server(self, seconds=60):
        end = time.monotonic() + seconds
        while not (self.work / "port").exists():
            checks.require(self.server.poll() is None, f"server ended: {self.server.returncode}")
            checks.require(time.monotonic() < end, "the server's port does not answer")
            time.sleep(0.005)

    def agent_command(self, k, *options):
        return dict(args=[*self.net.prefix(k), self.program, "agent", "--name", f"node{k}",
                          "--server", self.net.url(k, self.port), *options],
                    cwd=self.work / f"node{k}", env=self.env | {"TAILBOARD_TOKEN": self.token()},
                    stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def start_agent(self, k):
        self.agents[k] = subprocess.Popen(**self.agent_command(k))

    def kill(self, process):
        if process and process.poll() is None:
            process.kill()
        if process:
            process.wait()

    def kill_server(self):
        self.kill(self.server)

    def kill_all(self):
        for process in (self.server, *self.agents):
            self.kill(process)


class Campaign:
    """Steps: a kill of the server, of an agent, of both, or a cut of a node's network."""

    def __init__(self, args, work):
        self.args, self.work, self.archive = args, work, work / "archive"
        self.state = self.load()
        self.seed = self.state["seed"]
        self.net = network.make(args.network, NODES)
        self.processes = Processes(args, work, self.net, self.state["port"])
        self.pause, self.checked, self.said = writers.Pause(), {}, 0.0
        self.acknowledged = None

    def load(self):
        path = self.work / "state.json"
        if self.args.resume and path.exists():
            return json.loads(path.read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return {"seed": self.args.seed, "step": 0, "kills": 0, "cuts": 0, "port": port,
                "lengths": []}

    def save(self):
        self.state["lengths"] = [[*k, v] for k, v in self.acknowledged.copy().items()]
        fresh = self.work / "state.tmp"
        fresh.write_text(json.dumps(self.state))
        fresh.rename(self.work / "state.json")

    def start_writers(self):
        at = self.state["step"]
        self.sources = [self.work / "local", *(self.work / f"node{k}/logs" for k in range(NODES))]
        folders = [self.sources[0] / "a", self.sources[0] / "b/c",
                   *(folder / name for folder in self.sources[1:] for name in ("", "val"))]
        self.writers = [writers.Writer(folder, self.work / f"lives/{i}",
                                       f"{self.seed}/{at}/{i}", self.pause)
                        for i, folder in enumerate(folders)]
        self.truth = checks.Truth(self.sources, [w.lives for w in self.writers])
        others = [writers.Checkpoints(self.work / f"node{k}", f"{self.seed}/{at}/{k}c",
                                      self.pause) for k in range(NODES)]
        self.writers += others
        for one in self.writers:
            one.start()

    def begin(self):
        self.start_writers()
        self.processes.start_server()
        self.processes.wait_server()
        self.client = checks.Client(self.net.host, self.state["port"], self.processes.token)
        known = {(run, path, number): length
                 for run, path, number, length in self.state["lengths"]}
        self.acknowledged = checks.Acknowledged(self.client, known)
        self.acknowledged.start()
        for k in range(NODES):
            self.processes.start_agent(k)

    # ---- steps --------------------------------------------------------------------------------

    def kill_server(self, rng):
        self.processes.kill_server()
        checks.check_acknowledged(self.archive, self.truth, self.acknowledged.copy(),
                                  self.checked)
        time.sleep(rng.choice((0, 0, rng.random() * 0.3)))
        self.processes.start_server()
        self.state["kills"] += 1

    def kill_agent(self, rng, k):
        self.processes.kill(self.processes.agents[k])
        time.sleep(rng.choice((0, 0, rng.random() * 0.3)))
        self.processes.start_agent(k)
        self.state["kills"] += 1

    def cut(self, rng, k):
        self.net.cut(k)
        time.sleep(rng.random() * 1.5)
        self.net.mend(k)
        self.state["cuts"] += 1

    def one_step(self):
        rng = random.Random(f"{self.seed}/{self.state['step']}")
        left = [self.args.kills - self.state["kills"], self.args.cuts - self.state["cuts"]]
        # Most servers live long enough to get somewhere; some die while they start.
        time.sleep(rng.random() * (0.08 if rng.random() < 0.15 else 0.7))
        if rng.randrange(left[0] + left[1]) < left[1]:
            self.cut(rng, rng.randrange(NODES))
        elif rng.random() < 0.55:
            self.kill_server(rng)
        else:
            self.kill_agent(rng, rng.randrange(NODES))
        self.state["step"] += 1
        for one in (self.acknowledged, *self.writers):
            checks.require(not one.failure, one.failure)

    def say(self, text=None):
        if not text and time.monotonic() - self.said < 1:
            return
        self.said = time.monotonic()
        bytes_ = sum(self.acknowledged.copy().values())
        print(text or f"torture: {self.state['kills']}/{self.args.kills} kills, "
              f"{self.state['cuts']}/{self.args.cuts} cuts, {bytes_ / 1e6:.1f} MB acknowledged",
              file=sys.stderr, flush=True)

    # ---- when it is calm ----------------------------------------------------------------------

    def unequal(self):
        """What is not in the archive yet, or cannot be told."""
        try:
            runs = {run["name"]: run["id"] for run in self.client.runs()}
        except (OSError, ValueError) as error:
            return [f"no answer: {error}"]
        expected = {name: [("logs", self.work / "local" / name)] for name in ("a", "b/c")} | {
            f"node{k}": [(name, self.work / f"node{k}" / name) for name in ("logs", "outputs")]
            for k in range(NODES)}
        if set(runs) != set(expected):
            return [f"runs {sorted(runs)}"]
        return [f"{name} {path}" for name, below in expected.items()
                for path in checks.differences(self.archive, runs[name], below)]

    def calm(self):
        """Writers pause; all of the archive becomes equal to the sources."""
        self.pause.go.clear()
        end = time.monotonic() + self.args.deadline
        while wrong := self.unequal():
            checks.require(time.monotonic() < end, f"not in the archive: {wrong[:5]}")
            time.sleep(0.1)
        self.pause.go.set()

    # ---- the end ------------------------------------------------------------------------------

    def call(self, *args):
        done = subprocess.run([self.args.program, *args], capture_output=True, text=True,
                              env=self.processes.env)
        checks.require(done.returncode == 0,
                       f"{' '.join(map(str, args))}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop_server(self):
        self.processes.server.send_signal(signal.SIGINT)
        code = self.processes.server.wait(60)
        checks.require(code == 0, f"the server's end: {code}")

    def settled_points(self):
        """The points, once they stay the same."""
        before, end = None, time.monotonic() + self.args.deadline
        while True:
            done = self.client.get("/api/v1/")["progress"]["done"]
            now = checks.points(self.client)
            if done and now == before:
                return now
            checks.require(time.monotonic() < end, "points never settle")
            before = now
            time.sleep(0.5)

    def finish(self):
        self.calm()
        self.pause.ended.set()
        for one in self.writers:
            one.join()
        for k in range(NODES):
            self.processes.kill(self.processes.agents[k])
            code = subprocess.run(**self.processes.agent_command(k, "--once")).returncode
            checks.require(code == 0, f"agent --once of node {k}: {code}")
        checks.require(not self.unequal(), f"after all: {self.unequal()[:5]}")
        lengths = self.acknowledged.copy()
        checks.check_acknowledged(self.archive, self.truth, lengths, {})
        live = self.settled_points()
        self.acknowledged.ended.set()
        self.stop_server()
        self.call("fsck", "--archive", self.archive, "-q")
        nothing = self.work / "nothing"
        nothing.mkdir(exist_ok=True)
        for what in ("as the index is", "rebuilt"):
            if what == "rebuilt":
                shutil.copytree(self.archive, self.work / "before", dirs_exist_ok=True)
                self.call("rebuild", "--archive", self.archive, "-q")
            self.processes.start_server(nothing)
            self.processes.wait_server()
            again = self.settled_points()
            self.stop_server()
            checks.require(again == live, f"points, {what}: {different(live, again)}")
        return sum(map(len, live.values())), lengths

    def run(self):
        self.begin()
        while self.state["kills"] < self.args.kills or self.state["cuts"] < self.args.cuts:
            self.one_step()
            if self.state["step"] % CALM_EACH == 0:
                self.processes.wait_server()
                self.calm()
            self.save()
            self.say()
        self.processes.wait_server()
        count, lengths = self.finish()
        lives = sum(1 for folder in self.truth.lives for _ in folder.iterdir())
        self.say(f"torture: {self.state['kills']} kills, {self.state['cuts']} cuts "
                 f"({self.net.kind}): 0 of {sum(lengths.values())} acknowledged bytes lost in "
                 f"{len(lengths)} generations, {lives} files replaced; {count} points equal "
                 "to a rebuild")

    def close(self):
        self.pause.ended.set()
        self.pause.go.set()
        self.processes.kill_all()
        self.net.close()


def different(one, other):
    """The first series that is not the same, in words."""
    for key in sorted({*one, *other}):
        a, b = one.get(key, []), other.get(key, [])
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            return f"{key}: {len(a)} and {len(b)} points, the first other one at {at}"
    return "nothing"


def parse():
    parser = argparse.ArgumentParser(description="kills server and agents at random moments")
    parser.add_argument("kills", nargs="?", type=int, default=1000)
    parser.add_argument("--cuts", type=int, help="network cuts (default: a tenth of the kills)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--network", choices=("auto", "namespaces", "proxy"), default="auto")
    parser.add_argument("--work", type=pathlib.Path, help="folder of the campaign")
    parser.add_argument("--resume", action="store_true", help="go on with that of --work")
    parser.add_argument("--deadline", type=float, default=120, help="seconds to catch up")
    parser.add_argument("--program", type=pathlib.Path,
                        default=os.environ.get("TAILBOARD", ROOT / "build/release/tailboard"))
    args = parser.parse_args()
    args.cuts = args.kills // 10 if args.cuts is None else args.cuts
    args.program = args.program.resolve()
    if args.resume and not args.work:
        parser.error("--resume needs --work")
    return args


def main():
    args = parse()
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="torture-"))
    work = work.resolve()
    if args.work and not args.resume and work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(args, work)
    print(f"torture: seed {campaign.seed}, {campaign.net.kind}, in {work}", file=sys.stderr)
    try:
        campaign.run()
    except checks.Failure as failure:
        print(f"torture: FAILED at step {campaign.state['step']} of seed {campaign.seed}: "
              f"{failure}\nAll of it is in {work}; the log too.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"torture: --resume --work {work} goes on", file=sys.stderr)
        return 130
    finally:
        campaign.close()
    if not args.work:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
