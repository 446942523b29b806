"""The HTTP API, resource by resource, over the real program."""

import csv
import gzip
import io
import json
import math
import struct
import threading
import time

import pytest

from api_lib import POINTS, Raw, frames, number, request, same
from conftest import wait_for

JSON = {"Content-Type": "application/json"}


def post(server, body, accept=None, **headers):
    more = {"Accept": accept} if accept else {}
    return server.request("/api/v1/points", "POST", json.dumps(body), JSON | more | headers)


@pytest.fixture
def run(server, write):
    """A run with 100 points of "loss", one of them NaN, and its writer."""
    log = write("exp/a")
    for step in range(100):
        log.scalar("train/loss", math.nan if step == 7 else step / 3, step, wall_time=1000 + step)
    found = server.run("exp/a", points=100)
    return found["id"], log


# ---- lists ------------------------------------------------------------------------------------


def test_runs_filter_sort_and_page(server, write):
    for i, name in enumerate(("b", "a", "c10", "c9")):
        for step in range(i + 1):
            write(name, f"{i}{step}").scalar("x", 1, step, wall_time=100 - i)
    for i, name in enumerate(("b", "a", "c10", "c9")):
        server.run(name, points=i + 1)
    names = lambda **query: [r["name"] for r in server.get("/api/v1/runs", **query)["runs"]]  # noqa
    assert names() == ["a", "b", "c9", "c10"]
    assert names(q="^c") == ["c9", "c10"]
    assert names(sort="-points") == ["c9", "c10", "a", "b"]
    assert names(sort="start") == ["c9", "c10", "a", "b"]
    assert names(experiment="nope") == []
    assert names(status="Running") == names(parent="x") == names(tag="team:vision") == []
    assert server.request("/api/v1/runs?tag=vision").json["code"] == "bad-parameter"
    seen, path = [], "/api/v1/runs?limit=3&sort=-name"
    while path:
        answer = server.request(path)
        seen += [r["name"] for r in answer.json["runs"]]
        link = answer.headers.get("Link")
        path = "/api/v1/runs" + link[link.index("<") + 1 : link.index(">")] if link else None
    assert seen == ["c10", "c9", "b", "a"]
    assert server.get("/api/v1/runs", limit=1)["total"] == 4


