"""The page in a real browser: web/test/page/*.spec.ts, one test a file.

The specs run under Vitest with the system's Chromium; those named real.* start the program
themselves. WEB_OUT names the built page (default: build/web, as ./dev makes it).
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import PROGRAM, ROOT

WEB = ROOT / "web"
SPECS = sorted(path.name for path in (WEB / "test/page").glob("*.spec.ts"))
LONGEST = 600  # seconds; a busy machine draws slowly


def built_page():
    """The folder with the built page, or None."""
    places = [os.environ.get("WEB_OUT"), ROOT / "build/web", WEB / "dist"]
    return next((str(p) for p in places if p and (pathlib.Path(p) / "index.html").exists()), None)


@pytest.mark.parametrize("spec", SPECS)
def test_page(spec):
    if not shutil.which("node") or not (WEB / "node_modules").is_dir():
        pytest.skip("needs node and web/node_modules (./dev setup)")
    page = built_page()
    assert page, "the page is not built: ./dev build"
    done = subprocess.run(
        ["node", "node_modules/vitest/vitest.mjs", "run", "--config", "vitest.page.config.ts",
         f"test/page/{spec}"],
        cwd=WEB, capture_output=True, text=True, timeout=LONGEST,
        env={**os.environ, "WEB_OUT": page, "TAILBOARD": PROGRAM, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
