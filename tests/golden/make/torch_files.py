"""torch.utils.tensorboard: every add_ call that makes events."""

import common

common.fixed_clock()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.utils.tensorboard import SummaryWriter  # noqa: E402

cases = common.Cases("torch")
rng = np.random.default_rng(7)


def scalars():
    with cases("scalars") as d, SummaryWriter(d) as w:
        for step in range(40):
            w.add_scalar("loss/train", 1.0 / (step + 1), step)
            w.add_scalar("lr", 0.1 * step, step, walltime=1.6e9 + step)
    with cases("scalars-new-style") as d, SummaryWriter(d) as w:
        for step in range(20):
            w.add_scalar("loss", 1.0 / (step + 1), step, new_style=True)
            w.add_scalar("wide", 1.0 / (step + 3), step, new_style=True, double_precision=True)
    with cases("scalars-odd") as d, SummaryWriter(d) as w:
        for step, value in enumerate([float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 1e-45]):
            w.add_scalar("edge", value, step)
        w.add_scalar("no step", 3.5)
        w.add_scalar("negative", 1.0, -5)
        w.add_scalar("far", 2.0, 2**62)
        w.add_scalar("größe/日本", 4.0, 1)
        w.add_scalar("", 5.0, 1)
        w.add_scalar("t" * 200, 6.0, 1)
    with cases("scalars-grouped") as d, SummaryWriter(d) as w:
        for step in range(5):
            w.add_scalars("run/pair", {"a": step, "b": 2.0 * step}, step)
    with cases("purge") as d:
        with SummaryWriter(d) as w:
            for step in range(10):
                w.add_scalar("loss", step, step)
        with SummaryWriter(d, purge_step=6, filename_suffix=".b") as w:
            for step in range(6, 9):
                w.add_scalar("loss", -step, step)


def media():
    with cases("histogram") as d, SummaryWriter(d) as w:
        for step in range(4):
            w.add_histogram("weights", rng.normal(size=400), step)
        w.add_histogram("zeros", np.zeros(5), 0)
    with cases("image") as d, SummaryWriter(d) as w:
        w.add_image("one", rng.random((3, 8, 8)), 1)
        w.add_images("tiled", rng.random((4, 3, 8, 8)), 2)
    with cases("video") as d, SummaryWriter(d) as w:
        w.add_video("clip", torch.zeros(1, 2, 3, 8, 8), 1)
    with cases("audio") as d, SummaryWriter(d) as w:
        w.add_audio("beep", torch.sin(torch.arange(800) / 8.0), 3, sample_rate=8000)
    with cases("text") as d, SummaryWriter(d) as w:
        w.add_text("notes", "**hello** | ünïcode", 2)
    with cases("pr-curve") as d, SummaryWriter(d) as w:
        w.add_pr_curve("pr", rng.integers(0, 2, 100), rng.random(100), 1)
    with cases("mesh") as d, SummaryWriter(d) as w:
        vertices = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
        colors = torch.tensor([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]])
        faces = torch.tensor([[[0, 1, 2]]])
        w.add_mesh("solid", vertices, colors=colors, faces=faces, global_step=1)


def others():
    with cases("hparams") as d, SummaryWriter(d) as w:
        w.add_hparams({"lr": 0.1, "name": "x", "flag": True}, {"hparam/loss": 0.25},
                      run_name="trial")
    with cases("custom-scalars") as d, SummaryWriter(d) as w:
        w.add_custom_scalars({"cat": {"loss": ["Multiline", ["loss/.*"]]}})
    with cases("graph") as d, SummaryWriter(d) as w:
        w.add_graph(torch.nn.Linear(2, 1), torch.zeros(1, 2))
    with cases("tensors") as d, SummaryWriter(d) as w:
        for name in ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64",
                     "uint8", "bool"]:
            try:
                w.add_tensor(f"{name}/0", torch.tensor(3).to(getattr(torch, name)), 1)
                w.add_tensor(f"{name}/2", torch.tensor([[1, 0]]).to(getattr(torch, name)), 2)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                print(f"torch cannot write a {name} tensor: {error!r}")


scalars()
media()
others()
