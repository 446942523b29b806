"""What `tailboard serve` prints on a terminal, and the second signal."""

import http.client
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from conftest import DEADLINE, PROGRAM, Log, wait_for


class Terminal:
    """A process whose standard error is a terminal."""

    def __init__(self, folder, *args):
        self.master, slave = pty.openpty()
        places = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
        self.process = subprocess.Popen([PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL,
                                        stdout=slave, stderr=slave, env=os.environ | places)
        os.close(slave)
        self.text = ""

    def read_until(self, pattern):
        """Reads until the text matches; returns the match."""
        end = time.monotonic() + DEADLINE
        while not (match := re.search(pattern, self.text)):
            assert time.monotonic() < end, f"no {pattern} in {self.text!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other end is closed
                    assert re.search(pattern, self.text), self.text
        return match

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def make(*args):
        opened.append(Terminal(tmp_path, *args))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_progress_is_drawn_and_removed(terminal, logs, tmp_path):
    log = Log(logs / "r")
    for step in range(100):
        log.scalar("loss", step, step)
    one = terminal("serve", "--logdir", logs, "--port", 0, "--state", tmp_path / "s")
    one.read_until(r"Ctrl-C ends it")
    one.read_until(r"\r\x1b\[Ktailboard: loaded 1 run, 100 points in \d+\.\d+ s")


def test_the_link_with_the_token_is_shown_at_every_start(terminal, logs, tmp_path):
    tokens = set()
    for _ in range(2):
        one = terminal("serve", "--logdir", logs, "--port", 0, "--state", tmp_path / "s",
                       "--auth", "token")
        tokens.add(one.read_until(r"open http://localhost:\d+/#token=(\S+)").group(1))
        one.process.send_signal(signal.SIGINT)
        one.process.wait(DEADLINE)
    assert len(tokens) == 1


def test_names_of_runs_cannot_drive_the_terminal(terminal, logs, tmp_path):
    bad = logs / "r\x1b[31mred"
    log = Log(bad)
    log.scalar("x", 1, 1)
    path = next(bad.iterdir())
    (bad / "events.out.tfevents.gz").write_bytes(b"\x1f\x8b\x08" + bytes(100))
    one = terminal("serve", "--logdir", logs, "--port", 0, "--state", tmp_path / "s", "--verbose")
    one.read_until(r"loaded")
    assert "\x1b[31m" not in one.text
    assert path.exists()


def test_a_second_signal_ends_it_at_once(start, logs):
    server = start("--logdir", logs)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    connection.request("GET", "/api/v1/runs")
    connection.getresponse().read()
    server.process.send_signal(signal.SIGINT)
    wait_for(lambda: "stopping" in server.log)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(1.5) in (0, -signal.SIGINT)  # it may have been quicker
    connection.close()
