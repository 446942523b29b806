"""`tailboard serve` from start to end: ports, signals, log directories, growing files."""

import json
import os
import re
import signal
import socket

import pytest

from conftest import cli, wait_for


def test_the_port_file_is_whole_and_goes_away(start, logs, tmp_path):
    port_file = tmp_path / "port"
    server = start("--logdir", logs, "--port-file", port_file)
    wait_for(port_file.exists)
    assert re.fullmatch(r"\d+\n", port_file.read_text())
    assert not list(tmp_path.glob("port.*"))
    assert server.stop() == 0
    assert not port_file.exists()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(server, sig):
    assert server.stop(sig) == 0
    assert "stopping" in server.log


def test_the_ready_line_says_where(server):
    wait_for(lambda: "Ctrl-C ends it" in server.log)
    assert f"1 log directory, http://localhost:{server.port}/ " in server.log


def test_the_json_line_is_for_scripts(start, logs):
    server = start("--logdir", logs, "--json", "--quiet")
    wait_for(lambda: "\n" in server.log)
    line = json.loads(server.log.splitlines()[0])
    assert line["port"] == server.port
    assert line["url"] == f"http://localhost:{server.port}/"
    assert line["pid"] == server.process.pid
    assert re.fullmatch(r"[0-9a-f]{16}", line["epoch"])


def test_quiet_prints_nothing(start, logs, write):
    write("a").scalar("x", 1, 1)
    server = start("--logdir", logs, "--quiet")
    server.stop()
    assert server.log == ""


def test_healthz_answers(server):
    assert server.request("/healthz").status == 200


def test_a_growing_file_becomes_visible(server, write):
    log = write("train")
    log.scalar("loss", 0.5, 1)
    run = server.run("train", points=1)
    for step in range(2, 50):
        log.scalar("loss", step / 2, step)
        wait_for(lambda: server.runs()["train"]["points"] == step, f"step {step}", 5)
    assert server.points(run["id"], "loss")[-1] == (49, 24.5)


def test_a_new_run_below_appears(server, write):
    for name in ("a", "b/c", "b/d/e", "."):
        write(name).scalar("x", 1, 1)
    wait_for(lambda: {"a", "b/c", "b/d/e", "."} <= set(server.runs()))


def test_a_missing_log_directory_is_waited_for(start, tmp_path):
    from tensorboardX import SummaryWriter
    later = tmp_path / "not" / "yet"
    server = start("--logdir", later)
    wait_for(lambda: str(later) in server.log, "a word about it")
    assert server.runs() == {}
    with SummaryWriter(str(later / "run")) as w:
        w.add_scalar("x", 1, 1)
    server.run("run", points=1)


def test_the_usual_log_directory_is_logs(start, write):
    write("here").scalar("x", 1, 1)
    start().run("here")


def test_several_log_directories_put_their_names_in_front(start, logs, write):
    for name in ("one/r", "two/r"):
        write(name).scalar("x", 1, 1)
    server = start("--logdir", logs / "one", "--logdir", f"second:{logs / 'two'}")
    wait_for(lambda: {"one/r", "second/r"} == set(server.runs()))
    assert server.runs()["second/r"]["experiment"] == "second"


def test_two_servers_on_one_port_give_a_clear_error(server, start, logs, tmp_path):
    result = cli("serve", "--logdir", logs, "--port", server.port, "--state", tmp_path / "s")
    assert result.returncode == 3
    assert f"port {server.port} is taken" in result.stderr
    assert "--port 0" in result.stderr


def test_the_usual_port_gives_way_to_the_next_one(start, logs):
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 6006))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        server = start("--logdir", logs, port=None)
        assert 6006 < server.port <= 6016


def test_a_port_file_that_cannot_be_written_ends_the_start(logs, tmp_path):
    result = cli("serve", "--logdir", logs, "--port", "0", "--state", tmp_path / "s",
                 "--port-file", tmp_path / "no" / "folder")
    assert result.returncode == 3
    assert "cannot be written" in result.stderr


def test_an_address_that_is_not_ours_ends_the_start(logs, tmp_path):
    result = cli("serve", "--logdir", logs, "--port", "0", "--state", tmp_path / "s",
                 "--host", "192.0.2.1")
    assert result.returncode == 3
    assert "cannot listen on 192.0.2.1, port 0" in result.stderr


def test_the_environment_is_read(start, logs, write):
    write("env").scalar("x", 1, 1)
    start(env={"TAILBOARD_LOGDIR": logs}).run("env")


def test_the_path_prefix_stands_in_front_of_everything(start, logs):
    server = start("--logdir", logs, "--path_prefix", "some/where/")
    assert server.request("/some/where/api/v1/runs").status == 200
    assert server.request("/api/v1/runs").status == 404
    assert f":{server.port}/some/where/ " in server.log


# ---- who gets in ------------------------------------------------------------------------------

def token_of(server):
    return wait_for(lambda: re.search(r"#token=(\S+)", server.log), "the link").group(1)


def test_in_token_mode_everybody_needs_it(start, logs):
    server = start("--logdir", logs, "--auth", "token")
    token = token_of(server)
    assert server.request("/api/v1/runs").status == 401
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.request("/api/v1/runs", headers=bearer).status == 200
    assert server.request("/healthz").status == 200


