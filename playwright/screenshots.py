"""Makes the pictures of the documentation; `make screenshots` calls it."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(Path(__file__).parent)]

import steering  # noqa: E402
from bench.sites import add_wheel, build_wheel, copy_site  # noqa: E402
from chromium import launch_options  # noqa: E402
from pages import Notebook, Tab  # noqa: E402
from serve import serving  # noqa: E402
from strokes import STROKES, draw  # noqa: E402
from watch import Watch  # noqa: E402

NOTEBOOK = "01-open-from-the-kernel.ipynb"
CELLS = 14
SHOWN = range(3, 9)  # the page's half, the kernel's half, and the answer
WIDTH = 900
PIXELS = 1080  # sharp where a README shows it
MARGIN = 4

# On a stock site: the loop does not see the slider move until lite_comms is loaded.
SLIDER = """\
import time
from ipywidgets import IntSlider

slider = IntSlider(description="move it")
slider"""
LOOP = """\
seen, end = [], time.time() + 4
while time.time() < end:
    if slider.value not in seen:
        seen.append(slider.value)
print("the loop has seen", seen)"""
LOAD = """\
%pip install lite-comms
%load_ext lite_comms"""
MOVES = 5

# Of each notebook of the gallery: its cells, those that are run, the one that is started last, how
# long it runs before the picture, and the first and the last cell whose outputs are shown.
GALLERY = {
    "1-flock": (12, (1, 3, 5, 7, 8), 10, 8, (7, 8)),
    "2-stream": (8, (1,), 3, 14, (1, 1)),
    "3-draw": (11, (1, 3, 5), 7, 1, (7, 7)),
    "4-webcam": (9, (1, 3), 5, 2, (5, 5)),
    "5-train": (13, (1, 3, 5, 7, 8), 10, 5, (7, 8)),
    "6-ask": (8, (1,), 3, 1, (3, 3)),
}
GALLERY_WIDTH = 760
# Of pictures that GitHub shows in the light theme only; the documentation finds the dark ones
# beside them.
SUFFIX = {"light": "", "dark": "-dark"}
# For the inspector: messages both ways, a request, a slow callback and one that fails.
ANSWER = """\
%%javascript
Jupyter.notebook.kernel.comm_manager.register_target('sensor', comm => {
  globalThis.sensor = comm;
  comm.on_msg(() => {});
  comm.on_request(() => 21.5);
});"""
SENSOR = """\
import array, time
from comm import create_comm

comm = create_comm(target_name="sensor", data={"unit": "°C", "rates": [1, 10, 100]})

@comm.on_msg
def heard(msg):
    data = msg["content"]["data"]
    time.sleep(data.get("wait", 0))
    values = array.array("f", [20 / data["every"] + i / 8 for i in range(40)])
    comm.send({"got": data}, buffers=[values])"""
SENT = ({"every": 1}, {"every": 2}, {"every": 4, "wait": 0.15}, {"every": 0}, {"every": 8})
INSPECTOR_HEIGHT = 860


def take(browser: Browser, url: str, theme: str) -> None:
    """Run the notebook and take a picture of the cells that tell the story."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 2400}, device_scale_factor=PIXELS / WIDTH
    )
    tab = Tab(context.new_page(), Watch(context, url, []), url)
    notebook = tab.notebook(NOTEBOOK, CELLS)
    if theme == "dark":
        choose_dark(tab.page)
    for number in (2, 4, 6, 8):
        notebook.run_cell(number)
    save(notebook, notebook.cells.nth(SHOWN[0]), notebook.cells.nth(SHOWN[-1]), f"notebook-{theme}")
    context.close()


