"""What the tidy tests look at: the files git knows, read once."""

import functools
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def files():
    """Paths relative to the root of all tracked and new files, as strings, sorted."""
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    return [name for name in sorted(set(out.splitlines())) if (ROOT / name).is_file()]


@functools.cache
def text(name):
    """Content of a file as text."""
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def named(*suffixes, under=""):
    """The files with one of the suffixes, below a folder."""
    return [name for name in files() if name.endswith(suffixes) and name.startswith(under)]
