"""A browser, the built site on several kinds of server, and a watch on what must not happen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from bench.sites import add_wheel, make_stock
from chromium import launch_options
from collecting import COLLECT, OPEN
from conftest import Distributions
from lab_server import lab_server
from pages import LOAD, LOADED, Notebook, Tab
from serve import serving
from watch import Watch

ROOT = Path(__file__).parent.parent
FILES = Path(__file__).parent / "files"

EMPTY = json.loads((FILES / "empty.ipynb").read_text("utf-8"))

FAILED = pytest.StashKey[bool]()

# A page that shares a slow machine with others still shows what is expected of it.
expect.set_options(timeout=20_000)

# JupyterLite takes the value for a promise. On an isolated page it is a string now and then, and
# the cell never ends: mended until lite_comms is there, which mends it by itself.
MENDED = """\
if (globalThis.crossOriginIsolated && Atomics.waitAsync) {
  const {waitAsync} = Atomics;
  Atomics.waitAsync = (...args) => {
    const waiting = waitAsync(...args);
    return 'Jupyter' in globalThis || waiting.async
      ? waiting
      : {async: true, value: new Promise(resolve => setTimeout(resolve, 5, waiting.value))};
  };
}
"""

# Console errors of JupyterLite itself, with the reason for each.
KNOWN = [
    # A browser asks for it at the root of a host before the page has named its icon.
    r"404 .* \S*/favicon\.ico$",
    # The REPL and the consoles app have no notebooks, which this plugin asks for.
    r"Plugin '@jupyterlab/codemirror-extension:commands' failed to activate",
    # How a busy kernel learns of Stop: it asks for a URL that the page has taken back.
    r"ERR_FILE_NOT_FOUND blob:",
    # A kernel that is ended while it reads a file.
    r"NetworkError: .*'XMLHttpRequest'.*/api/",
    # JupyterLab looks for the files of a traceback, to link them.
    r"404 .*/api/resolvePath\?",
    r"404 .*/api/contents/.*/all\.json$",
    # On a server: ipywidgets asks a kernel for comms before that has made them.
    r"Comm not found for comm id \S+ \S+/static/lab/",
    # JupyterLite's kernel extension in a JupyterLab that is not JupyterLite.
    r"Shared module @jupyterlite/services doesn't exist.*/pyodide-kernel-extension/",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**launch_options(), **browser_type_launch_args}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the plugin's own fixture, for which pytest has a deprecation warning."""


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1200, "height": 900}}


@pytest.fixture(scope="session")
def site() -> Path:
    """The site as `make site` builds it."""
    made = "_site/jupyter-lite.json"
    # `make test` would hand on its own flags.
    environ = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    asked = subprocess.run(["make", "--question", made], cwd=ROOT, env=environ, check=False)
    if asked.returncode:
        pytest.fail("_site is missing or older than what it is made of; run `make site` first")
    return ROOT / "_site"


