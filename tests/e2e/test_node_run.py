"""`tailboard run -- CMD`: nothing about CMD changes, and everything about it is recorded."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time

import pytest

from conftest import DEADLINE, wait_for
from mock_upload import Fault, MockServer
from node_lib import AGENT, Node, clean_env


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


NOBODY = "http://127.0.0.1:9"  # no server there


@pytest.mark.parametrize("code", [0, 1, 3, 125, 255])
def test_exit_status_is_the_commands(node, mock, code):
    assert node.run(mock, "sh", "-c", f"exit {code}").returncode == code
    run = mock.only_run()
    assert run.kinds() == ["started", "exited", "flushed"]
    assert run.event("exited")["data"] == {"exit": code, "cause": "self"}


def test_death_by_signal_is_128_and_its_number(node, mock):
    assert node.run(mock, "sh", "-c", "kill -KILL $$").returncode == 128 + 9
    assert mock.only_run().event("exited")["data"] == {"signal": 9, "cause": "self"}


@pytest.mark.parametrize("server", [True, False])
def test_a_command_that_cannot_start_has_the_usual_codes(node, mock, server):
    script = node.path / "plain"
    script.write_text("#!/bin/sh\n")
    target = mock if server else None
    missing, plain = node.run(target, "no-such-program"), node.run(target, "./plain")
    assert (missing.returncode, plain.returncode) == (127, 126)
    assert b"no-such-program" in missing.stderr and b"plain" in plain.stderr
    if server:
        reasons = {r.event("exited")["data"]["reason"] for r in mock.runs.values()}
        assert reasons == {"launch-failed"} and len(mock.runs) == 2


@pytest.mark.parametrize("args", [["run"], ["run", "--"], ["run", "true"], ["run", "x", "--", "y"],
                                  ["run", "--no-such", "--", "true"],
                                  ["run", "--tag", "x", "--", "true"]])
def test_a_wrong_call_is_125_and_starts_nothing(node, args):
    result = node.call(*args)
    assert result.returncode == 125
    assert result.stderr


def test_bytes_pass_through_unchanged_and_are_recorded(node, mock):
    script = ("import os,sys\nfor i in range(300):\n os.write(1, bytes(range(256)) * 16)\n"
              " os.write(2, b'\\xff\\x00\\r\\n')\n")
    result = node.run(mock, sys.executable, "-c", script)
    assert result.stdout == bytes(range(256)) * 16 * 300
    assert result.stderr == b"\xff\x00\r\n" * 300
    files = mock.only_run().files
    assert files["console/stdout.txt"].data == result.stdout
    assert files["console/stderr.txt"].data == result.stderr


def test_console_can_be_left_alone(node, mock):
    assert node.run(mock, "echo", "x", options=["--no-console"]).stdout == b"x\n"
    assert not mock.only_run().files


def test_standard_input_is_the_commands(node, mock):
    assert node.run(mock, "cat", input=b"one\ntwo\n").stdout == b"one\ntwo\n"


def test_environment_of_the_command(node, mock):
    out = node.run(mock, "env", env={"TAILBOARD_EXPERIMENT": "digits"}).stdout.decode()
    env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    run_id, run = next(iter(mock.runs.items()))
    assert env["TAILBOARD_RUN_ID"] == run_id and len(run_id) == 16
    assert env["TAILBOARD_TOKEN"] == f"run-{run_id}"
    assert env["TAILBOARD_LOGS"] == str(node.path / "logs")
    assert env["TAILBOARD_OUTPUTS"] == str(node.path / "outputs")
    assert env["TAILBOARD_RANK"] == "0" and env["TAILBOARD_ATTEMPT"] == "1"
    assert env["PYTHONUNBUFFERED"] == "1"
    assert run.document["experiment"] == "digits"
    assert run.document["job"]["command"] == ["env"]
    assert run.document["job"]["directory"] == str(node.path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                                    signal.SIGUSR1, signal.SIGUSR2])
def test_signals_are_passed_on(node, mock, number):
    script = (f"import signal,time\n"
              f"signal.signal({int(number)}, lambda *_: exit(7))\nprint('ready', flush=True)\n"
              f"while True: time.sleep(9)\n")
    process = node.spawn("run", "--server", mock.url, "--", sys.executable, "-c", script)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(DEADLINE) == 7
    outside = number in (signal.SIGTERM, signal.SIGINT)
    assert mock.only_run().event("exited")["data"]["cause"] == ("outside" if outside else "self")


def test_grandchildren_are_waited_for(node, mock):
    result = node.run(mock, "sh", "-c", "(sleep 0.7; echo late; touch late) & exit 4")
    assert result.returncode == 4 and result.stdout == b"late\n"
    assert (node.path / "late").exists()
    assert mock.only_run().files["console/stdout.txt"].data == b"late\n"


def test_term_reaches_grandchildren_of_another_session(node, mock):
    process = node.spawn("run", "--server", mock.url, "--", "sh", "-c",
                         "setsid sleep 600 & echo ready; exit 0")
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0


def test_a_reader_that_goes_away_is_felt_by_the_command(node):
    done = subprocess.run(["sh", "-c", f"{AGENT} run -- yes | head -1"], cwd=node.path,
                          env=clean_env(), capture_output=True, timeout=DEADLINE)
    assert done.stdout == b"y\n"


# ---- terminals ---------------------------------------------------------------------------------

def in_terminal(node, server, script, keys=b"", size=(33, 77)):
    """Runs Python code under `run` in a terminal; returns what it showed, and the exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(node.path)
        os.execve(AGENT, [AGENT, "run", "--server", server.url, "--", sys.executable, "-c",
                          "import sys; sys.stdin.readline()\n" + script], clean_env())
    termios.tcsetwinsize(fd, size)
    os.write(fd, b"go\n" + keys)
    shown = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return shown, os.waitstatus_to_exitcode(status)


