"""TensorBoard's data provider service as tests speak it: no generated code, messages as fields.

A message is a dict: field number → list of what came under it (ints, or bytes)."""

import contextlib
import os
import pathlib
import struct
import subprocess

import grpc

from conftest import DEADLINE, PROGRAM, wait_for

SERVER = os.environ.get("TAILBOARD_DATA_SERVER",
                        str(pathlib.Path(PROGRAM).with_name("tailboard-data-server")))
METHOD = "/tensorboard.data.TensorBoardDataProvider/"


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    """An int as a varint; text, bytes or a nested message with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def query(plugin=None, runs=None, tags=None, points=None, experiment=""):
    """A List… or Read… request; None leaves the message out."""
    out = field(1, experiment) if experiment else b""
    if plugin is not None:
        out += field(2, field(1, plugin) if plugin else b"")
    names = b""
    for number, wanted in ((1, runs), (2, tags)):
        if wanted is not None:
            names += field(number, b"".join(field(1, name) for name in wanted))
    if runs is not None or tags is not None:
        out += field(3, names)
    if points is not None:
        out += field(4, field(1, points) if points else b"")
    return out


def number(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def parse(data):
    found, at = {}, 0
    while at < len(data):
        tag, at = number(data, at)
        if tag & 7 == 0:
            value, at = number(data, at)
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif tag & 7 == 5:
            value, at = data[at:at + 4], at + 4
        else:
            size, at = number(data, at)
            value, at = data[at:at + size], at + size
            assert at <= len(data)
        found.setdefault(tag >> 3, []).append(value)
    return found


def one(message, number, default=b""):
    return message.get(number, [default])[-1]


def numbers(data):
    """Packed varints, signed."""
    out, at = [], 0
    while at < len(data):
        value, at = number(data, at)
        out.append(value - (1 << 64) if value >> 63 else value)
    return out


def series(answer):
    """(run, tag) → the message of that series, of a List… or Read… answer."""
    found = {}
    for entry in parse(answer).get(1, []):
        entry = parse(entry)
        for tag in entry.get(2, []):
            tag = parse(tag)
            found[one(entry, 1).decode(), one(tag, 1).decode()] = parse(one(tag, 2))
    return found


def columns(data, width):
    """Steps, wall times, and values: numbers (width 4) or messages (0)."""
    walls = one(data, 2)
    walls = list(struct.unpack(f"<{len(walls) // 8}d", walls))
    if width:
        values = one(data, 3)
        return numbers(one(data, 1)), walls, list(struct.unpack(f"<{len(values) // 4}f", values))
    return numbers(one(data, 1)), walls, data.get(3, [])


class Client:
    def __init__(self, port, **options):
        options = [(k.replace("_", "."), v) for k, v in options.items()]
        self.channel = grpc.secure_channel(f"localhost:{port}", grpc.local_channel_credentials(),
                                           [("grpc.max_receive_message_length", 1 << 28), *options])

    def call(self, method, request=b"", **kwargs):
        method = method if method[0] == "/" else METHOD + method
        kwargs.setdefault("timeout", DEADLINE)
        return self.channel.unary_unary(method)(request, **kwargs)

    def blob(self, key):
        stream = self.channel.unary_stream(METHOD + "ReadBlob")(field(1, key), timeout=DEADLINE)
        return [one(parse(piece), 1) for piece in stream]

    def error(self, method, request=b"", **kwargs):
        try:
            self.call(method, request, **kwargs)
        except grpc.RpcError as error:
            return error.code(), error.details()
        raise AssertionError(f"{method} was answered")

    def runs(self, experiment=""):
        answer = parse(self.call("ListRuns", field(1, experiment) if experiment else b""))
        found = {}
        for run in map(parse, answer.get(1, [])):
            start, = struct.unpack("<d", one(run, 3, bytes(8)))
            found[one(run, 2).decode()] = start
        return found

    def plugins(self):
        return sorted(one(parse(p), 1).decode()
                      for p in parse(self.call("ListPlugins")).get(1, []))

    def list(self, kind, plugin, **kwargs):
        return series(self.call("List" + kind, query(plugin, **kwargs)))

    def read(self, kind, plugin, points=1000, **kwargs):
        answer = series(self.call("Read" + kind, query(plugin, points=points, **kwargs)))
        width = 4 if kind == "Scalars" else 0
        return {name: columns(data, width) for name, data in answer.items()}


class DataServer:
    """A data server as TensorBoard starts it, and a client on it."""

    def __init__(self, binary, logdir, folder, *extra, env=None):
        folder.mkdir(exist_ok=True)
        self.error_file = folder / "error"
        port = folder / "port"
        self.process = subprocess.Popen(
            [binary, f"--logdir={logdir}", "--reload=1", "--samples-per-plugin=", "--port=0",
             f"--port-file={port}", "--die-after-stdin", f"--error-file={self.error_file}", *extra],
            stdin=subprocess.PIPE, env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
            | (env or {}))
        try:
            def told():
                assert self.process.poll() is None, f"ended with {self.process.returncode}"
                return port.exists() and port.read_text().endswith("\n")
            wait_for(told, "the port file")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.port = int(port.read_text())
        self.client = Client(self.port)

    def end(self):
        self.client.channel.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        return self.process.wait(DEADLINE)
