"""History and live frames joined by cursors, under everything that can happen to either."""

import os
import random
import time

import pytest
from live_lib import Model

RUNS = ["one", "two/deep"]
TAGS = ["loss", "acc", "lr"]
SEEDS = int(os.environ.get("LIVE_SEEDS", "3"))  # more for a soak


class World:
    """Random things that happen to event files and to the connection."""

    def __init__(self, server, write, seed):
        self.server, self.write, self.rng = server, write, random.Random(seed)
        self.files = {run: [write(run)] for run in RUNS}
        self.step = dict.fromkeys(RUNS, 0)
        self.wall = time.time()
        self.count = 0
        for run in RUNS:
            for tag in TAGS:
                self.files[run][0].scalar(tag, 0.0, 0, wall_time=self.tick())

    def tick(self):
        self.wall += 0.01
        return self.wall

    def value(self):
        return self.rng.choice([self.rng.random(), float("nan"), float("inf"), -0.0, 1e30])

    def append(self, run, count):
        log = self.rng.choice(self.files[run][-2:])
        for _ in range(count):
            self.step[run] += self.rng.choice([1, 1, 1, 5])
            log.scalar(self.rng.choice(TAGS), self.value(), self.step[run],
                       wall_time=self.tick())

    def restart(self, run):
        """A new file that begins after all others ended, some steps back."""
        self.wall += 1
        self.count += 1
        self.step[run] = max(0, self.step[run] - self.rng.randrange(30))
        self.files[run] = [self.write(run, f".restart{self.count}")]
        self.append(run, self.rng.randrange(1, 5))

    def second_writer(self, run):
        self.count += 1
        self.files[run].append(self.write(run, f".second{self.count}"))
        self.append(run, 4)

    def happen(self, model):
        run = self.rng.choice(RUNS)
        what = self.rng.randrange(12)
        if what < 5:
            self.append(run, self.rng.randrange(1, 40))
        elif what < 6:
            self.restart(run)
        elif what < 7:
            self.second_writer(run)
        elif what < 8:
            model.live.say("pause")
            model.live.settle()
            self.append(run, 400)
            model.live.say("resume")
        elif what < 10:
            model.live.lose()
            self.append(run, self.rng.randrange(0, 30))
            model.connect()
        elif what < 11:
            model.pump()
        else:
            self.append(run, 3)
            model.reconnect()


@pytest.mark.parametrize("view", ["all", "stitched"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_model_equals_fresh_history_at_every_moment(server, write, view, seed):
    world = World(server, write, seed)
    ids = {run: server.run(run, points=len(TAGS))["id"] for run in RUNS}
    model = Model(server, [(ids[run], tag) for run in RUNS for tag in TAGS], view)
    model.connect()
    model.check()
    for _ in range(40):
        world.happen(model)
        if world.rng.random() < 0.6:
            model.check()
    model.check()
    model.close()


def test_a_restart_is_told_as_a_truncation(server, write):
    log = write("run")
    wall = time.time()
    for step in range(20):
        log.scalar("loss", step, step, wall_time=wall + step * 0.01)
    run = server.run("run", points=20)
    model = Model(server, [(run["id"], "loss")], "stitched")
    model.connect()
    again = write("run", ".again")
    again.scalar("loss", 100, 10, wall_time=wall + 5)
    model.check()
    assert model.truncations == 1
    assert model.behind == 0
    assert [s for s, _ in model.series[0].sorted()] == list(range(11))
    model.close()


def test_a_reader_that_pauses_gets_buckets_and_then_is_behind(server, write):
    log = write("run")
    log.scalar("loss", 0, 0)
    run = server.run("run", points=1)
    model = Model(server, [(run["id"], "loss")], "all")
    model.connect()
    total = 1
    for count, seen in ((500, "buckets"), (5000, "behind")):
        model.live.say("pause")
        model.live.settle()
        for _ in range(count):
            log.scalar("loss", total, total)
            total += 1
        server.run("run", points=total)
        model.live.say("resume")
        model.check()
        assert getattr(model, seen) == 1
    model.close()


def test_a_replaced_file_is_told(server, write, logs):
    log = write("run")
    for step in range(10):
        log.scalar("loss", step, step)
    run = server.run("run", points=10)
    model = Model(server, [(run["id"], "loss")], "stitched")
    model.connect()
    model.check()
    [path] = (logs / "run").iterdir()
    new = write("other")
    for step in range(5):
        new.scalar("loss", 100 + step, step)
    [source] = (logs / "other").iterdir()
    source.rename(path)
    deadline = time.monotonic() + 30
    while [v for _, v in model.series[0].sorted()] != [f"{100 + i}.0" for i in range(5)]:
        assert time.monotonic() < deadline
        model.pump(0.05)
        model.check()
    model.close()


def test_another_server_process_means_behind(start, write, logs):
    log = write("run")
    log.scalar("loss", 1, 1)
    first = start("--logdir", logs)
    run = first.run("run", points=1)
    model = Model(first, [(run["id"], "loss")], "all")
    model.connect()
    model.check()
    first.stop()
    log.scalar("loss", 2, 2)
    model.server = start("--logdir", logs)
    model.server.run("run", points=2)
    stale = model.epoch
    model.connect()
    assert model.epoch != stale
    model.check()
    # What happens to a client that did not notice:
    model.live.say("watch", id=0, series=[run["id"], "loss"], cursor=f"{stale}-1")
    deadline = time.monotonic() + 30
    while not model.behind:
        assert time.monotonic() < deadline
        model.live.receive(0.1)
    model.close()
