"""The animation on the documentation's first page: a loop and a slider, stock beside ours.

``make screenshots`` makes it; alone: ``python playwright/steering.py``.
"""

from __future__ import annotations

import base64
import io
import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(Path(__file__).parent)]

from bench.sites import copy_site  # noqa: E402
from chromium import launch_options  # noqa: E402
from serve import serving  # noqa: E402

CELL = '''\
import time
from ipywidgets import HTML, IntSlider

size = IntSlider(10, 2, 42)
picture = HTML()
display(size, picture)
for x in range(0, 99999, 6):
    picture.value = f"""<svg height=90
      fill=teal><circle cx={x % 300}
      cy=45 r={size.value}>"""
    time.sleep(0.04)'''

PAGE = """\
<style>
  body {{ margin: 0; display: flex; font: 600 15px system-ui; background: {back}; color: {fore}; }}
  figure {{ margin: 8px; }}
  figcaption {{ padding: 4px; text-align: center; }}
  div {{ width: 440px; height: 350px; border: 1px solid {line}; overflow: hidden; }}
  iframe {{ width: 440px; height: 520px; border: 0; }} /* its prompt is cut off */
</style>
<figure>
  <figcaption>JupyterLite</figcaption>
  <div><iframe name="stock" src="{stock}"></iframe></div>
</figure>
<figure>
  <figcaption>JupyterLite with lite_comms</figcaption>
  <div><iframe name="ours" src="{ours}"></iframe></div>
</figure>
"""
COLOURS = {
    "light": {"back": "#fff", "fore": "#222", "line": "#ccc"},
    "dark": {"back": "#111", "fore": "#eee", "line": "#444"},
}
WIDTH, HEIGHT = 914, 400
START_MS = 120_000

STEPS = 12  # of the slider: half of them up, half of them down again
STEP_MS = 300
FRAME_S = 0.12  # at least, from one picture to the next
LARGEST = 400_000  # bytes


def record(browser: Browser, sites: dict[str, str], theme: str) -> list[tuple[float, Image.Image]]:
    """Move both sliders while both loops run; the pictures, each with its time in seconds."""
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
    handles = []
    for name in sites:
        frame = page.frame_locator(f"iframe[name={name}]")
        frame.locator("svg circle").wait_for(timeout=START_MS)
        handles.append(frame.locator(".noUi-handle"))
    page.wait_for_timeout(STEP_MS)
    taken = filmed(page)
    for step in range(STEPS):
        for handle in handles:
            handle.press("PageUp" if step < STEPS // 2 else "PageDown")
        page.wait_for_timeout(STEP_MS)
    context.close()
    return taken


def filmed(page: Page) -> list[tuple[float, Image.Image]]:
    """Return a list that grows by a picture whenever the page is drawn, but not too often."""
    taken: list[tuple[float, Image.Image]] = []
    session = page.context.new_cdp_session(page)

    def take(frame: dict[str, Any]) -> None:
        session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
        at = frame["metadata"]["timestamp"]
        if not taken or at - taken[-1][0] >= FRAME_S:
            picture = Image.open(io.BytesIO(base64.b64decode(frame["data"])))
            taken.append((at, picture.convert("RGB")))

    session.on("Page.screencastFrame", take)
    session.send("Page.startScreencast", {"format": "png"})
    return taken


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
        quality=45,
        method=4,
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
