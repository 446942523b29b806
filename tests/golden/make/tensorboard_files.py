"""tensorboard.summary.Writer: TensorBoard's own writer, without TensorFlow."""

import common

common.fixed_clock()

from tensorboard.summary import Writer  # noqa: E402
from tensorboard.summary._output import DirectoryOutput  # noqa: E402

cases = common.Cases("tensorboard")

with cases("scalars") as d:
    w = Writer(DirectoryOutput(d))
    for step in range(30):
        w.add_scalar("loss", 1.0 / (step + 1), step, wall_time=1.7e9 + step)
    w.add_scalar("described", 2.0, 1, wall_time=1.7e9, description="*words*")
    w.close()
