"""Messages while Python runs, in JupyterLite's own worker, where nothing can be suspended.

Node.js 20 has no JSPI, so this is what a browser without it does on a cross-origin isolated page.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from .conftest import NewKernel, with_comm
from .kernel import Kernel
from .live import LOOP, SEND, TARGET, during

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(memory_kernel: Kernel) -> Kernel:
    return with_comm(memory_kernel, TARGET, "collect")


def test_status_says_so(kernel: Kernel) -> None:
    printed = kernel.run("s = lite_comms.status()")
    assert "at each await and in between, by memory that is shared with the page" in printed


def test_the_kernel_says_what_it_can(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        (hello,) = kernel.page("await page.turn(); return page.frames")
        assert hello[3:] == ["begun", "attachments", "interrupt", "inbox"]


@pytest.mark.parametrize("wait", ["pass", "time.sleep(0.01)", "time.sleep(60)"])
def test_messages_are_handled_in_a_synchronous_loop(kernel: Kernel, wait: str) -> None:
    # Without the messages it is stopped by the time limit, or sleeps on.
    cell = f"""
end = time.time() + 20
while len(heard) < 3 and time.time() < end:
    {wait}
"""
    if "60" in wait:
        cell = "lite_comms.wait_for(lambda: len(heard) == 3, timeout_s=20)"
    reply = during(
        kernel,
        cell,
        """
        send(1);
        await pause(30);
        send([2, null], {buffers: [new Uint8Array([1, 2, 3]).buffer]});
        await send('é'.repeat(1000));
        """,
    )
    assert reply["status"] == "ok"
    assert kernel.run("print(heard == [1, [2, None], 'é' * 1000], worst)") == "True 1\n"


def test_what_never_fits_is_handled_after_the_cell_and_nothing_overtakes_it(
    kernel: Kernel,
) -> None:
    reply = during(
        kernel,
        "end = time.time() + 1\nwhile time.time() < end: pass\nwithin = list(heard)",
        "send(1); send('x'.repeat(5000)); await send(3);",
    )
    assert reply["status"] == "ok"
    kernel.page("await page.turn()")
    assert kernel.run("print(within, len(heard), heard[-1])") == "[1] 3 3\n"


def test_nothing_in_the_memory_overtakes_what_is_not_in_it(kernel: Kernel) -> None:
    reply = during(
        kernel,
        "end = time.time() + 1\nwhile time.time() < end: pass\nwithin = list(heard)",
        "page.send('comm_msg', {comm_id: 'c', data: 1}); await send(2);",
    )
    assert reply["status"] == "ok"
    assert kernel.run("print(within, heard)") == "[] [1, 2]\n"


def test_the_end_of_quiet_in_a_callback_calls_no_other_one_within_it(kernel: Kernel) -> None:
    reply = during(kernel, LOOP.format(n=3), "send('quietly'); send(2); send(3);")
    assert reply["status"] == "ok"
    assert kernel.run("print(heard, worst)") == "['quietly', 2, 3] 1\n"


def test_a_flood_goes_through_as_there_is_room(kernel: Kernel) -> None:
    reply = during(
        kernel,
        "end = time.time() + 20\nwhile len(heard) < 1000 and time.time() < end: pass\n"
        "within = len(heard)",
        """
        for (let n = 0; n < 1000; n++) {
          send(n, {buffers: [new ArrayBuffer(n % 7)]});
        }
        """,
    )
    assert reply["status"] == "ok"
    kernel.page("await page.turn()")
    assert kernel.run("print(within, heard == list(range(1000)), worst)") == "1000 True 1\n"


def test_in_quiet_and_in_an_import_they_wait(kernel: Kernel, tmp_path: Path) -> None:
    reply = during(
        kernel,
        """
import sys, os
os.makedirs("slow", exist_ok=True)
with open("slow/slow_module.py", "w") as file:
    file.write("import time\\nend = time.time() + 0.7\\nwhile time.time() < end: pass\\n")
