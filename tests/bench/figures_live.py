"""Live figures: append to message, append to pixels, many clients with some that never read."""

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time

from servers import Tailboard

# In the page: when did a canvas draw for the first time after a moment, and when was that frame
# handed to the compositor (the task behind the next animation frame)?
WATCH_DRAWING = """
() => {
  window.drawn = [];
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  let open = false;
  CanvasRenderingContext2D.prototype.stroke = function (...args) {
    if (!open) {
      open = true;
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        window.drawn.push(performance.timeOrigin + performance.now());
        open = false;
      };
      requestAnimationFrame(() => channel.port2.postMessage(0));
    }
    return stroke.apply(this, args);
  };
}
"""


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def program(context, name, *args):
    """Runs a program of the bench folder; returns the JSON object of its last line."""
    out = subprocess.run([context.build / "bench" / name, *map(str, args)], check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def run_live(context):
    """1,000 points/s in 100 series: flushed append to message received, one client."""
    folder = tempfile.mkdtemp(prefix="bench-live-")
    with Tailboard(context.build, folder) as server:
        result = program(context, "bench_live", "latency", server.port(), folder)
    shutil.rmtree(folder)
    context.row("append to message, 1,000 points/s in 100 series",
                f"p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.2f} ms", "",
                "p50 3 ms, p99 20 ms; floor 10, 50")


def run_clients(context):
    """1,000 clients of one run, without and with ten that never read."""
    ratios, seen = [], []
    for _ in range(3):
        p99 = []
        for stalled in (0, 10):
            folder = tempfile.mkdtemp(prefix="bench-live-")
            with Tailboard(context.build, folder) as server:
                result = program(context, "bench_live", "clients", server.port(), folder,
                                 1000, stalled)
            shutil.rmtree(folder)
            p99.append(result["p99_ms"])
        ratios.append(p99[1] / p99[0])
        seen.append(p99)
    plain, with_stalled = map(statistics.median, zip(*seen))
    context.row("1,000 clients, 10 of them not reading",
                f"p99 {with_stalled:.1f} ms against {plain:.1f} ms",
                f"{statistics.median(ratios):.2f}x", "1.2x, floor 1.5x")


def run_pixels(context, count=100):
    """A point is appended and flushed; when has the page drawn it?"""
    from playwright.sync_api import sync_playwright
    from tensorboardX import SummaryWriter

    folder = tempfile.mkdtemp(prefix="bench-pixels-")
    writer = SummaryWriter(os.path.join(folder, "run"), flush_secs=3600)
    rng = random.Random(3)
    for step in range(50):
        writer.add_scalar("loss", rng.random(), step)
    writer.flush()
    latencies = []
    with Tailboard(context.build, folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                             args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{server.port()}/")
        page.wait_for_selector("canvas")
        time.sleep(2)
        page.evaluate(WATCH_DRAWING)
        for step in range(50, 50 + count):
            time.sleep(0.1 + 0.1 * rng.random())
            page.evaluate("() => { window.drawn.length = 0 }")
            at = time.time() * 1e3
            writer.add_scalar("loss", rng.random(), step)
            writer.flush()
            page.wait_for_function("() => window.drawn.length > 0", polling=5, timeout=5000)
            latencies.append(page.evaluate("() => window.drawn[0]") - at)
        browser.close()
    shutil.rmtree(folder)
    context.row("append to pixels in Chromium",
                f"p50 {statistics.median(latencies):.1f} ms, "
                f"p99 {percentile(latencies, 0.99):.1f} ms", "", "p50 25 ms, floor 60 ms")
