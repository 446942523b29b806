"""The crash campaign in its short form, and a disk that is slow, hangs, or cannot be written."""

import os
import subprocess
import sys

import pytest

from conftest import PROGRAM, ROOT, wait_for
from test_archive import archive, wait_until_kept  # noqa: F401 (a fixture)


def test_a_short_campaign(tmp_path):
    """20 kills and 2 cuts, at moments of a seed that is printed; ./dev torture makes it 1,000."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests/torture/torture.py", "20", "--work", tmp_path / "work",
         "--program", PROGRAM, "--deadline", "60"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def slow_disk(tmp_path):
    """The environment of a program whose syncs take 50 ms, or hang while the file is there."""
    if "san" in PROGRAM:
        pytest.skip("a sanitizer wants to be loaded first")
    library = tmp_path / "slowsync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT / "tests/torture/slowsync.c",
                    "-ldl"], check=True)
    return {"LD_PRELOAD": library, "SLOWSYNC_MS": 50, "SLOWSYNC_HANG": tmp_path / "hang"}


def test_a_hung_disk_stops_the_archive_alone(start, logs, write, archive, slow_disk):  # noqa: F811
    server = start("--logdir", logs, "--archive", archive, env=slow_disk)
    log = write("a")
    log.scalar("loss", 1.0, 0)
    server.run("a", points=1)
    wait_until_kept(archive, logs)
    slow_disk["SLOWSYNC_HANG"].touch()
    for step in range(1, 30):
        log.scalar("loss", 1.0, step)
    server.run("a", points=30)
    wait_for(lambda: server.get("/api/v1/")["archive"]["state"] == "hung", "the state hung")
    assert server.get("/api/v1/")["archive"]["bytes_behind"] > 0
    log.scalar("loss", 1.0, 30)
    server.run("a", points=31)
    slow_disk["SLOWSYNC_HANG"].unlink()
    wait_for(lambda: server.get("/api/v1/")["archive"]["state"] == "ok", "the state ok")
    wait_until_kept(archive, logs)
    assert server.stop() == 0


def test_a_disk_that_turns_read_only_is_waited_for(start, logs, write, tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place]).returncode:
        pytest.skip("needs the right to mount")
    try:
        archive_ = place / "archive"
        server = start("--logdir", logs, "--archive", archive_, "--archive-reserve", "1")
        log = write("a")
        log.scalar("loss", 1.0, 0)
        wait_until_kept(archive_, logs)
        server.stop()
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        process, _, _, text = start.spawn("--logdir", logs, "--archive", archive_)
        assert process.wait(20) == 3
        assert "ead-only" in text.read_text()
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        server = start("--logdir", logs, "--archive", archive_, "--archive-reserve", "1")
        log.scalar("loss", 1.0, 1)
        wait_until_kept(archive_, logs)
        assert server.stop() == 0
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("shift", ["-3d", "+400d"])
def test_a_clock_that_jumps_harms_nothing(start, logs, write, archive, shift):  # noqa: F811
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    if not os.path.exists(library) or "san" in PROGRAM:
        pytest.skip("needs libfaketime, and no sanitizer")
    rate = archive.parent / "clock"
    rate.write_text("+0")
    env = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": rate, "FAKETIME_NO_CACHE": 1,
           "FAKETIME_DONT_FAKE_MONOTONIC": 1, "DONT_FAKE_MONOTONIC": 1}
    server = start("--logdir", logs, "--archive", archive, env=env)
    log = write("a")
    for step in range(20):
        log.scalar("loss", 1.0, step)
    server.run("a", points=20)
    rate.write_text(shift)
    for step in range(20, 40):
        log.scalar("loss", 1.0, step)
    server.run("a", points=40)
    wait_until_kept(archive, logs)
    assert server.stop() == 0
    server = start("--logdir", logs, "--archive", archive)
    assert len(server.points(server.run("a", points=40)["id"], "loss")) == 40
