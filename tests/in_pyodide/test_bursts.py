"""Comm messages that come faster than Python handles them enter it together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import NewKernel
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

# What a comm of the target hears; some messages do more.
TARGET = """
import asyncio, json, time
import lite_comms
from comm import get_comm_manager

heard = []
quiet = lite_comms.quiet()

async def later():
    await asyncio.sleep(0.05)
    heard.append("later")

def burst(comm, msg):
    @comm.on_msg
    def _(msg):
        data = msg["content"]["data"]
        heard.append(data)
        if data == "fail":
            raise ValueError("no")
        if data == "answer":
            comm.send(data)
        if data == "later":
            return later()
        if data == "slow":
            time.sleep(0.05)
        if data == "hold":
            quiet.__enter__()
            asyncio.get_running_loop().call_later(0.05, quiet.__exit__, None, None, None)

get_comm_manager().register_target("burst", burst)
"""


@pytest.fixture(scope="module")
def kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel() as kernel:
        kernel.open_port()
        kernel.run(TARGET)
        kernel.page("await page.send('comm_open', {comm_id: 'b', target_name: 'burst', data: {}})")
        yield kernel


def send(kernel: Kernel, *data: Any) -> None:
    """Send messages without an interruption, and wait until all are acknowledged."""
    kernel.page(
        "page.frames.length = 0;"
        f"await Promise.all({json.dumps(data)}.map("
        "  data => page.send('comm_msg', {comm_id: 'b', data})))"
    )


def heard(kernel: Kernel) -> list[Any]:
    """Take what was heard."""
    taken: list[Any] = json.loads(kernel.run("print(json.dumps(heard)); heard.clear()"))
    return taken


def test_a_burst_is_heard_in_its_order(kernel: Kernel) -> None:
    send(kernel, *range(300))
    assert heard(kernel) == [*range(300)]


def test_an_exception_in_a_burst_ends_one_callback(kernel: Kernel) -> None:
    send(kernel, 1, "fail", 2, "fail", 3)
    assert heard(kernel) == [1, "fail", 2, "fail", 3]


def test_an_answer_in_a_burst_has_its_message_as_the_parent(kernel: Kernel) -> None:
    send(kernel, 1, "answer", 2, "answer")
    heard(kernel)
    parents = kernel.page(
        "return page.frames.filter(([type]) => type === 'comm').map("
        "  frame => JSON.parse(frame[4]).msg_id)"
    )
    assert len(set(parents)) == 2
    assert all(isinstance(parent, str) for parent in parents)


def test_an_async_callback_in_a_burst_is_acknowledged_when_it_has_ended(kernel: Kernel) -> None:
    send(kernel, 1, "later", 2, 3)
    assert heard(kernel) == [1, "later", 2, 3, "later"]
    acks = kernel.page(
        "return page.frames.filter(([type]) => type === 'ack').map(frame => frame.slice(1))"
    )
    others = sorted(number for ack in acks[:-1] for number in ack)
    assert acks[-1] == [others[-1] - 2]


def test_what_takes_long_is_the_last_of_its_acknowledgement(kernel: Kernel) -> None:
    send(kernel, "slow", 1, 2, "slow", 3, "slow", 4, 5)
    heard(kernel)
    acks = kernel.page(
        "return page.frames.filter(([type]) => type === 'ack').map(frame => frame.slice(1))"
    )
    first = acks[0][0]
    slow = {first, first + 3, first + 5}
    assert [number for ack in acks for number in ack] == [*range(first, first + 8)]
    assert {number for ack in acks for number in ack[:-1]}.isdisjoint(slow)


def test_a_callback_that_holds_messages_back_holds_the_rest_of_its_burst(kernel: Kernel) -> None:
    kernel.page(
        "globalThis.sent = Promise.all([1, 'hold', 2, 3].map("
        "  data => page.send('comm_msg', {comm_id: 'b', data})));"
        "await page.turn()"
    )
    assert heard(kernel) == [1, "hold"]
    kernel.page("await sent")
    assert heard(kernel) == [2, 3]


def test_a_burst_is_handled_before_a_cell_that_comes_behind_it(kernel: Kernel) -> None:
    kernel.page(
        "for (let n = 0; n < 50; n++) page.send('comm_msg', {comm_id: 'b', data: n});"
        "await page.ask('execute', {code: 'seen = [*heard]'})"
    )
    assert json.loads(kernel.run("print(json.dumps(seen))")) == [*range(50)]
    heard(kernel)


def test_a_message_of_a_wrong_shape_in_a_burst_is_named(kernel: Kernel) -> None:
    frames = kernel.page(
        """
        page.frames.length = 0;
        const {post} = page;
        page.post = (type, id, message, ...rest) =>
          post(type, id, message.includes('forged') ? '{}, 1' : message, ...rest);
        const send = data => page.send('comm_msg', {comm_id: 'b', data});
        const sent = [send(0), send(1), send('forged'), send(3)];
        page.post = post;
        await Promise.all(sent.toSpliced(2, 1));
        return page.frames;
        """
    )
    assert heard(kernel) == [0, 1, 3]
    handled = sorted(number for kind, *rest in frames if kind == "ack" for number in rest)
    assert [rest[-1] for kind, *rest in frames if kind == "error"] == [handled[-1] - 1]
