"""The index: a restart parses nothing again, damage of it is noticed, and it is never wrong.

Without an archive (--no-archive): the index lies in the cache folder, files go on at their source.
"""

import signal

import pytest

from conftest import cli, wait_for


@pytest.fixture
def kept(start, logs, tmp_path):
    """kept() → a server whose index is the same each time."""
    def run(*args, logdir=logs):
        return start("--logdir", logdir, "--no-archive", "--cache", tmp_path / "cache", *args)
    return run


def segments(tmp_path):
    return sorted((tmp_path / "cache" / "index").glob("*/*.seg"))


def fill(write, run="a", steps=range(3000), tags=("loss", "acc")):
    log = write(run)
    for step in steps:
        for tag in tags:
            log.scalar(tag, step / 7, step, wall_time=1000 + step)
    return log


def everything(server, run="a"):
    r = server.run(run)
    return {tag: server.points(r["id"], tag) for tag in server.series(r["id"])}


def test_a_restart_parses_nothing_and_answers_the_same(kept, write):
    fill(write)
    fill(write, "b", range(50))
    first = kept()
    first.run("a", points=6000)
    first.run("b", points=100)
    before = everything(first), everything(first, "b")
    assert first.stop() == 0
    again = kept()
    again.run("a", points=6000)
    again.run("b", points=100)
    assert (everything(again), everything(again, "b")) == before
    metrics = again.metrics()
    assert metrics["tailboard_tail_records_total"] == 0
    assert metrics["tailboard_index_restored_points_total"] == 6100


def test_a_file_goes_on_in_the_middle(kept, write):
    log = fill(write, steps=range(100))
    server = kept()
    server.run("a", points=200)
    server.stop()
    for step in range(100, 150):
        log.scalar("loss", step / 7, step, wall_time=1000 + step)
    server = kept()
    server.run("a", points=250)
    assert server.metrics()["tailboard_tail_records_total"] == 50
    log.scalar("loss", 7, 150, wall_time=1150)
    server.run("a", points=251)
    before = [(step, pytest.approx(step / 7)) for step in range(150)]
    assert everything(server)["loss"] == [*before, (150, 7)]
    server.stop()
    server = kept()
    assert len(everything(server)["loss"]) == 151


def test_killed_it_starts_where_the_last_segment_ended(kept, write, tmp_path):
    log = fill(write, steps=range(200))
    server = kept()
    server.run("a", points=400)
    wait_for(lambda: segments(tmp_path), "a segment")
    log.scalar("loss", 1, 200, wall_time=1200)
    server.run("a", points=401)
    server.stop(signal.SIGKILL)
    server = kept()
    server.run("a", points=401)
    assert server.metrics()["tailboard_tail_records_total"] <= 1


def test_another_file_under_the_same_name_is_a_new_life(kept, write, logs):
    fill(write, steps=range(100))
    server = kept()
    server.run("a", points=200)
    server.stop()
    path, = (logs / "a").iterdir()
    path.unlink()
    fill(write, "other", steps=range(5, 10), tags=["loss"])
    other, = (logs / "other").iterdir()
    other.rename(path)
    (logs / "other").rmdir()
    server = kept()
    run = server.run("a", points=205)
    assert len(server.points(run["id"], "loss", view="all")) == 105


