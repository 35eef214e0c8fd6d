"""The animation on the documentation's first page: a loop and a slider, stock beside ours.

``make screenshots`` makes it; alone: ``python playwright/steering.py``.
"""

from __future__ import annotations

import io
import sys
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(Path(__file__).parent)]

from bench.sites import copy_site  # noqa: E402
from chromium import launch_options  # noqa: E402
from serve import serving  # noqa: E402

CELL = """\
import time
from ipywidgets import HTML, IntSlider

size, picture = IntSlider(10, 2, 42), HTML()
display(size, picture)
for x in range(0, 99999, 6):
    picture.value = (
        f"<svg height='90' fill='teal'><circle"
        f" cx='{x % 300}' cy='45' r='{size.value}'/>"
    )
    time.sleep(0.04)"""

PAGE = """\
<style>
  body {{ margin: 0; display: flex; font: 600 15px system-ui; background: {back}; color: {fore}; }}
  figure {{ margin: 8px; }}
  figcaption {{ padding: 4px; text-align: center; }}
  iframe {{ width: 440px; height: 400px; border: 1px solid {line}; }}
</style>
<figure><figcaption>JupyterLite</figcaption><iframe name="stock" src="{stock}"></iframe></figure>
<figure>
  <figcaption>JupyterLite with lite_comms</figcaption><iframe name="ours" src="{ours}"></iframe>
</figure>
"""
COLOURS = {
    "light": {"back": "#fff", "fore": "#222", "line": "#ccc"},
    "dark": {"back": "#111", "fore": "#eee", "line": "#444"},
}
WIDTH, HEIGHT = 914, 452
START_MS = 120_000

STEPS = 20  # of the slider, up and down again
STILL = 4  # frames before and after
LARGEST = 400_000  # bytes


def record(browser: Browser, sites: dict[str, str], theme: str) -> list[tuple[float, Image.Image]]:
    """Move both sliders while both loops run; the frames, each with its time in seconds."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    query = urlencode(
        {
            "kernel": "python",
            "code": CELL,
            "execute": 1,
            "showBanner": 0,
            "theme": f"JupyterLab {theme.title()}",
        }
    )
    page.goto(sites["ours"] + "api/contents/all.json")  # an origin for the page
    page.set_content(
        PAGE.format(
            **COLOURS[theme],
            **{name: f"{url}repl/index.html?{query}" for name, url in sites.items()},
        )
    )
    frames = [page.frame_locator(f"iframe[name={name}]") for name in sites]
    for frame in frames:
        frame.locator(".noUi-handle").wait_for(timeout=START_MS)
        frame.locator("svg circle").wait_for(timeout=START_MS)
    page.wait_for_timeout(500)
    taken = []
    for step in range(-STILL, STEPS + STILL):
        if 0 <= step < STEPS:
            move(frames, "PageUp" if step < STEPS // 2 else "PageDown")
        taken.append((time.monotonic(), shoot(page)))
    context.close()
    return taken


def move(frames: list[FrameLocator], key: str) -> None:
    """Move the slider of each site by a step."""
    for frame in frames:
        frame.locator(".noUi-handle").press(key)


def shoot(page: Page) -> Image.Image:
    """Return a picture of the page."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(taken: list[tuple[float, Image.Image]], path: Path) -> None:
    """Write an animation that runs as fast as what was seen, and repeats."""
    times, images = zip(*taken, strict=True)
    lasting = [round(1000 * (after - at)) for at, after in pairwise(times)]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=[*lasting, 1000],
        loop=0,
        quality=60,
        method=6,
    )
    if path.stat().st_size > LARGEST:
        raise RuntimeError(f"{path} has {path.stat().st_size} bytes, more than {LARGEST}")


def make(browser: Browser) -> None:
    """Make the animation, for the light and for the dark theme."""
    with TemporaryDirectory() as scratch:
        stock = copy_site(ROOT / "_site", Path(scratch) / "stock", stock=True)
        with serving(stock) as stock_url, serving(ROOT / "_site") as url:
            for theme in COLOURS:
                taken = record(browser, {"stock": stock_url, "ours": url}, theme)
                save(taken, ROOT / f"docs/images/steering-{theme}.webp")


if __name__ == "__main__":
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(**launch_options()) as chromium,
    ):
        make(chromium)
