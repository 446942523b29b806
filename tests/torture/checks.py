"""What must hold: acknowledged bytes are there, the archive is its source, the index a rebuild."""

import json
import pathlib
import threading
import urllib.parse
import urllib.request

from writers import HEAD_BYTES


class Failure(Exception):
    """Something that must hold did not."""


def require(what, message):
    if not what:
        raise Failure(message)


class Client:
    """Asks a server with its token."""

    def __init__(self, host, port, token):
        self.base, self.token = f"http://{host}:{port}", token

    def get(self, path, timeout=20):
        request = urllib.request.Request(
            self.base + path, headers={"Authorization": f"Bearer {self.token()}"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read())

    def runs(self):
        return self.get("/api/v1/runs?limit=10000")["runs"]

    def kept(self, run_id):
        return self.get(f"/api/v1/runs/{run_id}/files")["kept"]


class Acknowledged(threading.Thread):
    """Asks all the time what is durable: (run, path, generation) → bytes, and it never shrinks."""

    def __init__(self, client, known):
        super().__init__(daemon=True)
        self.client, self.lengths, self.failure = client, known, None
        self.lock, self.ended = threading.Lock(), threading.Event()

    def ask(self):
        for run in self.client.runs():
            for file in self.client.kept(run["id"]):
                key = run["id"], file["path"], file["generation"]
                with self.lock:
                    before = self.lengths.get(key, 0)
                    self.lengths[key] = max(before, file["size"])
                if file["size"] < before and file["event_file"]:
                    self.failure = f"{key}: {before} acknowledged, now {file['size']}"

    def run(self):
        while not self.ended.wait(0.05):
            try:
                self.ask()
            except (OSError, ValueError, KeyError):
                pass  # the server was killed within an answer

    def copy(self):
        with self.lock:
            return dict(self.lengths)


class Truth:
    """Every life that a source file had, by its first record."""

    def __init__(self, sources, lives):
        self.sources, self.lives, self.paths = sources, lives, {}

    def learn(self):
        for folder in (*self.lives, *self.sources):
            for path in pathlib.Path(folder).rglob("*"):
                if folder in self.sources and "tfevents" not in path.name:
                    continue
                with path.open("rb") as file:
                    head = file.read(HEAD_BYTES)
                if len(head) == HEAD_BYTES:
                    self.paths[head] = path

    def life(self, head):
        """A life may be replaced, and so renamed, between two looks."""
        if head not in self.paths or not self.paths[head].exists():
            self.learn()
        return self.paths.get(head)

    def holds(self, kept, begin, end):
        """Whether bytes [begin, end) of an archived file are those of its life."""
        with open(kept, "rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(begin)
            data = file.read(end - begin)
        if len(head) < HEAD_BYTES:
            return True
        for _ in range(3):
            path = self.life(head)
            if path is None:
                return False
            with open(path, "rb") as file:
                if file.read(HEAD_BYTES) == head:
                    file.seek(begin)
                    return file.read(end - begin) == data
            self.paths.pop(head)
        return False


def place(archive, key):
    """Where a generation lies: the newest under its own name. A crash may be between the two."""
    run, path, generation = key
    top = archive / "runs" / run
    older = top / "generations" / str(generation) / path
    return older if older.exists() else top / "files" / path


def check_acknowledged(archive, truth, lengths, checked):
    """After a kill, with no server running. `checked`: how far each file was found equal."""
    for key, length in lengths.items():
        if "tfevents" not in key[1]:
            continue
        path = place(archive, key)
        require(path.exists() or length == 0, f"{key}: {length} acknowledged, no file")
        if length == 0:
            continue
        size = path.stat().st_size
        require(size >= length, f"{key}: {length} acknowledged, {size} on disk")
        begin = max(0, checked.get(key, 0) - 4096)
        if length > checked.get(key, 0):
            require(truth.holds(path, begin, length), f"{key}: other bytes below {length}")
            checked[key] = length


def differences(archive, run_id, folders):
    """Source files whose newest archived life is not the same: a list of names."""
    wrong = []
    for prefix, folder in folders:
        for path in pathlib.Path(folder).rglob("*"):
            below = path.relative_to(folder)
            if not path.is_file() or str(below).startswith(".") or path.name.endswith(".tmp"):
                continue
            name = f"{prefix}/{below}"
            kept = archive / "runs" / run_id / "files" / name
            if not kept.exists() or kept.read_bytes() != path.read_bytes():
                wrong.append(name)
    return wrong


def points(client):
    """(run id, dir, tag) → all points, of every generation."""
    found = {}
    for run in client.runs():
        for series in client.get(f"/api/v1/runs/{run['id']}/series")["series"]:
            names = urllib.parse.urlencode({"tag": series["tag"], "dir": series["dir"]})
            answer = client.get(f"/api/v1/runs/{run['id']}/points?{names}&view=all")
            found[run["id"], series["dir"], series["tag"]] = list(
                zip(answer["step"], answer["value"]))
    return found
