"""Programs that run on every kernel must run here too, while messages come.

In JupyterLite's own worker, in a Node.js that can suspend Python (JSPI).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest

from .conftest import NewKernel, with_comm
from .kernel import Kernel, plain

pytestmark = pytest.mark.pyodide

# A comm whose callback is replaced by each test: `heard` is what has come, `on` what is called.
TARGET = """
import asyncio, contextlib, logging, queue, threading, time, warnings
import lite_comms
from comm import get_comm_manager

heard = []
on = None

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        return on() if on else None

get_comm_manager().register_target("collect", collect)

def is_over(n=20, seconds=20):
    # Ends a loop after some messages; by the time only if they do not come.
    return len(heard) >= n or time.monotonic() > start + seconds

def begin(callback=None):
    global on, start
    heard.clear()
    on = callback
    start = time.monotonic()
"""


@pytest.fixture(scope="module")
def _kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel(jspi=True) as kernel:
        kernel.open_port("live", memory=0)
        yield kernel


@pytest.fixture
def kernel(_kernel: Kernel) -> Kernel:
    return with_comm(_kernel, TARGET, "collect")


def during(kernel: Kernel, cell: str, every_ms: int = 5) -> str:
    """Run a cell while a message comes every few milliseconds; what it prints."""
    request = json.dumps({"code": dedent(cell)})
    reply = kernel.page(
        "let n = 0;"
        "const timer = setInterval("
        f"  () => page.send('comm_msg', {{comm_id: 'c', data: n++}}), {every_ms});"
        f"const reply = await page.ask('execute', {request});"
        "clearInterval(timer); return reply;"
    )
    assert reply["status"] == "ok", plain("\n".join(reply["traceback"]))
    return kernel.shown("stdout")


def stops(kernel: Kernel, cell: str, after_ms: int = 500) -> dict[str, Any]:
    """Run a cell with one message, and press Stop; its reply."""
    request = json.dumps({"code": dedent(cell)})
    reply: dict[str, Any] = kernel.page(
        "const pause = ms => new Promise(resolve => setTimeout(resolve, ms));"
        f"const cell = page.ask('execute', {request}); await pause({after_ms});"
        "page.send('comm_msg', {comm_id: 'c', data: 'sent'}); await pause(500);"
        "page.stop(); return cell;"
    )
    return reply


def test_this_kernel_can_suspend_python(kernel: Kernel) -> None:
    assert "every 15 to 40 ms in between" in kernel.run("s = lite_comms.status()")


def test_status_says_if_the_kernel_runs_cells_that_cannot_be_suspended(kernel: Kernel) -> None:
    # Stands for a kernel that calls the code of cells otherwise than Pyodide asks for.
    kernel.run(
        "from lite_comms._transports.port import cells\n"
        "can_run_sync, cells.can_run_sync = cells.can_run_sync, lambda: False"
    )
    printed = kernel.run("s = lite_comms.status()\ncells.can_run_sync = can_run_sync")
    assert (
        "at each await only: the kernel runs its cells so that they cannot be suspended" in printed
    )
    assert "every 15 to 40 ms in between" in kernel.run("s = lite_comms.status()")


def test_a_loop_of_the_users_hears_messages_at_once(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        begin()
        while not is_over():
            pass
        print(len(heard) >= 20, time.monotonic() - start < 5)
        """,
    )
    assert printed == "True True\n"


def test_a_loop_that_calls_a_library_hears_them_when_that_returns(kernel: Kernel) -> None:
    # Of a million steps a handful are the cell's own: no clock would find them.
    printed = during(
        kernel,
        """
        import json
        begin()
        text = json.dumps(list(range(2000)), indent=1)
        rounds = 0
        while not is_over(50):
            json.dumps(json.loads(text), indent=1, cls=type("E", (json.JSONEncoder,), {}))
            rounds += 1
        took = time.monotonic() - start
        print(len(heard) >= 50, took < 5 or (took, rounds))
        """,
    )
    assert printed == "True True\n"