def take_before_and_after(browser: Browser, url: str, theme: str) -> None:
    """Move a slider while a loop runs, on a stock site before and after loading lite_comms."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 1200}, device_scale_factor=PIXELS / WIDTH
    )
    tab = Tab(context.new_page(), Watch(context, url, []), url)
    notebook = tab.notebook("bench.ipynb")
    if theme == "dark":
        choose_dark(tab.page)
    notebook.cells.first.locator(".cm-content").click()
    tab.page.keyboard.press("ControlOrMeta+a")
    tab.page.keyboard.insert_text(SLIDER)
    notebook.run_cell(0)
    loop(notebook)
    notebook.run(LOAD)
    loop(notebook)
    last = notebook.cells.nth(notebook.cells.count() - 2)
    save(notebook, notebook.cells.first, last, f"any-site{SUFFIX[theme]}")
    context.close()


def take_inspector(browser: Browser, url: str, theme: str) -> None:
    """Show the inspector below a notebook, with the error of a callback."""
    context = browser.new_context(
        viewport={"width": 1200, "height": INSPECTOR_HEIGHT}, device_scale_factor=PIXELS / WIDTH
    )
    tab = Tab(context.new_page(), Watch(context, url, []), url)
    notebook = tab.notebook("bench.ipynb")
    if theme == "dark":
        choose_dark(tab.page)
    notebook.cells.first.locator(".cm-content").click()
    tab.page.keyboard.press("ControlOrMeta+a")
    tab.page.keyboard.insert_text(ANSWER)
    notebook.run_cell(0)
    notebook.root.locator(".lite-comms-inspector").get_by_role("button").click()
    panel = tab.page.locator(".lite-comms-Inspector")
    panel.wait_for()
    notebook.run(SENSOR)
    notebook.run("comm.request({'read': 'now'})['content']['data']")
    for data in SENT:
        tab.page.evaluate("data => sensor.send(data)", data)
        tab.page.wait_for_timeout(700)
    panel.locator(".lite-comms-Messages .lite-comms-mod-error").first.click()
    tab.page.mouse.move(0, 0)
    tab.page.wait_for_timeout(1000)
    tab.page.screenshot(path=ROOT / f"docs/images/inspector-{theme}.png")
    context.close()


def choose_dark(page: Page) -> None:
    """Choose the dark theme in the menu."""
    page.get_by_role("menuitem", name="Settings").click()
    for item in ("Theme", "JupyterLab Dark"):
        page.locator(".lm-Menu").get_by_text(item, exact=True).click()


def loop(notebook: Notebook) -> None:
    """Run the loop, and move the slider meanwhile."""
    number = notebook.start(LOOP)
    notebook.page.wait_for_timeout(500)
    notebook.root.locator(".jupyter-widgets .noUi-handle").focus()
    for _ in range(MOVES):
        notebook.page.keyboard.press("ArrowRight")
        notebook.page.wait_for_timeout(200)
    notebook.ended(number)


def take_gallery(browser: Browser, url: str, name: str, theme: str) -> None:
    """Take a picture of a notebook of the gallery at its work."""
    count, numbers, last, seconds, shown = GALLERY[name]
    context = browser.new_context(
        viewport={"width": GALLERY_WIDTH, "height": 2800}, device_scale_factor=PIXELS / WIDTH
    )
    tab = Tab(context.new_page(), Watch(context, url, []), url)
    notebook = tab.notebook(f"gallery/{name}.ipynb", count)
    if theme == "dark":
        choose_dark(tab.page)
    for number in numbers:
        notebook.run_cell(number)
    notebook.begin(last)
    tab.page.wait_for_timeout(1000 * seconds)
    if name == "3-draw":
        for points in STROKES.values():
            draw(notebook.cells.nth(last).locator("canvas"), points)
    first, end = (notebook.cells.nth(number) for number in shown)
    if name != "6-ask":  # the form stands over the cell
        first = first.locator(".jp-OutputArea")
    save(notebook, first, end, f"gallery-{name[2:]}{SUFFIX[theme]}")
    context.close()


def save(notebook: Notebook, first: Locator, last: Locator, name: str) -> None:
    """Save a picture from one cell to another; none of them is the current one."""
    notebook.cells.last.click()
    notebook.page.mouse.move(0, 0)
    top, bottom = first.bounding_box(), last.bounding_box()
    assert top is not None
    assert bottom is not None
    assert notebook.page.viewport_size is not None
    notebook.page.screenshot(
        path=ROOT / f"docs/images/{name}.png",
        clip={
            "x": 0,
            "y": top["y"] - MARGIN,
            "width": notebook.page.viewport_size["width"],
            "height": bottom["y"] + bottom["height"] - top["y"] + 2 * MARGIN,
        },
    )


def main() -> None:
    """Take the pictures, in the light and in the dark theme."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        stock = copy_site(ROOT / "_site", folder / "stock", stock=True)
        add_wheel(stock, build_wheel(ROOT, folder))
        with (
            serving(stock) as url,
            sync_playwright() as playwright,
            playwright.chromium.launch(**launch_options()) as browser,
        ):
            for theme in SUFFIX:
                take_before_and_after(browser, url, theme)
        with (
            serving(copy_site(ROOT / "_site", folder / "own", stock=False)) as url,
            sync_playwright() as playwright,
            playwright.chromium.launch(**launch_options()) as browser,
        ):
            for theme in SUFFIX:
                take_inspector(browser, url, theme)
    with (
        serving(ROOT / "_site") as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(**launch_options()) as browser,
    ):
        for theme in SUFFIX:
            take(browser, url, theme)
            for name in GALLERY:
                take_gallery(browser, url, name, theme)
        steering.make(browser)


if __name__ == "__main__":
    main()
