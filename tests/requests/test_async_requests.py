"""Requests of coroutines, and handlers that are coroutine functions."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from lite_comms import Comm, MemoryTransport, PageComm, RequestError
from tests.common import data, has_loops

from .conftest import Message, both_ends, run, settled, started

pytestmark = has_loops


def test_answers_come_in_any_order_and_handlers_begin_in_that_of_the_requests(
    memory: MemoryTransport, swap: bool
) -> None:
    async def main(asker: Comm, answerer: Comm) -> None:
        gates = [asyncio.Event() for _ in range(3)]
        said: list[Any] = []

        @answerer.on_request
        async def _(msg: Message) -> Any:
            said.append(("begin", data(msg)))
            await gates[data(msg)].wait()
            return data(msg)

        async def ask(n: int) -> None:
            said.append(("answer", data(await asker.arequest(n))))

        tasks = [asyncio.create_task(ask(n)) for n in range(3)]
        await settled(memory)
        for n in (1, 2, 0):
            gates[n].set()
            await settled(memory)
        await asyncio.gather(*tasks)
        assert said == [
            *(("begin", n) for n in range(3)),
            *(("answer", n) for n in (1, 2, 0)),
        ]

    run(memory, swap, main)


def test_an_exception_after_an_await_is_the_answer(memory: MemoryTransport, swap: bool) -> None:
    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> None:
            await asyncio.sleep(0)
            raise LookupError("late")

        task = await started(memory, asker.arequest())
        with pytest.raises(RequestError, match="LookupError: late") as caught:
            await task
        assert caught.value.traceback[1].startswith(f'  File "{__file__}"')

    run(memory, swap, main)
    assert memory.errors == []


def test_a_handler_may_ask_back(memory: MemoryTransport, swap: bool) -> None:
    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> Any:
            return [data(await answerer.arequest("back")), data(msg)]

        asker.on_request(lambda msg: f"answer to {data(msg)}")
        task = await started(memory, asker.arequest("there"))
        assert data(await task) == ["answer to back", "there"]

    run(memory, swap, main)


def test_an_answer_that_comes_as_the_time_runs_out_is_taken(memory: MemoryTransport) -> None:
    async def main(asker: Comm, answerer: PageComm) -> None:
        answerer.on_request(lambda msg: "answer")
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(asker.arequest(timeout_s=0.01))
        await asyncio.sleep(0)
        loop.call_later(0.01, memory.deliver)  # right after the timer of the time-out
        assert data(await task) == "answer"

    run(memory, False, main)


def test_a_plain_handler_may_return_what_can_be_awaited(
    memory: MemoryTransport, swap: bool
) -> None:
    async def main(asker: Comm, answerer: Comm) -> None:
        answerer.on_request(lambda msg: asyncio.sleep(0, "awaited"))
        task = await started(memory, asker.arequest())
        assert data(await task) == "awaited"

    run(memory, swap, main)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_without_a_loop_an_async_handler_is_answered_as_an_error(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    @comm.on_request
    async def _(msg: Message) -> None: ...

    with pytest.raises(RequestError, match="RuntimeError: no running event loop"):
        page.request()


def test_a_loop_in_another_thread_can_ask(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    page.on_request(lambda msg: "to a thread")
    answers: list[Any] = []

    def ask() -> None:
        answers.append(data(asyncio.run(comm.arequest(timeout_s=10))))

    thread = threading.Thread(target=ask)
    thread.start()
    while not memory.deliver():
        pass
    thread.join(10)

    assert answers == ["to a thread"]