def test_the_list_is_the_same_until_something_changes(server, write, run):
    etag = server.request("/api/v1/runs").headers["ETag"]
    again = server.request("/api/v1/runs", headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")
    write("exp/b").scalar("x", 1, 1)
    server.run("exp/b", points=1)
    assert server.request("/api/v1/runs", headers={"If-None-Match": etag}).status == 200


def test_experiments(server, run):
    (experiment,) = server.get("/api/v1/experiments")["experiments"]
    assert (experiment["name"], experiment["runs"], experiment["points"]) == ("logs", 1, 100)


def test_one_run(server, run):
    one = server.get(f"/api/v1/runs/{run[0]}")
    assert one["name"] == "exp/a" and one["attempts_list"][0]["points"] == 100
    assert server.request("/api/v1/runs/none").status == 404
    (file,) = server.get(f"/api/v1/runs/{run[0]}/files")["files"]
    assert (file["points"], file["attempt"], file["generation"]) == (100, 1, 1)
    assert server.get(f"/api/v1/runs/{run[0]}/attempts")["attempts"][0]["last_step"] == 99


def test_series_and_tags(server, write, run):
    run[1].scalar("other", 2, 1)
    write("exp/b").scalar("train/loss", 1, 1)
    other = server.run("exp/b", points=1)["id"]
    server.run("exp/a", points=101)
    series = server.series(run[0])
    loss = series["train/loss"]
    assert (loss["count"], loss["nan"], loss["min"], loss["min_step"]) == (100, 1, 0, 0)
    assert list(server.get(f"/api/v1/runs/{run[0]}/series", q="oth")["series"][0])[0] == "tag"
    tags = {t["tag"]: t for t in server.get("/api/v1/tags")["tags"]}
    assert sorted(tags["train/loss"]["runs"]) == sorted([run[0], other])
    assert tags["other"]["runs"] == [run[0]]
    assert [t["tag"] for t in server.get("/api/v1/tags", runs=other)["tags"]] == ["train/loss"]
    assert server.get("/api/v1/tags", kind="image")["tags"] == []


def test_values_of_other_kinds_are_listed_with_their_place(server, write, logs):
    from tensorboardX.proto.summary_pb2 import Summary
    log = write("text")
    value = Summary.Value(tag="note")
    value.metadata.plugin_data.plugin_name = "text"
    value.tensor.dtype = 7
    value.tensor.string_val.append(b"hello there")
    log.values(5, value)
    run = server.run("text", references=1)["id"]
    answer = server.get(f"/api/v1/runs/{run}/values", tag="note")
    (place,) = answer["values"]
    data = (logs / "text" / place["file"]).read_bytes()
    assert place["step"] == 5
    assert b"hello there" in data[place["offset"] : place["offset"] + place["length"]]
    assert server.get(f"/api/v1/runs/{run}/values", tag="note", step=6)["values"] == []


def test_damage_is_listed(server, write, logs):
    log = write("hurt")
    for step in range(50):
        log.scalar("x", step, step)
    server.run("hurt", points=50)
    path = next((logs / "hurt").iterdir())
    size = path.stat().st_size
    data = bytearray(path.read_bytes())
    whole = logs / "hurt2"
    whole.mkdir()
    data[size // 2] ^= 4
    (whole / path.name).write_bytes(data)
    # What looks unwritten is waited for 30 s before it counts as damage.
    run = wait_for(lambda: [r for r in server.runs().values() if r["damage"] == 1],
                   "the damage", deadline=90)[0]
    answer = server.get(f"/api/v1/runs/{run['id']}/damage")
    assert answer["count"] == 1
    assert answer["damage"][0]["reason"] in ("payload", "header", "repaired-header")
    assert answer["damage"][0]["message"].endswith(".")


# ---- points -----------------------------------------------------------------------------------


def test_the_numbers_are_the_same_in_every_form(server, run):
    path = f"/api/v1/runs/{run[0]}/points?tag=train%2Floss"
    plain = server.get(path)
    (frame,) = frames(server.request(path, headers={"Accept": POINTS}).body)
    lines = [json.loads(x) for x in server.request(path + "&format=ndjson").text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(server.request(path + "&format=csv").text)))
    assert plain["count"] == len(lines) == len(rows) == frame.count == 100
    assert frame.complete and plain["complete"] and frame.ordinal == plain["ordinal"]
    for i in range(100):
        for name, other in (("step", "step"), ("wall", "wall_time"), ("value", "value")):
            value = plain[name][i]
            assert same(value, frame.columns[name][i])
            assert same(value, lines[i][other])
            assert same(value, float(rows[i][other]))
        assert plain["value"][i] == ("NaN" if i == 7 else struct.unpack(
            "f", struct.pack("f", i / 3))[0])


def test_buckets_are_the_same_in_every_form(server, run):
    body = {"series": [[run[0], "train/loss"]], "width": 4}
    (plain,) = post(server, body).json["frames"]
    (frame,) = frames(post(server, body, POINTS).body)
    assert plain["kind"] == frame.kind == "buckets"
    assert sum(plain["n"]) in (99, 100) and sum(plain["nan"]) == 1
    for name, column in frame.columns.items():
        assert all(same(a, b) for a, b in zip(column, plain[name], strict=True)), name


def test_columns_can_be_chosen(server, run):
    body = {"series": [[run[0], "train/loss"]], "width": 4, "cols": ["step", "min", "max"]}
    (frame,) = frames(post(server, body, POINTS).body)
    assert set(frame.columns) == {"step", "min", "max"}
    assert set(post(server, body).json["frames"][0]) >= {"step", "min", "max"}
    assert "mean" not in post(server, body).json["frames"][0]


def test_a_block_answers_in_order_and_missing_series_are_empty(server, run):
    body = {"series": {"runs": ["none", run[0]], "tags": ["x", "train/loss"]}}
    found = frames(post(server, body, POINTS).body)
    assert [(f.handle, f.count) for f in found] == [(0, 0), (1, 0), (2, 0), (3, 100)]
    lines = post(server, body, "application/x-ndjson").text.splitlines()
    assert [json.loads(x)["count"] for x in lines] == [0, 0, 0, 100]


def test_ranges_include_both_ends(server, run):
    path = f"/api/v1/runs/{run[0]}/points"
    assert server.get(path, tag="train/loss", from_=10, to=12)["step"] == [10, 11, 12]
    assert server.get(path, tag="train/loss", to=0.5)["step"] == [0]
    assert server.get(path, tag="train/loss", x="wall", from_=1098)["step"] == [98, 99]
    assert server.get(path, tag="train/loss", x="relative", to=1)["step"] == [0, 1]
    body = {"series": [[run[0], "train/loss"]], "range": [97, None]}
    assert post(server, body).json["frames"][0]["step"] == [97, 98, 99]


def test_large_steps_keep_their_digits(server, write):
    write("big").scalar("x", 1, 2**53 + 1)
    run = server.run("big", points=1)["id"]
    points = server.get(f"/api/v1/runs/{run}/points", tag="x", from_=2**53 + 1)
    assert points["step"] == [2**53 + 1]


def test_points_have_an_etag(server, run):
    path = f"/api/v1/runs/{run[0]}/points?tag=train%2Floss"
    etag = server.request(path).headers["ETag"]
    assert server.request(path, headers={"If-None-Match": f'"x", {etag}'}).status == 304
    assert server.request(path + "&view=all", headers={"If-None-Match": etag}).status == 200
    kinds = [server.request(path, headers={"Accept": kind})
             for kind in ("application/json", POINTS, "text/csv", "application/x-ndjson")]
    assert len({k.headers["ETag"] for k in kinds}) == 4
    assert all(k.headers["Vary"] == "Accept, Accept-Encoding" for k in kinds)
    assert server.request(path, headers={"If-None-Match": etag, "Accept": POINTS}).status == 200
    assert server.request(path + "&format=csv", headers={"If-None-Match": etag}).status == 200
    run[1].scalar("train/loss", 1, 100)
    server.run("exp/a", points=101)
    assert server.request(path, headers={"If-None-Match": etag}).status == 200


def test_bad_asks_are_told_apart(server, run):
    ask = {"series": [[run[0], "train/loss"]]}
    for change, code in (
        ({"nonsense": 1}, "unknown-parameter"), ({"x": "time"}, "bad-parameter"),
        ({"view": 3}, "bad-parameter"), ({"range": [2, 1]}, "bad-parameter"),
        ({"width": 0}, "bad-parameter"), ({"cols": ["nope"]}, "bad-parameter"),
        ({"series": []}, "too-many-series"), ({"series": [["a"]]}, "bad-parameter"),
        ({"after": [1, 2], "epoch": "1"}, "bad-parameter"), ({"wait": 31}, "bad-parameter"),
        ({"series": {"runs": ["r"] * 400, "tags": ["t"] * 400}}, "too-many-series"),
    ):
        answer = post(server, ask | change)
        assert (answer.status, answer.json["code"]) == (400, code), change
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert server.request("/api/v1/points", "POST", "{}").status == 415
    assert server.request("/api/v1/points", "POST", "{", JSON).json["code"] == "bad-json"
    assert post(server, ask, "image/png").status == 406
    assert server.request(f"/api/v1/runs/{run[0]}/points").json["code"] == "bad-parameter"
    assert server.request(f"/api/v1/runs/{run[0]}/points?tag=no").status == 404


def test_tags_that_are_not_utf8_stay_two(server, write, logs):
    from tensorboardX.proto.summary_pb2 import Summary
    log = write("odd")
    marks = ["@@A", "@@B"]
    for i, mark in enumerate(marks):
        value = Summary.Value(tag=mark, simple_value=i)
        log.values(1, value)
    path = next((logs / "odd").iterdir())
    data = path.read_bytes()
    rewritten = logs / "odd2"
    rewritten.mkdir()
    (rewritten / path.name).write_bytes(recoded(data, {b"@@A": b"\xff\xfeA", b"@@B": b"\xff\xfdA"}))
    run = server.run("odd2", points=2)["id"]
    tags = list(server.series(run))
    assert len(set(tags)) == 2 and all(t.startswith("\ufffd\ufffdA#") for t in tags)
    assert sorted(server.points(run, t)[0][1] for t in tags) == [0, 1]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def recoded(data, words):
    """An event file with words of equal length replaced, checksums made anew."""
    out, at = b"", 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        payload = data[at + 12 : at + 12 + size]
        for old, new in words.items():
            payload = payload.replace(old, new)
        out += data[at : at + 12] + payload + struct.pack("<I", crc32c(payload))
        at += 16 + size
    return out


# ---- waiting ----------------------------------------------------------------------------------


def later(function, seconds=0.3):
    timer = threading.Timer(seconds, function)
    timer.start()
    return timer


def test_a_long_poll_of_a_run_ends_with_the_next_commit(server, run):
    path = f"/api/v1/runs/{run[0]}?wait=20"
    etag = server.request(path).headers["ETag"]
    start = time.monotonic()
    timer = later(lambda: run[1].scalar("train/loss", 1, 100))
    answer = server.request(path, headers={"If-None-Match": etag})
    timer.join()
    assert (answer.status, answer.json["points"]) == (200, 101)
    assert 0.25 < time.monotonic() - start < 10
    quiet = server.request(f"/api/v1/runs/{run[0]}?wait=1",
                           headers={"If-None-Match": answer.headers["ETag"]})
    assert quiet.status == 304


def test_a_long_poll_of_points(server, run):
    ask = {"series": [[run[0], "train/loss"], [run[0], "new"]]}
    first = post(server, ask).json
    ask |= {"epoch": first["epoch"], "after": [f["ordinal"] for f in first["frames"]], "wait": 20}
    timer = later(lambda: run[1].scalar("train/loss", 5, 100))
    (frame,) = post(server, ask).json["frames"]
    timer.join()
    assert (frame["handle"], frame["step"], frame["value"]) == (0, [100], [5])
    ask["after"][0] = frame["ordinal"]
    timer = later(lambda: run[1].scalar("new", 6, 1))
    (frame,) = frames(post(server, ask, POINTS).body)
    timer.join()
    assert (frame.handle, frame.columns["value"]) == (1, [6])
    ask |= {"after": [101, 1], "wait": 0.5}
    assert post(server, ask).status == 204
    ask["epoch"] = "123"
    kinds = {f["kind"] for f in post(server, ask).json["frames"]}
    assert kinds == {"behind"}


def test_many_waiting_requests_all_end(server, run):
    etag = server.request(f"/api/v1/runs/{run[0]}").headers["ETag"]
    clients = [Raw(server, timeout=20) for _ in range(150)]
    for raw in clients:
        raw.send(request(f"/api/v1/runs/{run[0]}?wait=20", If_None_Match=etag))
    wait_for(lambda: server.metrics()["tailboard_http_waiting"] == 150, "all to wait")
    run[1].scalar("train/loss", 1, 100)
    for raw in clients:
        assert raw.answer()[0] == 200
        raw.socket.close()


class Lines:
    """The lines of a stream, in a chunked answer."""

    def __init__(self, server, path):
        self.raw = Raw(server, timeout=20)
        self.raw.send(request(path))
        head = self.raw.until(b"\r\n\r\n")
        assert b"200 OK" in head and b"chunked" in head, head
        self.text = b""

    def next(self):
        while b"\n" not in self.text:
            size = int(self.raw.until(b"\r\n"), 16)
            while len(self.raw.held) < size + 2:
                assert self.raw.more()
            self.text += self.raw.held[:size]
            self.raw.held = self.raw.held[size + 2 :]
        line, self.text = self.text.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self.raw.socket.close()


def test_a_stream_begins_with_history_and_goes_on_by_cursor(server, run):
    path = f"/api/v1/runs/{run[0]}/stream?tag=train%2Floss"
    lines = Lines(server, path)
    got = [lines.next() for _ in range(100)]
    assert [x["step"] for x in got] == list(range(100))
    run[1].scalar("train/loss", 1, 100)
    assert lines.next()["step"] == 100
    lines.close()
    for step in range(101, 131):
        run[1].scalar("train/loss", step, step)
    server.run("exp/a", points=131)
    lines = Lines(server, path + "&from=" + got[-1]["cursor"])
    more = [lines.next() for _ in range(31)]
    assert [x["step"] for x in more] == list(range(100, 131))
    cursors = [(x["step"], x["cursor"]) for x in more if "cursor" in x]
    lines.close()
    for step, cursor in cursors[:-1]:
        lines = Lines(server, path + "&from=" + cursor)
        assert lines.next()["step"] == step + 1
        lines.close()


def test_a_stream_from_now_tells_only_what_is_new(server, run):
    lines = Lines(server, f"/api/v1/runs/{run[0]}/stream?tag=train%2Floss&tag=later&from=now")
    run[1].scalar("later", 3, 1)
    assert (lines.next()["tag"], lines.raw.socket) == ("later", lines.raw.socket)
    lines.close()
    answer = server.request(f"/api/v1/runs/{run[0]}/stream?tag=x&from=yesterday")
    assert answer.json["code"] == "bad-cursor"


def test_streams_and_waiting_requests_end_with_the_server(server, run):
    lines = Lines(server, f"/api/v1/runs/{run[0]}/stream?tag=train%2Floss&from=now")
    etag = server.request(f"/api/v1/runs/{run[0]}").headers["ETag"]
    with Raw(server, timeout=20) as raw:
        raw.send(request(f"/api/v1/runs/{run[0]}?wait=30", If_None_Match=etag))
        wait_for(lambda: server.metrics()["tailboard_http_waiting"] == 2, "both to wait")
        start = time.monotonic()
        assert server.stop() in (0, 130)
        assert time.monotonic() - start < 8
        assert raw.answer()[0] == 304
    assert b"0\r\n" in lines.raw.until(b"0\r\n\r\n") + b"0\r\n"
    lines.close()


# ---- the way it is said -----------------------------------------------------------------------


def test_every_get_has_a_head(server, run):
    for path in ("/", "/healthz", "/metrics", "/api/v1/", "/api/v1/runs", "/api/v1/tags",
                 "/api/v1/experiments", "/api/v1/openapi.json", f"/api/v1/runs/{run[0]}",
                 f"/api/v1/runs/{run[0]}/series", f"/api/v1/runs/{run[0]}/damage",
                 f"/api/v1/runs/{run[0]}/points?tag=train%2Floss",
                 f"/api/v1/runs/{run[0]}/stream?tag=train%2Floss"):
        head = server.request(path, "HEAD")
        assert (head.status, head.body) == (200, b""), path


def test_methods_that_are_not_for_a_resource(server):
    for path, method, allow in (("/api/v1/runs", "POST", "GET, HEAD"),
                                ("/api/v1/points", "GET", "POST"),
                                ("/api/v1/session", "PUT", "POST, DELETE"),
                                ("/", "DELETE", "GET, HEAD")):
        answer = server.request(path, method)
        assert (answer.status, answer.headers["Allow"]) == (405, allow)


def test_large_answers_are_compressed_on_request(server, run):
    path = f"/api/v1/runs/{run[0]}/points?tag=train%2Floss"
    for target in (path, "/api/v1/openapi.json", f"{path}&format=csv"):
        plain = server.request(target)
        packed = server.request(target, headers={"Accept-Encoding": "br, gzip;q=0.5"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
    refused = server.request(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
    small = server.request("/healthz", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers


def test_unknown_names_are_errors(server):
    for path in ("/api/v1/runs?limt=3", "/api/v1/?x", "/api/v1/runs?limit=1&limit=2",
                 "/api/v1/runs?limit=0", "/api/v1/runs?limit=1x", "/api/v1/runs?sort=size"):
        assert server.request(path).status == 400, path
    assert server.request("/api/v1/nothing").status == 404
    assert server.request("/api/v1/runs/%2e%2e").status == 404


def test_points_of_an_answer_are_held_until_it_ends(server, write, run):
    log = write("exp/long")
    for step in range(40_000):
        log.scalar("loss", step / 7, step, wall_time=step)
    found = server.run("exp/long", points=40_000)
    target = f"/api/v1/runs/{found['id']}/points?tag=loss&format=ndjson"
    held = lambda: server.metrics()["tailboard_http_held_points"]
    with Raw(server) as slow:
        slow.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").until(b"\r\n\r\n")
        assert held() == 40_000
    until = time.monotonic() + 10
    while held() and time.monotonic() < until:
        time.sleep(0.05)
    assert held() == 0
    assert len(server.request(target).text.splitlines()) == 40_000
    assert held() == 0


def test_metrics_are_openmetrics(server, run):
    answer = server.request("/metrics")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert server.metrics()['tailboard_http_requests_total{class="2xx"}'] > 0


def test_the_page_answers_below_every_prefix(start, logs):
    server = start("--logdir", logs, "--path_prefix", "/deep/er")
    assert server.request("/deep/er/").status == 200
    assert server.request("/deep/er").headers["Location"] == "/deep/er/"
    assert server.request("/deep/er/api/v1/").json["name"] == "tailboard"
    assert server.request("/api/v1/").status == 404
    assert server.request("/deep/erx/").status == 404
    below = server.request("/deep/er/r/some-run/damage")
    assert below.status == 200 and '<base href="../../">' in below.text
    assert "<base" not in server.request("/deep/er/").text


def test_number_helper():
    assert number("Infinity") == math.inf and number(3) == 3
