"""tensorboardX, and its old version 1.2 (argument: the folder of the writer's files)."""

import sys

import common

common.fixed_clock()

import numpy as np  # noqa: E402
from tensorboardX import SummaryWriter  # noqa: E402

old = sys.argv[1].endswith("-1.2")
cases = common.Cases(sys.argv[1])
rng = np.random.default_rng(7)

with cases("scalars") as d:
    w = SummaryWriter(d)
    for step in range(40):
        w.add_scalar("loss/train", 1.0 / (step + 1), step)
    if not old:
        w.add_scalar("described", 2.0, 1, display_name="Nice name", summary_description="*words*")
    w.close()
with cases("histogram") as d:
    w = SummaryWriter(d)
    w.add_histogram("weights", rng.normal(size=400), 1, bins="tensorflow")
    w.add_histogram("auto", rng.normal(size=400), 2, bins="auto")
    w.close()
with cases("image") as d:
    w = SummaryWriter(d)
    w.add_image("one", np.zeros((8, 8, 3) if old else (3, 8, 8), dtype=np.uint8), 1)
    w.close()
with cases("text") as d:
    w = SummaryWriter(d)
    w.add_text("first", "one text", 1)
    w.add_text("second", "another", 2)
    w.close()
if not old:
    with cases("hparams") as d:
        w = SummaryWriter(d)
        w.add_hparams({"lr": 0.1, "name": "x"}, {"loss": 0.25}, name="trial")
        w.close()
    with cases("mesh") as d:
        w = SummaryWriter(d)
        vertices = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
        w.add_mesh("solid", vertices, faces=np.array([[[0, 1, 2]]]), global_step=1)
        w.close()
    with cases("pr-curve") as d:
        w = SummaryWriter(d)
        w.add_pr_curve("pr", rng.integers(0, 2, 100), rng.random(100), 1)
        w.close()
