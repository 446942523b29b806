"""A small, strict server of docs/formats/upload.md that misbehaves when told to.

    with MockServer() as server:
        server.faults.append(Fault("PATCH", cut=1000))
        … server.url, server.runs[run].files["logs/a"].data

Every rule that a client may break is checked: what it does wrong is listed in `complaints`.
Bytes become durable only when `durable` says so (default: at once).
"""

import base64
import dataclasses
import hashlib
import json
import re
import socket
import socketserver
import threading
import time
import urllib.parse


def crc32c_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@dataclasses.dataclass
class Fault:
    """Met once by the next matching requests, `times` times."""

    method: str = ""       # "": any
    path: str = ""         # part of the path
    status: int = 0        # answer this instead
    code: str = "fault"
    headers: dict = dataclasses.field(default_factory=dict)
    cut: int = -1          # close after so many bytes of the body
    lose_answer: bool = False  # do the work, close instead of answering
    delay: float = 0
    times: int = 1
    early: bool = False    # answer `status` without reading the body


class File:
    def __init__(self, source):
        self.source, self.generation = source, 1
        self.data, self.durable, self.complete = bytearray(), 0, False
        self.older, self.damaged, self.repaired = [], [], []


class Run:
    def __init__(self, document):
        self.document, self.files, self.events, self.beats = document, {}, {}, 0
        self.stop, self.deleted, self.heard = None, False, time.monotonic()

    def kinds(self, rank=0):
        return [e["kind"] for e in self.events.values() if e.get("rank") == rank]

    def event(self, kind):
        return next(e for e in self.events.values() if e["kind"] == kind)


