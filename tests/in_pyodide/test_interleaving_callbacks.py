"""Callbacks that are coroutine functions, while cells run and messages come.

In JupyterLite's own worker, in a Node.js that can suspend Python (JSPI).
"""

from __future__ import annotations

import json

import pytest

from .conftest import with_comm
from .interleaving import TARGET, during
from .kernel import Kernel

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(stoppable_jspi_kernel: Kernel) -> Kernel:
    return with_comm(stoppable_jspi_kernel, TARGET, "collect")


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
