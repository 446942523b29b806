"""Functions, files and lines stay small enough to be read: 70 lines, 600 lines, 100 columns."""

import ast
import re

from tree import named, text

FUNCTION_LINES = 70
LINE_COLUMNS = 100
FILE_LINES = (  # first prefix that fits
    ("web/", 400),
    ("tests/", 900),
    ("", 600),
)
CODE = (".c", ".h", ".py", ".ts", ".tsx", ".css", ".sh", ".mjs", ".ci/run", "CMakeLists.txt")


def code_files():
    return named(*CODE) + ["dev"]


def limit_of(name):
    return next(limit for prefix, limit in FILE_LINES if name.startswith(prefix))


def c_functions(source):
    """Yields (line, name, length): from the line of the opening brace in column 0 to its end."""
    start, head = None, ""
    for number, line in enumerate(source.splitlines(), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, head, number - start + 1
            start = None
        elif not start and line and not line[0].isspace():
            head = line


def python_functions(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, node.end_lineno - node.lineno + 1


TS_FUNCTION = re.compile(
    r"^\s*(export\s+)?(default\s+)?(async\s+)?"
    r"(function\b|const\s+\w+[^=]*=\s*(async\s*)?\(.*=>\s*\{$"
    r"|(private\s+|public\s+|static\s+|async\s+)*\w+\([^;]*\)[^;=]*\{$)"
)


def ts_functions(source):
    """Yields functions by indentation: the end is the first later line that closes at the level
    of the start (Biome formats the code, so indentation can be trusted)."""
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if not TS_FUNCTION.match(line) or re.match(r"^\s*(if|for|while|switch|return)\b", line):
            continue
        indent = len(line) - len(line.lstrip())
        for end in range(number + 1, len(lines)):
            if re.match(r"^\s{%d}\}" % indent, lines[end]):
                yield number + 1, line.strip()[:60], end - number + 1
                break


def functions(name):
    if name.endswith((".c", ".h")):
        return c_functions(text(name))
    if name.endswith(".py"):
        return python_functions(text(name))
    if name.endswith((".ts", ".tsx")):
        return ts_functions(text(name))
    return ()


def test_functions_have_at_most_70_lines():
    long = [
        f"{name}:{line}: {what} has {length} lines"
        for name in code_files()
        for line, what, length in functions(name)
        if length > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_files_have_at_most_their_limit_of_lines():
    long = [
        f"{name}: {count} lines, at most {limit_of(name)}"
        for name in code_files()
        if (count := text(name).count("\n")) > limit_of(name)
    ]
    assert not long, "\n".join(long)


def test_lines_have_at_most_100_columns():
    wide = [
        f"{name}:{number}: {len(line)} columns"
        for name in code_files()
        for number, line in enumerate(text(name).splitlines(), 1)
        if len(line) > LINE_COLUMNS
    ]
    assert not wide, "\n".join(wide[:50])
