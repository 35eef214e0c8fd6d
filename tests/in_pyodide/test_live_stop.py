"""Stop while Python runs, in JupyterLite's own worker, where nothing can be suspended.

Node.js 20 has no JSPI, so this is what a browser without it does on a cross-origin isolated page.
"""

from __future__ import annotations

import pytest

from .conftest import with_comm
from .doing import PAUSE
from .kernel import Kernel
from .live import SEND, TARGET, during

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(memory_kernel: Kernel) -> Kernel:
    return with_comm(memory_kernel, TARGET, "collect")


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "import time; time.sleep(60)", "lite_comms.wait_for(lambda: False)"],
)
def test_stop_is_a_keyboard_interrupt_where_the_user_is(kernel: Kernel, code: str) -> None:
    reply = during(kernel, f"def f():\n    {code}\nf()", "page.stop()")
    assert reply["status"] == "error"
    assert "KeyboardInterrupt" in reply["ename"]
    assert "/lite_comms/" not in "".join(reply["traceback"])
    assert len(reply["traceback"]) == 5, reply["traceback"]  # with the cell's frame and f's
    (frame,) = kernel.page("return page.frames.filter(([type]) => type === 'interrupted')")
    assert frame == ["interrupted", kernel.page("return page.stops")]


def test_stop_cancels_a_cell_that_awaits(kernel: Kernel) -> None:
    reply = during(kernel, "import asyncio; await asyncio.sleep(60)", "page.stop()")
    assert (reply["status"], "CancelledError" in reply["ename"]) == ("error", True)


def test_stop_ends_a_callback_that_runs_away(kernel: Kernel) -> None:
    kernel.page(f"{SEND}{PAUSE} const sent = send('for ever'); await pause(500); page.stop();")
    assert kernel.run("print(heard)") == "['for ever']\n"
    shown = kernel.shown("stderr")
    assert shown == "" or "KeyboardInterrupt" in shown


def test_stop_is_what_the_user_says_it_is(kernel: Kernel) -> None:
    reply = during(
        kernel,
        """
import signal
got = []
before = signal.signal(signal.SIGINT, lambda number, frame: got.append(frame.f_code.co_name))
end = time.time() + 20
while not got and time.time() < end: pass
signal.signal(signal.SIGINT, before)
""",
        "page.stop()",
    )
    assert reply["status"] == "ok"
    assert kernel.run("print(got)") == "['<module>']\n"


def test_stop_does_nothing_to_an_idle_kernel(kernel: Kernel) -> None:
    kernel.page("page.stop(); await page.turn()")
    assert kernel.run("print(sum(range(100_000)))") == "4999950000\n"


def test_stop_leaves_no_message_held(kernel: Kernel) -> None:
    for _ in range(10):
        reply = during(
            kernel, "while True:\n    with lite_comms.quiet():\n        pass", "page.stop()"
        )
        assert "KeyboardInterrupt" in reply["ename"]
    kernel.page(f"{SEND} await send(1)")
    assert kernel.run("print(heard)") == "[1]\n"


def test_stop_cancels_the_cell_that_awaits_and_not_the_task_that_computes(kernel: Kernel) -> None:
    reply = during(
        kernel,
        """
import asyncio
async def compute():
    end = time.time() + 3
    while time.time() < end:
        pass
    return "computed"
task = asyncio.ensure_future(compute())
await asyncio.sleep(30)
""",
        "await pause(300); page.stop()",
    )
    assert "CancelledError" in reply["ename"]
    assert kernel.run("print(await task)") == "computed\n"
