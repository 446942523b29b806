"""The run history from the command line: cancel, tensorboard, import of what export wrote; and runs
that come back after they were deleted."""

import json
import pathlib
import shutil
import threading

import pytest

from conftest import wait_for
from test_history import Job, history, job, tool  # noqa: F401

DELETE = "?force=1"


def test_cancel_reaches_the_agent(job):  # noqa: F811
    job.report({"kind": "started"})
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(job.report(wait=20)))
    waiting.start()
    assert tool(job.server, "cancel", "nobody").returncode == 3
    done = tool(job.server, "cancel", job.id, "--reason", "enough", "--now")
    assert done.returncode == 0, done.stderr
    waiting.join()
    stop = answers[0].json["stop"]
    assert (stop["kind"], stop["reason"], stop["now"]) == ("cancel", "enough", True)
    job.report({"kind": "exited", "data": {"signal": 9, "cause": "user"}})
    late = tool(job.server, "cancel", job.id)
    assert late.returncode == 3 and "ended" in late.stderr
    assert tool(job.server, "wait", job.id).returncode == 3


def test_tensorboard_is_started_on_chosen_runs(history, write, logs, tmp_path):  # noqa: F811
    for name in ("x/a", "b", "c"):
        write(name).scalar("loss", 0.5, 1)
    for name in ("x/a", "b", "c"):
        history.run(name, points=1)
    stub, seen = tmp_path / "stub", tmp_path / "seen"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{seen}.args\ncp -r "$2" {seen}\nexit 7\n')
    stub.chmod(0o755)

    def content(*folders):
        return sorted(p.read_bytes() for f in folders for p in f.rglob("*tfevents*"))

    def brought():
        shutil.rmtree(seen, ignore_errors=True)
        done = tool(history, "tensorboard", "x/a", "b", "--port", "7007", "--program", stub)
        return done.returncode == 7 and content(seen) == content(logs / "x/a", logs / "b")

    wait_for(brought, "files that are durable")
    assert sorted(p.name for p in seen.iterdir()) == ["b", "x_a"]
    args = (tmp_path / "seen.args").read_text().split()
    assert args[0] == "--logdir" and args[2:] == ["--port", "7007"]
    assert not pathlib.Path(args[1]).exists()
    missing = tool(history, "tensorboard", "b", "--program", tmp_path / "none")
    assert missing.returncode == 3 and "PATH" in missing.stderr


def points(server, name):
    """tag → [(step, value)] of a run; None: there is no such run."""
    run = server.runs().get(name)
    return run and {tag: server.points(run["id"], tag) for tag in server.series(run["id"])}


def test_an_import_of_what_export_wrote_is_the_same(history, write, logs, tmp_path):  # noqa: F811
    log = write("origin")
    for step in range(700):
        log.scalar("loss", step / 7, step, wall_time=1e9 + step / 3)
        log.scalar("acc", -step, 2 * step, wall_time=1e9 + step)
    run, out = history.run("origin", points=1400), tmp_path / "out"
    source = next((logs / "origin").iterdir())

    def exported():
        done = tool(history, "export", "-f", "events", "-o", out, run["id"])
        files = list(out.rglob("*tfevents*"))
        return done.returncode == 0 and files and files[0].read_bytes() == source.read_bytes()

    wait_for(exported, "an export of all")
    done = tool(history, "import", out, "-e", "again")
    assert done.returncode == 0, done.stderr

    def imported():
        listed = [r for r in history.get("/api/v1/runs")["runs"] if r["experiment"] == "again"]
        return listed and listed[0]["points"] == 1400 and listed[0]

    copy = wait_for(imported, "the import")
    assert points(history, copy["name"]) == points(history, "origin")
    kept = list((tmp_path / "archive/runs" / copy["id"] / "files").rglob("*tfevents*"))
    assert [p.read_bytes() for p in kept] == [source.read_bytes()]


@pytest.mark.parametrize("restart", [False, True], ids=["at once", "after a restart"])
def test_a_run_that_is_taken_back_has_its_points(job, write, logs, start, tmp_path,  # noqa: F811
                                                restart):
    log = write("away")
    for step in range(50):
        log.scalar("loss", step / 3, step)
    (logs / "away").rename(tmp_path / "away")
    data = next((tmp_path / "away").iterdir()).read_bytes()
    job.send("logs/events.out.tfevents.1.host", data, last=data)
    job.server.run("job-1", points=50)
    path = f"/api/v1/runs/{job.id}"
    assert job.server.request(path + DELETE, "DELETE").status == 204
    if restart:
        assert job.server.stop() == 0
        job.server = start("--logdir", logs, "--archive", tmp_path / "archive")
        assert job.get("").status == 410
    assert json.loads(job.server.request(path + "/restore", "POST", b"").body)["id"] == job.id
    job.server.run("job-1", points=50)
    assert len(job.server.points(job.id, "loss")) == 50
