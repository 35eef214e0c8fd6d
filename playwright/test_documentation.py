"""The documentation as `make docs` builds it: its links, and the notebook on its first page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from pages import START_TIMEOUT_MS, Notebook, Tab
from serve import serving
from watch import Watch

ROOT = Path(__file__).parent.parent

# Folders with pages of JupyterLite and of the theme.
OTHERS = {"_static", "lite"}
# Opens a notebook of the demo.
OPEN = "lite/notebooks/index.html?path="

pytestmark = [pytest.mark.build, pytest.mark.usefixtures("site")]  # which is in it


class _Page(HTMLParser):
    """What a page can be linked by, and what it links and loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids = {""}
        self.links: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("href", "src") and value is not None:
                self.links.add(value)
            elif name == "onclick":
                self.links.update(re.findall(r"'([^']*/index\.html[^']*)'", value or ""))


def broken(site: Path) -> Iterator[str]:
    """Find links to files, places and notebooks that do not exist."""
    pages = {
        path: _Page(path)
        for path in site.rglob("*.html")
        if not OTHERS & {*path.relative_to(site).parts}
    }
    assert pages, f"no pages in {site}"
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.scheme or parts.netloc:
                continue
            if not target.is_file():
                yield f"{path.name}: {link}"
            elif target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{path.name}: {link} (no such place)"
            for name in parse_qs(parts.query).get("path", []):
                if not (target.parent.parent / "files" / name).is_file():
                    yield f"{path.name}: {link} (no such notebook)"


def test_every_link_of_the_documentation_leads_somewhere(documentation: Path) -> None:
    assert list(broken(documentation)) == []


def test_each_notebook_of_the_gallery_can_be_opened_from_its_page(documentation: Path) -> None:
    links = _Page(documentation / "gallery.html").links
    names = {path.name for path in (ROOT / "content/gallery").glob("*.ipynb")}

    assert names
    assert {f"{OPEN}gallery/{name}" for name in names} <= links


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    site = tmp_path / "lite"  # what is above the site does not matter
    app = site / "lite/notebooks/index.html"
    for file in (app, site / "lite/files/a.ipynb"):
        file.parent.mkdir(parents=True)
        file.touch()
    links = ("#here", "#there", "other.html", *(f"{OPEN}{name}.ipynb" for name in "ab"))
    text = '<p id="here">' + "".join(f'<a href="{link}">1</a>' for link in links)
    (site / "page.html").write_text(text, "utf-8")

    assert list(broken(site)) == [
        "page.html: #there (no such place)",
        f"page.html: {OPEN}b.ipynb (no such notebook)",
        "page.html: other.html",
    ]


def test_a_folder_without_pages_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no pages"):
        list(broken(tmp_path))


def test_each_picture_of_the_gallery_has_a_dark_one(documentation: Path) -> None:
    images = documentation / "_images"
    text = (documentation / "gallery.html").read_text("utf-8")
    light, dark = (
        re.findall(rf'<img [^>]*class="only-{theme}"[^>]* src="_images/([^"]+)"', text)
        for theme in ("light", "dark")
    )

    assert len(light) == len([*(ROOT / "content/gallery").glob("*.ipynb")])
    assert dark == [name.replace(".png", "-dark.png") for name in light]
    assert [name for name in (*light, *dark) if not (images / name).is_file()] == []


def start(page: Page) -> FrameLocator:
    """Start the notebook of the first page, with the keyboard."""
    page.get_by_role("button", name="Start the notebook").press("Enter")
    frame = page.frame_locator("iframe.jupyterlite_sphinx_iframe")
    expect(frame.locator(".jp-Notebook .jp-Cell")).to_have_count(4, timeout=START_TIMEOUT_MS)
    return frame


def test_a_slider_on_the_first_page_steers_a_loop(documentation: Path, browser: Browser) -> None:
    with serving(documentation, prefix="/en/latest/") as url:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        watch = Watch(context, url, [])
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.goto(url)
        frame = start(page)
        notebook = Notebook(Tab(page, watch, url), frame.locator("body"))
        circle = frame.locator(".jp-OutputArea svg circle").last
        notebook.begin(1)
        expect(circle).to_have_attribute("r", "20", timeout=START_TIMEOUT_MS)
        frame.locator(".noUi-handle").press("ArrowRight")
        expect(circle).to_have_attribute("r", "21")
        frame.get_by_title("Interrupt the kernel").click()
        assert notebook.ended(1).endswith("stopped")
        notebook.begin(3)
        expect(frame.locator("svg[fill=orange] circle")).to_have_attribute("cx", re.compile(r"\d+"))
        # Nothing is saved, and leaving the page asks nothing.
        page.keyboard.press("ControlOrMeta+s")
        page.reload()
        expect(start(page).locator(".jp-OutputArea-output")).to_have_count(0)
        assert asked == []
        assert [told for told in watch.problems() if "another host" in told] == []
        context.close()


def test_the_last_cell_of_the_first_page_runs_alone(documentation: Path, browser: Browser) -> None:
    with serving(documentation) as url:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        watch = Watch(context, url, [])
        page.goto(url)
        frame = start(page)
        Notebook(Tab(page, watch, url), frame.locator("body")).begin(3)
        circle = frame.locator("svg[fill=orange] circle")
        expect(circle).to_have_attribute("cx", re.compile(r"\d+"), timeout=START_TIMEOUT_MS)
        context.close()
