"""Node and server together: the real `serve` with an archive, cut, killed and started again."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import DEADLINE, wait_for
from node_lib import AGENT, EVENTS, Node, event_file


@pytest.fixture
def node(tmp_path):
    one = Node(tmp_path / "work")
    yield one
    one.close()


class History:
    """A server with an archive that can be killed and started again on its port."""

    def __init__(self, start, tmp_path):
        self.start, self.archive, self.state = start, tmp_path / "archive", tmp_path / "state"
        self.nothing = tmp_path / "nothing"
        self.nothing.mkdir()
        self.server = None
        self.up()

    def up(self, port=0):
        self.server = self.start("--logdir", self.nothing, "--archive", self.archive, "--state",
                                 self.state, port=port)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def again(self, number=signal.SIGKILL):
        port = self.server.port
        self.server.stop(number)
        self.up(port)

    def runs(self):
        return self.server.get("/api/v1/runs")["runs"]

    def run(self, **expected):
        """The only run, once its fields have these values."""

        def found():
            runs = [r for r in self.runs() if all(r.get(k) == v for k, v in expected.items())]
            return runs[0] if runs else None

        return wait_for(found, f"a run with {expected}")

    def file(self, run_id, name):
        path = self.archive / "runs" / run_id / "files" / name
        return path.read_bytes() if path.exists() else b""


@pytest.fixture
def history(start, tmp_path):
    return History(start, tmp_path)


def test_a_run_is_there_with_points_files_console_and_its_end(node, history):
    (node.path / "events").write_bytes(b"".join(event_file(100)))
    model = os.urandom(2_000_000)
    (node.path / "model").write_bytes(model)
    result = node.run(history, "sh", "-c",
                      f"cp events logs/{EVENTS}; cp model outputs/model.bin; echo hello; exit 5",
                      options=["-n", "brisk", "-e", "digits", "-t", "lr=0.1"])
    assert result.returncode == 5 and result.stderr == b""
    run = history.run(name="brisk", status="Failed")
    assert run["experiment"] == "digits" and run["reason"] == "exit"
    assert run["job"]["exit_code"] == 5 and run["job"]["files_complete"]
    assert history.run(points=100)["id"] == run["id"]
    assert history.file(run["id"], "logs/" + EVENTS) == b"".join(event_file(100))
    assert history.file(run["id"], "outputs/model.bin") == model
    text = history.server.request(f"/api/v1/runs/{run['id']}/console").text
    assert text == "hello\n"
    assert not node.spools()


def test_points_appear_while_the_command_runs(node, history):
    script = ("import sys,time\nsys.path.insert(0, sys.argv[1])\nfrom node_lib import *\n"
              "for r in event_file(20):\n"
              "  open('logs/' + EVENTS, 'ab').write(r)\n  time.sleep(0.05)\n"
              "sys.stdin.readline()\n")
    (node.path / "train.py").write_text(script)
    process = node.spawn("run", "--server", history.url, "--", sys.executable, "train.py",
                         str(pathlib.Path(__file__).parent), stdin=subprocess.PIPE)
    run = history.run(points=20)
    assert run["status"] == "Running"
    process.stdin.write(b"\n")
    process.stdin.close()
    assert process.wait(DEADLINE) == 0, process.stderr.read()
    history.run(status="Completed")


def test_nothing_is_lost_when_server_and_agent_are_killed(node, history):
    chance = random.Random(3)
    records = event_file(3000)
    path = node.path / "logs" / EVENTS
    path.parent.mkdir()
    path.touch()
    written = threading.Event()

    def grow():
        with open(path, "ab", buffering=0) as out:
            for i in range(0, len(records), 10):
                out.write(b"".join(records[i:i + 10]))
                time.sleep(0.02)
        written.set()

    writer = threading.Thread(target=grow)
    writer.start()
    process = node.spawn("agent", "--server", history.url)
    while not written.is_set():
        time.sleep(chance.uniform(0.1, 0.6))
        if chance.random() < 0.5:
            history.again()
        else:
            process.kill()
            process.wait()
            process = node.spawn("agent", "--server", history.url)
    writer.join()
    process.kill()
    process.wait()
    assert node.call("agent", "--once", "--server", history.url).returncode == 0
    run = history.run()
    assert history.file(run["id"], "logs/" + EVENTS) == path.read_bytes()
    history.run(points=3000)
    assert len(history.runs()) == 1


class Proxy:
    """Between agent and server: cuts connections when told to, after some bytes."""

    def __init__(self, port):
        self.target, self.cut, self.open = port, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
                other = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.open += [one, other]
            for a, b in ((one, other), (other, one)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(4096):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def break_all(self):
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()


def test_cut_connections_lose_nothing(node, history):
    proxy = Proxy(history.server.port)
    records = event_file(1000)
    path = node.path / "logs" / EVENTS
    path.parent.mkdir()
    process = node.spawn("agent", "--server", proxy.url)
    with open(path, "ab", buffering=0) as out:
        for i in range(0, len(records), 10):
            out.write(b"".join(records[i:i + 10]))
            time.sleep(0.02)
            if i % 100 == 50:
                proxy.break_all()
    run = history.run(points=1000)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0, process.stderr.read()
    assert history.file(run["id"], "logs/" + EVENTS) == b"".join(records)
    proxy.listener.close()


def test_an_event_file_that_is_rewritten_keeps_both_lives(node, history):
    path = node.path / "logs" / EVENTS
    path.parent.mkdir()
    first, second = b"".join(event_file(30)), b"".join(event_file(50, 700))
    path.write_bytes(first)
    process = node.spawn("agent", "--server", history.url)
    run = history.run(points=30)
    path.write_bytes(second)
    wait_for(lambda: history.file(run["id"], "logs/" + EVENTS) == second, "the second life")
    older = history.archive / "runs" / run["id"] / "generations" / "1" / "logs" / EVENTS
    assert older.read_bytes() == first
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0, process.stderr.read()


def test_a_cancelled_run_ends(node, history):
    process = node.spawn("run", "--server", history.url, "--", "sleep", "600")
    run = history.run(status="Running")
    answer = history.server.request(f"/api/v1/runs/{run['id']}/cancel", "POST", b'{"reason": "no"}',
                                    {"Content-Type": "application/json"})
    assert answer.status in (200, 202)
    assert process.wait(DEADLINE) == 128 + 15
    assert history.run(status="Canceled")["reason"] == "user"


def test_the_lean_program_is_small():
    """Own code at most 1 MB; no library of the server."""
    sizes = subprocess.run(["size", "-A", AGENT], capture_output=True, text=True, check=True).stdout
    code = sum(int(line.split()[1]) for line in sizes.splitlines()
               if line.startswith((".text", ".rodata", ".data", ".eh_frame")))
    assert "san" in AGENT or code < 1 << 20
    needed = subprocess.run(["readelf", "-d", AGENT], capture_output=True, text=True,
                            check=True).stdout
    for library in ("microhttpd", "websockets", "sqlite", "libuv", "libcrypto", "libcurl"):
        assert library not in needed
