"""The port, in JupyterLite's own worker, is opened: hello, and what each end says that it can."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from .conftest import HELLO, VERSION, NewKernel, frames, opened_anew
from .kernel import Kernel
from .port import DIED, crash, status

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(port_kernel: Kernel) -> Kernel:
    return opened_anew(port_kernel)


@pytest.mark.parametrize(
    ("kernel_version", "is_isolated", "is_said"),
    [("0.8.6", True, False), ("0.9.0a1", False, False), ("0.9.0a1", True, True)],
)
def test_a_kernel_whose_outputs_have_their_own_channel_says_so(
    port_kernel: Kernel, kernel_version: str, is_isolated: bool, is_said: bool
) -> None:
    port_kernel.run(
        "import js, pyodide_kernel; before = pyodide_kernel.__version__\n"
        f"pyodide_kernel.__version__, js.crossOriginIsolated = {kernel_version!r}, {is_isolated}"
    )
    try:
        why = opened_anew(port_kernel).run("print(lite_comms.status().why)")
        assert ("outputs take a channel of their own" in why) == is_said
    finally:
        port_kernel.run("pyodide_kernel.__version__ = before; del js.crossOriginIsolated")


def test_the_first_frame_is_a_hello(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        assert frames(kernel) == [
            ["hello", VERSION, version("lite-comms"), "begun", "attachments", "interrupt", "inbox"],
        ]
        kernel.run("import lite_comms")
        assert status(kernel) == ["stock"]
        kernel.page(f"{HELLO}; await page.turn()")
        assert status(kernel) == ["port"]


def test_a_cell_that_begins_is_told_to_a_page_that_waits_for_it(kernel: Kernel) -> None:
    kernel.run("lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("lite_comms.install()")
    kernel.page("page.post('hello', 1, 'page', 'begun'); await page.turn()")
    frames(kernel)
    printed = kernel.run("print(get_ipython().kernel.get_parent()['header']['msg_id'])")
    assert frames(kernel) == [["begun", printed.strip()]]


# Pyodide is told of the buffer, and does not look into it.
BLIND = """
import pyodide_js
from pyodide.code import run_js
lite_comms.uninstall()
see = run_js('''pyodide => {
  const {setInterruptBuffer} = pyodide;
  pyodide.setInterruptBuffer = () => undefined;
  return () => { pyodide.setInterruptBuffer = setInterruptBuffer; };
}''')(pyodide_js)
"""
OTHER_LOOP = """
import sys
from pyodide.webloop import WebLoop
lite_comms.uninstall()
call_soon = WebLoop.call_soon
WebLoop.call_soon = lambda *args, **keys: (
    None if sys._getframe(1).f_code.co_name == "missing" else call_soon(*args, **keys)
)
"""


@pytest.mark.parametrize(
    ("sabotage", "undo", "reason"),
    [
        (BLIND, "see()", "Pyodide does not look for signals where lite_comms has put them"),
        (
            OTHER_LOOP,
            "WebLoop.call_soon = call_soon",
            "Pyodide's event loop does not schedule callbacks by call_later",
        ),
    ],
)
def test_a_kernel_says_that_it_can_be_interrupted_once_it_can(
    kernel: Kernel, sabotage: str, undo: str, reason: str
) -> None:
    kernel.run(f"{sabotage}\nlite_comms.install()")
    try:
        kernel.page("page.post('bye'); await page.turn()")
        hello = frames(kernel)[-1]
        assert (hello[0], hello[3:]) == ("hello", ["begun", "attachments"])
        kernel.page(f"{HELLO}; await page.turn()")
        printed = kernel.run("s = lite_comms.status()")
        assert "transport port" in printed
        assert f"not in synchronous code, and Stop is JupyterLite's own: {reason}" in printed
        frames(kernel)
        kernel.page("page.post('interrupt', 1); await page.turn()")
        assert frames(kernel) == [["error", f"interrupt 1 cannot be handled: {reason}", 0]]
    finally:
        kernel.run(undo)
    # The next cell tries it out once more.
    assert "Stop is JupyterLite's own" not in kernel.run("s = lite_comms.status()")
    ((*hello, _),) = frames(kernel)
    assert hello == ["hello", VERSION, version("lite-comms"), "begun", "attachments", "interrupt"]
    kernel.page("page.post('interrupt', 1); await page.turn()")
    assert frames(kernel) == [["interrupted", 1]]


def test_if_taking_over_the_signals_fails_nothing_is_left_behind(kernel: Kernel) -> None:
    kernel.run("""
import time
from lite_comms._live import signals
lite_comms.uninstall()
sleep, call_later, start = time.sleep, signals.WebLoop.call_later, signals.ResumeWatch.start
def fail(self):
    raise OSError("no more tools")
signals.ResumeWatch.start = fail
lite_comms.install()
""")
    # The uninstall has given back what the tests before had installed.
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("sleep, call_later = time.sleep, signals.WebLoop.call_later")
    kernel.page(f"{HELLO}; await page.turn()")
    printed = kernel.run("signals.ResumeWatch.start = start; s = lite_comms.status()")
    assert "Pyodide's signals cannot be taken over: OSError('no more tools')" in printed
    printed = kernel.run("print(time.sleep is sleep, signals.WebLoop.call_later is call_later)")
    assert printed == "True True\n"


def test_another_version_of_the_page_leaves_the_stock_path(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.page("page.post('hello', 99, 'page'); await page.turn()")
        printed = kernel.run("import lite_comms; s = lite_comms.status()")
        assert "transport stock" in printed
        assert (
            "with protocol 1; restart the kernel and run %pip install lite-comms==page" in printed
        )
        assert crash(kernel)[-1] == DIED
        assert not kernel.page("return page.isClosed")
