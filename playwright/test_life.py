"""The life of a kernel: what its comms, its cells and its widgets show when it ends, and after."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from pages import START_TIMEOUT_MS, WORKERS, Notebook, Tab, said, text

NewTab = Callable[[str], Tab]

ECHO = """
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

DIED = "RuntimeError: memory access out of bounds"
NOT_RUN = "KernelDied: this cell has not run: the kernel has ended before"


@pytest.fixture(scope="module", params=["plain", "isolated", "loaded"])
def notebook(request: pytest.FixtureRequest, new_shared_tab: NewTab) -> Notebook:
    """A notebook whose kernel ends several times."""
    return new_shared_tab(request.getfixturevalue(request.param)).notebook()


def test_a_restart_tells_comms_why_and_leaves_widgets_where_they_are(notebook: Notebook) -> None:
    notebook.run("%pip install -q ipywidgets")
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    widget = notebook.run("import ipywidgets\nipywidgets.IntSlider(3)")
    page = notebook.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    notebook.restart_kernel()
    expect(said(page)).to_have_text(['"hello"', RESTARTED])
    expect(widget.locator(".widget-slider")).to_be_visible()
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])
    assert notebook.python("len(get_comm_manager().comm_info('echo'))") == "1"


def test_a_crash_ends_what_runs_and_the_kernel_starts_anew(notebook: Notebook) -> None:
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    page = notebook.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    with notebook.watch.error("fatal error|out of bounds|the kernel has died"):
        # A task that goes on would meet what is left of Python.
        first = notebook.start(
            "import asyncio, ctypes\n"
            "async def tick():\n    while True: await asyncio.sleep(0.001)\n"
            "task = asyncio.ensure_future(tick())\n"
            "print('before')\nasked = asyncio.Event()\n"
            "get_comm_manager().register_target('crash', lambda comm, msg: asked.set())\n"
            "await asked.wait()\n"
            "ctypes.string_at(0xfffffff0)"
        )
        second = notebook.start("1 + 1")
        notebook.page.evaluate("void Jupyter.notebook.kernel.comm_manager.new_comm('crash')")
        dialog = notebook.page.locator(".jp-Dialog", has_text="appears to have died")
        dialog.get_by_role("button", name="Ok").click()
    # The cell says why, so that no further notice is needed.
    expect(notebook.page.locator(".Toastify__toast")).to_have_count(0)
    for number, shown in (
        (first, f"before\n\nKernelDied: the kernel has died ({DIED})"),
        (second, NOT_RUN),
    ):
        cell = notebook.cells.nth(number)
        expect(cell.locator(".jp-InputPrompt")).to_have_text("[ ]:")
        assert text(cell.locator(".jp-OutputArea")).startswith(shown)
    expect(said(page)).to_have_text(['"hello"', f'{{"ename":"KernelDied","evalue":"{DIED}"}}'])

    assert "NameError" in notebook.python("lite_comms")
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])
    assert notebook.python("len(get_comm_manager().comm_info())") == "1"


def test_a_worker_that_ends_without_a_word_is_a_crash(new_tab: NewTab, plain: str) -> None:
    tab = new_tab(plain)
    tab.page.add_init_script(WORKERS)
    notebook = tab.notebook()
    notebook.python(f"{tab.first_cell}{ECHO}")
    page = notebook.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    # An end on purpose is none.
    notebook.restart_kernel()
    expect(said(page)).to_have_text(['"hello"', RESTARTED])
    notebook.python(f"{tab.first_cell}{ECHO}")
    page = notebook.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    notebook.page.wait_for_timeout(500)
    expect(notebook.page.locator(".jp-Dialog")).to_have_count(0)
    with notebook.watch.error("the kernel has died"):
        first = notebook.running("await __import__('asyncio').sleep(1000)")
        second = notebook.start("1 + 1")
        notebook.page.evaluate("workers.at(-1).terminate()")
        dialog = notebook.page.locator(".jp-Dialog", has_text="appears to have died")
        dialog.get_by_role("button", name="Ok").click()
    died = "its worker has ended"
    for number, shown in (
        (first, f"KernelDied: the kernel has died ({died})"),
        (second, NOT_RUN),
    ):
        cell = notebook.cells.nth(number)
        expect(cell.locator(".jp-InputPrompt")).to_have_text("[ ]:")
        assert shown in text(cell.locator(".jp-OutputArea"))
    expect(said(page)).to_have_text(['"hello"', f'{{"ename":"KernelDied","evalue":"{died}"}}'])
    notebook.python(f"{tab.first_cell}{ECHO}")
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])


