"""The public side of libeventfile, as somebody else would use it.

    check_headers.py --source DIR --build DIR [--cc CC] [--cxx CXX]

Each header compiles alone as C11 and as C++; every exported function is declared in a header with a
comment, named in docs/api/eventfile/, and nothing else is exported; an installed copy works from
outside through pkg-config and through find_package, shared and static; the programs of
docs/examples/ do there what they say. Prints what fails; the exit status counts it.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

C_FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]
CXX_FLAGS = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic"]

PROJECT = """cmake_minimum_required(VERSION 3.18)
project(outside LANGUAGES C)
find_package(eventfile 0.1 REQUIRED)
foreach(name write_file follow_file salvage_file)
  add_executable(${name}_shared ${EXAMPLES}/${name}.c)
  target_compile_definitions(${name}_shared PRIVATE _GNU_SOURCE)
  target_link_libraries(${name}_shared PRIVATE eventfile::eventfile)
  add_executable(${name}_static ${EXAMPLES}/${name}.c)
  target_compile_definitions(${name}_static PRIVATE _GNU_SOURCE)
  target_link_libraries(${name}_static PRIVATE eventfile::static)
endforeach()
"""


class Checks:
    def __init__(self, options):
        self.source = pathlib.Path(options.source).resolve()
        self.build = pathlib.Path(options.build).resolve()
        self.cc, self.cxx = options.cc, options.cxx
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="headers-"))
        self.prefix = self.scratch / "prefix"
        self.libdir = self.prefix / "lib"
        self.examples = self.source / "docs/examples"
        self.failures = 0

    def fail(self, text):
        self.failures += 1
        print(f"FAILED: {text}")

    def run(self, *command, env=None):
        done = subprocess.run([str(c) for c in command], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            self.fail(f"{' '.join(str(c) for c in command)}\n{done.stdout}")
        return done.stdout

    def headers(self):
        return sorted((self.source / "include/eventfile").glob("*.h"))


def headers_compile_alone(c):
    for header in c.headers():
        for compiler, flags, suffix in ((c.cc, C_FLAGS, "c"), (c.cxx, CXX_FLAGS, "cc")):
            if shutil.which(compiler) is None:
                print(f"left out: no {compiler}")
                continue
            unit = c.scratch / f"{header.stem}.{suffix}"
            unit.write_text(f"#include <eventfile/{header.name}>\n"
                            f"#include <eventfile/{header.name}>\nint main(void) {{ return 0; }}\n")
            c.run(compiler, *flags, "-fsyntax-only", f"-I{c.source / 'include'}", unit)


def declared_functions(c):
    """Name -> (header, does a comment stand above it, or above others right before it?)"""
    found = {}
    for header in c.headers():
        commented = False
        for line in header.read_text().splitlines():
            if re.match(r"\s*(/\*|\*)", line) or line.rstrip().endswith("*/"):
                commented = True
            elif line.strip() == "":
                commented = False
            if line.startswith("EF_API"):
                name = re.search(r"\b(ef_\w+)\(", line)
                if name:
                    found[name.group(1)] = (header.name, commented)
    return found


def exports_are_declared_and_documented(c):
    library = c.libdir / "libeventfile.so"
    symbols = {line.split()[2].split("@")[0]
               for line in c.run("nm", "-D", "--defined-only", library).splitlines()
               if len(line.split()) == 3 and line.split()[1] != "A"}
    inner = {line.split()[-1] for line in
             c.run("nm", "-g", "--defined-only", c.libdir / "libeventfile.a").splitlines()
             if len(line.split()) == 3} - symbols
    for name in sorted(inner):
        c.fail(f"{name} of the archive can clash with a program's own name")
    declared = declared_functions(c)
    pages = "\n".join(p.read_text() for p in (c.source / "docs/api/eventfile").glob("*.md"))
    for name in sorted(symbols - set(declared)):
        c.fail(f"{name} is exported but in no header")
    for name, (header, commented) in sorted(declared.items()):
        if name not in symbols:
            c.fail(f"{name} ({header}) is declared but not exported")
        if not commented:
            c.fail(f"{name} ({header}) has no comment")
        if f"{name}(" not in pages:
            c.fail(f"{name} is not described in docs/api/eventfile/")


def try_programs(c, names, env=None):
    """Write a file, follow it, damage it, salvage it."""
    write, follow, salvage = names
    work = pathlib.Path(tempfile.mkdtemp(dir=c.scratch))
    log, damaged, salvaged = work / "a.tfevents", work / "b.tfevents", work / "c.tfevents"
    c.run(write, log, 5, env=env)
    out = c.run(follow, log, 0.2, env=env)
    if out.count("\nloss\t") != 5 or not out.startswith("# brain.Event:2\n"):
        c.fail(f"{follow}: unexpected output\n{out}")
    raw = bytearray(log.read_bytes())
    raw[100] ^= 0xFF
    damaged.write_bytes(raw)
    out = c.run(salvage, damaged, salvaged, env=env)
    if len(out.splitlines()) != 1 or not 0 < salvaged.stat().st_size < len(raw):
        c.fail(f"{salvage}: unexpected output\n{out}")


def package_works_by_pkg_config(c):
    env = dict(os.environ, PKG_CONFIG_PATH=str(c.libdir / "pkgconfig"),
               LD_LIBRARY_PATH=str(c.libdir))
    flags = c.run("pkg-config", "--cflags", "--libs", "eventfile", env=env).split()
    names = []
    for example in ("write_file", "follow_file", "salvage_file"):
        names.append(c.scratch / f"pc-{example}")
        c.run(c.cc, *C_FLAGS, "-D_GNU_SOURCE", c.examples / f"{example}.c", "-o", names[-1], *flags)
    try_programs(c, names, env)


def package_works_by_find_package(c):
    project = c.scratch / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(PROJECT)
    c.run("cmake", "-S", project, "-B", project / "build", f"-DEXAMPLES={c.examples}",
          f"-DCMAKE_PREFIX_PATH={c.prefix}", f"-DCMAKE_C_COMPILER={c.cc}")
    c.run("cmake", "--build", project / "build")
    for kind in ("shared", "static"):
        try_programs(c, [project / "build" / f"{name}_{kind}"
                         for name in ("write_file", "follow_file", "salvage_file")])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    c = Checks(parser.parse_args())
    try:
        headers_compile_alone(c)
        c.run("cmake", "--install", c.build / "eventfile", "--prefix", c.prefix)
        c.libdir = next(c.prefix.rglob("libeventfile.so")).parent  # lib, lib64, lib/TRIPLET
        exports_are_declared_and_documented(c)
        package_works_by_pkg_config(c)
        package_works_by_find_package(c)
    finally:
        shutil.rmtree(c.scratch, ignore_errors=True)
    print("headers and packages: " + ("fine" if c.failures == 0 else f"{c.failures} failures"))
    return min(c.failures, 100)


sys.exit(main())
