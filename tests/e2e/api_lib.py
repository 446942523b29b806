"""Helpers of the API tests: raw requests over a socket, an independent frame decoder, and what a
test needs to read streams."""

import math
import socket
import struct

POINTS = "application/vnd.tailboard.points"
COLUMNS = ("step", "wall", "first", "last", "min", "max", "mean", "n", "nan", "inf", "argmin",
           "argmax", "step_last", "wall_last", "wall_min", "wall_max")
STEPS = {"step", "argmin", "argmax", "step_last"}
WALLS = {"wall", "wall_last", "wall_min", "wall_max"}
COUNTS = {"n", "nan", "inf"}
WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Raw:
    """A connection that sends bytes as they are."""

    def __init__(self, server, timeout=10, host="127.0.0.1"):
        self.socket = socket.create_connection((host, server.port), timeout)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def more(self):
        """Reads on; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.held += data
        return bool(data)

    def until(self, mark):
        while mark not in self.held:
            assert self.more(), f"the connection ended after {self.held[:500]!r}"
        head, self.held = self.held.split(mark, 1)
        return head

    def answer(self):
        """(status, headers, body) of one answer; its length must be known. (0, {}, b""): ended."""
        while b"\r\n\r\n" not in self.held:
            if not self.more():
                return 0, {}, self.held
        lines = self.until(b"\r\n\r\n").decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self.held) < length:
            assert self.more()
        body, self.held = self.held[:length], self.held[length:]
        return int(lines[0].split()[1]), headers, body

    def ended(self):
        """Is it closed by the other end, without a further byte?"""
        return not self.more() and not self.held


def status(server, data, **kwargs):
    """What one raw request is answered with; 0: the connection is closed without an answer."""
    with Raw(server, **kwargs) as raw:
        return raw.send(data).answer()[0]


def request(path="/api/v1/", method="GET", host="localhost", **headers):
    """The bytes of a request; header names with _ for -."""
    lines = [f"{method} {path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines) + "\r\n\r\n"


def number(x):
    return WORDS.get(x, x) if isinstance(x, str) else x


class Frame:
    """One frame, decoded by the table of docs/formats/frames.md alone."""

    def __init__(self, data, at):
        (self.code, x, value, self.flags, self.handle, self.count, self.attempt,
         self.length, self.ordinal) = struct.unpack_from("<BBBBIIIQQ", data, at)
        self.kind = {1: "points", 2: "buckets", 3: "truncate", 4: "behind"}[self.code]
        self.codes = {"step": x & 15, "wall": x >> 4, "value": value & 127}
        self.complete = bool(value & 128)
        self.data, self.at = data, at + 32
        self.columns = {}
        if self.kind == "truncate":
            self.step = struct.unpack_from("<q", data, self.at)[0]
        elif self.kind == "points":
            self.read_points()
        elif self.kind == "buckets":
            self.read_buckets()

    def column(self, code):
        n = self.count
        size = {0: 8 * n, 1: 4 * n, 2: 16, 3: 8 + 4 * n, 4: 8 * n, 6: 8 * n, "u32": 4 * n}[code]
        raw = self.data[self.at : self.at + size]
        self.at += (size + 7) // 8 * 8
        if code == 2:
            first, step = struct.unpack("<dd", raw)
            return [first + i * step for i in range(n)]
        if code == 3:
            base, *units = struct.unpack(f"<d{n}I", raw)
            return [base + u / 4096 for u in units]
        letter = {0: "d", 1: "f", 4: "q", 6: "Q", "u32": "I"}[code]
        return list(struct.unpack(f"<{n}{letter}", raw))

    def attempts(self):
        self.columns["attempt"] = (self.column("u32") if self.attempt == 0 and self.count
                                   else [self.attempt] * self.count)

    def read_points(self):
        if not self.flags & 4:
            self.columns["step"] = self.column(self.codes["step"])
        if not self.flags & 8:
            self.columns["wall"] = self.column(self.codes["wall"])
        self.columns["value"] = self.column(self.codes["value"])
        self.attempts()

    def read_buckets(self):
        mask = struct.unpack_from("<I", self.data, self.at)[0]
        self.at += 8
        if self.count == 0:
            return
        for i, name in enumerate(COLUMNS):
            if not mask >> i & 1:
                continue
            code = (self.codes["step"] if name in STEPS else self.codes["wall"] if name in WALLS
                    else "u32" if name in COUNTS else 0 if name == "mean"
                    else self.codes["value"])
            self.columns[name] = self.column(code)


def frames(data):
    """All frames of a body."""
    out, at = [], 0
    while at < len(data):
        assert at % 8 == 0
        out.append(Frame(data, at))
        at += out[-1].length
    assert at == len(data)
    return out


def same(a, b):
    """Equal numbers, NaN included."""
    a, b = number(a), number(b)
    return a == b or (a != a and b != b)
