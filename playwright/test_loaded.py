"""A site without lite_comms, to whose page a notebook brings it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from pages import LOAD, LOADED, START_TIMEOUT_MS, Notebook, Tab, said, text
from serve import serving

NewTab = Callable[[str], Tab]

STOCK = "JupyterLite's own comm path"
NOT_QUIET = "until the comm messages that are under way there have been handled"

# Loading and using it in one cell, as a user would.
AT_ONCE = f"{LOAD}\nlite_comms.status()"

ECHO = """
from comm import get_comm_manager

heard = []

def echo(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg['content']['data'])
        comm.send(msg['content']['data'])

get_comm_manager().register_target('echo', echo)
"""

# In a page without our classic API, JupyterLab's own.
SLIDER = "import ipywidgets, time\nslider = ipywidgets.IntSlider()\nslider"
LOOP = "end = time.time() + 30\nwhile slider.value < 5 and time.time() < end: pass\nslider.value"


# What such a page asks by BroadcastChannel, and what it hears. nbconvert's template wants jQuery.
EXPORTED = """
globalThis.$ = () => null;
globalThis.channels = [];
globalThis.BroadcastChannel = class extends BroadcastChannel {
  constructor(name) {
    super(name);
    const heard = [];
    channels.push({name, heard});
    this.addEventListener('message', ({data}) => heard.push(data));
  }
};
"""

# Numbers, by a connection of the page, from before it has lite_comms.
NUMBERS = """
from comm import get_comm_manager

numbers = []

def number(comm, msg):
    @comm.on_msg
    def _(msg):
        numbers.append(msg['content']['data'])

