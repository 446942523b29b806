"""The data server that stock TensorBoard starts, and the same service on serve's port."""

import json
import os
import socket
import struct
import subprocess
import urllib.request

import grpc
import pytest

import grpc_lib
from conftest import DEADLINE, ROOT, wait_for
from grpc_lib import Client, DataServer, SERVER, field, one, parse, query

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
WALL = 1700000000.0


@pytest.fixture
def serve(tmp_path):
    running = []

    def start(logdir, *extra, binary=SERVER, **kwargs):
        running.append(DataServer(binary, logdir, tmp_path / f"data{len(running)}", *extra,
                                  **kwargs))
        return running[-1]

    yield start
    for one_ in running:
        one_.end()


def value(**kwargs):
    from tensorboardX.proto.summary_pb2 import Summary
    return Summary.Value(**kwargs)


def image(height=480, width=640):
    from tensorboardX.proto.summary_pb2 import Summary
    return Summary.Image(height=height, width=width, encoded_image_string=PNG)


def media(write):
    """One run with something of everything that has a class of its own."""
    from tensorboardX import summary
    log = write("train")
    for step in range(5):
        log.scalar("loss", 1 / (step + 1), step, wall_time=WALL + step)
    for step in (0, 3):
        log.values(step, value(tag="picture", image=image()), wall_time=WALL + step)
    log.event(1, wall_time=WALL + 1, summary=summary.histogram("weights", [1.0, 2.0, 2.5], bins=[
        0.0, 1.5, 3.0]))
    log.event(2, wall_time=WALL + 2, summary=summary.text("words", "some *words*"))
    log.event(0, wall_time=WALL, graph_def=b"a graph")
    return log


def wait_for_loss(client, step):
    def there():
        found = client.list("Scalars", "scalars").get(("train", "loss"))
        return found and one(found, 1, 0) == step and found
    return wait_for(there, f"step {step}")


def test_lists_and_reads_what_was_written(serve, logs, write):
    media(write)
    client = serve(logs).client
    metadata = wait_for_loss(client, 4)
    assert struct.unpack("<d", one(metadata, 2)) == (WALL + 4,)
    assert one(parse(one(parse(one(metadata, 3)), 1)), 1) == b"scalars"
    assert one(parse(one(metadata, 3)), 4) == 1
    assert list(client.runs()) == ["train"]
    assert client.plugins() == ["graphs", "histograms", "images", "scalars", "text"]
    assert one(parse(client.call("GetExperiment")), 1).decode() == str(logs)
    assert client.read("Scalars", "scalars") == {
        ("train", "loss"): (list(range(5)), [WALL + i for i in range(5)],
                            [1, .5, struct.unpack("f", struct.pack("f", 1 / 3))[0], .25,
                             struct.unpack("f", struct.pack("f", .2))[0]])}
    steps, _, tensors = client.read("Tensors", "histograms")["train", "weights"]
    assert steps == [1] and one(parse(tensors[0]), 1) == 2
    assert client.list("Tensors", "text")["train", "words/text_summary"]


def test_blobs_come_back_by_their_keys(serve, logs, write):
    media(write)
    client = serve(logs).client
    wait_for_loss(client, 4)
    assert one(client.list("BlobSequences", "images")["train", "picture"], 3) == 3
    steps, _, sequences = client.read("BlobSequences", "images")["train", "picture"]
    assert steps == [0, 3]
    keys = [one(parse(r), 1).decode() for r in parse(sequences[1])[1]]
    assert [b"".join(client.blob(key)) for key in keys] == [b"640", b"480", PNG]
    assert keys[2] == "WyIiLCJ0cmFpbiIsInBpY3R1cmUiLDMsMl0"
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    for key, code in (("", invalid), ("%%", invalid), ("WyIiLCJucyIsInBpY3R1cmUiLDMsMl0", missing),
                      ("WyIiLCJ0cmFpbiIsInBpY3R1cmUiLDMsOV0", missing)):
        with pytest.raises(grpc.RpcError) as failed:
            client.blob(key)
        assert failed.value.code() == code, key


def test_a_blob_whose_bytes_changed_is_not_given_out(serve, logs, write):
    media(write)
    client = serve(logs).client
    wait_for_loss(client, 4)
    _, _, sequences = client.read("BlobSequences", "images")["train", "picture"]
    key = one(parse(parse(sequences[0])[1][2]), 1).decode()
    path = next(logs.glob("train/*tfevents*"))
    with open(path, "r+b") as file:
        file.seek(path.read_bytes().index(PNG) + 100)
        file.write(b"?")
    with pytest.raises(grpc.RpcError) as failed:
        client.blob(key)
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_limited_answer_has_so_many_points_and_keeps_the_extremes(serve, logs, write):
    log = write("train")
    values = [float(i % 7) for i in range(200)]
    values[71], values[130] = 1000.0, -1000.0
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    for step, v in enumerate(values):
        log.writer.write_event(Event(wall_time=WALL + step, step=step, summary=Summary(
            value=[Summary.Value(tag="loss", simple_value=v)])))
    log.writer.flush()
    client = serve(logs).client
    wait_for_loss(client, 199)
    for points in (0, 1, 2, 3, 4, 5, 50, 51, 199, 200, 1 << 62):
        steps, walls, got = client.read("Scalars", "scalars", points)["train", "loss"]
        assert len(steps) == min(points, 200) and steps == sorted(set(steps)), points
        assert [values[s] for s in steps] == got and [WALL + s for s in steps] == walls
        assert points == 0 or steps[-1] == 199
        assert points < 2 or steps[0] == 0
        assert points < 4 or {71, 130} <= set(steps)
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert client.error("ReadScalars", query("scalars")) == (invalid, "must specify downsample")
    assert client.error("ReadScalars", query("", points=1))[0] == invalid
    assert "got -7" in client.error("ReadScalars", query("scalars", points=-7))[1]


