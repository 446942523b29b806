"""The archive is tended while its server runs: checked, repaired, given a new catalog, and old runs
leave it. And a server is found without being named."""

import os
import sqlite3
import time

import pytest

from conftest import cli, wait_for

DAY = 86400


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def env():
    """Nothing names a server or an archive."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TAILBOARD_")}


def one_file(archive):
    return next(archive.glob("runs/*/files/logs/*tfevents*"))


def kept(archive, source):
    wait_for(lambda: list(archive.glob("runs/*/files/logs/*tfevents*")) and
             one_file(archive).read_bytes() == source.read_bytes(), "an archive like its source")


def test_a_check_finds_and_repairs_while_the_server_runs(start, logs, write, archive, env):
    server = start("--logdir", logs, "--archive", archive)
    log = write("a")
    for step in range(50):
        log.scalar("loss", step, step)
    source = next((logs / "a").iterdir())
    kept(archive, source)

    def durable():
        with sqlite3.connect(archive / "catalog.db") as db:
            return db.execute("SELECT max(durable) FROM generations").fetchone()[0]

    wait_for(lambda: durable() == source.stat().st_size, "all durable")
    fsck = ("fsck", "--archive", archive)
    assert cli(*fsck, env=env).stdout.endswith(": 0 findings\n")
    os.truncate(one_file(archive), 100)
    found = cli(*fsck, env=env)
    assert found.returncode == 1 and "tfevents" in found.stdout and "too short" in found.stdout
    cured = cli(*fsck, "--repair", env=env)
    assert cured.returncode == 0 and "too short: restored" in cured.stdout, cured.stderr
    assert one_file(archive).read_bytes() == source.read_bytes()
    log.scalar("loss", 50, 50)
    kept(archive, source)
    server.run("a", points=51)
    assert cli(*fsck, "-q", env=env).stdout == ""


def test_a_running_server_makes_its_catalog_anew(start, logs, write, archive, env):
    server = start("--logdir", logs, "--archive", archive)
    log = write("a")
    log.scalar("loss", 1, 1)
    source = next((logs / "a").iterdir())
    kept(archive, source)
    done = cli("fsck", "--rebuild-catalog", "--archive", archive, env=env)
    assert done.returncode == 0 and "made its catalog anew" in done.stdout, done.stderr
    assert (archive / "catalog.db.old").exists()
    log.scalar("loss", 2, 2)
    kept(archive, source)
    assert server.stop() == 0
    again = start("--logdir", logs, "--archive", archive)
    again.run("a", points=2)
    assert cli("fsck", "--archive", archive, env=env).returncode == 0


def test_a_check_is_for_admins_and_one_at_a_time_and_is_stopped(start, logs, archive):
    server = start("--logdir", logs, "--archive", archive)
    right = {"Content-Type": "application/json"}
    assert server.get("/api/v1/fsck")["state"] == "none"
    assert server.request("/api/v1/fsck", "POST", "{}", right).status == 202
    assert server.request("/api/v1/fsck", "DELETE").status == 204
    over = wait_for(lambda: (s := server.get("/api/v1/fsck?wait=1"))["state"] != "running" and s)
    assert over["state"] in ("done", "stopped") and over["number"] == 1
    token = server.request("/api/v1/tokens", "POST", '{"name": "t", "right": "write"}', right)
    weak = right | {"Authorization": "Bearer " + token.json["token"], "X-Forwarded-For": "1.2.3.4"}
    for path in ("fsck", "retain"):
        assert server.request(f"/api/v1/{path}", "POST", "{}", weak).status == 403
    wrong = server.request("/api/v1/retain", "POST", '{"older_days": -1}', right)
    assert wrong.json["code"] == "bad-parameter"


def age(archive, name, days):
    """As if the run had got nothing for so long."""
    then = time.time() - days * DAY
    with sqlite3.connect(archive / "catalog.db") as db:
        changed = db.execute("UPDATE runs SET changed_s = ? WHERE name = ?", (then, name))
        assert changed.rowcount == 1
    return then


@pytest.mark.parametrize("running", [True, False], ids=["by the server", "without one"])
def test_old_runs_go_and_pinned_ones_stay(start, logs, write, archive, env, running):
    server = start("--logdir", logs, "--archive", archive)
    for name in ("old", "pinned", "young"):
        write(name).scalar("loss", 1, 1)
    runs = {n: server.run(n, points=1)["id"] for n in ("old", "pinned", "young")}
    wait_for(lambda: len(list(archive.glob("runs/*/files/logs/*tfevents*"))) == 3, "three files")
    assert server.request(f"/api/v1/runs/{runs['pinned']}", "PATCH", '{"pinned": true}',
                          {"Content-Type": "application/json"}).status == 200
    assert server.stop() == 0
    for name in ("old", "pinned"):
        then = age(archive, name, 40)
        for path in [*(logs / name).iterdir(), *archive.glob(f"runs/{runs[name]}/files/logs/*")]:
            os.utime(path, (then, then))
    if running:
        server = start("--logdir", logs, "--archive", archive)
        server.run("old", points=1)
    retain = ("retain", "--archive", archive, "--older", "30")
    shown = cli(*retain, env=env)
    assert shown.returncode == 0 and "1 of 3 runs would be deleted" in shown.stdout, shown.stderr
    assert runs["old"] in shown.stdout and runs["pinned"] not in shown.stdout
    done = cli(*retain, "--delete", env=env)
    assert "1 of 3 runs deleted" in done.stdout, done.stderr
    if running:
        wait_for(lambda: sorted(server.runs()) == ["pinned", "young"], "the run to be gone")
    assert (archive / "runs" / runs["old"]).exists()
    cli(*retain, "--delete", "--grace", "0", env=env)
    wait_for(lambda: not (archive / "runs" / runs["old"]).exists(), "its bytes to be gone")
    assert next((logs / "old").iterdir()).exists()


def test_a_server_is_found_by_its_archive_or_its_state(start, logs, write, archive, env, tmp_path):
    state = tmp_path / "state"
    server = start("--logdir", logs, "--archive", archive, "--state", state)
    write("a").scalar("loss", 1, 1)
    server.run("a", points=1)
    at = (archive / "server").read_text().split()
    assert at[0] == f"http://localhost:{server.port}" and int(at[2]) == server.process.pid
    for place in (("--archive", archive), ("--state", state)):
        done = cli("runs", *place, env=env)
        assert done.returncode == 0 and " a" in done.stdout, done.stderr
    assert server.stop() == 0
    assert not (archive / "server").exists() and not (state / "server").exists()
    # One that was left by a dead process is passed over.
    (archive / "server").write_text(" ".join([at[0], at[1], "2"]) + "\n")
    assert cli("runs", "--archive", archive, "--state", state, env=env).returncode == 0
