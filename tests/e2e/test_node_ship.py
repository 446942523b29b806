"""Shipping: what lies on the node arrives byte for byte, whatever breaks in between."""

import contextlib
import os
import pathlib
import random
import re
import signal
import ssl
import subprocess
import threading
import time

import pytest

from conftest import DEADLINE, wait_for
from mock_upload import Fault, MockServer
from node_lib import AGENT, EVENTS, Node, event_file


@pytest.fixture
def node(tmp_path):
    one = Node(tmp_path / "work")
    yield one
    one.close()


@pytest.fixture
def mock():
    with MockServer() as server:
        yield server
        assert not server.complaints


def agent(node, mock, *options, **kwargs):
    return node.spawn("agent", "--server", mock.url, *options, **kwargs)


def once(node, mock, *options):
    done = node.call("agent", "--once", "--server", mock.url, *options)
    assert done.returncode == 0, done.stderr
    return mock.only_run()


def file_of(mock, name):
    """The file at the server, once it is there."""
    wait_for(lambda: mock.runs and name in mock.only_run().files, f"{name} at the server")
    return mock.only_run().files[name]


def holds(mock, name, data):
    file = file_of(mock, name)
    wait_for(lambda: bytes(file.data) == data, f"{name} with {len(data)} bytes")
    return file


def write(path, data, mode="wb"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, mode) as file:
        file.write(data)


def stop(process, code=0):
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == code, process.stderr.read()


def test_once_sends_everything_below_both_directories(node, mock):
    tree = {"logs/" + EVENTS: b"".join(event_file(50)), "logs/train/x/notes.txt": b"text",
            "logs/empty": b"", "outputs/model.bin": os.urandom(3 << 20),
            "outputs/a b/ü%#?.txt": b"odd name", "outputs/\udcff": b"no utf-8"}
    for name, data in tree.items():
        write(node.path / name, data)
    run = once(node, mock)
    assert {name: bytes(f.data) for name, f in run.files.items()} == tree
    assert all(f.complete for f in run.files.values())
    assert run.kinds() == ["started", "exited", "flushed"]


def test_appended_bytes_arrive_soon_and_in_order(node, mock):
    path = node.path / "logs" / EVENTS
    records = event_file(300)
    write(path, records[0])
    process = agent(node, mock)
    holds(mock, "logs/" + EVENTS, records[0])
    slowest = 0
    for i in range(1, len(records), 10):
        write(path, b"".join(records[i:i + 10]), "ab")
        begun = time.monotonic()
        holds(mock, "logs/" + EVENTS, b"".join(records[:i + 10]))
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < DEADLINE / 3
    stop(process)
    assert mock.only_run().files["logs/" + EVENTS].complete


def test_new_directories_are_met(node, mock):
    process = agent(node, mock)
    wait_for(lambda: mock.runs, "the run")
    for i in range(5):
        write(node.path / f"logs/a{i}/b/c.txt", b"x" * i + b"y")
    for i in range(5):
        holds(mock, f"logs/a{i}/b/c.txt", b"x" * i + b"y")
    stop(process)


def test_a_partial_record_is_sent_and_a_suspect_one_waits(node, mock):
    path = node.path / "logs" / EVENTS
    records = event_file(5)
    whole = b"".join(records)
    write(path, whole + records[0][:20])
    process = agent(node, mock)
    holds(mock, "logs/" + EVENTS, whole + records[0][:20])
    write(path, records[0][20:], "ab")
    holds(mock, "logs/" + EVENTS, whole + records[0])
    write(path, bytes(40), "ab")  # zeros: not yet written, as far as anybody knows
    time.sleep(1)
    file = mock.only_run().files["logs/" + EVENTS]
    assert bytes(file.data) == whole + records[0]
    with open(path, "r+b") as late:  # the page that was late
        late.seek(len(whole + records[0]))
        late.write(records[1])
        late.truncate()
    holds(mock, "logs/" + EVENTS, whole + records[0] + records[1])
    stop(process)


def test_damage_travels_as_it_is_and_is_named(node, mock):
    records = event_file(6)
    bad = bytearray(records[3])
    bad[-6] ^= 1
    data = b"".join(records[:3]) + bytes(bad) + b"".join(records[4:])
    write(node.path / "logs" / EVENTS, data)
    old = time.time() - 100
    os.utime(node.path / "logs" / EVENTS, (old, old))
    file = once(node, mock).files["logs/" + EVENTS]
    assert bytes(file.data) == data
    begin = sum(map(len, records[:3]))
    assert file.damaged == [[begin, len(bad)]]


