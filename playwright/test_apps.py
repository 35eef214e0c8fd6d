"""The apps of a site, each from its first cell on; and where a site may stand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Console, Notebook, Tab, said, text
from serve import serving

# What a kernel without lite_comms prints for it, too: test_sites.py.
FIRST_CELL = "print(len(In), sorted(name for name in globals() if name[0] != '_'), end='')"
UNTOUCHED = "2 ['In', 'Out', 'exit', 'get_ipython', 'open', 'quit']"


@pytest.fixture(scope="module")
def opened(
    new_shared_tab: Callable[[str], Tab], plain: str
) -> Callable[[str], tuple[Notebook | Console, str]]:
    """Opens an app, once for all tests; returns what its first cell has printed, too."""

    @cache
    def open_app(name: str) -> tuple[Notebook | Console, str]:
        cells = new_shared_tab(plain).app(name)
        return cells, cells.python(FIRST_CELL)

    return open_app


@pytest.mark.parametrize("app", ["lab", "notebook", "repl", "console"])
def test_it_is_in_force_before_the_first_cell_and_leaves_no_trace(
    opened: Callable[[str], tuple[Notebook | Console, str]], app: str
) -> None:
    cells, printed = opened(app)
    assert printed == UNTOUCHED
    assert cells.python("__import__('lite_comms').status().transport").endswith("'port'")

    page = cells.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('app', (comm, msg) => {
          comm.on_msg(msg => say(msg.content.data));
          comm.send(msg.content.data);
        });
        """
    )
    cells.python(
        "comm = __import__('comm').create_comm('app', 'hello')\n"
        "comm.on_msg(lambda msg: comm.send([msg['content']['data']]))"
    )
    expect(said(page)).to_have_text(['["hello"]'])


@pytest.mark.parametrize("app", ["repl", "console"])
def test_a_loop_in_a_console_is_stopped_by_its_button_and_by_ctrl_c(
    opened: Callable[[str], tuple[Console, str]], app: str
) -> None:
    console, _ = opened(app)
    shown = console.run("text = 'copy me'\ntext")
    stops = [
        console.root.get_by_role("button", name="Stop").click,
        lambda: console.page.keyboard.press("Control+c"),
    ]
    for stop in stops:
        cell = console.running("while True: pass")
        stop()
        assert "KeyboardInterrupt" in text(console.ended(cell))
        assert console.python("1 + 1") == "2"

    # With a selection the key copies it, and nothing is stopped.
    cell = console.start("__import__('time').sleep(4); 'not stopped'")
    shown.locator(".jp-OutputArea-output").click(click_count=3)
    console.page.keyboard.press("Control+c")
    assert text(console.ended(cell)) == "'not stopped'"


def test_a_site_works_under_a_sub_path(new_tab: Callable[[str], Tab], bench: Path) -> None:
    with serving(bench, prefix="/some/project/") as url:
        notebook = new_tab(url).notebook()
        assert notebook.python("__import__('lite_comms').status().installed").endswith("True")
        page = notebook.javascript("say(location.pathname);")
        expect(said(page)).to_have_text(['"/some/project/notebooks/index.html"'])


def test_a_page_is_isolated_only_with_the_headers_for_it(
    new_tab: Callable[[str], Tab], plain: str, isolated: str
) -> None:
    found = []
    for url in (plain, isolated):
        page = new_tab(url).page
        page.goto(f"{url}tree/index.html")
        found.append(page.evaluate("crossOriginIsolated"))
    assert found == [False, True]


def test_a_saved_script_runs_only_when_the_user_trusts_the_notebook(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    notebook = new_tab(plain).notebook("untrusted.ipynb", cells=2)
    expect(notebook.root.locator(".jp-OutputArea-output")).to_have_text(
        "<IPython.core.display.Javascript object>"
    )
    assert notebook.page.evaluate("window.ran") is None
    notebook.python("1")
    assert notebook.page.evaluate("window.ran") is None
    notebook.trust()
    notebook.page.wait_for_function("window.ran === Jupyter.notebook.kernel.id")


def test_code_that_looks_for_the_classic_modules_finds_no_jupyter(notebook: Notebook) -> None:
    looking = notebook.javascript(
        """
        // As Bokeh and others decide whether they are in the classic Notebook.
        const root = window;
        if (root.Jupyter !== undefined) { root.require(['base/js/namespace']); }
        say('no classic Notebook');
        """
    )
    expect(said(looking)).to_have_text(['"no classic Notebook"'])
    using = notebook.javascript("say(window.Jupyter.notebook.kernel.name);")
    expect(said(using)).to_have_text(['"python"'])
