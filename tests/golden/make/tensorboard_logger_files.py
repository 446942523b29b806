"""tensorboard-logger: a small writer of its own."""

import common

common.fixed_clock()

import numpy as np  # noqa: E402
from tensorboard_logger import Logger  # noqa: E402

cases = common.Cases("tensorboard-logger")
with cases("scalars") as d:
    logger = Logger(d, flush_secs=0)
    for step in range(10):
        logger.log_value("loss", 1.0 / (step + 1), step)
with cases("histogram") as d:
    logger = Logger(d, flush_secs=0)
    logger.log_histogram("weights", np.arange(20.0), 1)
