"""Which tasks of the event loop advance, and which wait, while messages come.

In JupyterLite's own worker, in a Node.js that can suspend Python (JSPI).
"""

from __future__ import annotations

import pytest

from .conftest import with_comm
from .interleaving import TARGET, during
from .kernel import Kernel

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(stoppable_jspi_kernel: Kernel) -> Kernel:
    return with_comm(stoppable_jspi_kernel, TARGET, "collect")


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
