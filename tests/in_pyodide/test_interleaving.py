"""Programs that run on every kernel must run here too, while messages come.

In JupyterLite's own worker, in a Node.js that can suspend Python (JSPI).
"""

from __future__ import annotations

import pytest

from .conftest import with_comm
from .interleaving import TARGET, during, stops
from .kernel import Kernel

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(stoppable_jspi_kernel: Kernel) -> Kernel:
    return with_comm(stoppable_jspi_kernel, TARGET, "collect")


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
