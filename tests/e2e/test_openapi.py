"""docs/api/openapi.yaml against the running server: every operation, with sound and unsound
requests, and links from one answer to the next request."""

import json
import pathlib
import subprocess
import sys

import pytest

import api_lib
from conftest import ROOT

sys.path.insert(0, str(ROOT / "server/http"))
import yaml_subset  # noqa: E402

DOCUMENT = ROOT / "docs/api/openapi.yaml"
CONFIG = pathlib.Path(__file__).with_name("schemathesis.toml")


def test_the_build_reads_yaml_as_a_real_parser_does():
    yaml = pytest.importorskip("yaml")
    text = DOCUMENT.read_text()
    assert yaml_subset.parse(text) == yaml.safe_load(text)


def test_what_is_not_in_that_part_of_yaml_is_an_error():
    for text in ("a: &x 1\nb: *x", "a: |\n  text", "a: 1\na: 2", "a:\n    b: 1\n  c: 2"):
        with pytest.raises(AssertionError):
            yaml_subset.parse(text)


def test_the_served_document_is_that_of_the_tree(server):
    assert server.get("/api/v1/openapi.json") == yaml_subset.parse(DOCUMENT.read_text())


def test_every_path_of_the_document_answers(server):
    for path, item in server.get("/api/v1/openapi.json")["paths"].items():
        for method in item:
            answer = server.request(path.replace("{id}", "none"), method.upper())
            assert answer.status != 405, (method, path)
            assert "no such resource" not in answer.text


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_schemathesis_finds_nothing(server, write, logs, tmp_path):
    """With a run that is damaged, one that is live, and one without points."""
    pytest.importorskip("schemathesis")
    for name in ("live", "damaged"):
        log = write(name)
        for step in range(200):
            log.scalar("train/loss", step / 7, step)
    damage(next((logs / "damaged").iterdir()))
    write("empty")
    server.run("live", points=200)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run",
        f"http://127.0.0.1:{server.port}/api/v1/openapi.json", "--checks", "all",
        "--exclude-operation-id", "streamPoints",  # does not end
        "--exclude-operation-id", "deleteRun",  # the runs above are needed
        "--exclude-operation-id", "uploadFile",  # its body is no text; see upload_test.c
        "--max-examples", "25", "--request-timeout", "35", "--no-color", "--seed", "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert server.process.poll() is None


def test_lines_of_the_stream_are_as_documented(server, write):
    log = write("a")
    log.scalar("loss", 0.5, 3, wall_time=12.5)
    run = server.run("a", points=1)["id"]
    with api_lib.Raw(server) as raw:
        raw.send(api_lib.request(f"/api/v1/runs/{run}/stream?tag=loss"))
        raw.until(b"\r\n\r\n")
        raw.until(b"\r\n")  # size of the first chunk
        line = json.loads(raw.until(b"\n"))
    line.pop("cursor", None)
    assert line == {"run": run, "dir": "", "tag": "loss", "step": 3, "wall_time": 12.5,
                    "value": 0.5, "attempt": 1}
