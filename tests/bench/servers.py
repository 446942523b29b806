"""The two servers under test, each started the same way and asked the same question."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import time


# Asking takes time from the servers, which load on the same two cores. Tailboard is asked for a
# document of 1 KB; RustBoard has nothing smaller than its whole answer, so it is asked less often.
# Either way asking takes a few hundredths of the load, and the end is seen to 4 % and 1 % of it.
POLL_S = 0.005
POLL_RUSTBOARD_S = 0.020


def read_status(pid, key):
    """A kB figure of /proc/PID/status (VmHWM: the peak of resident memory) in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """A child process that writes its port into a file."""

    def __init__(self, command, env=None):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.port_file = os.path.join(self.folder.name, "port")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [part.replace("PORT_FILE", self.port_file) for part in command],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | (env or {}),
        )

    def port(self):
        while True:
            with contextlib.suppress(OSError, ValueError):
                text = pathlib.Path(self.port_file).read_text()
                if text.strip():
                    return int(text)
            if self.process.poll() is not None:
                raise RuntimeError(f"server ended with {self.process.returncode}")
            time.sleep(0.002)

    def peak_bytes(self):
        return read_status(self.process.pid, "VmHWM")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Tailboard(Server):
    """`tailboard serve`, asked through /api/v1. Its cache is empty and its own: nothing that an
    earlier server read is known to it, and it writes its index as any server does. No archive,
    where it is not asked for: the other server keeps no bytes either."""

    def __init__(self, build, logdir, *extra, archive=None, env=None):
        self.home = tempfile.TemporaryDirectory(prefix="bench-home-")
        state, cache = (os.path.join(self.home.name, name) for name in ("state", "cache"))
        super().__init__([str(build / "tailboard"), "serve", "--logdir", str(logdir), "--port", "0",
                          "--port-file", "PORT_FILE", "--state", state, "--cache", cache,
                          *(["--archive", archive] if archive else ["--no-archive"]), *extra],
                         env)
        self.connection = self.plain = None

    def stop(self):
        super().stop()
        for one in (self.connection, self.plain):
            if one:
                one.close()
        self.home.cleanup()

    def request(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port())
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]!r}")
        return data

    def get(self, path):
        return json.loads(self.request("GET", path))

    def root(self):
        """The document of the server itself, asked for again and again while it loads: with no
        more work for this client than that takes, since it has the server's two cores."""
        if self.plain is None:
            self.plain = socket.create_connection(("127.0.0.1", self.port()))
        self.plain.sendall(b"GET /api/v1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        data = self.plain.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(None, 1)[0])
        while len(body) < size:
            body += self.plain.recv(65536)
        return json.loads(body)

    def loaded(self, expected):
        """Seconds from exec until one answer had the last step of every series. The client knows
        the tags of its load, and asks for the ids of its runs as soon as all are found; what the
        answer holds is looked at after the clock has stopped."""
        last, count, tags = expected
        runs = []
        while True:
            while True:
                root = self.root()
                if len(runs) < root["runs"] == count // len(tags):
                    runs = [row["id"] for row in self.get("/api/v1/runs?limit=10000")["runs"]]
                if root["progress"]["done"] and runs:
                    break
                time.sleep(POLL_S)
            body = json.dumps({"series": {"runs": runs, "tags": tags}, "width": 1,
                               "cols": ["step_last"]})
            answer = self.request("POST", "/api/v1/points", body, {
                "Content-Type": "application/json",
                "Accept": "application/vnd.tailboard.points"})
            now = time.perf_counter()
            steps = last_steps(answer)
            if len(steps) == count and all(step == last for step in steps):
                return now - self.started


def last_steps(answer):
    """Last steps of the bucket frames of a binary answer with the one column step_last
    (docs/formats/frames.md): header of 32 bytes, u32 mask, u32 of zero, f64 or i64 steps."""
    steps, at = [], 0
    while at < len(answer):
        kind, codes = answer[at], answer[at + 1]
        count, size = struct.unpack_from("<I4xQ", answer, at + 8)
        if count > 0:
            code = codes & 15
            if kind != 2 or code not in (0, 4):
                raise RuntimeError(f"frame of kind {kind}, step code {code}")
            kind_of_step = "<q" if code == 4 else "<d"
            steps.append(struct.unpack_from(kind_of_step, answer, at + 32 + 8 * count)[0])
        at += size
    return steps


class RustBoard(Server):
    """TensorBoard's data server, asked through its gRPC service."""

    def __init__(self, logdir):
        import tensorboard_data_server

        super().__init__([tensorboard_data_server.server_binary(), f"--logdir={logdir}", "--port=0",
                          "--port-file=PORT_FILE", "--samples-per-plugin=scalars=1000"])

    def loaded(self, expected):
        import grpc
        from tensorboard.data.proto import data_provider_pb2 as pb
        from tensorboard.data.proto import data_provider_pb2_grpc as rpc

        last, count, _ = expected
        options = [("grpc.max_receive_message_length", 256 << 20)]
        with grpc.insecure_channel(f"127.0.0.1:{self.port()}", options=options) as channel:
            stub = rpc.TensorBoardDataProviderStub(channel)
            request = pb.ListScalarsRequest(experiment_id="e")
            request.plugin_filter.plugin_name = "scalars"
            while True:
                answer = stub.ListScalars(request, wait_for_ready=True)
                now = time.perf_counter()
                steps = [tag.metadata.max_step for run in answer.runs for tag in run.tags]
                if len(steps) == count and all(step == last for step in steps):
                    return now - self.started
                time.sleep(POLL_RUSTBOARD_S)
