"""Uploads that mean harm, or come from several nodes at once, against the real server."""

import os
import socket
import threading

import pytest

from conftest import DEADLINE, wait_for
from node_lib import Node, event_file
from test_history import JSON

PARTIAL = {"Content-Type": "application/partial-upload"}
ESCAPES = ["..%2f..%2fx", "logs/../../../x", "logs/%2e%2e/x", "logs//x", "logs/%00", "%2fetc/x",
           "logs/./x", "logs/" + 256 * "x", "logs/" + 1100 * "abc/" + "x", "logs/..%5c..%2f..%2fx"]


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def history(start, logs, archive):
    return start("--logdir", logs, "--archive", archive, "--auth", "token")


def headers(server, token=None):
    token = token or (server.state / "token").read_text().strip()
    return {"Authorization": f"Bearer {token}"}


def make(server, name):
    answer = server.request(f"/api/v1/runs/{name}", "PUT", "{}", JSON | headers(server))
    assert answer.status == 201
    return answer.json["token"]


def patch(server, token, path, data, offset=0, **more):
    return server.request(f"/api/v1/runs/{path}", "PATCH", data,
                          PARTIAL | headers(server, token) | {"Upload-Offset": str(offset)} | more)


def everything(place):
    return {path for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out_of_the_run(history, archive, tmp_path, path):
    token = make(history, "r")
    outside = everything(tmp_path) - everything(archive)
    answer = patch(history, token, f"r/files/{path}", b"x")
    assert answer.status in (400, 404, 414), answer.text
    assert everything(tmp_path) - everything(archive) - outside == set()
    assert not list((archive / "runs/r").glob("files/**/x"))


def test_a_token_opens_its_own_run_alone(history):
    mine, other = make(history, "mine"), make(history, "other")
    assert patch(history, mine, "mine/files/logs/a", b"x").status == 204
    for token in (other, "wrong", mine[:-1], mine + "A"):
        answer = patch(history, token, "mine/files/logs/a", b"y", 1)
        assert answer.status in (401, 403), (token, answer.text)
    assert history.request("/api/v1/runs/mine", "DELETE", headers=headers(history, mine)).status \
        in (401, 403)


def test_offsets_that_are_wrong_change_nothing(history, archive):
    token = make(history, "r")
    assert patch(history, token, "r/files/logs/a", b"0123456789").status == 204
    kept = archive / "runs/r/files/logs/a"
    for offset, data, status in ((5, b"56789", 204), (8, b"89ab", 204), (4, b"xx", 409),
                                 (0, b"0123456789abX", 204), (20, b"z", 409), (-1, b"z", 400),
                                 (2**64, b"z", 400), (2**63, b"z", 400),
                                 (10**14, b"z", 409)):
        answer = patch(history, token, "r/files/logs/a", data, offset)
        assert answer.status == status, (offset, answer.text)
    wait_for(lambda: kept.read_bytes() == b"0123456789abX", "what was sent, once")


def test_a_body_larger_than_allowed_is_refused_before_it_comes(history):
    token = make(history, "r")
    with socket.create_connection(("127.0.0.1", history.port), DEADLINE) as one:
        one.sendall((f"PATCH /api/v1/runs/r/files/logs/a HTTP/1.1\r\nHost: localhost\r\n"
                     f"Authorization: Bearer {token}\r\nUpload-Offset: 0\r\n"
                     "Content-Type: application/partial-upload\r\nExpect: 100-continue\r\n"
                     "Content-Length: 99999999999\r\n\r\n").encode())
        assert b" 413 " in one.recv(4096).split(b"\r\n")[0]


def test_slow_senders_and_broken_ones_hold_up_no_one(history, archive):
    token = make(history, "r")
    slow = []
    for i in range(30):
        one = socket.create_connection(("127.0.0.1", history.port), DEADLINE)
        one.sendall((f"PATCH /api/v1/runs/r/files/logs/slow{i} HTTP/1.1\r\nHost: localhost\r\n"
                     f"Authorization: Bearer {token}\r\nUpload-Offset: 0\r\n"
                     "Content-Type: application/partial-upload\r\n"
                     "Content-Length: 1000000\r\n\r\nx").encode())
        slow.append(one)
    assert patch(history, token, "r/files/logs/quick", b"q" * 100000).status == 204
    for one in slow[:15]:
        one.close()
    kept = archive / "runs/r/files/logs/quick"
    wait_for(lambda: kept.exists() and kept.stat().st_size == 100000, "the quick one")
    for one in slow[15:]:
        one.close()
    assert patch(history, token, "r/files/logs/slow0", b"xyz").status == 204


def test_many_senders_of_one_file_keep_it_whole(history, archive):
    token, data = make(history, "r"), os.urandom(400_000)

    def send(seed):
        at = 0
        while at < len(data):
            answer = patch(history, token, "r/files/logs/same", data[at:at + 9000 + seed], at)
            assert answer.status in (204, 409), answer.text
            if answer.status == 409:
                assert answer.json["code"] == "gap"
            at = int(answer.headers["Tailboard-Received"] or answer.headers["Upload-Offset"])

    threads = [threading.Thread(target=send, args=(1000 * k,)) for k in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    kept = archive / "runs/r/files/logs/same"
    wait_for(lambda: kept.exists() and kept.read_bytes() == data, "the file, once")


def test_two_nodes_report_to_one_run(start, logs, archive, tmp_path):
    server = start("--logdir", logs, "--archive", archive)
    url = f"http://127.0.0.1:{server.port}"
    nodes = [Node(tmp_path / f"node{k}") for k in range(2)]
    processes = []
    for k, node in enumerate(nodes):
        (node.path / "events").write_bytes(b"".join(event_file(50 + k)))
        env = {"SLURM_CLUSTER_NAME": "c", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0",
               "SLURM_PROCID": k, "SLURM_NTASKS": 2, "SLURM_NODEID": k, "SLURM_LOCALID": 0,
               "SLURM_STEP_NUM_TASKS": 2, "SLURM_STEP_NUM_NODES": 2}
        processes.append(node.spawn(
            "run", "--server", url, "--", "sh", "-c",
            f"cp events logs/events.out.tfevents.1.host; echo from {k}; sleep 1", env=env))
    for process in processes:
        assert process.wait(DEADLINE) == 0, process.stderr.read()
    run, = wait_for(lambda: [r for r in server.get("/api/v1/runs")["runs"]
                             if r["status"] == "Completed" and r["points"] == 101], "one run")
    files = archive / "runs" / run["id"] / "files"
    for k, top in enumerate(("logs", "nodes/1/logs")):
        assert (files / top / "events.out.tfevents.1.host").read_bytes() == \
            (nodes[k].path / "events").read_bytes()
    for node in nodes:
        node.close()