def test_the_token_is_kept_private_and_printed_once(start, logs, tmp_path):
    first = start("--logdir", logs, "--auth", "token", "--state", tmp_path / "state")
    token = token_of(first)
    first.stop()
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0
    second = start("--logdir", logs, "--auth", "token", "--state", tmp_path / "state")
    wait_for(lambda: "Ctrl-C" in second.log)
    assert token not in second.log
    bearer = {"Authorization": f"Bearer {token}"}
    assert second.request("/api/v1/runs", headers=bearer).status == 200


def test_on_loopback_the_own_user_needs_none(server):
    assert server.request("/api/v1/runs").status == 200
    assert "token" not in server.log


# ---- loads ------------------------------------------------------------------------------------

@pytest.fixture
def load(logs):
    """60 runs of 20,000 points, which take a moment to read."""
    from tensorboardX import SummaryWriter
    with SummaryWriter(str(logs / "run0")) as w:
        for step in range(2000):
            w.add_scalar("loss", step, step)
    source = next((logs / "run0").iterdir())
    data = source.read_bytes() * 10
    for i in range(60):
        (logs / f"run{i}").mkdir(exist_ok=True)
        (logs / f"run{i}" / source.name).write_bytes(data)
    return 60


def test_a_start_can_be_interrupted(start, logs, load):
    process, port_file, _, log = start.spawn("--logdir", logs)
    wait_for(lambda: port_file.exists() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_a_restart_in_the_middle_of_a_load_gives_the_same(start, logs, load):
    first, port_file, _, _ = start.spawn("--logdir", logs)
    wait_for(port_file.exists)
    first.kill()
    first.wait()
    second = start("--logdir", logs)
    wait_for(lambda: second.metrics().get("tailboard_tail_caught_up") == 1)
    runs = second.runs()
    assert len(runs) == load
    assert {run["points"] for run in runs.values()} == {20000}


def test_the_load_is_told_when_it_is_over(start, logs, load):
    server = start("--logdir", logs)
    line = wait_for(lambda: re.search(r"loaded 60 runs, ([\d.]+) M points in [\d.]+ s", server.log))
    assert line.group(1) == "1.2"


def test_memory_is_told_by_point(start, logs, load):
    server = start("--logdir", logs)
    wait_for(lambda: server.metrics().get("tailboard_tail_caught_up") == 1)
    metrics = server.metrics()
    assert metrics["tailboard_store_points"] == 1_200_000
    assert 1 < metrics["tailboard_store_bytes_per_point"] < 16
    assert metrics["tailboard_ingest_points_total"] == metrics["tailboard_store_points"]


# ---- other writers' shapes --------------------------------------------------------------------

def test_every_kind_that_tensorboardx_writes_is_a_series(server, logs):
    import numpy as np
    from tensorboardX import SummaryWriter
    with SummaryWriter(str(logs / "kinds")) as w:
        w.add_scalar("scalar", 1.5, 1)
        w.add_scalar("nan", float("nan"), 1)
        w.add_histogram("histogram", np.arange(100.0), 1)
        w.add_text("text", "hello", 1)
        w.add_pr_curve("curve", np.array([0, 1, 1]), np.array([0.1, 0.6, 0.9]), 1)
        w.add_hparams({"lr": 0.1}, {"score": 1.0}, name="trial")
    run = server.run("kinds")
    wait_for(lambda: "curve" in server.series(run["id"]))
    kinds = {tag: series["kind"] for tag, series in server.series(run["id"]).items()}
    wanted = {"scalar": "scalar", "nan": "scalar", "histogram": "histogram", "curve": "tensor"}
    assert kinds.items() >= wanted.items()
    assert "text" in kinds.values()
    trial = server.run("kinds/trial")
    kinds = {series["kind"] for series in server.series(trial["id"]).values()}
    assert kinds == {"hparams", "scalar"}


def test_a_killed_and_restarted_writer_gives_a_new_attempt(server, write):
    first = write("job", ".a")
    for step in range(100):
        first.scalar("loss", step, step, wall_time=1e9 + step)
    server.run("job", points=100, attempts=1)
    second = write("job", ".b")
    for step in range(50, 150):
        second.scalar("loss", step, step, wall_time=2e9 + step)
    run = server.run("job", points=200, attempts=2)
    assert [s for s, _ in server.points(run["id"], "loss", view="stitched")] == list(range(150))
    assert len(server.points(run["id"], "loss", view="all")) == 200


def test_a_damaged_record_is_listed_and_the_run_goes_on(start, logs):
    from tensorboardX import SummaryWriter
    with SummaryWriter(str(logs / "hurt")) as w:
        for step in range(100):
            w.add_scalar("loss", step, step)
    path = next((logs / "hurt").iterdir())
    data = bytearray(path.read_bytes())
    at = data.index(b"loss", len(data) // 2)
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))  # an old file is judged at once
    server = start("--logdir", logs)
    run = server.run("hurt", points=99)
    damage = server.get(f"/api/v1/runs/{run['id']}/damage")["damage"]
    assert [d["reason"] for d in damage] == ["payload"]
    assert damage[0]["offset"] < at < damage[0]["offset"] + damage[0]["length"]
