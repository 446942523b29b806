"""Answers too long to be gathered: they are walked, and must be what a short one would be."""

import csv
import gzip
import io
import json
import time

import pytest

from api_lib import POINTS, Raw, frames
from conftest import Log, wait_for

POINTS_COUNT = 150_000


@pytest.fixture(scope="module")
def long_log(tmp_path_factory):
    """A run of two attempts; the second begins within the first."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    folder = tmp_path_factory.mktemp("long")
    for suffix, first, count, wall in (("a", 0, 100_000, 1e6), ("b", 70_000, 50_000, 5e6)):
        log = Log(folder / "exp/long", suffix)
        for step in range(first, first + count):
            value = Summary.Value(tag="loss", simple_value=step / 7)
            log.writer.write_event(Event(wall_time=wall + step / 8, step=step,
                                         summary=Summary(value=[value])))
        log.writer.close()
    return folder


@pytest.fixture
def long_run(start, long_log):
    server = start("--logdir", long_log)
    return server, server.run("exp/long", points=POINTS_COUNT)["id"]


def target(run, **query):
    more = "".join(f"&{k}={v}" for k, v in query.items())
    return f"/api/v1/runs/{run}/points?tag=loss{more}"


@pytest.mark.parametrize("view, count", [("stitched", 120_000), ("all", POINTS_COUNT)])
def test_every_form_of_a_long_answer_has_the_same_points(long_run, view, count):
    server, run = long_run
    flat = server.request(target(run, view=view)).json
    steps, walls, values = flat["step"], flat["wall"], flat["value"]
    assert flat["count"] == len(steps) == len(walls) == len(values) == count
    assert flat["complete"] is True and len(flat["attempts"]) == count
    assert steps == sorted(steps)
    assert sum(a == 2 for a in flat["attempts"]) == 50_000
    assert all(w == (1e6 if a == 1 else 5e6) + s / 8
               for s, w, a in zip(steps, walls, flat["attempts"]))

    binary = frames(server.request(target(run, view=view, format="binary")).body)
    assert len(binary) > 1 and {f.kind for f in binary} == {"points"}
    assert [f.complete for f in binary] == [False] * (len(binary) - 1) + [True]
    assert {f.ordinal for f in binary} == {flat["ordinal"]}
    for name, column in (("step", steps), ("wall", walls), ("value", values)):
        assert [x for f in binary for x in f.columns[name]] == column, name

    rows = list(csv.DictReader(io.StringIO(
        server.request(target(run, view=view, format="csv")).text)))
    assert [int(r["step"]) for r in rows] == steps
    assert [float(r["value"]) for r in rows] == values
    lines = server.request(target(run, view=view, format="ndjson"),
                           headers={"Accept-Encoding": "gzip"})
    lines = [json.loads(x) for x in gzip.decompress(lines.body).decode().splitlines()]
    assert [x["value"] for x in lines] == values


def test_a_long_answer_is_the_same_in_a_list_of_series(long_run):
    server, run = long_run
    body = {"series": [[run, "loss"], [run, "none"], [run, "loss"]], "range": [0, 99_999]}
    answer = server.request("/api/v1/points", "POST", json.dumps(body),
                            {"Content-Type": "application/json"})
    parts = answer.json["frames"]
    assert [p["count"] for p in parts] == [100_000, 0, 100_000]
    assert parts[0]["step"] == parts[2]["step"] == list(range(100_000))
    assert parts[0]["complete"] is False
    answer = server.request("/api/v1/points", "POST", json.dumps(body),
                            {"Content-Type": "application/json", "Accept": POINTS})
    binary = frames(answer.body)
    assert [x for f in binary if f.handle == 2 for x in f.columns["step"]] == parts[0]["step"]
    assert [f.handle for f in binary] == sorted(f.handle for f in binary)


def test_a_slow_reader_holds_little_of_a_long_answer(long_run):
    server, run = long_run
    held = lambda: server.metrics()["tailboard_http_held_points"]  # noqa: E731
    with Raw(server) as slow:
        slow.send(f"GET {target(run, format='csv')} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.until(b"\r\n\r\n")
        assert 0 < held() < POINTS_COUNT
    wait_for(lambda: held() == 0, "the points to be let go")


def test_a_stream_begins_with_long_history(long_run):
    server, run = long_run
    with Raw(server, timeout=20) as raw:
        raw.send(f"GET /api/v1/runs/{run}/stream?tag=loss HTTP/1.1\r\nHost: localhost\r\n\r\n")
        raw.until(b"\r\n\r\n")
        until, text = time.monotonic() + 30, b""
        while text.count(b"\n") < POINTS_COUNT and time.monotonic() < until:
            size = int(raw.until(b"\r\n"), 16)
            while len(raw.held) < size + 2:
                assert raw.more()
            text += raw.held[:size]
            raw.held = raw.held[size + 2 :]
    lines = [json.loads(x) for x in text.splitlines()]
    assert len(lines) == POINTS_COUNT
    steps = [x["step"] for x in lines]
    assert steps == sorted(steps)
