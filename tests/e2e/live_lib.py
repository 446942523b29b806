"""A model client: history over POST /points, what follows over the socket, and nothing else.

Written from docs/formats only, with a decoder of its own, so that it can disagree with the server.
`Model` holds the points of some series the way a page does; `Model.check()` asks the history
again and compares.
"""

import contextlib
import json
import struct
import time

import numpy as np
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

POINTS, BUCKETS, TRUNCATE, BEHIND = 1, 2, 3, 4
WORDS = ["step", "wall", "first", "last", "min", "max", "mean", "n", "nan", "inf", "argmin",
         "argmax", "step_last", "wall_last", "wall_min", "wall_max"]
STEPS = {"step", "argmin", "argmax", "step_last"}
WALLS = {"wall", "wall_last", "wall_min", "wall_max"}
COUNTS = {"n", "nan", "inf"}
WALL_UNIT = 2.0**-12


class Frame:
    """One frame: header fields and columns by name (numpy arrays)."""

    def __init__(self, data):
        (self.kind, codes, value, self.flags, self.handle, self.count, self.attempt,
         self.length, self.ordinal) = struct.unpack_from("<BBBBIIIQQ", data)
        self.step_code, self.wall_code = codes & 15, codes >> 4
        self.value_code, self.complete = value & 127, bool(value & 128)
        self.columns, self.step = {}, None
        self.data, self.at = data[: self.length], 32
        if self.kind == TRUNCATE:
            (self.step,) = struct.unpack_from("<q", data, 32)
            self.at = 40
        elif self.kind in (POINTS, BUCKETS) and self.count:
            self.read_columns()
        assert self.at == self.length, f"{self.length - self.at} bytes are left in a frame"

    def read_columns(self):
        if self.kind == POINTS:
            names = [n for n, flag in (("step", 4), ("wall", 8)) if not self.flags & flag]
            names.append("first")
        else:
            mask, zero = struct.unpack_from("<II", self.data, 32)
            assert zero == 0
            self.at += 8
            names = [name for bit, name in enumerate(WORDS) if mask >> bit & 1]
        for name in names:
            self.columns[name] = self.column(self.code_of(name))
        if self.attempt == 0:
            self.columns["attempt"] = self.array("<u4", self.count)

    def code_of(self, name):
        if name in STEPS:
            return self.step_code
        if name in WALLS:
            return self.wall_code
        if name in COUNTS:
            return "u32"
        return 0 if name == "mean" else self.value_code

    def array(self, kind, count):
        array = np.frombuffer(self.data, kind, count, self.at)
        self.at += (array.nbytes + 7) // 8 * 8
        return array

    def column(self, code):
        n = self.count
        if code == 2:
            first, difference = self.array("<f8", 2)
            return first + difference * np.arange(n)
        if code == 3:
            (base,) = np.frombuffer(self.data, "<f8", 1, self.at)
            units = np.frombuffer(self.data, "<u4", n, self.at + 8)
            self.at += (8 + 4 * n + 7) // 8 * 8
            return base + units * WALL_UNIT
        kinds = {0: "<f8", 1: "<f4", 4: "<i8", 6: "<u8", "u32": "<u4"}
        return self.array(kinds[code], n)

    def points(self):
        steps = [int(s) for s in self.columns["step"]]
        return list(zip(steps, map(float, self.columns["wall"]),
                        map(float, self.columns["first"])))


def decode(data):
    """All frames of a message or body."""
    frames, at = [], 0
    while at < len(data):
        assert at % 8 == 0
        frames.append(Frame(data[at:]))
        at += frames[-1].length
    return frames


def history(server, series, view):
    """Frames of POST /points for [(run, tag)], by place; and the epoch."""
    body = json.dumps({"series": [list(s) for s in series], "view": view, "range": None})
    answer = server.request("/api/v1/points", "POST", body, {
        "Accept": "application/vnd.tailboard.points", "Content-Type": "application/json"})
    assert answer.status == 200, answer.text
    frames = [[] for _ in series]
    for frame in decode(answer.body):
        frames[frame.handle].append(frame)
    return frames, answer.headers["Tailboard-Epoch"]