class Handler(socketserver.StreamRequestHandler):
    def setup(self):
        if tls := self.server.owner.tls:
            self.request.settimeout(10)
            self.request = tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        self.owner = self.server.owner
        self.owner.connections.add(self.connection)
        try:
            while self.one():
                pass
        except (ConnectionError, OSError, ValueError):
            pass
        finally:
            self.owner.connections.discard(self.connection)

    def one(self):
        line = self.rfile.readline(65536)
        if not line:
            return False
        self.method, self.target, version = line.decode().split()
        assert version == "HTTP/1.1"
        self.headers, self.left = {}, 0
        while (line := self.rfile.readline(65536).strip()):
            key, value = line.decode().split(":", 1)
            self.headers[key.strip().lower()] = value.strip()
        self.left = int(self.headers.get("content-length", 0))
        url = urllib.parse.urlsplit(self.target)
        self.path = urllib.parse.unquote(url.path, errors="surrogateescape")
        self.query = dict(urllib.parse.parse_qsl(url.query))
        fault = self.owner.fault(self.method, self.path)
        if fault and fault.delay:
            time.sleep(fault.delay)
        if fault and fault.early:
            self.answer(fault.status, {"code": fault.code}, fault.headers, close=True)
            return False
        body = self.body(fault)
        if fault and fault.status:
            self.answer(fault.status, {"code": fault.code}, fault.headers)
            return True
        with self.owner.lock:
            status, content, headers = self.owner.respond(self, body)
        if fault and fault.lose_answer:
            return False
        self.answer(status, content, headers)
        return True

    def body(self, fault):
        if fault and fault.cut >= 0:
            part = self.rfile.read(min(fault.cut, self.left))
            with self.owner.lock:
                self.owner.partial(self, part)
            self.connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        parts, left = [], self.left
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            if not piece:
                with self.owner.lock:
                    self.owner.partial(self, b"".join(parts))
                raise ConnectionError
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)

    def answer(self, status, content, headers, close=False):
        body = json.dumps(content).encode() if content is not None else b""
        lines = [f"HTTP/1.1 {status} X"] + [f"{k}: {v}" for k, v in headers.items()]
        if status != 204:
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.wfile.write(head + (b"" if self.method == "HEAD" or status == 204 else body))


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that do not trust us are no news."""


class MockServer:
    def __init__(self, port=0, token=None, tls=None):
        self.lock, self.runs, self.faults, self.complaints = threading.Lock(), {}, [], []
        self.log, self.token, self.connections, self.joined = [], token, set(), {}
        self.durable = lambda file: len(file.data)
        self.port, self.listener, self.tls = port, None, tls
        self.start()

    def start(self):
        self.listener = Listener(("127.0.0.1", self.port), Handler)
        self.listener.owner = self
        self.port = self.listener.server_address[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.listener.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """As if killed: connections break, what is not durable is gone."""
        self.listener.shutdown()
        self.listener.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.lock:
            for run in self.runs.values():
                for file in run.files.values():
                    del file.data[max(file.durable, min(len(file.data), self.durable(file))):]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def fault(self, method, path):
        with self.lock:
            self.log.append((method, path))
            for fault in self.faults:
                if fault.times and fault.method in ("", method) and fault.path in path:
                    fault.times -= 1
                    return fault
        return None

    def only_run(self):
        assert len(self.runs) == 1, list(self.runs)
        return next(iter(self.runs.values()))

    # ---- the rules

    def complain(self, handler, text):
        self.complaints.append(f"{handler.method} {handler.target}: {text}")
        return 400, {"code": "complaint", "detail": text}, {}

    def respond(self, handler, body):
        if not re.fullmatch(r"tailboard/\S+", handler.headers.get("user-agent", "")):
            return self.complain(handler, "no User-Agent")
        match = re.fullmatch(r"/api/v1/runs/([0-9A-Za-z_-]{1,64})(/events|/files/(.+))?",
                             handler.path, re.S)
        if not match:
            return self.complain(handler, "no such path")
        run_id, kind, name = match.groups()
        if kind is None:
            return self.put_run(handler, run_id, body)
        run = self.runs.get(run_id)
        if run is None:
            return 404, {"code": "no-run"}, {}
        if run.deleted:
            return 410, {"code": "deleted"}, {}
        if handler.headers.get("authorization") != f"Bearer run-{run_id}":
            return 401, {"code": "token"}, {}
        run.heard = time.monotonic()
        if kind == "/events":
            return self.events(handler, run, body)
        return self.file(handler, run, name, body)

    def put_run(self, handler, run_id, body):
        document = json.loads(body)
        if self.token and handler.headers.get("authorization") not in (
                f"Bearer {self.token}", f"Bearer run-{run_id}"):
            return 401, {"code": "token"}, {}
        if unknown := set(document) - {"name", "experiment", "tags", "notes", "join", "job"}:
            return self.complain(handler, f"unknown members {unknown}")
        run_id = self.joined.get(run_id, run_id)
        run, created = self.runs.get(run_id), False
        if run is None:
            run = self.runs[run_id] = Run(document)
            created = True
        elif run.deleted:
            return 410, {"code": "deleted"}, {}
        elif run.document != document and not document.get("join"):
            return 409, {"code": "different"}, {}
        attempt = max([e.get("attempt", 1) for e in run.events.values()], default=0)
        return 201 if created else 200, {"id": run_id, "created": created, "heartbeat": 10,
                                         "token": f"run-{run_id}", "attempt": attempt}, {}

    def events(self, handler, run, body):
        events = json.loads(body)
        run.beats += not events
        for event in events:
            if set(event) - {"id", "kind", "source", "attempt", "rank", "time", "data"}:
                return self.complain(handler, f"unknown members of {event}")
            run.events.setdefault(event["id"], event)
        durable = {}
        for name, file in run.files.items():
            self.settle(file)
            if not file.complete:
                durable[name] = file.durable
        return 200, {"heartbeat": self.heartbeat, "durable": durable, "stop": run.stop}, {}

    heartbeat = 10

    def settle(self, file):
        file.durable = max(file.durable, min(len(file.data), self.durable(file)))

    proves_shorter = True  # False: a server that does not know "at"

    def facts(self, file, at=None):
        self.settle(file)
        at = min(file.durable, int(at)) if at and self.proves_shorter else file.durable
        n = min(4096, at)
        head = crc32c(file.data[:n])
        tail = crc32c(file.data[at - n:at])
        return {
            "Upload-Offset": file.durable, "Tailboard-Received": len(file.data),
            "Tailboard-Generation": file.generation, "Tailboard-Source": file.source,
            "Upload-Complete": "?1" if file.complete else "?0",
            "Tailboard-Check": f"{at} {head:08x} {tail:08x}",
        }

    def file(self, handler, run, name, body):
        source, file = handler.query.get("source"), run.files.get(name)
        if not source:
            return self.complain(handler, "no source")
        if handler.method == "HEAD":
            if file is None:
                return 404, None, {}
            return 200, None, self.facts(file, handler.query.get("at"))
        if file and file.source != source:
            return 409, {"code": "path-taken"}, {}
        if handler.method == "POST":
            return self.anew(handler, run, name, file)
        if handler.headers.get("content-type") != "application/partial-upload":
            return self.complain(handler, "wrong type")
        return self.patch(handler, run, name, file, body)

    def anew(self, handler, run, name, file):
        replaces = int(handler.query["replaces"])
        if file is None:
            file = run.files[name] = File(handler.query["source"])
        elif file.generation == replaces + 1 and not file.data:
            pass
        elif file.generation != replaces:
            return 409, {"code": "stale-generation"}, {"Tailboard-Generation": file.generation}
        else:
            file.older.append(bytes(file.data))
            file.generation += 1
            file.data, file.durable, file.complete = bytearray(), 0, False
        return 201, None, {"Tailboard-Generation": file.generation, "Upload-Offset": 0}

    def partial(self, handler, body):
        """What came of a body that broke off: a strict server keeps it."""
        match = re.fullmatch(r"/api/v1/runs/([^/]+)/files/(.+)", handler.path, re.S)
        if match and handler.method == "PATCH" and match[1] in self.runs:
            run = self.runs[match[1]]
            self.patch(handler, run, match[2], run.files.get(match[2]), body, partial=True)

    def patch(self, handler, run, name, file, body, partial=False):
        headers, offset = handler.headers, int(handler.headers["upload-offset"])
        generation = headers.get("tailboard-generation")
        if file is None:
            if offset or generation not in (None, "1"):
                return 409, {"code": "gap"}, {"Upload-Offset": 0}
            file = run.files[name] = File(handler.query["source"])
        if generation is not None and int(generation) != file.generation:
            return 409, {"code": "stale-generation"}, {"Tailboard-Generation": file.generation}
        if "tailboard-repaired" in headers:
            first, length = map(int, headers["tailboard-repaired"].split("-"))
            if [first, length] not in file.damaged or len(body) != length:
                return self.complain(handler, "not a damaged range")
            file.data[first:first + length] = body
            file.repaired.append([first, length])
            return 204, None, self.facts(file)
        if offset > len(file.data):
            return 409, {"code": "gap"}, self.facts(file)
        known = min(len(body), len(file.data) - offset)
        if file.data[offset:offset + known] != body[:known]:
            return 409, {"code": "mismatch"}, self.facts(file)
        if body[known:]:
            file.complete = False
        file.data += body[known:]
        for one in headers.get("tailboard-damaged", "").split(","):
            if one.strip():
                first, length = map(int, one.split("-"))
                if first < offset or first + length > offset + handler.left:
                    return self.complain(handler, "damage outside of the body")
                file.damaged.append([first, length])
        if headers.get("upload-complete") == "?1" and not partial:
            want = headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":")
            if base64.b64decode(want) != hashlib.sha256(file.data).digest():
                return 409, {"code": "digest-mismatch"}, self.facts(file)
            file.complete, file.durable = True, len(file.data)
        return 204, None, self.facts(file)