@pytest.mark.parametrize("place", ["head", "middle", "table", "cut", "gone"])
def test_a_damaged_index_is_noticed_and_made_anew(kept, write, tmp_path, place):
    fill(write)
    server = kept()
    server.run("a", points=6000)
    before = everything(server)
    server.stop()
    segment = segments(tmp_path)[0]
    data = bytearray(segment.read_bytes())
    if place == "gone":
        segment.unlink()
    elif place == "cut":
        segment.write_bytes(data[:len(data) // 2])
    else:
        data[{"head": 20, "middle": 400, "table": len(data) - 100}[place]] ^= 0x10
        segment.write_bytes(data)
    server = kept()
    server.run("a")
    wait_for(lambda: readable(server, before), "the same answers as before")
    wait_for(lambda: segments(tmp_path) and
             server.metrics()["tailboard_index_waiting_bytes"] == 0, "a new index")
    server.stop()
    server = kept()
    server.run("a", points=6000)
    assert everything(server) == before
    assert server.metrics()["tailboard_tail_records_total"] == 0


def readable(server, expected):
    """False while an answer says that it cannot be read; never other points."""
    run = server.run("a")
    for tag, points in expected.items():
        answer = server.request(f"/api/v1/runs/{run['id']}/points?tag={tag}")
        if answer.status != 200 or len(answer.json["step"]) < len(points):
            return False
        assert list(zip(answer.json["step"], answer.json["value"])) == points
    return True


def test_a_second_server_leaves_the_index_to_the_first(kept, write):
    fill(write, steps=range(100))
    first, second = kept(), kept()
    assert first.run("a", points=200)["points"] == second.run("a", points=200)["points"]
    assert first.stop() == 0 and second.stop() == 0
    assert everything(kept())["loss"]


def test_without_an_index_nothing_is_kept(kept, write, tmp_path):
    fill(write, steps=range(10))
    server = kept("--no-index")
    server.run("a", points=20)
    server.stop()
    assert not segments(tmp_path)


def test_rebuild_gives_the_same_points(kept, write, logs, tmp_path):
    fill(write)
    server = kept()
    server.run("a", points=6000)
    before = everything(server)
    server.stop()
    old = segments(tmp_path)[0].read_bytes()
    made = cli("rebuild", "--no-archive", "--cache", tmp_path / "cache", "--logdir", logs)
    assert made.returncode == 0, made.stderr
    assert "1 runs, 6000 points" in made.stdout
    assert segments(tmp_path)[0].read_bytes() != old  # another chain
    server = kept()
    server.run("a", points=6000)
    assert everything(server) == before
    assert server.metrics()["tailboard_tail_records_total"] == 0


def test_an_archive_is_rebuilt_and_read_without_its_source(start, write, logs, tmp_path):
    archive = tmp_path / "archive"
    fill(write)
    server = start("--logdir", logs, "--archive", archive)
    server.run("a", points=6000)
    before = everything(server)
    server.stop()
    for path in (logs / "a").iterdir():
        path.unlink()
    (logs / "a").rmdir()
    old, = archive.glob("runs/*/index/*.seg")
    old.unlink()
    made = cli("rebuild", "--archive", archive)
    assert made.returncode == 0, made.stderr
    assert list(archive.glob("runs/*/index/*.seg"))
    server = start("--logdir", logs, "--archive", archive)
    server.run("a", points=6000)
    assert everything(server) == before
    assert server.metrics()["tailboard_tail_records_total"] == 0


def test_the_index_stays_within_its_size(start, write, logs, tmp_path):
    for name in ("a", "b", "c"):
        fill(write, name, range(2000))
        server = start("--logdir", logs / name, "--no-archive", "--cache", tmp_path / "cache")
        server.run(".", points=4000)
        server.stop()
    sizes = [s.stat().st_size for s in segments(tmp_path)]
    assert len(sizes) == 3
    start("--logdir", logs / "c", "--no-archive", "--cache", tmp_path / "cache",
          "--cache-size", sum(sizes) - 1).run(".", points=4000)
    wait_for(lambda: len(segments(tmp_path)) == 2, "the oldest to go")
    server = start("--logdir", logs / "b", "--no-archive", "--cache", tmp_path / "cache")
    server.run(".", points=4000)
    assert server.metrics()["tailboard_tail_records_total"] == 0


def test_a_run_met_from_several_sides_at_once_is_restored_once(start, logs, write, tmp_path):
    """By its directory, its archived files, the history and a request: one reads its index."""
    archive, names = tmp_path / "archive", [f"r{i}" for i in range(40)]
    for name in names:
        write(name).scalar("loss", 1.0, 0)
    server = start("--logdir", logs, "--archive", archive)
    ids = [server.run(name, points=1)["id"] for name in names]
    assert server.stop() == 0
    for _ in range(3):
        server = start("--logdir", logs, "--archive", archive)
        for run_id in reversed(ids):
            assert server.points(run_id, "loss") == [(0, 1.0)]
        assert "cannot be read" not in server.log
        assert server.stop() == 0