def test_asyncio_queue_between_a_cell_and_a_task(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        q = asyncio.Queue()
        got = []
        async def consume():
            while True:
                got.append(await q.get())
                q.task_done()
        task = asyncio.create_task(consume())
        begin(lambda: q.put_nowait("callback"))
        put = 0
        while not is_over():
            q.put_nowait(put)
            put += 1
        print(len(got), len(heard) >= 20)
        """,
    )
    assert printed == "0 True\n"
    printed = kernel.run(
        "await asyncio.wait_for(q.join(), 20)\n"
        "print([n for n in got if n != 'callback'] == list(range(put)))\n"
        "print(got.count('callback') >= 20)\n"
        "print(task.done()); task.cancel()"
    )
    assert printed == "True\nTrue\nFalse\n"


def test_a_dict_that_a_task_grows_can_be_iterated_in_a_cell(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        d = dict.fromkeys(range(1000))
        async def grow():
            while True:
                d[len(d)] = None
                await asyncio.sleep(0)
        task = asyncio.create_task(grow())
        await asyncio.sleep(0.05)
        begin()
        while not is_over():
            for x in d:
                pass
        task.cancel()
        print(len(heard) >= 20)
        """,
    )
    assert printed == "True\n"


def test_a_task_is_atomic_between_its_awaits(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        inside = 0
        overlaps = 0
        async def exclusive():
            global inside, overlaps
            while not is_over():
                inside += 1
                for _ in range(20_000):
                    overlaps += inside != 1
                inside -= 1
                await asyncio.sleep(0)
        async def answer():
            global inside
            inside += 0
            await asyncio.sleep(0)
            inside += 0
        begin(answer)
        await asyncio.gather(*(exclusive() for _ in range(5)))
        print(overlaps, len(heard) >= 20)
        """,
    )
    assert printed == "0 True\n"


def test_a_callback_of_the_event_loop_is_atomic(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        order = []
        def first():
            while not is_over():
                pass
            order.append("first")
        begin()
        loop = asyncio.get_running_loop()
        loop.call_soon(first)
        loop.call_soon(order.append, "second")
        loop.call_later(0.01, order.append, "third")
        await asyncio.sleep(0.5)
        while len(order) < 3:
            await asyncio.sleep(0.01)
        print(order, len(heard) >= 20)
        """,
    )
    assert printed == "['first', 'second', 'third'] True\n"


@pytest.mark.parametrize(
    ("wait", "advances"),
    [("time.sleep(0.01)", False), ("lite_comms.wait_for(lambda: is_over(40))", True)],
)
def test_in_a_synchronous_cell_tasks_advance_in_wait_for_only(
    kernel: Kernel, wait: str, advances: bool
) -> None:
    kernel.run(
        "ticks = 0\nasync def tick():\n    global ticks\n    while True:\n        ticks += 1\n"
        "        await asyncio.sleep(0)\ntask = asyncio.create_task(tick())"
    )
    printed = during(
        kernel,
        f"""
        begin()
        before = ticks
        while not is_over():
            pass
        computed = ticks - before
        while not is_over(40):
            {wait}
        print(computed, ticks - before > 5)
        """,
    )
    kernel.run("task.cancel()")
    assert printed == f"0 {advances}\n"


def test_in_a_coroutine_no_task_advances_while_it_sleeps_by_time_sleep(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        ticks = 0
        async def tick():
            global ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)
        task = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        begin()
        before = ticks
        while not is_over():
            time.sleep(0.01)
        print(ticks - before, len(heard) >= 20)
        task.cancel()
        """,
    )
    assert printed == "0 True\n"


def test_an_async_callback_advances_between_two_lines_of_a_cell(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        ended = 0
        async def child():
            await asyncio.sleep(0.001)
        async def answer():
            global ended
            await asyncio.gather(child(), child())
            ended += 1
        begin(answer)
        while ended < 20 and not is_over(10**9):
            pass
        print(ended >= 20)
        """,
    )
    assert printed == "True\n"