def test_filters_know_nothing_from_everything(serve, logs, write):
    for run in ("a", "b"):
        for tag in ("x", "y"):
            write(run, f".{tag}").scalar(tag, 1, 0, wall_time=WALL)
    client = serve(logs).client
    every = {(r, t) for r in "ab" for t in "xy"}

    def asked(**kwargs):
        return set(client.list("Scalars", "scalars", **kwargs))
    wait_for(lambda: asked() == every, "all series")
    assert asked(runs=["b", "none"]) == {("b", "x"), ("b", "y")}
    assert asked(tags=["y"], runs=["a"]) == {("a", "y")}
    assert asked(runs=[]) == asked(tags=[]) == asked(runs=[], tags=[]) == set()
    assert set(client.read("Scalars", "scalars", tags=["x"])) == {("a", "x"), ("b", "x")}


def test_points_come_between_reloads_and_a_run_goes_with_its_directory(serve, logs, write):
    log = media(write)
    client = serve(logs, "--reload=3600").client
    wait_for_loss(client, 4)
    log.scalar("loss", 7, 9, wall_time=WALL + 9)
    wait_for_loss(client, 9)
    (logs / "train").rename(logs.parent / "away")
    wait_for(lambda: not client.runs() and not client.list("Scalars", "scalars"), "no run")


def test_hints_limit_what_is_kept(serve, logs, write):
    media(write)
    client = serve(logs, "--samples-per-plugin=scalars=2,images=0,text=all").client
    wait_for_loss(client, 4)
    assert client.read("Scalars", "scalars")["train", "loss"][0] == [0, 4]
    assert client.list("BlobSequences", "images") == {}
    assert client.read("BlobSequences", "images")["train", "picture"][0] == []
    assert len(client.read("Tensors", "text", 0)["train", "words/text_summary"][0]) == 1


def test_what_stock_clients_may_send(serve, logs, write):
    media(write)
    client = serve(logs).client
    wait_for_loss(client, 4)
    assert client.error("NoSuchMethod")[0] == grpc.StatusCode.UNIMPLEMENTED
    assert client.error("ListRuns", b"\x0a\x7f")[0] == grpc.StatusCode.INTERNAL
    check = "/grpc.health.v1.Health/Check"
    assert parse(client.call(check)) == {1: [1]}
    assert client.error(check, field(1, "none"))[0] == grpc.StatusCode.NOT_FOUND
    assert client.call("ListRuns", compression=grpc.Compression.Gzip)
    many = query("scalars", tags=["x" * 200] * 10000, points=1)
    assert client.call("ReadScalars", many, compression=grpc.Compression.Gzip) == b""
    assert client.error("ListRuns", field(1, "x" * (5 << 20)))[0] == (
        grpc.StatusCode.RESOURCE_EXHAUSTED)
    calls = [client.channel.unary_unary(grpc_lib.METHOD + "ListRuns").future(b"", timeout=DEADLINE)
             for _ in range(300)]
    assert len({call.result() for call in calls}) == 1


def test_broken_connections_harm_nobody(serve, logs, write):
    media(write)
    server = serve(logs)
    wait_for_loss(server.client, 4)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings, half_a_frame = b"\0\0\0\4\0\0\0\0\0", b"\0\0\5\1\5\0\0\0\1zz"
    for junk in (preface, preface + b"\xff" * 100, preface + settings + half_a_frame,
                 b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("localhost", server.port)) as link:
            link.sendall(junk)
    assert server.client.runs()


def test_the_command_line_is_that_of_the_original(logs, tmp_path):
    def run(*args, **kwargs):
        return subprocess.run([SERVER, *args], capture_output=True, text=True, timeout=DEADLINE,
                              stdin=subprocess.DEVNULL, **kwargs)
    assert run("--version").stdout.startswith("tailboard-data-server ")
    assert run("--help").returncode == 0
    error = tmp_path / "error"
    for wrong in (["--logdi", "x"], ["x"], [], ["--logdir"], ["--logdir=x", "--port=65536"],
                  ["--logdir=x", "--reload=5s"], ["--logdir=x", "--samples-per-plugin=a=1.5"],
                  ["--logdir=x", "--samples-per-plugin=a=1,"], ["--logdir=x", "--die_after_stdin"]):
        done = run(*wrong, f"--error-file={error}") if wrong != ["--logdir"] else run(*wrong)
        assert done.returncode == 2 and done.stderr and not error.exists(), wrong
    for logdir, said in (("", "empty --logdir\n"),
                         ("wat://x", 'unknown protocol "wat" in logdir wat://x\n')):
        assert run(f"--logdir={logdir}", "--error-file", error).returncode == 8
        assert error.read_text() == said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(f"--logdir={logs}", "--host=127.0.0.1", f"--port={taken.getsockname()[1]}")
        assert done.returncode == 9
        assert "Address already in use (os error 98)" in done.stderr
    assert run(f"--logdir={logs}", "--port=0", "--port-file=/nowhere/port").returncode == 1
    assert run(f"--logdir={logs}", "--port=0", "--die-after-stdin").returncode == 0


