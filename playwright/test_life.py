"""The life of a kernel: what its comms, its cells and its widgets show when it ends, and after."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab, said

NewTab = Callable[[str], Tab]

ECHO = """
import lite_comms
from comm import get_comm_manager

def echo(comm, msg):
    comm.on_msg(lambda msg: comm.send(msg['content']['data']))

get_comm_manager().register_target('echo', echo)
"""

# A comm that says what it hears, and why it ends.
OPEN = """
const comm = Jupyter.notebook.kernel.comm_manager.new_comm('echo');
comm.on_msg(msg => say(msg.content.data));
comm.on_close(msg => say(msg.metadata.lite_comms));
comm.send('hello');
"""
RESTARTED = '{"ename":"KernelRestarted","evalue":"the kernel has been restarted"}'
SHUT_DOWN = '{"ename":"KernelShutDown","evalue":"the kernel has been shut down"}'


@pytest.fixture(scope="module", params=["plain", "isolated"])
def notebook(request: pytest.FixtureRequest, new_tab: NewTab) -> Notebook:
    """A notebook whose kernel ends several times."""
    return new_tab(request.getfixturevalue(request.param)).notebook()


def test_a_restart_tells_comms_why_and_leaves_widgets_where_they_are(notebook: Notebook) -> None:
    notebook.run("%pip install -q ipywidgets")
    notebook.python(ECHO)
    widget = notebook.run("import ipywidgets\nipywidgets.IntSlider(3)")
    page = notebook.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    notebook.restart_kernel()
    expect(said(page)).to_have_text(['"hello"', RESTARTED])
    expect(widget.locator(".widget-slider")).to_be_visible()
    notebook.python(ECHO)
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])
    assert notebook.python("len(get_comm_manager().comm_info('echo'))") == "1"


def test_a_restart_ends_what_a_console_waits_for_and_it_has_the_new_kernel(
    new_tab: NewTab, plain: str
) -> None:
    (notebook,) = new_tab(plain).lab("empty.ipynb")
    notebook.python(ECHO)
    console = notebook.open_console()
    page = console.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    notebook.restart_kernel()
    expect(said(page)).to_have_text(['"hello"', RESTARTED])
    console.python(ECHO)
    page = console.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])

    notebook.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    notebook.page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    expect(said(page)).to_have_text(['"hello"', SHUT_DOWN])
