"""Makes the pictures of the documentation; `make screenshots` calls it."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(Path(__file__).parent)]

from chromium import launch_options  # noqa: E402
from pages import Tab  # noqa: E402
from serve import serving  # noqa: E402
from watch import Watch  # noqa: E402

NOTEBOOK = "01-open-from-the-kernel.ipynb"
CELLS = 14
SHOWN = range(3, 9)  # the page's half, the kernel's half, and the answer
WIDTH = 900
PIXELS = 1080  # sharp where a README shows it
MARGIN = 4


def take(browser: Browser, url: str, theme: str) -> None:
    """Run the notebook and take a picture of the cells that tell the story."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 2400}, device_scale_factor=PIXELS / WIDTH
    )
    tab = Tab(context.new_page(), Watch(context, url, []), url)
    notebook = tab.notebook(NOTEBOOK, CELLS)
    if theme == "dark":
        tab.page.get_by_role("menuitem", name="Settings").click()
        for item in ("Theme", "JupyterLab Dark"):
            tab.page.locator(".lm-Menu").get_by_text(item, exact=True).click()
    for number in (2, 4, 6, 8):
        notebook.run_cell(number)
    notebook.page.mouse.move(0, 0)
    notebook.cells.nth(CELLS - 1).click()  # none of the cells in the picture is the current one
    first, last = (notebook.cells.nth(n).bounding_box() for n in (SHOWN[0], SHOWN[-1]))
    assert first is not None
    assert last is not None
    tab.page.screenshot(
        path=ROOT / f"docs/images/notebook-{theme}.png",
        clip={
            "x": 0,
            "y": first["y"] - MARGIN,
            "width": WIDTH,
            "height": last["y"] + last["height"] - first["y"] + 2 * MARGIN,
        },
    )
    context.close()


def main() -> None:
    """Take the pictures in the light and in the dark theme."""
    with (
        serving(ROOT / "_site") as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(**launch_options()) as browser,
    ):
        for theme in ("light", "dark"):
            take(browser, url, theme)


if __name__ == "__main__":
    main()