def test_an_async_callback_is_not_interrupted_by_another_callback(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        depth = worst = 0
        async def answer():
            global depth, worst
            await asyncio.sleep(0)
            depth += 1
            worst = max(worst, depth)
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                pass
            depth -= 1
        begin(answer)
        # On a slow machine all messages may come at once, before a task has advanced.
        while not (is_over() and worst) and not is_over(10**9):
            pass
        print(worst)
        """,
    )
    assert printed == "1\n"


def test_an_async_callback_cannot_wait_for_messages_after_an_await_either(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        reasons = []
        async def answer():
            if len(heard) > 1:
                return
            for _ in range(2):
                try:
                    lite_comms.wait_for(lambda: False, timeout_s=0.1)
                except (RuntimeError, TimeoutError) as error:
                    reasons.append(str(error))
                await asyncio.sleep(0)
        begin(answer)
        while len(reasons) < 2 and not is_over(10**9):
            pass
        print(reasons[0] == reasons[1], reasons[1])
        """,
    )
    assert printed == "True messages cannot be waited for here: this is a comm callback\n"


def test_a_queue_between_a_cell_and_a_callback(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        q = queue.Queue()
        begin(lambda: q.put("callback"))
        put = 0
        while not is_over():
            q.put(put)
            put += 1
        got = [q.get_nowait() for _ in range(q.qsize())]
        print([n for n in got if n != "callback"] == list(range(put)), got.count("callback") >= 20)
        """,
    )
    assert printed == "True True\n"


def test_logging_in_a_cell_and_in_a_callback(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        import io
        stream = io.StringIO()
        log = logging.getLogger("both")
        log.propagate = False
        log.setLevel("INFO")
        log.addHandler(logging.StreamHandler(stream))
        begin(lambda: log.info("callback"))
        n = 0
        while not is_over():
            log.info("cell %d", n)
            n += 1
        lines = stream.getvalue().splitlines()
        print([l for l in lines if l != "callback"] == [f"cell {i}" for i in range(n)])
        print(lines.count("callback") >= 20)
        """,
    )
    assert printed == "True\nTrue\n"


def test_a_directory_that_a_library_changes_for_a_block_is_not_seen(kernel: Kernel) -> None:
    # A stand-in for a library: its folder is that of installed packages.
    printed = during(
        kernel,
        """
        import os, sysconfig, sys, pathlib
        folder = pathlib.Path(sysconfig.get_path("purelib"))
        (folder / "goes_elsewhere.py").write_text(
            "import contextlib, os\\n"
            "def work():\\n"
            "    with contextlib.chdir('/tmp'):\\n"
            "        for _ in range(20_000): pass\\n"
        )
        import goes_elsewhere
        here, seen = os.getcwd(), set()
        begin(lambda: seen.add(os.getcwd()))
        while not is_over():
            goes_elsewhere.work()
        print(seen == {here}, os.getcwd() == here)
        (folder / "goes_elsewhere.py").unlink()
        """,
    )
    assert printed == "True True\n"


def test_stop_frees_a_callback_that_waits_for_a_lock_of_the_interrupted_cell(
    kernel: Kernel,
) -> None:
    reply = stops(
        kernel,
        """
        lock = threading.Lock()
        begin(lambda: lock.acquire())
        with lock:
            while not is_over(10**9, 10):
                pass
        """,
    )
    # The callback was stopped, by a KeyboardInterrupt of its own; the cell goes on.
    assert reply["status"] == "ok"
    ((error, _),) = kernel.errors()
    assert error["ename"] == "KeyboardInterrupt"


def test_stop_in_a_library_is_a_keyboard_interrupt(kernel: Kernel) -> None:
    reply = stops(
        kernel,
        """
        import random
        r = random.Random(1)
        begin()
        while True:
            r.shuffle(list(range(100_000)))
        """,
    )
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")


@pytest.mark.parametrize(
    "callback", ["async def answer(): pass", "async def answer(): await asyncio.sleep(0)"]
)
def test_an_async_callback_is_acknowledged_while_the_cell_runs(
    kernel: Kernel, callback: str
) -> None:
    kernel.run(callback)
    request = json.dumps({"code": "begin(answer)\nwhile not is_over(2, 5): pass"})
    order = kernel.page(
        "const order = [];"
        f"const cell = page.ask('execute', {request}).then(() => order.push('cell'));"
        "await new Promise(resolve => setTimeout(resolve, 300));"
        "await page.send('comm_msg', {comm_id: 'c', data: 1}); order.push('acknowledged');"
        "page.send('comm_msg', {comm_id: 'c', data: 2}); await cell; return order;"
    )
    assert order == ["acknowledged", "cell"]