def test_it_ends_with_standard_input(serve, logs):
    assert serve(logs).end() == 0


def test_reload_once_follows_nothing(serve, logs, write):
    log = media(write)
    client = serve(logs, "--reload=once").client
    wait_for_loss(client, 4)
    log.scalar("loss", 7, 9, wall_time=WALL + 9)
    other = serve(logs)
    wait_for_loss(other.client, 9)
    assert one(client.list("Scalars", "scalars")["train", "loss"], 1) in (4, 9)


def test_answers_as_the_original_does(serve, logs, write):
    stock = pytest.importorskip("tensorboard_data_server").server_binary()
    media(write)
    clients = [server.client for server in (serve(logs), serve(logs, binary=stock))]
    for client in clients:
        wait_for_loss(client, 4)
    ours, theirs = clients
    wait_for(lambda: theirs.plugins() == ours.plugins(), "everything read")
    assert ours.runs() == theirs.runs()
    for kind, plugin in (("Scalars", "scalars"), ("Tensors", "text"), ("BlobSequences", "images"),
                         ("BlobSequences", "graphs")):
        for name, message in theirs.list(kind, plugin).items():
            mine, number = ours.list(kind, plugin)[name], 4 if kind == "BlobSequences" else 3
            metadata = [parse(m.pop(number)[0]) for m in (mine, message)]
            assert mine == message
            assert parse(one(metadata[0], 1)) == parse(one(metadata[1], 1))
            assert one(metadata[0], 4) == one(metadata[1], 4)
        for name, read in theirs.read(kind, plugin).items():
            mine = ours.read(kind, plugin)[name]
            assert mine[:2] == read[:2]
            if kind == "BlobSequences":
                for sequences in zip(mine[2], read[2]):
                    keys = [[one(parse(r), 1).decode() for r in parse(s)[1]] for s in sequences]
                    assert keys[0] == keys[1]
                    assert [ours.blob(k) for k in keys[0]] == [theirs.blob(k) for k in keys[0]]
            else:
                assert mine == read


def test_serve_answers_on_its_own_port(start, logs, write):
    media(write)
    server = start("--logdir", logs)
    client = Client(server.port)
    wait_for_loss(client, 4)
    assert client.runs("defaultExperimentId") == client.runs() == client.runs("logs")
    assert client.runs("unknown") == {} and len(client.runs()) == 1
    _, _, sequences = client.read("BlobSequences", "images")["train", "picture"]
    key = one(parse(parse(sequences[0])[1][2]), 1).decode()
    assert b"".join(client.blob(key)) == PNG
    assert server.runs()["train"]
    client.channel.close()


def test_serve_with_a_token_wants_it(start, logs, write):
    media(write)
    server = start("--logdir", logs, "--auth", "token")
    client = Client(server.port)
    assert client.error("ListRuns")[0] == grpc.StatusCode.UNAUTHENTICATED
    token = subprocess.run([grpc_lib.PROGRAM, "token", "--state", server.state], text=True,
                           capture_output=True, check=True).stdout.strip()
    assert client.call("GetExperiment", metadata=[("authorization", f"Bearer {token}")])
    client.channel.close()


def test_stock_tensorboard_runs_on_it(logs, write, tmp_path):
    stock = ROOT / "build/venv-bench/bin/tensorboard"
    if not stock.exists():
        pytest.skip("./dev bench installs the stock TensorBoard")
    media(write)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [stock, "--logdir", logs, "--load_fast=true", "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"TENSORBOARD_DATA_SERVER_BINARY": SERVER, "no_proxy": "*",
                          "XDG_CACHE_HOME": str(tmp_path / "cache")})

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE) as got:
                return json.load(got)
        except OSError:
            return None
    try:
        wait_for(lambda: (get("/data/plugin/scalars/tags") or {}).get("train"), "tags")
        assert "GrpcDataProvider" in get("/data/environment")["debug"]["data_provider"]
        wait_for(lambda: len(get("/data/plugin/scalars/scalars?run=train&tag=loss")) == 5, "points")
        pictures = get("/data/plugin/images/images?run=train&tag=picture&sample=0")
        assert [picture["step"] for picture in pictures] == [0, 3]
        assert get("/data/plugin/histograms/histograms?run=train&tag=weights")
    finally:
        process.terminate()
        process.wait(DEADLINE)