get_comm_manager().register_target('number', number)
"""
SEND_NUMBERS = """async count => {
  const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session;
  const comm = kernel.createComm('number');
  comm.open();
  for (let i = 0; i < count; i++) {
    comm.send(i);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}"""

# Of these there are always some under way, until `stopFlood` resolves with their number.
FLOOD = """() => {
  const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session;
  const comm = kernel.createComm('number');
  comm.open();
  let sent = 0;
  let isOver = false;
  const send = async () => {
    while (!isOver) {
      await comm.send(sent++).done;
    }
  };
  const senders = Array.from({length: 20}, send);
  globalThis.stopFlood = async () => {
    isOver = true;
    await Promise.all(senders);
    return sent;
  };
}"""


def press(notebook: Notebook, times: int = 5) -> None:
    """Move the last slider."""
    handle = notebook.root.locator(".jupyter-widgets .noUi-handle").last
    handle.focus()
    for _ in range(times):
        notebook.page.keyboard.press("ArrowRight")


def is_on(tab: Tab) -> bool:
    """Whether the page has its half."""
    found: bool = tab.page.evaluate("'Jupyter' in globalThis")
    return found


@pytest.mark.parametrize("kind", ["loaded", "isolated_loaded"])
def test_two_lines_make_a_stock_site_live(
    new_tab: NewTab, request: pytest.FixtureRequest, kind: str
) -> None:
    tab = new_tab(request.getfixturevalue(kind))
    notebook = tab.notebook()
    notebook.run("1")
    assert not is_on(tab)
    printed = notebook.python(AT_ONCE)
    assert "active, transport port" in printed
    assert "brought by a notebook" in printed
    assert is_on(tab)

    notebook.run(SLIDER)
    number = notebook.start(LOOP)
    press(notebook)
    assert notebook.ended(number) == "5"
    number = notebook.running("while True: pass")
    notebook.stop()
    assert "KeyboardInterrupt" in notebook.ended(number)
    assert notebook.python("1 + 1") == "2"


def test_widgets_from_before_go_on_while_the_cell_itself_runs(new_tab: NewTab, loaded: str) -> None:
    notebook = new_tab(loaded).notebook()
    notebook.run(f"%pip install -q ipywidgets\n{SLIDER}")
    press(notebook, 2)
    assert notebook.python("slider.value") == "2"
    number = notebook.start(f"{LOAD}\n{LOOP}")
    # The slider is moved when its messages no longer wait for the end of the cell.
    notebook.page.wait_for_function("'Jupyter' in globalThis")
    press(notebook, 3)
    assert notebook.ended(number) == "5"
    press(notebook, 1)
    assert notebook.python("slider.value") == "6"


def test_messages_and_cells_that_wait_meanwhile_come_once_and_in_order(
    new_tab: NewTab, loaded: str
) -> None:
    notebook = new_tab(loaded).notebook()
    notebook.run(f"%pip install -q ipywidgets\n{SLIDER}")
    notebook.python(
        "values = []\nslider.observe(lambda change: values.append(change['new']), 'value')\n"
        "ran = []"
    )
    first = notebook.start(f"await __import__('asyncio').sleep(1)\n{LOAD}\nran.append(1)")
    second = notebook.start("ran.append(2)")
    third = notebook.start("ran.append(3)")
    press(notebook, 3)
    assert [notebook.ended(number) for number in (first, second, third)] == ["", "", ""]
    expect(notebook.root.locator(".widget-readout").last).to_have_text("3")
    assert notebook.python("ran, values == sorted(set(values)), values[-1]") == (
        "([1, 2, 3], True, 3)"
    )
    status = notebook.python("lite_comms.status()")
    assert "transport port" in status
    assert "Status(" not in status
    press(notebook, 2)
    assert notebook.python("values[-2:]") == "[4, 5]"


def test_each_message_that_is_sent_meanwhile_comes_once_and_in_order(
    new_tab: NewTab, loaded: str
) -> None:
    notebook = new_tab(loaded).notebook()
    notebook.python(f"%pip install -q lite-comms\n{NUMBERS}")
    number = notebook.start(f"await __import__('asyncio').sleep(0.5)\n{LOAD}")
    notebook.page.evaluate(SEND_NUMBERS, 200)
    # While they come the port may have to wait, and the cell says so.
    assert notebook.ended(number) in ("", f"lite_comms: {STOCK}, {NOT_QUIET}")
    assert notebook.python("numbers == list(range(200)) or numbers") == "True"
    assert "transport port" in notebook.python("lite_comms.status()")


def test_a_second_notebook_finds_it_there(new_tab: NewTab, loaded: str) -> None:
    tab = new_tab(loaded)
    first, second = tab.lab("empty.ipynb", "second.ipynb")
    tab.lab_tab("empty.ipynb").click()
    assert first.python(LOAD) == ""
    tab.lab_tab("second.ipynb").click()
    output = second.run(AT_ONCE)
    assert "transport port" in text(output)
    # Nothing was brought: this is all that the cell shows.
    expect(output.locator(".jp-OutputArea-child")).to_have_count(1)
    second.python(ECHO)
    page = second.javascript(
        "const comm = Jupyter.notebook.kernel.comm_manager.new_comm('echo');"
        "comm.on_msg(msg => say(msg.content.data)); comm.send('second');"
    )
    expect(said(page)).to_have_text(['"second"'])


def test_a_restarted_kernel_finds_it_there(new_tab: NewTab, loaded: str) -> None:
    notebook = new_tab(loaded).notebook()
    notebook.python(LOAD)
    notebook.restart_kernel()
    output = notebook.run(AT_ONCE)
    assert "transport port" in text(output)
    expect(output.locator(".jp-OutputArea-child")).to_have_count(1)


def test_what_is_saved_does_nothing_when_it_is_opened_again(new_tab: NewTab, loaded: str) -> None:
    tab = new_tab(loaded)
    notebook = tab.notebook()
    notebook.python(LOAD)
    assert is_on(tab)
    notebook.page.keyboard.press("Control+s")
    saved: list[dict[str, dict[str, str]]] = []
    for _ in range(100):
        saved = tab.page.evaluate(
            "jupyterapp.serviceManager.contents.get('empty.ipynb', {content: true})"
            ".then(({content}) => content.cells[0]?.outputs ?? [])"
        )
        if saved:
            break
        tab.page.wait_for_timeout(100)
    (output,) = saved
    assert list(output["data"]) == ["application/javascript"]
    assert len(json.dumps(output)) < 650
    notebook.page.reload()
    expect(notebook.cells).to_have_count(2, timeout=START_TIMEOUT_MS)
    assert notebook.python("1") == "1"
    assert not is_on(tab)
    # And it can be loaded again.
    assert "transport port" in notebook.python(AT_ONCE)


def test_what_is_saved_does_nothing_in_an_exported_page(new_tab: NewTab, loaded: str) -> None:
    tab = new_tab(loaded)
    notebook = tab.notebook()
    notebook.python(LOAD)
    cell = tab.page.evaluate("jupyterapp.shell.currentWidget.content.model.toJSON().cells[0]")
    (script,) = cell["outputs"]
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(
        new_notebook(cells=[new_code_cell("1", outputs=[from_dict(script)])])
    )
    assert "BroadcastChannel" in page
    exported = tab.page.context.new_page()
    exported.add_init_script(EXPORTED)
    exported.goto(f"{loaded}jupyter-lite.json")  # the same origin, where a kernel could answer
    exported.set_content(f"{page}<p>the end</p>")
    expect(exported.get_by_text("the end")).to_be_visible()
    exported.wait_for_timeout(500)
    (asked,) = exported.evaluate("channels")
    assert asked["name"].startswith("lite_comms:")
    assert asked["heard"] == []
    assert exported.locator("body").inner_text().split() == ["In", "[", "]:", "1", "the", "end"]


@pytest.mark.parametrize("app", ["lab", "repl", "console"])
def test_every_app_takes_it(new_tab: NewTab, loaded: str, app: str) -> None:
    tab = new_tab(loaded)
    cells = tab.app(app)
    assert "transport port" in cells.python(AT_ONCE)
    cells.python(ECHO)
    page = cells.javascript(
        "const comm = Jupyter.notebook.kernel.comm_manager.new_comm('echo');"
        "comm.on_msg(msg => say(msg.content.data)); comm.send('hello');"
    )
    expect(said(page)).to_have_text(['"hello"'])


def test_an_untrusted_notebook_can_load_it(new_tab: NewTab, loaded: str) -> None:
    tab = new_tab(loaded)
    notebook = tab.notebook("untrusted.ipynb", cells=2)
    expect(tab.page.get_by_role("button", name="Not Trusted")).to_be_visible()
    assert "transport port" in notebook.python(AT_ONCE)


def test_a_page_under_a_sub_path_without_blobs_and_in_a_frame_takes_it(
    new_tab: NewTab, stock: Path, tmp_path: Path
) -> None:
    policy = "script-src 'self' 'unsafe-inline' 'unsafe-eval'; object-src 'none'"
    with serving(stock, prefix="/a/course/", headers={"Content-Security-Policy": policy}) as url:
        frame = f'<iframe src="{url}repl/index.html?kernel=python" width=900 height=600></iframe>'
        (tmp_path / "index.html").write_text(frame, "utf-8")
        with serving(tmp_path) as around:
            LOADED.add(url)
            tab = new_tab(url)
            tab.watch.allow(around)
            tab.page.goto(around)
            inner = tab.page.frame_locator("iframe")
            prompt = inner.locator(".jp-CodeConsole-promptCell .cm-content")
            prompt.click(timeout=START_TIMEOUT_MS)
            tab.page.keyboard.insert_text(AT_ONCE)
            tab.page.keyboard.press("Shift+Enter")
            expect(inner.locator(".jp-CodeConsole-content .jp-OutputArea")).to_contain_text(
                "active, transport port", timeout=START_TIMEOUT_MS
            )


def test_another_version_of_the_protocol_stays_on_the_stock_path(
    new_tab: NewTab, loaded: str
) -> None:
    tab = new_tab(loaded)
    first, second = tab.lab("empty.ipynb", "second.ipynb")
    tab.lab_tab("empty.ipynb").click()
    first.python(LOAD)
    tab.lab_tab("second.ipynb").click()
    second.run(
        "%pip install -q lite-comms\n"
        "from lite_comms._transports.port import cells, channel\n"
        "cells.VERSION = channel.VERSION = 99"
    )
    assert re.fullmatch(
        rf"lite_comms: {STOCK}: the page has lite_comms \S+ with protocol 1, "
        r"the kernel \S+ with protocol 99; reload the page",
        second.python("%load_ext lite_comms"),
    )
    second.python(ECHO)
    page = second.javascript(
        "const comm = Jupyter.notebook.kernel.comm_manager.new_comm('echo');"
        "comm.on_msg(msg => say(msg.content.data)); comm.send('by the other path');"
    )
    expect(said(page)).to_have_text(['"by the other path"'])


def test_a_page_whose_parts_are_not_known_stays_as_it_is(new_tab: NewTab, loaded: str) -> None:
    tab = new_tab(loaded)
    notebook = tab.notebook()
    tab.page.evaluate("delete globalThis.rspackChunk_JUPYTERLAB_CORE_OUTPUT")
    assert notebook.python(LOAD) == (
        f"lite_comms: {STOCK}: the page cannot run its half of lite_comms: "
        "this page is not JupyterLite, or was built in a way lite_comms does not know"
    )
    assert not is_on(tab)
    notebook.run(SLIDER)
    press(notebook, 1)
    assert notebook.python("slider.value") == "1"


def test_a_page_that_forbids_code_from_text_stays_as_it_is(new_tab: NewTab, loaded: str) -> None:
    tab = new_tab(loaded)
    notebook = tab.notebook()
    # As a policy without 'unsafe-eval' does, under which JupyterLab itself does not start.
    tab.page.evaluate(
        "globalThis.Function = new Proxy(Function, {"
        " construct() { throw new EvalError('forbidden'); }"
        "}); undefined"
    )
    assert notebook.python(LOAD) == (
        f"lite_comms: {STOCK}: the page cannot run its half of lite_comms: EvalError: forbidden"
    )
    assert not is_on(tab)
    notebook.run(SLIDER)
    press(notebook, 1)
    assert notebook.python("slider.value") == "1"


def test_the_page_is_left_alone_if_wanted_and_idle_after_uninstall(
    new_tab: NewTab, loaded: str
) -> None:
    tab = new_tab(loaded)
    notebook = tab.notebook()
    notebook.run("%pip install -q lite-comms\nimport lite_comms")
    assert notebook.python("lite_comms.install(page=False).transport").endswith("'stock'")
    assert not is_on(tab)
    assert notebook.python("lite_comms.install().transport").endswith("'port'")
    assert notebook.python("lite_comms.uninstall()") == ""
    notebook.run(SLIDER)
    press(notebook, 2)
    assert notebook.python("slider.value") == "2"
    assert "not installed" in notebook.python("lite_comms.status()")
    assert notebook.python("lite_comms.install().transport").endswith("'port'")
    press(notebook, 1)
    assert notebook.python("slider.value") == "3"


def test_the_port_opens_under_traffic_that_never_rests(new_tab: NewTab, loaded: str) -> None:
    notebook = new_tab(loaded).notebook()
    notebook.python("%pip install -q lite-comms")
    notebook.python(NUMBERS)
    notebook.page.evaluate(FLOOD)
    notebook.page.wait_for_timeout(500)
    notebook.run("%load_ext lite_comms")
    # No cell meanwhile: each one is sent by JupyterLite's path, and the held messages before it.
    notebook.page.wait_for_timeout(4000)
    printed = notebook.python("import lite_comms\nprint(lite_comms.status().transport)")
    assert printed.splitlines()[-1] == "port"
    # It still goes on, over the port.
    sent = notebook.page.evaluate("stopFlood()")
    assert sent > 100
    assert notebook.python(f"len(numbers), numbers == [*range({sent})]") == f"({sent}, True)"
