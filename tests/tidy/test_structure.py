"""The include rule, third-party headers in named files, banned functions, words."""

import re

import pytest

from tree import ROOT, files, named, text

# module: what it may include of server/ ("base/…" is free for all but eventfile/)
MAY_INCLUDE = {
    "base": set(),
    "tail": {"flow.h"},
    "store": {"flow.h"},
    "ingest": {"flow.h", "store"},
    "front": set(),
    "launch": set(),
    "ship": set(),
    "archive": {"flow.h"},
    "provider": {"flow.h", "store", "archive", "eventfile/wire.h", "eventfile/tensor.h"},
    "grpc": {"store", "front", "provider", "eventfile/wire.h"},
    "http": {"flow.h", "store", "front", "archive"},
    "live": {"flow.h", "store", "front"},
}
# header: the files that may include it
THIRD_PARTY = {
    "microhttpd.h": {"server/http/worker.c", "server/http/talk.", "server/http/respond.c"},
    "libwebsockets.h": {"server/live/socket.c"},
    "nghttp2/": {"server/grpc/session.c"},
    "isa-l": {"eventfile/crc32c", "server/base/gzip.c"},
    "pcre2.h": {"server/base/regex.c"},
    "sqlite3.h": {"server/base/db.c"},
    "openssl/": {"server/base/sha256.c", "server/base/sha1.c", "server/front/credential.c"},
    "protobuf-c": {"eventfile/"},
    "jansson.h": {"server/http/", "server/live/", "server/archive/", "server/cli/", "server/ship/",
                  "server/provider/"},
    "uv.h": {"server/tail/", "server/live/"},
    "zlib.h": {"server/base/gzip.c", "server/http/"},
}
BANNED = {  # function: what to use
    "strcpy": "memcpy with a known size", "strcat": "struct buf", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "gets": "fgets", "atoi": "strtol", "atol": "strtol",
    "strtok": "strtok_r or own loop", "alloca": "the heap", "system": "posix_spawn",
    "mktemp": "mkstemp", "rand": "getrandom", "strncpy": "memcpy and a terminator",
}
# A module is entered by its own header, and by the few that say so in server/README.md.
DOOR = re.compile(r"(\w+)/(\1|command|summary_json|natural|lifecycle|checkup|retention)\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def includes(name):
    return [(kind, target) for kind, target in INCLUDE.findall(text(name))]


def c_files(under=""):
    return named(".c", ".h", under=under)


def test_modules_include_only_what_the_include_rule_allows():
    wrong = []
    for name in c_files("server/"):
        parts = name.split("/")
        if len(parts) < 3 or parts[1] not in MAY_INCLUDE:
            continue  # the wiring: main.c, server.c, cli/
        module = parts[1]
        for kind, target in includes(name):
            first = target.split("/")[0]
            if kind != '"' or first in (module, "base") or target in MAY_INCLUDE[module]:
                continue
            if first in MAY_INCLUDE[module] and DOOR.fullmatch(target):
                continue
            wrong.append(f"{name} includes {target}")
    assert not wrong, "\n".join(wrong)


def test_the_library_and_base_stand_alone():
    wrong = [
        f"{name} includes {target}"
        for name in c_files("eventfile/") + c_files("include/")
        for kind, target in includes(name)
        if target.split("/")[0] in MAY_INCLUDE or target.startswith("server/")
    ]
    wrong += [
        f"{name} includes {target}"
        for name in c_files("include/")
        for kind, target in includes(name)
        if kind == '"'
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("header", THIRD_PARTY)
def test_third_party_headers_appear_in_named_files_only(header):
    wrong = [
        name
        for name in c_files("server/") + c_files("eventfile/") + c_files("include/")
        for kind, target in includes(name)
        if header in target and not name.startswith(tuple(THIRD_PARTY[header]))
    ]
    assert not wrong, f"{header} is included in {wrong}"


@pytest.mark.parametrize("function", BANNED)
def test_banned_functions_are_not_called(function):
    call = re.compile(r"(?<![\w.>])%s\s*\(" % function)
    wrong = [
        f"{name}:{number}"
        for name in c_files("server/") + c_files("eventfile/")
        for number, line in enumerate(text(name).splitlines(), 1)
        if call.search(line) and not line.lstrip().startswith(("*", "/*", "//"))
    ]
    assert not wrong, f"{function}(): use {BANNED[function]} at {wrong}"


def test_every_c_file_begins_with_a_comment_or_an_include_of_its_header():
    wrong = [
        name
        for name in c_files("server/") + c_files("eventfile/") + c_files("include/")
        if not text(name).startswith(("/*", '#include "'))
    ]
    assert not wrong, wrong


def test_file_names_are_unique_in_the_tree():
    seen, twice = {}, []
    for name in c_files("server/") + c_files("eventfile/"):
        base = name.rsplit("/", 1)[-1]
        if base in seen:
            twice.append(f"{seen[base]} and {name}")
        seen[base] = name
    assert not twice, twice


def test_top_level_holds_only_the_fixed_folders():
    allowed = {"server", "eventfile", "include", "tests", "web", "docs", "CMakeLists.txt",
               "CMakePresets.json", "README.md", "LICENSE", "dev"}
    found = {name.split("/")[0] for name in files()}
    assert {name for name in found - allowed if not name.startswith(".")} == set()


def test_no_text_names_this_machine_or_a_mirror():
    bad = re.compile(r"/work/|/root/|/opt/pypi|\.library/|TODO|FIXME|XXX:")
    skip = ("tests/tidy/", "web/package-lock.json")
    wrong = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name in files()
        if not name.startswith(skip) and not name.endswith((".png", ".bin", ".gz", ".tfevents"))
        and "tfevents" not in name and "/corpus/" not in name
        for number, line in enumerate(text(name).splitlines(), 1)
        if bad.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_command_has_a_man_page():
    commands = [name for name in files() if re.match(r"server/cli/cmd_\w+\.c$", name)]
    missing = [
        page
        for name in commands
        if not (ROOT / (page := f"docs/man/tailboard-{name[15:-2]}.1")).exists()
    ]
    assert not missing, missing