def test_a_rewritten_event_file_is_a_new_generation(node, mock):
    path = node.path / "logs" / EVENTS
    first, second = b"".join(event_file(40)), b"".join(event_file(20, 500))
    write(path, first)
    process = agent(node, mock)
    file = holds(mock, "logs/" + EVENTS, first)
    write(path.with_suffix(".x"), second)
    os.rename(path.with_suffix(".x"), path)
    holds(mock, "logs/" + EVENTS, second)
    assert file.generation == 2 and file.older == [first]
    write(path, first)  # in place: truncated, then longer
    wait_for(lambda: file.generation == 3 and bytes(file.data) == first, "the third life")
    stop(process)


def test_a_file_cut_short_keeps_what_was_sent(node, mock):
    path = node.path / "logs" / EVENTS
    records = event_file(400)
    whole = b"".join(records)
    write(path, whole)
    process = agent(node, mock)
    file = holds(mock, "logs/" + EVENTS, whole)
    os.truncate(path, len(whole) // 2)
    time.sleep(0.5)
    write(path, whole + records[5])  # it comes back, longer
    holds(mock, "logs/" + EVENTS, whole + records[5])
    assert file.generation == 1
    stop(process)


def test_a_file_rewritten_while_no_agent_ran_is_not_joined_to_its_former_life(node, mock):
    """When the agent comes, it is shorter than what was sent; then it grows beyond that."""
    path = node.path / "logs" / EVENTS
    first, second = b"".join(event_file(50)), b"".join(event_file(150, 300))
    write(path, first)
    process = agent(node, mock)
    file = holds(mock, "logs/" + EVENTS, first)
    process.kill()
    process.wait()
    write(path, second[:len(first) // 2])
    asked = len(mock.log)
    process = agent(node, mock)
    wait_for(lambda: any(method == "HEAD" for method, _ in mock.log[asked:]), "the question")
    write(path, second[len(first) // 2:], "ab")
    wait_for(lambda: bytes(file.data) == second, "the second life")
    assert file.older == [first]
    stop(process)


@pytest.mark.parametrize("name, size, proves", [
    ("logs/" + EVENTS, 1000, True), ("logs/" + EVENTS, 9000, True), ("logs/" + EVENTS, 1000, False),
    ("logs/notes.txt", 1000, True)])
def test_a_file_rewritten_while_no_agent_ran_is_taken_at_once(node, mock, name, size, proves):
    """It is shorter than what was sent, and stays so."""
    path = node.path / name
    first, second = b"".join(event_file(400)), b"".join(event_file(400, 500))[:size]
    write(path, first)
    process = agent(node, mock)
    file = holds(mock, name, first)
    process.kill()
    process.wait()
    mock.proves_shorter = proves
    write(path, second)
    process = agent(node, mock)
    wait_for(lambda: bytes(file.data) == second, "the second life")
    assert file.older == [first]
    stop(process)


@pytest.mark.parametrize("kept", [0, 1000, 9000])
def test_a_file_cut_while_no_agent_ran_keeps_what_was_sent(node, mock, kept):
    path = node.path / "logs" / EVENTS
    records = event_file(400)
    whole = b"".join(records)
    write(path, whole)
    process = agent(node, mock)
    file = holds(mock, "logs/" + EVENTS, whole)
    process.kill()
    process.wait()
    os.truncate(path, kept)
    asked = len(mock.log)
    process = agent(node, mock)
    wait_for(lambda: any(method == "HEAD" for method, _ in mock.log[asked:]), "the question")
    write(path, whole + records[5])  # it comes back, longer
    holds(mock, "logs/" + EVENTS, whole + records[5])
    assert file.generation == 1
    stop(process)


def test_a_deleted_file_stays_at_the_server(node, mock):
    path = node.path / "logs" / "note.txt"
    write(path, b"kept")
    process = agent(node, mock)
    holds(mock, "logs/note.txt", b"kept")
    path.unlink()
    stop(process)
    assert bytes(mock.only_run().files["logs/note.txt"].data) == b"kept"


def test_whole_files_wait_until_they_have_settled(node, mock):
    path = node.path / "outputs" / "model.bin"
    write(path, b"part")
    process = agent(node, mock)
    wait_for(lambda: mock.runs, "the run")
    for _ in range(8):
        time.sleep(0.5)
        write(path, b"+", "ab")
        assert not mock.only_run().files
    holds(mock, "outputs/model.bin", b"part++++++++")
    assert mock.only_run().files["outputs/model.bin"].complete
    write(path, b"another")
    file = holds(mock, "outputs/model.bin", b"another")
    assert file.generation == 2 and file.older == [b"part++++++++"]
    stop(process)


def test_unfinished_names_wait_for_the_end_and_links_are_not_followed(node, mock):
    write(node.path / "outputs/.model.tmp", b"temporary")
    write(node.path / "secret", b"elsewhere")
    (node.path / "outputs/link").symlink_to("../secret")
    process = agent(node, mock)
    wait_for(lambda: mock.runs, "the run")
    time.sleep(0.5)
    assert not mock.only_run().files
    stop(process)
    run = mock.only_run()
    assert set(run.files) == {"outputs/.model.tmp"}
    assert run.event("flushed")["data"]["left_out"] == [{"path": "outputs/link", "why": "a link"}]


def test_each_directory_is_a_run(node, mock):
    for name in ("a", "b"):
        write(node.path / "logs" / name / EVENTS, b"".join(event_file(3)))
    process = agent(node, mock, "--each")
    wait_for(lambda: len(mock.runs) == 2, "two runs")
    assert {run.document["name"] for run in mock.runs.values()} == {"a", "b"}
    wait_for(lambda: all(run.files for run in mock.runs.values()), "their files")
    assert {name for run in mock.runs.values() for name in run.files} == {"logs/" + EVENTS}
    stop(process)


def test_two_directories_of_one_run(tmp_path, mock):
    """Another directory's path is taken: the second node's files go below nodes/k/."""
    nodes = [Node(tmp_path / name) for name in "ab"]
    env = {"OMPI_COMM_WORLD_SIZE": 2, "OMPI_COMM_WORLD_LOCAL_SIZE": 2, "PMIX_NAMESPACE": "n",
           "OMPI_COMM_WORLD_LOCAL_RANK": 0}
    for rank, one in enumerate(nodes):
        result = one.run(mock, "sh", "-c", f"echo {rank} > logs/same",
                         env=env | {"OMPI_COMM_WORLD_RANK": rank})
        assert result.returncode == 0
        one.close()
    files = mock.only_run().files
    assert bytes(files["logs/same"].data) == b"0\n"
    assert bytes(files["nodes/0/logs/same"].data) == b"1\n"  # one node, as the launcher says


def test_node_local_directories_of_other_nodes(tmp_path, mock):
    env = {"OMPI_COMM_WORLD_SIZE": 2, "OMPI_COMM_WORLD_LOCAL_SIZE": 1, "PMIX_NAMESPACE": "n",
           "OMPI_COMM_WORLD_LOCAL_RANK": 0}
    for rank in range(2):
        one = Node(tmp_path / str(rank))
        assert one.run(mock, "sh", "-c", "echo x > logs/f; echo y > outputs/f",
                       env=env | {"OMPI_COMM_WORLD_RANK": rank}).returncode == 0
    names = {n for n in mock.only_run().files if "console" not in n}
    assert names == {"logs/f", "outputs/f", "nodes/1/logs/f", "nodes/1/outputs/f"}


# ---- trouble on the way ------------------------------------------------------------------------

FAULTS = [
    dict(method="PATCH", cut=100), dict(method="PATCH", lose_answer=True),
    dict(method="PATCH", status=507, code="archive-full", headers={"Retry-After": "1"}),
    dict(method="PATCH", status=507, code="archive-full", early=True, headers={"Retry-After": 1}),
    dict(method="PATCH", status=503, code="not-durable-yet"), dict(method="HEAD", status=500),
    dict(method="HEAD", lose_answer=True), dict(method="POST", path="/events", status=502),
    dict(method="POST", path="/events", lose_answer=True), dict(method="PUT", status=503),
    dict(method="PUT", lose_answer=True), dict(method="PATCH", delay=0.3),
    dict(method="PATCH", status=409, code="stale-generation"),
    dict(method="PATCH", status=409, code="gap"), dict(method="PATCH", status=401),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: "-".join(map(str, f.values())))
def test_each_fault_is_overcome(node, mock, fault):
    data = {"logs/" + EVENTS: b"".join(event_file(200)), "outputs/m": os.urandom(100_000)}
    for name, content in data.items():
        write(node.path / name, content)
    mock.faults += [Fault(**fault, times=2)]
    run = once(node, mock)
    assert {name: bytes(f.data) for name, f in run.files.items()} == data
    assert all(f.complete and f.generation == 1 for f in run.files.values())
    assert run.kinds() == ["started", "exited", "flushed"]


def test_a_digest_that_does_not_agree_sends_the_file_anew(node, mock):
    write(node.path / "outputs/m", b"content")
    mock.faults.append(Fault("PATCH", status=409, code="digest-mismatch"))
    run = once(node, mock)
    assert bytes(run.files["outputs/m"].data) == b"content" and run.files["outputs/m"].complete


def test_what_the_server_never_takes_is_left_out_and_named(node, mock):
    write(node.path / "outputs/huge", b"content")
    write(node.path / "outputs/fine", b"content")
    mock.faults.append(Fault("PATCH", path="huge", status=413, code="quota", times=99))
    run = once(node, mock)
    assert set(run.files) == {"outputs/fine"}
    assert "quota" in run.event("flushed")["data"]["left_out"][0]["why"]


def test_many_random_faults_while_files_grow(node, mock):
    chance = random.Random(7)
    files = {f"logs/{i}/{EVENTS}": event_file(600, 0) for i in range(4)}
    process = agent(node, mock)
    wait_for(lambda: mock.runs, "the run")
    for step in range(30):
        for name, records in files.items():
            part = records[step * 20:step * 20 + 20] if step < 29 else records[step * 20:]
            write(node.path / name, b"".join(part), "ab")
        fault = chance.choice([f for f in FAULTS if "Retry-After" not in f.get("headers", {})])
        with mock.lock:
            mock.faults = [Fault(**fault)]
        time.sleep(0.05)
    mock.faults = []
    for name, records in files.items():
        holds(mock, name, b"".join(records))
    stop(process)
    assert all(f.complete and f.generation == 1 for f in mock.only_run().files.values())


def test_a_killed_agent_goes_on_where_it_was(node, mock):
    path = node.path / "logs" / EVENTS
    records = event_file(2000)
    written = threading.Event()

    def grow():
        for i in range(0, len(records), 20):
            write(path, b"".join(records[i:i + 20]), "ab")
            time.sleep(0.02)
        written.set()

    writer = threading.Thread(target=grow)
    writer.start()
    kills = 0
    while not written.is_set():
        process = agent(node, mock)
        time.sleep(0.25)
        process.kill()
        process.wait()
        kills += 1
    writer.join()
    run = once(node, mock)
    assert kills > 2 and bytes(run.files["logs/" + EVENTS].data) == b"".join(records)
    assert run.files["logs/" + EVENTS].generation == 1


def test_a_server_that_restarts_loses_nothing_acknowledged(node, mock):
    mock.durable = lambda file: max(0, len(file.data) - 5000)
    path = node.path / "logs" / EVENTS
    records = event_file(1500)
    process = agent(node, mock)
    for i in range(0, len(records), 50):
        write(path, b"".join(records[i:i + 50]), "ab")
        if i % 500 == 450:
            mock.stop()
            time.sleep(0.2)
            mock.start()
        time.sleep(0.02)
    holds(mock, "logs/" + EVENTS, b"".join(records))
    stop(process)
    assert mock.only_run().files["logs/" + EVENTS].generation == 1


def test_what_a_server_received_and_lost_is_sent_again(node, mock):
    """Nothing more is written: no answer tells that the bytes are gone."""
    name, data = "logs/notes.txt", os.urandom(20_000)
    mock.durable = lambda file: min(len(file.data), 5000)
    write(node.path / name, data)
    process = agent(node, mock)
    file = holds(mock, name, data)
    mock.stop()
    assert len(file.data) == 5000
    mock.durable = lambda file: len(file.data)
    mock.start()
    holds(mock, name, data)
    assert file.generation == 1
    stop(process)


def test_bytes_that_wait_for_a_slow_disk_are_not_sent_twice(node, mock):
    mock.durable = lambda file: min(len(file.data), 5000)
    write(node.path / "logs/notes.txt", os.urandom(20_000))
    process = agent(node, mock)
    wait_for(lambda: [m for m, p in mock.log if "notes" in p].count("HEAD") >= 3, "questions")
    assert [m for m, p in mock.log if "notes" in p].count("PATCH") == 1
    mock.durable = lambda file: len(file.data)
    stop(process)


def test_the_rate_is_kept(node, mock):
    write(node.path / "outputs/m", os.urandom(600_000))
    begun = time.monotonic()
    once(node, mock, "--limit-rate", "300000")
    took = time.monotonic() - begun
    assert took > 600_000 / 300_000 * 0.8


def test_a_large_file_holds_up_neither_heartbeats_nor_points(node, mock):
    mock.heartbeat = 1
    write(node.path / "outputs/m", os.urandom(3_000_000))
    old = time.time() - 100
    os.utime(node.path / "outputs/m", (old, old))
    process = agent(node, mock, "--limit-rate", "400000")
    file_of(mock, "outputs/m")
    write(node.path / "logs" / EVENTS, b"".join(event_file(5)))
    holds(mock, "logs/" + EVENTS, b"".join(event_file(5)))
    assert not mock.only_run().files["outputs/m"].complete
    beats = mock.only_run().beats
    wait_for(lambda: mock.only_run().beats >= beats + 2, "two heartbeats")
    process.kill()


def test_memory_stays_bounded(node, mock):
    with open(node.path / "big", "wb") as file:
        file.truncate(400 << 20)
    (node.path / "outputs").mkdir()
    os.rename(node.path / "big", node.path / "outputs/big")
    for i in range(2000):
        write(node.path / f"logs/many/{i}.txt", b"x")
    process, most = node.spawn("agent", "--once", "--server", mock.url), 0
    while process.poll() is None:
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            most = max([most, *map(int, re.findall(r"VmHWM:\s+(\d+) kB", status))])
        time.sleep(0.02)
    assert process.returncode == 0
    assert len(mock.only_run().files) == 2001
    assert 0 < most < 16 << 10 or "san" in AGENT  # sanitizers take more


def test_two_agents_do_not_follow_one_directory(node, mock):
    process = agent(node, mock)
    wait_for(lambda: mock.runs, "the run")
    second = node.call("agent", "--once", "--server", mock.url)
    assert second.returncode == 3 and b"another agent" in second.stderr
    stop(process)


def test_a_copied_directory_is_another_run(node, mock):
    write(node.path / "logs/x", b"1")
    once(node, mock)
    subprocess.run(["cp", "-a", "logs", "copy"], cwd=node.path, check=True)
    assert node.call("agent", "--once", "--server", mock.url, "--logs", "copy").returncode == 0
    assert len(mock.runs) == 2


def test_a_restarted_agent_is_the_same_run_and_its_next_attempt(node, mock):
    write(node.path / "logs/x", b"1")
    once(node, mock)
    requests = len(mock.log)
    write(node.path / "logs/y", b"2")
    run = once(node, mock)
    assert set(run.files) == {"logs/x", "logs/y"}
    assert {e["attempt"] for e in run.events.values()} == {1, 2}
    assert not any("logs/x" in path for _, path in mock.log[requests:])  # known to be done


# ---- https, and the program without libraries --------------------------------------------------

@pytest.fixture
def tls_mock(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with MockServer(tls=context) as server:
        server.cert = cert
        yield server
        assert not server.complaints


def test_https_by_libcurl(node, tls_mock):
    data = {"logs/" + EVENTS: b"".join(event_file(200)), "outputs/m": os.urandom(3_000_000)}
    for name, content in data.items():
        write(node.path / name, content)
    tls_mock.faults += [Fault("PATCH", cut=100), Fault("PATCH", status=507, early=True),
                        Fault("HEAD", status=500), Fault("POST", lose_answer=True)]
    done = node.call("agent", "--once", "--server", tls_mock.url,
                     env={"TAILBOARD_CA_FILE": tls_mock.cert})
    assert done.returncode == 0, done.stderr
    run = tls_mock.only_run()
    assert {name: bytes(f.data) for name, f in run.files.items()} == data
    assert all(f.complete for f in run.files.values())


def test_a_certificate_that_nobody_vouches_for_is_refused(node, tls_mock):
    result = node.run(tls_mock, "true", options=["--flush-timeout", "1"])
    assert result.returncode == 0 and b"certificate" in result.stderr and not tls_mock.runs


def test_without_libcurl_https_is_refused_in_plain_words(node):
    static = pathlib.Path(AGENT).with_name("tailboard-agent-static")
    if not static.exists():
        pytest.skip("the static program was not built")
    result = node.call("agent", "--server", "https://localhost:1", program=static)
    assert result.returncode == 3 and b"libcurl" in result.stderr


def test_the_static_program_ships_and_is_small(node, mock):
    static = pathlib.Path(AGENT).with_name("tailboard-agent-static")
    if not static.exists():
        pytest.skip("the static program was not built")
    write(node.path / "logs" / EVENTS, b"".join(event_file(300)))
    address = mock.url.replace("127.0.0.1", "localhost")
    done = node.call("run", "--server", address, "--", "sh", "-c", "cp logs/e* logs/x." + EVENTS,
                     program=static)
    assert done.returncode == 0, done.stderr
    assert bytes(mock.only_run().files["logs/x." + EVENTS].data) == b"".join(event_file(300))
    stripped = node.path / "stripped"
    subprocess.run(["strip", "-o", stripped, static], check=True)
    assert stripped.stat().st_size < 3 << 20
