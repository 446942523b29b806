"""Reads the part of YAML that docs/api/openapi.yaml is written in, so that a build needs nothing
but Python: block mappings and lists, plain and quoted scalars, one-line flow collections, and
folded text (">-"). Anything else is an error. A test compares it with a real YAML parser."""

import json
import re


class Lines:
    """Lines with content, each as (indent, text); comments and blank lines are gone."""

    def __init__(self, text):
        self.raw = text.splitlines()
        self.at = 0

    def peek(self):
        while self.at < len(self.raw):
            line = self.raw[self.at]
            if line.strip() and not line.lstrip().startswith("#"):
                return len(line) - len(line.lstrip()), line.strip()
            self.at += 1
        return -1, ""

    def take(self):
        found = self.peek()
        self.at += 1
        return found

    def folded(self, indent):
        """The lines deeper than `indent`, joined by spaces."""
        parts = []
        while self.at < len(self.raw):
            line = self.raw[self.at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            parts.append(line.strip())
            self.at += 1
        return " ".join(p for p in parts if p)


def scalar(text):
    if text.startswith('"'):
        return json.loads(text)
    if text.startswith("'"):
        assert text.endswith("'") and len(text) > 1, text
        return text[1:-1].replace("''", "'")
    if text in ("true", "false"):
        return text == "true"
    if text in ("null", "~", ""):
        return None
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]*", text):
        return float(text)
    assert text[0] not in "&*!|@`%", f"not in this part of YAML: {text}"
    return text


FLOW_SCALAR = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^,\[\]{}:]+(?::(?! )[^,\[\]{}:]*)*"
)


def flow(text, at=0):
    """A flow collection or scalar at text[at:]; returns the value and where it ends."""
    if text[at] == "[":
        return flow_list(text, at + 1)
    if text[at] == "{":
        return flow_map(text, at + 1)
    m = FLOW_SCALAR.match(text, at)
    return scalar(m.group().strip()), m.end()


def skip(text, at):
    while at < len(text) and text[at] in " ,":
        at += 1
    return at


def flow_list(text, at):
    out = []
    at = skip(text, at)
    while text[at] != "]":
        value, at = flow(text, at)
        out.append(value)
        at = skip(text, at)
    return out, at + 1


def flow_map(text, at):
    out = {}
    at = skip(text, at)
    while text[at] != "}":
        key, at = flow(text, at)
        assert text[at] == ":", text
        out[key], at = flow(text, skip(text, at + 1))
        at = skip(text, at)
    return out, at + 1


KEY = re.compile(r"(\"[^\"]*\"|'[^']*'|[^\s#\"'\[{-][^#]*?|-[^\s][^#]*?):(?: +(.*))?$")


def value(lines, text, indent):
    """What stands behind "key:" or "- ", on the line or below it."""
    if text in (">-", ">"):
        return lines.folded(indent)
    if text and text[0] in "[{":
        out, end = flow(text)
        assert not text[end:].strip(), text
        return out
    if text:
        return scalar(text)
    deeper, first = lines.peek()
    if deeper > indent or (deeper == indent and first.startswith("- ")):
        return block(lines, deeper)
    return None


def block_list(lines, indent):
    out = []
    while True:
        at, text = lines.peek()
        if at != indent or not text.startswith("- "):
            return out
        rest = text[2:].strip()
        if KEY.match(rest) and rest[0] not in "[{":
            # A mapping that begins on the line of its dash.
            lines.raw[lines.at] = " " * (indent + 2) + rest
            out.append(block_map(lines, indent + 2))
        else:
            lines.take()
            out.append(value(lines, rest, indent))


def block_map(lines, indent):
    out = {}
    while True:
        at, text = lines.peek()
        if at != indent or text.startswith("- "):
            assert at <= indent, f"line {lines.at + 1}: indented too far"
            return out
        m = KEY.match(text)
        assert m, f"line {lines.at + 1}: no mapping: {text}"
        lines.take()
        key = scalar(m.group(1))
        assert key not in out, f"line {lines.at}: {key} twice"
        out[key] = value(lines, (m.group(2) or "").strip(), indent)


def block(lines, indent):
    return (block_list if lines.peek()[1].startswith("- ") else block_map)(lines, indent)


def parse(text):
    lines = Lines(text)
    return block(lines, lines.peek()[0])