@pytest.mark.skipif(not hasattr(termios, "tcsetwinsize"), reason="Python 3.11")
def test_a_terminal_stays_one_with_its_size(node, mock):
    shown, code = in_terminal(node, mock, """
import os
print(sys.stdout.isatty(), sys.stderr.isatty(), tuple(os.get_terminal_size()))
sys.stdout.write('10%\\r20%\\r'); sys.stdout.flush(); sys.exit(6)
""")
    assert code == 6
    assert b"True True (77, 33)\r\n10%\r20%\r" in shown
    recorded = mock.only_run().files["console/stdout.txt"].data
    assert recorded == b"True True (77, 33)\n10%\r20%\r"


def test_only_the_stream_that_is_a_terminal_gets_one(node, mock):
    master, slave = pty.openpty()
    script = "import sys; print(sys.stdout.isatty(), sys.stderr.isatty())"
    result = node.run(mock, sys.executable, "-c", script, capture_output=False,
                      stdout=subprocess.PIPE, stderr=slave)
    assert result.stdout == b"False True\n"
    os.close(slave)
    os.close(master)


def test_control_c_in_a_terminal_arrives_once(node, mock):
    shown, code = in_terminal(node, mock, """
import signal, time
count = 0
def on(*_):
    global count; count += 1
signal.signal(signal.SIGINT, on)
print('ready', flush=True)
time.sleep(0.7)
print('count', count)
""", keys=b"")
    assert code == 0 and b"count 0" in shown


# ---- trouble -----------------------------------------------------------------------------------

def test_without_a_server_everything_waits_for_drain(node, mock):
    result = node.run(NOBODY, "sh", "-c", "echo x > logs/a; echo out; exit 5",
                      options=["--flush-timeout", "0.5"])
    assert result.returncode == 5 and result.stdout == b"out\n"
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 2, lines
    assert "will be sent" in lines[0] and "not yet sent" in lines[1]
    assert f"tailboard drain {node.path}" in lines[1]
    assert len(node.spools()) == 1
    drained = node.call("drain", "--server", mock.url)
    assert drained.returncode == 0, drained.stderr
    run = mock.only_run()
    assert run.kinds() == ["started", "exited", "flushed"]
    assert run.event("exited")["data"]["exit"] == 5
    assert run.files["logs/a"].data == b"x\n" and run.files["console/stdout.txt"].complete
    assert not node.spools()
    assert b"nothing is left" in node.call("drain", "--server", mock.url).stderr