def test_callbacks_of_an_async_callback_keep_their_order(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        logs = []
        async def answer():
            n, log = len(logs), []
            logs.append(log)
            loop = asyncio.get_running_loop()
            # From 1: in Pyodide's loop timers keep their order, but may overtake what has no delay.
            # No delay comes twice: of those that are late Node.js runs all with one delay together.
            for i in range(1, 9):
                loop.call_later(0.001 * (16 * i + n), log.append, i)
            await asyncio.sleep(0.16)
        begin(answer)
        while not is_over(15):
            end = time.monotonic() + 0.02
            while time.monotonic() < end:
                pass
            await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        print([log == sorted(log) for log in logs].count(False))
        """,
        every_ms=60,
    )
    assert printed == "0\n"


def test_quiet_ends_at_no_unsafe_point(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        depth = worst = 0
        async def answer():
            global depth, worst
            with lite_comms.quiet():
                await asyncio.sleep(0.05)
                depth += 1
            worst = max(worst, depth)
            depth -= 1
        def plain():
            global worst
            worst = max(worst, 10 * depth)
        begin(lambda: answer() if len(heard) % 2 else plain())
        while not is_over():
            await asyncio.sleep(0)
        print(worst)
        """,
    )
    assert printed == "1\n"


def test_a_cell_that_a_waiting_task_keeps_from_beginning_is_told_to_the_page(
    kernel: Kernel,
) -> None:
    kernel.run("lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("lite_comms.install()")
    kernel.open_port("begun", "live", memory=0)
    kernel.run(
        "async def wait():\n"
        "    await asyncio.sleep(0.05)\n"
        "    lite_comms.wait_for(lambda: heard, 20)\n"
        "begin(); task = asyncio.create_task(wait())"
    )
    kernel.page("page.frames.length = 0")
    told = kernel.page(
        "await new Promise(resolve => setTimeout(resolve, 200));"
        "const cell = page.ask('execute', {code: 'begun = list(heard)'});"
        "while (!page.frames.some(([type]) => type === 'begun'))"
        "  await new Promise(resolve => setTimeout(resolve, 10));"
        "await page.send('comm_msg', {comm_id: 'c', data: 'at last'}); await cell; return true;"
    )
    assert told
    assert kernel.run("print(begun)") == "['at last']\n"


@pytest.mark.parametrize("left", [range(2, 9), range(9, 16), [20, 60, 150]], ids=str)
def test_at_the_limit_of_recursion_messages_wait_and_later_cells_begin(
    kernel: Kernel, left: list[int]
) -> None:
    printed = during(
        kernel,
        f"""
        def deepest(n=0):
            try:
                return deepest(n + 1)
            except RecursionError:
                return n

        def spin_at(n):
            if n:
                return spin_at(n - 1)
            before = len(heard)
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                pass
            return len(heard) - before

        async def tick():
            while True:
                await asyncio.sleep(0.001)

        begin()
        task = asyncio.create_task(tick())
        while not is_over():
            pass
        suspender = get_comm_manager().transport._cells.signals.suspender
        bottom = deepest()
        seen = set()
        for left in {[*left]}:
            seen.add((spin_at(bottom - left), suspender.is_suspended))
        print(seen)
        """,
    )
    assert printed == "{(0, False)}\n"
    kernel.run("begin()\ntask.cancel()\nawait asyncio.wait([task])")


def test_stop_does_not_come_while_what_the_cell_has_replaced_is_set_aside(kernel: Kernel) -> None:
    printed = during(
        kernel,
        """
        import io, signal, sys
        signals = get_comm_manager().transport._cells.signals
        stopper, suspender = signals.stopper, signals.suspender
        seen = []
        before = signal.signal(signal.SIGINT, lambda *_: seen.append(suspender.is_changing))
        is_asked, stopper.is_asked = stopper.is_asked, lambda: True
        done, stopper.done = stopper.done, lambda: None
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                for _ in range(300):
                    suspender.aside(lambda: None)
        finally:
            stopper.is_asked, stopper.done = is_asked, done
            signal.signal(signal.SIGINT, before)
        print(True in seen)
        """,
    )
    assert printed == "False\n"
