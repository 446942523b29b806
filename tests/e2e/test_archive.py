"""The run history: what was followed is there again when its source is gone, byte for byte."""

import json
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, wait_for

READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
print(json.dumps([(e.step, e.value) for e in events.Scalars("loss")]))
"""


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


def archived(archive):
    """(run name, path below files/) → bytes of the newest generation."""
    found = {}
    for about in archive.glob("runs/*/run.json"):
        name = json.loads(about.read_text())["name"]
        files = about.parent / "files"
        for path in files.rglob("*"):
            if path.is_file():
                found[name, str(path.relative_to(files))] = path.read_bytes()
    return found


def source(logs):
    return {(str(path.parent.relative_to(logs)), f"logs/{path.name}"): path.read_bytes()
            for path in pathlib.Path(logs).rglob("*tfevents*")}


def wait_until_kept(archive, logs):
    wait_for(lambda: archived(archive) == source(logs), "an archive equal to its source")


def wipe(logs):
    shutil.rmtree(logs)
    logs.mkdir()


def remove_index(archive):
    for index in archive.glob("runs/*/index"):
        shutil.rmtree(index)


@pytest.mark.parametrize("indexed", [True, False])
def test_all_points_are_back_after_the_logs_were_wiped(start, logs, write, archive, indexed):
    server = start("--logdir", logs, "--archive", archive)
    expected = {}
    for name in ("a", "b/c"):
        log = write(name)
        for step in range(200):
            log.scalar("loss", step * 0.5, step)
        server.run(name, points=200)
        expected[name] = server.points(server.runs()[name]["id"], "loss")
    wait_until_kept(archive, logs)
    assert server.stop() == 0
    wipe(logs)
    if not indexed:
        remove_index(archive)
    server = start("--logdir", logs, "--archive", archive)
    for name, points in expected.items():
        run = server.run(name, points=200)
        assert server.points(run["id"], "loss") == points


def test_a_replaced_file_keeps_both_lives(start, logs, write, archive):
    server = start("--logdir", logs, "--archive", archive)
    log = write("a")
    for step in range(50):
        log.scalar("loss", 1.0, step)
    run = server.run("a", points=50)
    wait_until_kept(archive, logs)
    path = next((logs / "a").iterdir())
    first = path.read_bytes()
    other = write("elsewhere")
    for step in range(20):
        other.scalar("loss", 2.0, step)
    second = next((logs / "elsewhere").iterdir()).read_bytes()
    shutil.copyfile(next((logs / "elsewhere").iterdir()), path)
    server.run("a", points=70)
    everything = server.points(run["id"], "loss", view="all")
    wait_until_kept(archive, logs)
    kept = archive / "runs" / run["id"] / "generations" / "1" / "logs" / path.name
    assert kept.read_bytes() == first
    assert path.read_bytes() == second
    for wiped in (False, True):  # once from the source and the archive, once from that alone
        assert server.stop() == 0
        if wiped:
            wipe(logs)
        remove_index(archive)
        server = start("--logdir", logs, "--archive", archive)
        server.run("a", points=70)
        assert server.points(run["id"], "loss", view="all") == everything


def test_a_source_that_comes_back_goes_on_where_it_was(start, logs, write, archive, tmp_path):
    server = start("--logdir", logs, "--archive", archive)
    log = write("a")
    log.scalar("loss", 1.0, 1)
    server.run("a", points=1)
    wait_until_kept(archive, logs)
    assert server.stop() == 0
    shutil.move(logs / "a", tmp_path / "away")
    remove_index(archive)
    server = start("--logdir", logs, "--archive", archive)
    server.run("a", points=1)
    shutil.move(tmp_path / "away", logs / "a")
    for step in range(2, 6):
        log.scalar("loss", 1.0, step)
    run = server.run("a", points=5)
    assert [step for step, _ in server.points(run["id"], "loss")] == [1, 2, 3, 4, 5]
    wait_until_kept(archive, logs)


def test_a_renamed_file_keeps_its_life(start, logs, write, archive):
    server = start("--logdir", logs, "--archive", archive)
    log = write("a")
    for step in range(10):
        log.scalar("loss", 1.0, step)
    server.run("a", points=10)
    wait_until_kept(archive, logs)
    path = next((logs / "a").iterdir())
    path.rename(path.with_name(path.name + ".renamed"))
    wait_until_kept(archive, logs)
    for step in range(10, 20):
        log.scalar("loss", 1.0, step)
    server.run("a", points=20)
    wait_until_kept(archive, logs)
    assert server.stop() == 0
    remove_index(archive)
    server = start("--logdir", logs, "--archive", archive)
    server.run("a", points=20)


def test_stock_tensorboard_reads_the_archive(start, logs, write, archive):
    stock = ROOT / "build/venv-bench/bin/python"
    if not stock.exists():
        pytest.skip("./dev bench installs the stock TensorBoard")
    server = start("--logdir", logs, "--archive", archive)
    log = write("a")
    for step in range(30):
        log.scalar("loss", step, step)
    run = server.run("a", points=30)
    wait_until_kept(archive, logs)
    text = subprocess.run(
        [stock, "-c", READ, archive / "runs" / run["id"] / "files" / "logs"], check=True,
        capture_output=True, text=True).stdout
    assert json.loads(text) == [[step, step] for step in range(30)]


def test_a_second_server_does_without_the_usual_archive(start, logs, tmp_path):
    place = {"XDG_DATA_HOME": str(tmp_path / "data")}
    start("--logdir", logs, env=place)
    second = start("--logdir", logs, env=place)
    wait_for(lambda: "nothing is archived (--no-archive)" in second.log)
    process, _, _, log = start.spawn("--logdir", logs, "--archive", tmp_path / "data/tailboard")
    assert process.wait(20) == 3
    assert "process" in log.read_text()


def test_below_the_reserve_it_shows_and_does_not_archive(start, logs, write, archive):
    server = start("--logdir", logs, "--archive", archive, "--archive-reserve", "1000000G")
    write("a").scalar("loss", 1.0, 1)
    server.run("a", points=1)
    wait_for(lambda: "is paused" in server.log)
    assert archived(archive) == {}
    assert server.stop(deadline=60) == 0
    server = start("--logdir", logs, "--archive", archive)
    wait_until_kept(archive, logs)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB; grow(MB) makes it larger."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place]).returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_stops_the_archive_alone_and_it_catches_up(start, logs, write, small_disk):
    archive = small_disk / "archive"
    server = start("--logdir", logs, "--archive", archive, "--archive-reserve", "1", "--no-index")
    log = write("a")
    for step in range(400):
        log.values(step, *big(step))
    server.run("a", points=400)
    wait_for(lambda: "is paused" in server.log)
    log.scalar("loss", 1.0, 400)
    server.run("a", points=401)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    wait_until_kept(archive, logs)
    assert "goes on" in server.log
    assert server.stop() == 0


def big(step):
    """A point, and 16 KB beside it."""
    from tensorboardX.proto.summary_pb2 import Summary
    yield Summary.Value(tag="loss", simple_value=step)
    yield Summary.Value(tag="text", tensor={"dtype": 7, "string_val": [b"x" * 16384]})
