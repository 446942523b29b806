"""Fixtures of the end-to-end tests: the real program on a free port, real writers, deadlines.

Nothing here sleeps for a fixed time: tests wait for what they expect, with a deadline.
TAILBOARD names the program (default: build/release/tailboard).
"""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TAILBOARD", str(ROOT / "build/release/tailboard"))
DEADLINE = float(os.environ.get("TAILBOARD_TEST_DEADLINE", "30"))  # sanitizers, busy machines


def wait_for(condition, what="the condition", deadline=DEADLINE):
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"{what}: not within {deadline} s"
        time.sleep(0.01)


class Response:
    """What the server said."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Server:
    """A running `tailboard serve`."""

    def __init__(self, process, port, state, log):
        self.process, self.port, self.state, self.log_path = process, port, state, log

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def request(self, path, method="GET", body=None, headers=None, timeout=DEADLINE):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())

    def get(self, path, **query):
        """GET that has to succeed; returns the parsed JSON."""
        query = {k.rstrip("_"): v for k, v in query.items()}
        if query:
            path += "?" + urllib.parse.urlencode(query)
        answer = self.request(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text[:500]}"
        return answer.json

    def runs(self):
        """name → run object of the API."""
        answer = self.get("/api/v1/runs")
        return {run["name"]: run for run in answer["runs"]}

    def run(self, name, **expected):
        """Waits for a run, and for fields of it to have the expected values."""

        def found():
            run = self.runs().get(name)
            return run if run and all(run[k] == v for k, v in expected.items()) else None

        return wait_for(found, f"run {name} with {expected}")

    def series(self, run_id):
        """tag → series object of the API."""
        answer = self.get(f"/api/v1/runs/{run_id}/series")
        return {series["tag"]: series for series in answer["series"]}

    def points(self, run_id, tag, **query):
        """[(step, value)] of one series."""
        answer = self.get(f"/api/v1/runs/{run_id}/points", tag=tag, **query)
        return list(zip(answer["step"], answer["value"]))

    def metrics(self):
        """name → value."""
        lines = self.request("/metrics").text.splitlines()
        return {k: float(v) for k, v in (x.rsplit(" ", 1) for x in lines if x[:1] != "#")}

    def stop(self, sig=signal.SIGINT, deadline=DEADLINE):
        """Ends it and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(deadline)


class Starter:
    """Starts servers for one test and ends what is left of them."""

    def __init__(self, tmp_path):
        self.tmp_path, self.running, self.count = tmp_path, [], 0

    def spawn(self, *args, env=None, port=0):
        """The bare process with its log and port file, not waited for. port=None: the default."""
        self.count += 1
        folder = self.tmp_path / f"server{self.count}"
        folder.mkdir()
        port_file, log = folder / "port", folder / "log"
        command = [PROGRAM, "serve"]
        args = [str(a) for a in args]
        if "--state" not in args:
            command += ["--state", str(folder / "state")]
        if port is not None and "--port" not in args:
            command += ["--port", str(port)]
        if "--port-file" in args:
            port_file = pathlib.Path(args[args.index("--port-file") + 1])
        else:
            command += ["--port-file", str(port_file)]
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command + args, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, cwd=self.tmp_path,
                env={k: v for k, v in os.environ.items() if not k.startswith("TAILBOARD_")}
                | {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
                | {k: str(v) for k, v in (env or {}).items()})
        self.running.append(process)
        return process, port_file, folder / "state", log

    def __call__(self, *args, env=None, port=0):
        process, port_file, state, log = self.spawn(*args, env=env, port=port)

        def answered():
            assert process.poll() is None, f"ended with {process.returncode}: {log.read_text()}"
            return port_file.exists()

        wait_for(answered, "the port file")
        return Server(process, int(port_file.read_text()), state, log)

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def start(tmp_path):
    """start("--logdir", path, …) → a Server whose port answers."""
    starter = Starter(tmp_path)
    yield starter
    starter.close()


@pytest.fixture
def logs(tmp_path):
    """An empty log directory."""
    path = tmp_path / "logs"
    path.mkdir()
    return path


@pytest.fixture
def server(start, logs):
    """A server that follows `logs`."""
    return start("--logdir", logs)


class Log:
    """One event file, written by tensorboardX's writer; every call is on disk when it returns.

    (Its SummaryWriter writes from a thread, and flush() may leave the newest event behind.)
    """

    def __init__(self, folder, suffix=""):
        from tensorboardX.event_file_writer import EventsWriter
        folder.mkdir(parents=True, exist_ok=True)
        self.writer = EventsWriter(str(folder / "events"), suffix)

    def event(self, step, wall_time=None, **what):
        from tensorboardX.proto.event_pb2 import Event
        wall_time = time.time() if wall_time is None else wall_time
        self.writer.write_event(Event(wall_time=wall_time, step=step, **what))
        self.writer.flush()

    def values(self, step, *values, **kwargs):
        from tensorboardX.proto.summary_pb2 import Summary
        self.event(step, summary=Summary(value=values), **kwargs)

    def scalar(self, tag, value, step, **kwargs):
        from tensorboardX.proto.summary_pb2 import Summary
        self.values(step, Summary.Value(tag=tag, simple_value=value), **kwargs)


@pytest.fixture
def write(logs):
    """write("run/name") → a Log in that run."""
    opened = []

    def make(run=".", suffix=""):
        opened.append(Log(logs / run, suffix))
        return opened[-1]

    yield make
    for one in opened:
        one.writer.close()


def cli(*args, **kwargs):
    """Runs `tailboard ARGS` to its end."""
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True,
                          timeout=DEADLINE, **kwargs)