class Live:
    """One connection: text messages are kept in `told`, frames are given to a function."""

    def __init__(self, server, take=None, headers=None, **kwargs):
        kwargs.setdefault("subprotocols", ["tailboard.v1"])
        kwargs.setdefault("compression", None)
        self.stack = contextlib.ExitStack()
        self.socket = self.stack.enter_context(websockets.sync.client.connect(
            f"ws://127.0.0.1:{server.port}/live", max_size=None, additional_headers=headers,
            **kwargs))
        self.take, self.told, self.bytes, self.acked = take, [], 0, 0
        self.welcome = self.expect("welcome")

    def say(self, t, **fields):
        self.socket.send(json.dumps({"t": t, **fields}))

    def receive(self, timeout):
        """Takes one message; False: none in time."""
        try:
            message = self.socket.recv(timeout)
        except TimeoutError:
            return False
        if isinstance(message, str):
            self.told.append(json.loads(message))
            return True
        self.bytes += len(message)
        for frame in decode(message):
            if self.take:
                self.take(frame)
        if self.bytes - self.acked > 256 * 1024:
            self.say("ack", bytes=self.bytes)
            self.acked = self.bytes
        return True

    def expect(self, t, accept=lambda message: True, deadline=30.0):
        """Waits for a text message; takes all that comes meanwhile."""
        end = time.monotonic() + deadline
        while True:
            for i, message in enumerate(self.told):
                if message["t"] == t and accept(message):
                    return self.told.pop(i)
            assert self.receive(max(0.0, end - time.monotonic())), f"no {t} in time"

    def settle(self):
        """Everything said before was obeyed."""
        self.say("watch", id=4_000_000_000)
        self.expect("error", lambda message: message.get("id") == 4_000_000_000)

    def close(self):
        self.stack.close()

    def lose(self):
        """The connection goes without a word."""
        self.socket.socket.close()


class Series:
    """What a client holds of one series."""

    def __init__(self, run, tag):
        self.run, self.tag = run, tag
        self.points, self.ordinal = [], 0
        self.stale = True  # ask the history

    def take_history(self, frames):
        self.points, self.stale = [], False
        self.ordinal = frames[-1].ordinal if frames else 0
        for frame in frames:
            assert frame.kind == POINTS
            if frame.count:
                self.points += frame.points()

    def take(self, frame, view):
        if self.stale:
            return
        if frame.kind == TRUNCATE:
            self.points = [p for p in self.points if p[0] < frame.step]
            return
        if frame.kind in (BEHIND, BUCKETS):
            self.stale = True  # a page would keep the buckets: this one wants every point
            return
        gained = frame.ordinal - self.ordinal
        assert gained >= frame.count, "an ordinal went backwards, or a point came twice"
        assert view != "all" or gained == frame.count, "a point is missing"
        self.ordinal = frame.ordinal
        if frame.count:
            self.points += frame.points()

    def sorted(self):
        """(step, value as text, so that NaN is equal to NaN); equal ones may be in any order."""
        return sorted((s, repr(v)) for s, _, v in self.points)


class Model:
    """Follows series of a server through anything that happens."""

    def __init__(self, server, series, view):
        self.server, self.view = server, view
        self.series = [Series(run, tag) for run, tag in series]
        self.live, self.epoch = None, None
        self.behind = self.buckets = self.truncations = 0

    def connect(self):
        self.live = Live(self.server, self.take)
        if self.live.welcome["epoch"] != self.epoch:
            for one in self.series:
                one.stale = True
        self.epoch = self.live.welcome["epoch"]
        for handle, one in enumerate(self.series):
            if not one.stale:
                self.watch(handle)
        self.refresh()

    def reconnect(self):
        self.live.lose()
        self.connect()

    def watch(self, handle):
        one = self.series[handle]
        self.live.say("watch", id=handle, series=[one.run, one.tag], view=self.view,
                      cursor=f"{self.epoch}-{one.ordinal}")

    def take(self, frame):
        self.behind += frame.kind == BEHIND
        self.buckets += frame.kind == BUCKETS
        self.truncations += frame.kind == TRUNCATE
        self.series[frame.handle].take(frame, self.view)

    def refresh(self):
        """Asks the history of what is stale, and watches from there."""
        stale = [h for h, one in enumerate(self.series) if one.stale]
        if not stale:
            return
        for handle in stale:
            self.live.say("unwatch", ids=[handle])
        self.live.settle()  # nothing of the old watches comes after this
        frames, _ = history(self.server,
                            [(self.series[h].run, self.series[h].tag) for h in stale], self.view)
        for handle, its in zip(stale, frames):
            self.series[handle].take_history(its)
            self.watch(handle)

    def pump(self, timeout=0.0):
        while self.live.receive(timeout):
            pass
        self.refresh()

    def check(self, deadline=30.0):
        """Equal to a fresh history at the same ordinals; waits for what is on its way."""
        end = time.monotonic() + deadline
        while True:
            fresh, epoch = history(self.server, [(s.run, s.tag) for s in self.series], self.view)
            assert epoch == self.epoch
            while self.live.receive(0.02):
                pass
            self.refresh()
            now = [frames[-1].ordinal if frames else 0 for frames in fresh]
            if now == [one.ordinal for one in self.series]:
                break
            assert time.monotonic() < end, f"{[s.ordinal for s in self.series]}, not {now}"
        for one, frames in zip(self.series, fresh):
            wanted = Series(one.run, one.tag)
            wanted.take_history(frames)
            assert one.sorted() == wanted.sorted(), f"{one.run} {one.tag}"
            walls = zip(sorted(p[1] for p in one.points), sorted(p[1] for p in wanted.points))
            assert all(abs(a - b) <= WALL_UNIT for a, b in walls)

    def close(self):
        self.live.close()


__all__ = ["ConnectionClosed", "Live", "Model", "decode", "history"]