sys.path.append("slow")
with lite_comms.quiet():
    end = time.time() + 0.7
    while time.time() < end: pass
    first = list(heard)
second = list(heard)
import slow_module
third = list(heard)
end = time.time() + 20
while len(heard) < 2 and time.time() < end: pass
del sys.modules["slow_module"]
""",
        "send(1); await pause(700); send(2);",
    )
    assert reply["status"] == "ok", reply
    assert kernel.run("print(first, second, third, heard)") == "[] [1] [1, 2] [1, 2]\n"


def test_turned_off_they_wait_for_the_end(kernel: Kernel) -> None:
    during(
        kernel,
        "lite_comms.live(False)\nend = time.time() + 0.7\nwhile time.time() < end: pass\n"
        "within = list(heard)",
        "await send(1);",
    )
    assert kernel.run("print(within, heard); lite_comms.live()") == "[] [1]\n"


def test_uninstalled_in_quiet_nothing_stays_behind(kernel: Kernel) -> None:
    kernel.run("block = lite_comms.quiet(); block.__enter__()")
    kernel.page(f"{SEND} send(1)")
    kernel.run("within = list(heard); lite_comms.uninstall(); block.__exit__(None, None, None)")
    kernel.page("page.post('bye'); await page.turn()")
    assert kernel.run("print(within, heard)") == "[] [1]\n"
    kernel.run("lite_comms.install()")
    kernel.open_port("live", memory=4096)


def test_code_for_jupyter_ui_poll_runs(kernel: Kernel) -> None:
    reply = during(
        kernel,
        """
from jupyter_ui_poll import run_ui_poll_loop, ui_events, with_ui_events

with ui_events() as poll:
    while len(heard) < 1:
        poll(10)
        time.sleep(0.05)
last = run_ui_poll_loop(lambda: heard[1] if len(heard) > 1 else None)
for n in with_ui_events(range(1000)):
    if len(heard) == 3:
        break
    time.sleep(0.01)
""",
        "for (const n of [1, 2, 3]) { await send(n); }",
    )
    assert reply["status"] == "ok", reply
    assert kernel.run("print(heard, last, n < 999)") == "[1, 2, 3] 2 True\n"


def test_no_callback_comes_into_the_middle_of_a_send(kernel: Kernel) -> None:
    kernel.run("""
numbers = iter(range(10**9))

def answer(comm, msg):
    comm.on_msg(lambda msg: comm.send({"n": next(numbers)}))

get_comm_manager().register_target("answer", answer)
""")
    kernel.page(
        "await page.send('comm_open', {comm_id: 'a', target_name: 'answer', data: {}});"
        "page.frames.length = 0;"
    )
    # With a nan the rules for values take long, and they are written in Python.
    reply = during(
        kernel,
        "comm = get_comm_manager().comms['a']\nend = time.time() + 3\n"
        "while time.time() < end:\n"
        "    comm.send({'n': next(numbers), 'rows': [float('nan')] * 20_000})",
        "for (let i = 0; i < 60; i++) {"
        "  page.share('comm_msg', {comm_id: 'a', data: {}}); await pause(30); }",
    )
    assert reply["status"] == "ok", reply
    sent = kernel.page(
        "return page.frames.filter(([type]) => type === 'comm')"
        ".map(([, , content]) => JSON.parse(content).data.n)"
    )
    assert len(sent) > 60
    # A number is taken before its send, so a callback may now and then come just in between.
    assert sum(a > b for a, b in pairwise(sent)) <= 3


def test_at_the_limit_of_recursion_no_message_is_lost(kernel: Kernel) -> None:
    reply = during(
        kernel,
        """
def deepest(n=0):
    try:
        return deepest(n + 1)
    except RecursionError:
        return n

def spin_at(n):
    if n:
        return spin_at(n - 1)
    end = time.time() + 1.5
    while time.time() < end: pass

