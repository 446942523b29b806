"""Trains a small network on scikit-learn's digits, several learning rates at once.

Each learning rate is a process of its own that logs with tensorboardX, as a sweep on a cluster
would. One of them is killed half way and started again from its checkpoint, so that the dashboard
has a restart to show. Run by `./dev demo`; alone: python digits.py --logdir logs/digits
"""

import argparse
import os
import signal
import subprocess
import sys
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorboardX import SummaryWriter

RATES = (0.3, 0.1, 0.03, 0.01)
RESTARTED = 0.1  # the run that is killed and started again
HIDDEN = 48  # units of the one hidden layer
BATCH = 64
EVAL_EVERY = 20  # steps
CHECKPOINT_EVERY = 50  # steps
PAUSE_S = 0.02  # a step of this network is too quick to watch


def softmax(x):
    """Row-wise softmax of an array of shape (n, classes)."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Network:
    """64 pixels, one hidden layer with ReLU, 10 classes; plain stochastic gradient descent."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.weights = [
            rng.normal(0, np.sqrt(2 / 64), (64, HIDDEN)),
            np.zeros(HIDDEN),
            rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, 10)),
            np.zeros(10),
        ]

    def forward(self, x):
        """Returns (hidden activations, class probabilities) for x of shape (n, 64)."""
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)
        return hidden, softmax(hidden @ w2 + b2)

    def step(self, x, y, rate):
        """One update. Returns (loss, accuracy, gradient norm) on this batch."""
        hidden, p = self.forward(x)
        rows = np.arange(len(y))
        loss = float(-np.log(np.maximum(p[rows, y], 1e-12)).mean())
        accuracy = float((p.argmax(axis=1) == y).mean())
        p[rows, y] -= 1
        p /= len(y)
        back = (p @ self.weights[2].T) * (hidden > 0)
        gradients = [x.T @ back, back.sum(axis=0), hidden.T @ p, p.sum(axis=0)]
        for weight, gradient in zip(self.weights, gradients):
            weight -= rate * gradient
        norm = float(np.sqrt(sum((g * g).sum() for g in gradients)))
        return loss, accuracy, norm

    def evaluate(self, x, y):
        """Returns (loss, accuracy) on a data set."""
        _, p = self.forward(x)
        loss = float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)).mean())
        return loss, float((p.argmax(axis=1) == y).mean())


def train(logdir, rate, steps):
    """Trains one learning rate, from its checkpoint if there is one."""
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, test_size=0.25, random_state=0)
    rng = np.random.default_rng(1)
    network, first = Network(seed=0), 0
    checkpoint = os.path.join(logdir, "checkpoint.npz")
    if os.path.exists(checkpoint):
        with np.load(checkpoint) as saved:
            first = int(saved["step"])
            network.weights = [saved[f"w{i}"] for i in range(4)]
    writer = SummaryWriter(logdir, flush_secs=1, max_queue=20)
    for step in range(first, steps):
        started = time.perf_counter()
        now = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
        batch = rng.integers(0, len(x_train), BATCH)
        loss, accuracy, norm = network.step(x_train[batch], y_train[batch], now)
        writer.add_scalar("train/loss", loss, step)
        writer.add_scalar("train/accuracy", accuracy, step)
        writer.add_scalar("train/grad_norm", norm, step)
        writer.add_scalar("train/lr", now, step)
        if step % EVAL_EVERY == 0 or step == steps - 1:
            loss, accuracy = network.evaluate(x_test, y_test)
            writer.add_scalar("eval/loss", loss, step)
            writer.add_scalar("eval/accuracy", accuracy, step)
            writer.flush()
        time.sleep(PAUSE_S)
        writer.add_scalar("speed/samples_per_s", BATCH / (time.perf_counter() - started), step)
        if step % CHECKPOINT_EVERY == 0:
            arrays = {f"w{i}": w for i, w in enumerate(network.weights)}
            np.savez(checkpoint + ".tmp.npz", step=step, **arrays)
            os.replace(checkpoint + ".tmp.npz", checkpoint)
    writer.close()


def start(args, rate):
    """Starts the process of one learning rate."""
    logdir = os.path.join(args.logdir, f"lr={rate}")
    os.makedirs(logdir, exist_ok=True)
    command = [sys.executable, os.path.abspath(__file__), "--logdir", logdir]
    command += ["--steps", str(args.steps), "--rate", str(rate)]
    return subprocess.Popen(command)


def sweep(args):
    """Runs all learning rates; kills one half way and starts it again. Returns an exit status."""
    processes = {rate: start(args, rate) for rate in RATES}

    def end(signum, frame):
        for process in processes.values():
            process.terminate()
        sys.exit(130)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    half = os.path.join(args.logdir, f"lr={RESTARTED}", "checkpoint.npz")
    killed = False
    while not killed and processes[RESTARTED].poll() is None:
        time.sleep(0.1)
        try:
            with np.load(half) as saved:
                killed = int(saved["step"]) >= args.steps // 2
        except (OSError, KeyError, ValueError, EOFError):
            continue
    if killed:
        print(f"digits: killing lr={RESTARTED} and starting it again", flush=True)
        time.sleep(0.5)  # some steps beyond the checkpoint, which the restart will do again
        processes[RESTARTED].kill()
        processes[RESTARTED].wait()
        time.sleep(1.1)  # tensorboardX names files by the second
        processes[RESTARTED] = start(args, RESTARTED)
    return max(process.wait() for process in processes.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--logdir", required=True, help="where the runs go")
    parser.add_argument("--steps", type=int, default=1500, help="steps of each run")
    parser.add_argument("--rate", type=float, help="train one learning rate in this process")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if args.rate is None:
        sys.exit(sweep(args))
    train(args.logdir, args.rate, args.steps)


if __name__ == "__main__":
    main()