def test_spool_only(node, mock):
    result = node.run(None, "sh", "-c", "echo out > outputs/model")
    assert result.returncode == 0
    assert b"tailboard drain" in result.stderr and len(node.spools()) == 1
    assert node.call("drain", node.path, "--server", mock.url).returncode == 0
    assert mock.only_run().files["outputs/model"].data == b"out\n"


def test_https_without_libcurl_or_a_bad_address_does_not_stop_the_command(node):
    result = node.run("ftp://x", "echo", "fine")
    assert result.returncode == 0 and result.stdout == b"fine\n"
    assert b"nothing is sent" in result.stderr


def test_where_nothing_can_be_written_the_command_runs(node, mock):
    (node.path / ".tailboard").write_text("a file in the way")
    result = node.run(mock, "sh", "-c", "echo x > logs/a; exit 9")
    assert result.returncode == 9
    assert b"cannot be written" in result.stderr or b"nothing can be written" in result.stderr
    run = mock.only_run()
    assert run.files["logs/a"].data == b"x\n" and "flushed" in run.kinds()


def test_a_wrong_token_is_said_once_and_changes_nothing(node):
    with MockServer(token="secret") as mock:
        result = node.run(mock, "true", options=["--flush-timeout", "1"])
        assert result.returncode == 0
        assert result.stderr.decode().count("TAILBOARD_TOKEN") == 1 and not mock.runs
        assert node.call("drain", env={"TAILBOARD_TOKEN": "secret"}).returncode == 0
        assert mock.only_run().kinds() == ["started", "exited", "flushed"]


def test_a_deleted_run_is_left_alone(node, mock):
    mock.faults.append(Fault("PATCH", status=410, code="deleted", times=99))
    result = node.run(mock, "sh", "-c", "echo x > logs/a", options=["--flush-timeout", "20"])
    assert result.returncode == 0 and b"deleted" in result.stderr


# ---- the run's record --------------------------------------------------------------------------

def git(node, *args):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *args], cwd=node.path,
                   check=True, capture_output=True)


def test_commit_and_changes_are_recorded(node, mock):
    git(node, "init", "-q", "-b", "main")
    (node.path / "train.py").write_text("one\n")
    git(node, "add", "train.py")
    git(node, "commit", "-qm", "x")
    git(node, "remote", "add", "origin", "https://ann:secret@host/repo.git")
    (node.path / "train.py").write_text("two\n")
    assert node.run(mock, "true").returncode == 0
    run = mock.only_run()
    record = run.document["job"]["git"]
    assert len(record["commit"]) == 40 and record["branch"] == "main" and record["dirty"]
    assert record["remote"] == "https://host/repo.git"
    assert b"+two" in run.files["dirty.patch"].data
    git(node, "commit", "-qam", "y")
    assert node.run(mock, "true").returncode == 0
    assert [r.document["job"]["git"]["dirty"] for r in mock.runs.values()] == [True, False]


def test_files_of_before_belong_to_the_run_only_if_they_change(node, mock):
    (node.path / "logs").mkdir()
    (node.path / "outputs").mkdir()
    for name in ("logs/old", "logs/grows", "outputs/old", "outputs/new"):
        (node.path / name).write_text("before\n")
    command = "echo more >> logs/grows; echo other > outputs/new; echo n > logs/new"
    assert node.run(mock, "sh", "-c", command).returncode == 0
    files = {k: bytes(v.data) for k, v in mock.only_run().files.items() if "console" not in k}
    assert files == {"logs/grows": b"before\nmore\n", "outputs/new": b"other\n", "logs/new": b"n\n"}