spin_at(deepest() - 6)
within = list(heard)
""",
        "for (let i = 0; i < 20; i++) { send(i); await pause(20); }",
    )
    assert reply["status"] == "ok", reply
    kernel.page("await page.turn()")
    assert kernel.run("print(within, heard == list(range(20)))") == "[] True\n"


def test_ipython_hooks_are_called_for_callbacks_between_cells_only(kernel: Kernel) -> None:
    kernel.run(
        "called = []\nget_ipython().events.register('post_execute', lambda: called.append(1))"
    )
    kernel.run("called.clear()")
    during(kernel, LOOP.format(n=1) + "within = len(called)", "send(1)")
    kernel.run("between = len(called)")
    kernel.page(f"{SEND} await send(2)")
    printed = kernel.run("print(within, between, len(called), heard)")
    kernel.run("get_ipython().events.callbacks['post_execute'].pop()")
    # Each of the three cells has counted, too, when it was over.
    assert printed == "1 2 4 [1, 2]\n"


@pytest.mark.parametrize("define", ["def", "async def"])
def test_an_error_in_a_callback_knows_nothing_of_the_cells(kernel: Kernel, define: str) -> None:
    kernel.run(f"{define} fail(msg):\n    heard.append(1)\n    1 / 0")
    during(
        kernel,
        "try:\n    raise LookupError('of the cell')\nexcept LookupError:\n"
        "    get_comm_manager().comms['c'].on_msg(fail)\n"
        + "".join(f"    {line}\n" for line in LOOP.format(n=1).splitlines()),
        "send(1)",
    )
    ((error, _),) = kernel.errors()
    assert error["ename"] == "ZeroDivisionError"
    assert "During handling" not in "".join(error["traceback"])


def test_after_a_reinstall_the_first_cell_is_live_and_the_wish_is_kept(kernel: Kernel) -> None:
    kernel.page(f"{SEND} await send(0)")
    kernel.run("lite_comms.live(False); lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("lite_comms.install()")
    kernel.open_port("live", memory=4096)
    assert "turned off" in kernel.run("lite_comms.status()")
    kernel.run("lite_comms.live()")
    during(kernel, LOOP.format(n=2) + "within = list(heard)", "send(1)")
    assert kernel.run("print(within)") == "[0, 1]\n"


def test_a_comm_that_is_opened_again_receives_again(kernel: Kernel) -> None:
    kernel.run("comm = lite_comms.Comm('t', comm_id='again'); comm.close(); comm.open()")
    kernel.page("await page.send('comm_msg', {comm_id: 'again', data: 5})")
    assert kernel.run("print(comm.receive(timeout_s=1)['content']['data'])") == "5\n"


@pytest.mark.parametrize(
    ("seconds", "error"),
    [("-1", "ValueError"), ("float('nan')", "ValueError"), ("'1'", "TypeError")],
)
def test_sleep_refuses_what_is_no_length(kernel: Kernel, seconds: str, error: str) -> None:
    reply = during(kernel, f"time.sleep({seconds})")
    assert error in reply["ename"]


def test_sleep_takes_as_long_as_it_is_told(kernel: Kernel) -> None:
    kernel.run("start = time.monotonic(); time.sleep(0.2); took = time.monotonic() - start")
    assert kernel.run("print(0.2 <= took)") == "True\n"


def test_uninstalled_python_has_its_own_again(kernel: Kernel) -> None:
    kernel.run(
        "import signal\nkernel = get_ipython().kernel\n"
        "mine = time.sleep, kernel.run\nlite_comms.uninstall()\n"
    )
    kernel.page("page.post('bye'); await page.turn()")
    printed = kernel.run(
        "print(type(time.sleep).__name__, kernel.run.__qualname__, signal.getsignal(64))"
    )
    assert printed == "function PyodideKernel.run 0\n"
    kernel.run("time.sleep(0.001); lite_comms.install()")
    kernel.open_port("live", memory=4096)
    assert "by memory" in kernel.run("lite_comms.status()")