@pytest.fixture(scope="session")
def site_copy(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Copies the site, with the files of these tests beside its own and with other settings."""

    def copy(**settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("site") / "_site"
        shutil.copytree(site, folder)
        shutil.copytree(FILES, folder / "files", dirs_exist_ok=True)
        listing = folder / "api/contents/all.json"
        contents = json.loads(listing.read_text("utf-8"))
        pattern = contents["content"][0]
        contents["content"] += [
            {**pattern, "name": path.name, "path": path.name, "size": path.stat().st_size}
            for path in FILES.glob("*.ipynb")
        ]
        listing.write_text(json.dumps(contents), "utf-8")
        config = folder / "jupyter-lite.json"
        data = json.loads(config.read_text("utf-8"))
        ours = data["jupyter-config-data"]
        for name, value in settings.items():
            ours[name] = {**ours.get(name, {}), **value} if isinstance(value, dict) else value
        config.write_text(json.dumps(data), "utf-8")
        return folder

    return copy


@pytest.fixture(scope="session")
def bench(site_copy: Callable[..., Path]) -> Path:
    """The site with the files of these tests."""
    return site_copy()


@pytest.fixture(scope="session")
def plain(bench: Path) -> Iterator[str]:
    """The URL of the site on a static server that sends no special headers."""
    with serving(bench) as url:
        yield url


@pytest.fixture(scope="session")
def isolated(bench: Path) -> Iterator[str]:
    """The URL of the site with cross-origin isolation."""
    with serving(bench, isolated=True) as url:
        yield url


@pytest.fixture(scope="session")
def stock_copy(site_copy: Callable[..., Path], distributions: Distributions) -> Callable[..., Path]:
    """Copies the site without lite_comms; notebooks can install the wheel there."""

    def copy(**settings: Any) -> Path:
        folder = site_copy(**settings)
        make_stock(folder)
        add_wheel(folder, distributions.wheel)
        return folder

    return copy


@pytest.fixture(scope="session")
def stock(stock_copy: Callable[..., Path]) -> Path:
    """The site without lite_comms; the first cell of each of its notebooks loads it."""
    folder = stock_copy(exposeAppInBrowser=True)
    for path in (*folder.glob("files/0*.ipynb"), *folder.glob("files/gallery/*.ipynb")):
        notebook = json.loads(path.read_text("utf-8"))
        cell = {"cell_type": "code", "execution_count": None, "id": "load", "outputs": []}
        notebook["cells"][0] = {**cell, "metadata": {}, "source": LOAD}
        path.write_text(json.dumps(notebook), "utf-8")
    return folder


@pytest.fixture(scope="session")
def loaded(stock: Path) -> Iterator[str]:
    """The URL of that site; lite_comms comes there with a notebook."""
    with serving(stock) as url:
        LOADED.add(url)
        yield url


@pytest.fixture(scope="session")
def isolated_loaded(stock: Path) -> Iterator[str]:
    """The URL of that site with cross-origin isolation."""
    with serving(stock, isolated=True) as url:
        LOADED.add(url)
        yield url


@pytest.fixture(scope="session", params=["plain", "isolated", "loaded"])
def host(request: pytest.FixtureRequest) -> str:
    """Each of the three, one after the other."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a server with this environment's extensions, and its folder."""
    home = tmp_path_factory.mktemp("server")
    folder = home / "notebooks"
    folder.mkdir()
    with lab_server(sys.executable, home, f"--ServerApp.root_dir={folder}") as url:
        yield url, folder


NewTab = Callable[[str], Tab]


@contextmanager
def opening(browser: Browser, options: dict[str, Any], tabs: list[Tab]) -> Iterator[NewTab]:
    """Open tabs in browsers that know nothing yet, and close them at the end."""
    opened: list[Tab] = []

    def new(url: str) -> Tab:
        context = browser.new_context(**options)
        first_cell = "import lite_comms"
        if url in LOADED:
            first_cell = LOAD
            context.add_init_script(MENDED)
        tab = Tab(context.new_page(), Watch(context, url, KNOWN), url, first_cell)
        tabs.append(tab)
        opened.append(tab)
        return tab

    yield new
    for tab in opened:
        tabs.remove(tab)
        tab.page.context.close()


@pytest.fixture(scope="session")
def tabs() -> list[Tab]:
    """The tabs that are open now."""
    return []


@pytest.fixture
def own_tabs() -> Iterator[ExitStack]:
    """The tabs of one test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def new_tab(
    browser: Browser, browser_context_args: dict[str, Any], tabs: list[Tab], own_tabs: ExitStack
) -> NewTab:
    """Opens a tab on a site; it is closed at the end of the test."""
    return own_tabs.enter_context(opening(browser, browser_context_args, tabs))


@pytest.fixture
def on_server(new_tab: NewTab, server: tuple[str, Path]) -> Callable[..., Notebook]:
    """Opens a new notebook on the server, of one empty cell, or of a given content and name."""
    url, folder = server

    def on_server(content: dict[str, Any] = EMPTY, name: str = "") -> Notebook:
        # A server knows a notebook's kernel by its name: no other test has this one.
        name = name or f"{uuid4().hex}.ipynb"
        (folder / name).write_text(json.dumps(content), "utf-8")
        return new_tab(url).server_notebook(name, len(content["cells"]))

    return on_server


@pytest.fixture(scope="module")
def new_shared_tab(
    browser: Browser, browser_context_args: dict[str, Any], tabs: list[Tab]
) -> Iterator[NewTab]:
    """Opens a tab for several tests; it is closed at the end of the module."""
    with opening(browser, browser_context_args, tabs) as new:
        yield new


@pytest.fixture(scope="session")
def notebook(
    browser: Browser, browser_context_args: dict[str, Any], tabs: list[Tab], host: str
) -> Iterator[Notebook]:
    """A notebook in the notebook app, to type into; many tests share it, and its kernel."""
    with opening(browser, browser_context_args, tabs) as new:
        notebook = new(host).notebook()
        assert notebook.python(notebook.tab.first_cell) == ""
        yield notebook


@pytest.fixture
def collecting(notebook: Notebook) -> Notebook:
    """A notebook with a comm that collects what the page sends."""
    notebook.python(COLLECT)
    notebook.javascript(OPEN)
    return notebook


@pytest.fixture(autouse=True)
def no_surprises(
    request: pytest.FixtureRequest, tabs: list[Tab], output_path: str, own_tabs: ExitStack
) -> Iterator[None]:
    """Fail a test on errors that it did not expect, and on requests to other hosts.

    It asks for `own_tabs`, so that these are still open when it looks at all tabs.
    """
    yield
    problems = [problem for tab in tabs for problem in tab.watch.problems()]
    if problems or request.node.stash.get(FAILED, False):
        for number, tab in enumerate(tabs):
            tab.page.screenshot(path=Path(output_path, f"{number}.png"))
    assert problems == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