def test_closing_twice_in_callbacks_and_errors_in_on_close_leave_nothing_half_open(
    notebook: Notebook,
) -> None:
    notebook.python(
        """
from comm import get_comm_manager

def once(comm, msg):
    comm.on_msg(lambda msg: (comm.close(), comm.close()))
    comm.on_close(lambda msg: comm.close() or 1 / 0)

get_comm_manager().register_target('once', once)
"""
    )
    with notebook.watch.error("on_close callback of comm 'once'|ZeroDivisionError"):
        page = notebook.javascript(
            """
            const {comm_manager} = Jupyter.notebook.kernel;
            const [ours, theirs] = [0, 1].map(() => comm_manager.new_comm('once'));
            ours.close();
            say(ours.close() === undefined);
            theirs.on_close(() => {
              say(theirs.close() === undefined);
              throw new Error('on purpose');
            });
            theirs.send({});
            """
        )
        expect(said(page)).to_have_text(["true", "true"])
        assert notebook.python("get_comm_manager().comm_info('once')") == "{}"
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])


@pytest.mark.parametrize("notebook", ["plain"], indirect=True)
def test_a_kernel_that_does_not_notice_stop_can_be_restarted(notebook: Notebook) -> None:
    number = notebook.running("sum(range(10**12))")
    notebook.stop()
    notebook.page.get_by_role("button", name="Restart Kernel").click()
    expect(notebook.cells.nth(number).locator(".jp-InputPrompt")).not_to_have_text("[*]:")
    assert notebook.python("2 + 2") == "4"


@pytest.mark.parametrize("notebook", ["plain"], indirect=True)
def test_a_shutdown_tells_comms_why_and_the_next_cell_has_a_new_kernel(notebook: Notebook) -> None:
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    page = notebook.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    notebook.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    notebook.page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    expect(said(page)).to_have_text(['"hello"', SHUT_DOWN])
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])


def test_after_a_reload_there_is_a_new_kernel_with_new_comms(new_tab: NewTab, plain: str) -> None:
    notebook = new_tab(plain).notebook()
    notebook.python(ECHO)
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])
    notebook.page.reload()
    # As it was saved.
    expect(notebook.cells).to_have_count(1, timeout=START_TIMEOUT_MS)
    assert notebook.python(f"{ECHO}\nget_comm_manager().comm_info()") == "{}"
    expect(said(notebook.javascript(OPEN))).to_have_text(['"hello"'])


def test_a_kernel_that_cannot_start_says_so_and_can_be_restarted(
    new_tab: NewTab, plain: str
) -> None:
    tab = new_tab(plain)
    scripts = "**/*.worker.*.js"
    tab.page.context.route(scripts, lambda route: route.abort())
    # JupyterLite does not expect a kernel that is disposed of while it starts.
    with tab.watch.error("ERR_FAILED|could not start|was disposed|Canceled future"):
        notebook = tab.notebook()
        restart = tab.page.get_by_role("button", name="Restart Kernel")
        expect(restart).to_be_visible(timeout=START_TIMEOUT_MS)
        number = notebook.start("1 + 1")
        output = notebook.cells.nth(number).locator(".jp-OutputArea")
        expect(output).to_contain_text("KernelDied: the kernel could not start")
        tab.page.context.unroute(scripts)
        restart.click()
        expect(restart).not_to_be_visible()
        assert notebook.python("1 + 1") == "2"


def test_a_restart_ends_what_a_console_waits_for_and_it_has_the_new_kernel(
    new_tab: NewTab, plain: str
) -> None:
    tab = new_tab(plain)
    (notebook,) = tab.lab("empty.ipynb")
    notebook.python(f"{notebook.tab.first_cell}{ECHO}")
    console = notebook.open_console()
    page = console.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])
    notebook.restart_kernel()
    expect(said(page)).to_have_text(['"hello"', RESTARTED])
    console.python(ECHO)
    page = console.javascript(OPEN)
    expect(said(page)).to_have_text(['"hello"'])

    # It has gone by the connection of the notebook.
    tab.close_in_lab("empty.ipynb")
    expect(said(page).last).to_contain_text("Disconnected")
    expect(said(console.javascript(OPEN))).to_have_text(['"hello"'])
