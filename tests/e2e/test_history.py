"""The run history over HTTP and from the command line: the life of a job, its files, reading them
back."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
import time

import pytest

from conftest import PROGRAM, cli, wait_for

JSON = {"Content-Type": "application/json"}


class Job:
    """A run that reports over HTTP, as an agent would."""

    def __init__(self, server, name="job-1", **content):
        self.server, self.id, self.events = server, name, 0
        self.answer = self.put(**content)

    def put(self, **content):
        return self.server.request(f"/api/v1/runs/{self.id}", "PUT", json.dumps(content), JSON)

    def report(self, *events, wait=None):
        for event in events:
            event.setdefault("id", f"e{self.events}")
            event.setdefault("source", "agent")
            self.events += 1
        query = f"?wait={wait}" if wait else ""
        return self.server.request(f"/api/v1/runs/{self.id}/events{query}", "POST",
                                   json.dumps(events), JSON)

    def send(self, path, data, offset=0, last=False, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        headers |= {"Content-Type": "application/partial-upload", "Upload-Offset": str(offset)}
        if last:
            digest = base64.b64encode(hashlib.sha256(last).digest()).decode()
            headers |= {"Upload-Complete": "?1", "Repr-Digest": f"sha-256=:{digest}:"}
        return self.server.request(f"/api/v1/runs/{self.id}/files/{path}", "PATCH", data, headers)

    def get(self, path, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.server.request(f"/api/v1/runs/{self.id}{path}", headers=headers)

    @property
    def run(self):
        return self.get("").json


@pytest.fixture
def history(start, logs, tmp_path):
    """A server with an archive of its own."""
    return start("--logdir", logs, "--archive", tmp_path / "archive")


@pytest.fixture
def job(history):
    made = Job(history, name="job-1", experiment="digits")
    assert made.answer.status == 201
    return made


def tool(server, *args, **kwargs):
    return cli(*args, "--server", f"http://127.0.0.1:{server.port}", **kwargs)


def test_a_job_lives_and_each_status_is_seen(job):
    assert job.run["status"] == "NotStarted"
    for kind, status in (("submitted", "Queued"), ("preparing", "Preparing"),
                         ("started", "Running")):
        assert job.report({"kind": kind}).json["status"] == status
        assert job.run["status"] == status
    assert job.report({"kind": "exited", "data": {"exit": 0}}).json["status"] == "Finalizing"
    assert job.report({"kind": "flushed"}).json["status"] == "Completed"
    run = job.run
    assert run["job"]["exit_code"] == 0 and run["job"]["files_complete"]
    counted = job.server.get("/api/v1/experiments")["experiments"]
    assert [e["status"] for e in counted if e["name"] == "digits"] == [{"Completed": 1}]


def test_making_a_run_twice_is_the_same_and_other_content_is_refused(job):
    again = job.put(experiment="digits")
    assert again.status == 200
    assert again.json["token"] == job.answer.json["token"]
    other = job.put(experiment="other")
    assert (other.status, other.json["code"]) == (409, "different")
    assert job.put(experiment="other", join=True).json["id"] == job.id


def test_an_ended_run_is_joined_under_a_new_id(job):
    job.report({"kind": "started"}, {"kind": "exited", "data": {"exit": 3}}, {"kind": "flushed"})
    answer = job.put(join=True)
    assert answer.status == 201 and answer.json["id"] == f"{job.id}-2"


def test_repeated_events_change_nothing(job):
    events = [{"id": "a", "kind": "started", "source": "agent"}]
    for _ in range(3):
        assert job.report(*events).status == 200
    kinds = [e["kind"] for e in job.get("/events").json["events"]]
    assert sorted(kinds) == ["created", "started"]


@pytest.mark.parametrize("event", [
    {"kind": "created"}, {"kind": "other"}, {"kind": "started", "id": ""},
    {"kind": "started", "id": "a b"}, {"kind": "started", "source": "me"},
    {"kind": "started", "attempt": 0}, {"kind": "started", "rank": -1},
    {"kind": "started", "time": "now"}, {"kind": "started", "data": []},
    {"kind": "started", "run": "another"}, {"kind": "started", "more": 1},
    {"kind": "started", "data": {"x": "y" * 70000}},
])
def test_an_event_that_is_not_sound_keeps_all_of_its_request_out(job, event):
    answer = job.report({"kind": "started", "id": "sound"}, event)
    assert answer.status in (400, 413), answer.text
    assert job.run["status"] == "NotStarted"


def test_a_cancel_reaches_an_agent_that_waits(job):
    job.report({"kind": "started"})
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(job.report(wait=20)))
    waiting.start()
    body = json.dumps({"reason": "enough", "grace": 5})
    answer = job.server.request(f"/api/v1/runs/{job.id}/cancel", "POST", body, JSON)
    assert answer.status == 202
    began = time.monotonic()
    waiting.join()
    assert answers[0].json["stop"] == {"kind": "cancel", "reason": "enough", "grace": 5,
                                       "now": False}
    assert job.run["cancel_requested"]
    job.report({"kind": "exited", "data": {"signal": 15, "cause": "user"}})
    assert (job.run["status"], job.run["reason"]) == ("Canceled", "user")
    assert not job.run["cancel_requested"]
    late = job.server.request(f"/api/v1/runs/{job.id}/cancel", "POST", "{}", JSON)
    assert (late.status, late.json["code"]) == (409, "run-is-over")
    assert time.monotonic() - began < 19


def test_everything_is_there_after_a_restart(job, start, logs, tmp_path):
    job.report({"kind": "started"}, {"kind": "exited", "data": {"exit": 5}}, {"kind": "flushed"})
    job.send("outputs/model.pkl", b"model", last=b"model")
    job.server.request(f"/api/v1/runs/{job.id}", "PATCH", json.dumps(
        {"name": "the good one", "notes": "see wiki", "tags": {"lr": "0.1"}, "pinned": True}), JSON)
    job.server.process.terminate()
    job.server.process.wait()
    job.server = start("--logdir", logs, "--archive", tmp_path / "archive")
    run = job.run
    assert (run["status"], run["reason"], run["status_message"]) == ("Failed", "exit", "exit 5")
    assert (run["title"], run["notes"], run["tags"]) == ("the good one", "see wiki", {"lr": "0.1"})
    assert run["pinned"]
    assert job.get("/files/outputs/model.pkl").body == b"model"
    listed = job.server.get("/api/v1/runs?tag=lr:0.1&status=Failed")
    assert [r["id"] for r in listed["runs"]] == [job.id]
    assert job.server.get("/api/v1/runs?tag=lr:0.2")["runs"] == []


def test_points_of_uploaded_event_files_are_shown(job, write, logs):
    log = write("away")
    for step in range(50):
        log.scalar("loss", step / 3, step)
    file = next((logs / "away").iterdir())
    data = file.read_bytes()
    for at in range(0, len(data), 1000):
        assert job.send(f"logs/train/{file.name}", data[at : at + 1000], at).status == 204
    assert job.send(f"logs/train/{file.name}", b"", len(data), last=data).status == 204
    wait_for(lambda: job.run["points"] == 50, "the points")
    series = job.get("/series").json["series"]
    assert [(s["dir"], s["tag"], s["count"]) for s in series] == [("train", "loss", 50)]


def test_ranges_and_conditions_of_a_download(job):
    data = bytes(range(256)) * 1000
    job.send("outputs/x.bin", data, last=data)
    whole = job.get("/files/outputs/x.bin")
    etag = whole.headers["ETag"]
    assert whole.body == data and etag.strip('"') == hashlib.sha256(data).hexdigest()
    for spec, want in (("0-0", data[:1]), ("255-", data[255:]), ("-7", data[-7:]),
                       ("100-99999999", data[100:])):
        part = job.get("/files/outputs/x.bin", Range=f"bytes={spec}")
        assert (part.status, part.body) == (206, want)
        assert part.headers["Content-Range"].endswith(f"/{len(data)}")
    assert job.get("/files/outputs/x.bin", Range="bytes=256000-").status == 416
    assert job.get("/files/outputs/x.bin", Range="bytes=0-1,3-4").body == data
    assert job.get("/files/outputs/x.bin", Range="bytes=0-1", If_Range='"other"').status == 200
    assert job.get("/files/outputs/x.bin", Range="bytes=0-1", If_Range=etag).status == 206
    assert job.get("/files/outputs/x.bin", If_None_Match=etag).status == 304
    head = job.server.request(f"/api/v1/runs/{job.id}/files/outputs/x.bin", "HEAD")
    assert head.headers["Content-Length"] == str(len(data)) and head.body == b""


def test_what_jobs_wrote_is_not_run_by_a_browser(job):
    for name, shown in (("a.html", None), ("a.svg", None), ("a.js", None), ("a.PNG", "image/png"),
                        ("a.txt", "text/plain; charset=utf-8"), ("a\"b\u00e4.pkl", None)):
        path = "outputs/" + "".join(f"%{b:02x}" for b in name.encode())
        assert job.send(path, b"<script>", last=b"<script>").status == 204
        answer = job.get(f"/files/{path}")
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Content-Type"] == (shown or "application/octet-stream")
        assert ("attachment" in headers.get("Content-Disposition", "")) == (shown is None)


def test_a_tar_holds_what_fits(job):
    long = "outputs/" + "d" * 120 + "/" + "f" * 120
    files = {"outputs/a.txt": b"a" * 1000, "outputs/b.bin": b"", long: b"x" * 513,
             "logs/c": b"c"}
    for path, data in files.items():
        assert job.send(path, data, last=data).status == 204
    with tarfile.open(fileobj=io.BytesIO(job.get("/files.tar").body)) as tar:
        assert {m.name: tar.extractfile(m).read() for m in tar} == files
    with tarfile.open(fileobj=io.BytesIO(job.get("/files.tar?match=*.txt").body)) as tar:
        assert tar.getnames() == ["outputs/a.txt"]
    assert job.get("/files.tar?match=nothing").status == 404


def test_a_console_is_followed_to_its_end(job):
    job.report({"kind": "started"})
    job.send("console/stdout.txt", b"one\n")
    url = f"http://127.0.0.1:{job.server.port}"
    follow = subprocess.Popen([PROGRAM, "logs", "-f", job.id, "--server", url],
                              stdout=subprocess.PIPE)
    assert follow.stdout.readline() == b"one\n"
    job.send("console/stdout.txt", b"two\n", 4)
    assert follow.stdout.readline() == b"two\n"
    job.send("console/stdout.txt", b"\x1b[31mthree\n", 8, last=b"one\ntwo\n\x1b[31mthree\n")
    job.report({"kind": "exited", "data": {"exit": 0}}, {"kind": "flushed"})
    assert follow.stdout.read() == b"\x1b[31mthree\n"
    assert follow.wait() == 0
    assert job.get("/console?offset=4").body.startswith(b"two")
    assert job.get("/console?rank=3").status == 404
    assert job.get("/console?stream=stderr").status == 404


def test_a_deleted_run_is_gone_and_comes_back(job):
    job.send("outputs/a", b"a", last=b"a")
    path = f"/api/v1/runs/{job.id}"
    assert job.server.request(path, "DELETE").json["code"] == "busy"
    assert job.server.request(path + "?force=1", "DELETE").status == 204
    assert job.get("").status == 410 and job.get("/files/outputs/a").status == 410
    assert job.server.get("/api/v1/runs")["runs"] == []
    assert [r["id"] for r in job.server.get("/api/v1/runs?deleted=1")["runs"]] == [job.id]
    assert job.server.request(path + "/restore", "POST", b"").status == 200
    assert job.get("/files/outputs/a").body == b"a"


def test_a_server_without_an_archive_says_so(start, logs):
    server = start("--logdir", logs, "--no-archive")
    answer = server.request("/api/v1/runs/x", "PUT", "{}", JSON)
    assert (answer.status, answer.json["code"]) == (501, "no-archive")


# ---- the command line -----------------------------------------------------------------------


def test_runs_are_listed_waited_for_and_downloaded(job, tmp_path):
    job.report({"kind": "started"})
    data = os.urandom(300000)
    job.send("outputs/model.pkl", data, last=data)
    assert "Running" in tool(job.server, "runs").stdout
    assert json.loads(tool(job.server, "runs", "--json").stdout)["id"] == job.id
    assert "attempt 1" in tool(job.server, "status", job.id).stdout
    out = tmp_path / "m.pkl"
    (tmp_path / "m.pkl.part").write_bytes(data[:1000])  # goes on where it broke off
    assert tool(job.server, "download", job.id, "outputs/model.pkl", "-o", out).returncode == 0
    assert out.read_bytes() == data
    (tmp_path / "m.pkl.part").write_bytes(b"x" * 1000)
    out.unlink()
    wrong = tool(job.server, "download", job.id, "outputs/model.pkl", "-o", out)
    assert wrong.returncode == 3 and "hash" in wrong.stderr and not out.exists()
    job.report({"kind": "exited", "data": {"exit": 2}}, {"kind": "flushed"})
    done = tool(job.server, "wait", job.id)
    assert (done.returncode, done.stdout) == (1, "Failed (exit)\n")


def test_an_import_is_equal_to_its_source_and_an_export_to_both(history, write, logs, tmp_path):
    old = tmp_path / "old"
    for name, steps in (("a", 300), ("b/c", 40)):
        log = write(f"x/{name}")
        for step in range(steps):
            log.scalar("loss", step / 7, step, wall_time=1e9 + step / 3)
            log.scalar("acc", -step, step, wall_time=1e9 + step / 3)
    (logs / "x").rename(old)
    for _ in range(2):
        done = tool(history, "import", old)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("2 runs, 2 files")
    runs = wait_for(lambda: [r for r in history.get("/api/v1/runs")["runs"]
                             if r["experiment"] == "old" and r["points"] in (600, 80)][1:]
                    and history.get("/api/v1/runs")["runs"], "the points")
    by_name = {r["name"]: r for r in runs if r["experiment"] == "old"}
    assert by_name["a"]["points"] == 600 and by_name["b/c"]["points"] == 80
    out = tmp_path / "out"
    assert tool(history, "export", "-f", "events", "-o", out, by_name["a"]["id"]).returncode == 0
    source = next((old / "a").iterdir())
    assert (out / by_name["a"]["id"] / "logs" / source.name).read_bytes() == source.read_bytes()
    lines = tool(history, "export", by_name["a"]["id"]).stdout.splitlines()
    assert len(lines) == 601 and lines[0].startswith("run,name,dir,tag,")


def test_the_archive_is_read_where_no_server_runs(job, tmp_path):
    job.send("outputs/a.txt", b"kept", last=b"kept")
    job.server.process.terminate()
    job.server.process.wait()
    archive = ("--archive", tmp_path / "archive", "--state", tmp_path / "state")
    env = {k: v for k, v in os.environ.items() if k != "TAILBOARD_SERVER"}
    listed = cli("runs", *archive, env=env)
    assert job.id in listed.stdout, listed.stderr
    assert cli("download", job.id, "outputs/a.txt", "-o", "-", *archive, env=env).stdout == "kept"


def test_tokens_are_made_and_revoked(history):
    made = tool(history, "token", "add", "read", "for ci")
    assert made.returncode == 0 and len(made.stdout.strip()) == 43
    row = tool(history, "token", "list").stdout.split()
    assert row[1] == "read" and row[3:] == ["for", "ci"]
    assert tool(history, "token", "revoke", row[0]).returncode == 0
    assert tool(history, "token", "list").stdout == ""
