"""The command line as people meet it: help, mistakes, versions, man pages."""

import json
import re

import pytest

from conftest import ROOT, cli

COMMANDS = ["serve", "run", "agent", "drain", "cat", "verify", "recover", "help", "version"]


def options_of(command):
    """Names of the options that --help prints, without dashes."""
    text = cli(command, "--help").stdout
    return re.findall(r"^ {2,6}(?:-\w, )?--([a-z][\w-]*)", text, re.M)


def test_help_lists_every_command():
    result = cli("help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\w", result.stdout, re.M)


def test_without_a_command_the_help_comes_and_the_call_is_wrong():
    result = cli()
    assert result.returncode == 2
    assert "Commands:" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_the_same_by_both_ways(command):
    first, second = cli("help", command), cli(command, "--help")
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert first.stdout.startswith(f"Usage: tailboard {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_man_page(command):
    page = (ROOT / f"docs/man/tailboard-{command}.1").read_text()
    options = options_of(command)
    assert "help" in options
    missing = [o for o in options if o != "help" and not re.search(rf"Fl -{o}\b", page)]
    assert not missing


@pytest.mark.parametrize("command", COMMANDS)
def test_the_man_page_names_no_option_that_is_not_there(command):
    page = (ROOT / f"docs/man/tailboard-{command}.1").read_text()
    named = set(re.findall(r"Fl -([a-z][\w-]*)", page))
    assert named - set(options_of(command)) <= {"help", "name", "no-name"}


@pytest.mark.parametrize("word, meant", [("sevre", "serve"), ("verfy", "verify")])
def test_an_unknown_command_is_answered_with_a_suggestion(word, meant):
    result = cli(word)
    assert result.returncode == 2
    assert f"there is no command '{word}'" in result.stderr
    assert f"did you mean '{meant}'?" in result.stderr


def test_an_option_in_front_of_the_command_is_explained():
    result = cli("--logdir", "x")
    assert result.returncode == 2
    assert "the command comes first" in result.stderr


@pytest.mark.parametrize("args, text", [
    (["--prot", "0"], "did you mean --port?"),
    (["--port", "99999"], "'99999' is above 65535"),
    (["--port", "http"], "'http' is no whole number"),
    (["--port"], "--port needs a value"),
    (["logs"], "log directories are given with --logdir"),
    (["--auth", "none"], "neither 'user' nor 'token'"),
    (["--public-url", "example.org"], "does not begin with http"),
    (["--path_prefix", "/a/../b"], "dot component"),
    (["--path_prefix", "/a b"], "does not belong into a path"),
    (["--host", "::1", "--bind_all"], "exclude one another"),
    (["--reload_interval", "-1"], "not between 0 and"),
    (["--logdir", "a/x", "--logdir", "b/x"], "would both be called 'x'"),
    (["--logdir", "/dev/null"], "is a file"),
    (["--logdir", ""], "''"),
])
def test_wrong_calls_of_serve_say_what_is_wrong(args, text, tmp_path):
    result = cli("serve", "--state", tmp_path, *args)
    assert result.returncode == 2, result.stderr
    assert text in result.stderr
    assert "--help" in result.stderr


def test_control_characters_of_the_command_line_do_not_reach_the_terminal(tmp_path):
    for args in (["--auth", "\x1b[31m"], ["--\x1b[31m"], ["--port", "\x1b[31m"]):
        assert "\x1b" not in cli("serve", *args).stderr


def test_version_names_the_libraries():
    plain, parsed = cli("version"), json.loads(cli("version", "--json").stdout)
    assert plain.stdout.startswith(f"tailboard {parsed['version']}\n")
    assert {"libuv", "protobuf-c", "zlib", "libcrypto"} <= set(parsed["libraries"])
    assert all(re.match(r"\d+\.\d+", v) for v in parsed["libraries"].values())


def test_a_full_disk_is_no_success():
    with open("/dev/full", "w") as full:
        import subprocess

        from conftest import PROGRAM
        result = subprocess.run([PROGRAM, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 3
    assert "standard output" in result.stderr


@pytest.mark.parametrize("command", ["cat", "verify"])
def test_a_folder_without_event_files_is_told(command, tmp_path):
    result = cli(command, tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
    assert "there are no event files" in result.stderr


def test_recover_names_the_target_that_cannot_be_written(tmp_path):
    source, out = tmp_path / "x.tfevents", tmp_path / "no" / "out"
    source.touch()
    result = cli("recover", source, "-o", out)
    assert result.returncode == 3
    assert f"{out}: No such file" in result.stderr