def test_another_attempt_of_a_run(node, mock):
    assert node.run(mock, "echo", "first").returncode == 0
    run_id = next(iter(mock.runs))
    assert node.run(mock, "sh", "-c", "echo $TAILBOARD_ATTEMPT",
                    options=["--resume", run_id]).stdout == b"2\n"
    run = mock.only_run()
    assert {e["attempt"] for e in run.events.values()} == {1, 2}
    assert run.files["console/stdout.txt"].data == b"first\n"
    assert run.files["console/a2/stdout.txt"].data == b"2\n"


def test_the_server_can_end_a_run(node, mock):
    mock.heartbeat = 1
    process = node.spawn("run", "--server", mock.url, "--", "sleep", "600")
    run = wait_for(lambda: mock.runs and mock.only_run(), "the run")
    wait_for(lambda: "started" in run.kinds(), "started")
    run.stop = {"kind": "cancel", "reason": "enough", "grace": 5, "now": False}
    assert process.wait(DEADLINE) == 128 + 15
    assert run.event("exited")["data"] == {"signal": 15, "cause": "user"}


def test_a_command_that_ignores_the_order_is_killed_after_the_grace(node, mock):
    mock.heartbeat = 1
    process = node.spawn("run", "--server", mock.url, "--", "sh", "-c",
                         "trap '' TERM; while :; do sleep 0.1; done")
    run = wait_for(lambda: mock.runs and mock.only_run(), "the run")
    wait_for(lambda: "started" in run.kinds(), "started")
    run.stop = {"kind": "early-stopped", "reason": "", "grace": 1, "now": False}
    assert process.wait(DEADLINE) == 128 + 9
    assert run.event("exited")["data"]["cause"] == "early-stopped"


def test_ranks_join_one_run(node, mock):
    both = []
    for rank in range(2):
        env = {"OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_SIZE": 2,
               "OMPI_COMM_WORLD_LOCAL_RANK": rank, "OMPI_COMM_WORLD_LOCAL_SIZE": 2,
               "PMIX_NAMESPACE": "ns", "OMPI_MCA_orte_hnp_uri": "uri", "SLURM_PROCID": 0}
        script = f"echo rank $TAILBOARD_RANK of $TAILBOARD_WORLD_SIZE; echo {rank} > logs/r{rank}"
        both.append(node.spawn("run", "--server", mock.url, "--", "sh", "-c", script, env=env))
    assert [p.wait(DEADLINE) for p in both] == [0, 0]
    run = mock.only_run()
    assert run.document["join"] is True and "host" not in run.document["job"]
    names = set(run.files)
    assert {"console/stdout-r0000.txt", "console/stdout-r0001.txt"} <= names
    assert {"logs/r0", "logs/r1"} <= names
    assert {e["rank"] for e in run.events.values() if e["kind"] == "flushed"} == {0, 1}
    assert run.event("started")["data"]["world_size"] == 2


def test_the_lean_program_has_its_own_commands(node):
    text = node.call("help").stdout.decode()
    assert "tailboard-agent" in text and "\n  serve" not in text
    versions = json.loads(node.call("version", "--json").stdout)
    assert set(versions["libraries"]) == {"protobuf-c", "jansson"}


def test_two_runs_of_one_directory_keep_their_files_apart(node, mock):
    script = ("import sys, time\nname = sys.argv[1]\nout = open('logs/' + name, 'w')\n"
              "for i in range(20):\n  print(i, file=out, flush=True); time.sleep(0.1)\n")
    (node.path / "train.py").write_text(script)
    both = [node.spawn("run", "-n", name, "--server", mock.url, "--", sys.executable, "train.py",
                       name) for name in ("a", "b")]
    assert [p.wait(DEADLINE) for p in both] == [0, 0]
    files = {run.document["name"]: {n for n in run.files if "console" not in n}
             for run in mock.runs.values()}
    assert files == {"a": {"logs/a"}, "b": {"logs/b"}}
    assert all(bytes(run.files["logs/" + run.document["name"]].data).endswith(b"19\n")
               for run in mock.runs.values())
