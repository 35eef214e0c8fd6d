"""Requests of coroutines, and their handlers, that are cancelled or end with their comm."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lite_comms import ClosedError, Comm, MemoryTransport, PageComm, RequestError
from tests.common import data, has_loops

from .conftest import Message, both_ends, run, settled, started

pytestmark = has_loops


def test_a_handler_that_is_cancelled_by_its_own_code_answers_with_an_error(
    memory: MemoryTransport, swap: bool
) -> None:
    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

        task = await started(memory, asker.arequest())
        with pytest.raises(RequestError, match=r": CancelledError"):
            await task

    run(memory, swap, main)


@pytest.mark.parametrize("how", ["cancel", "time-out", "time-out of asyncio"])
def test_who_no_longer_waits_has_the_handler_cancelled(
    how: str, memory: MemoryTransport, swap: bool
) -> None:
    said: list[str] = []

    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                said.append("cancelled")
            return "nobody waits"

        if how == "time-out":
            task = await started(memory, asker.arequest(timeout_s=0.01))
            with pytest.raises(TimeoutError, match=r"arequest of <.*Comm 'plot' 1 open>: nothing"):
                await task
        elif how == "cancel":
            task = await started(memory, asker.arequest())
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            task = await started(memory, asyncio.wait_for(asker.arequest(), 0.01))
            with pytest.raises(TimeoutError):
                await task
        await settled(memory)
        assert said == ["cancelled"]

    run(memory, swap, main)
    assert memory.errors == []


def test_a_request_that_is_cancelled_before_the_handler_could_begin_is_cancelled_after(
    memory: MemoryTransport, swap: bool
) -> None:
    said: list[str] = []

    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> None:
            said.append("begin")
            await asyncio.Event().wait()

        task = asyncio.create_task(asker.arequest())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settled(memory)
        assert said == ["begin"]

    run(memory, swap, main)


def test_an_exception_of_a_cancelled_handler_is_shown(memory: MemoryTransport) -> None:
    memory.raise_errors = False

    async def main(asker: PageComm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise LookupError("in the clean-up")

        task = await started(memory, asker.arequest())
        task.cancel()
        await settled(memory)

    run(memory, True, main)
    (shown,) = memory.errors
    assert shown.startswith("lite_comms: the on_request callback of comm 'plot' (1) raised\n")
    assert "LookupError: in the clean-up" in shown


@pytest.mark.parametrize("who", ["asker", "answerer"])
def test_the_end_of_the_comm_ends_requests_and_cancels_handlers(
    who: str, memory: MemoryTransport, swap: bool
) -> None:
    said: list[str] = []

    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                said.append("cancelled")

        tasks = [await started(memory, asker.arequest(n)) for n in range(3)]
        (asker if who == "asker" else answerer).close()
        await settled(memory)
        for task in tasks:
            with pytest.raises(ClosedError, match=r"arequest of <.*> *: the comm has closed"):
                await task
        assert said == ["cancelled"] * 3

    run(memory, swap, main)
    assert memory.errors == []


def test_a_handler_that_closes_its_comm_comes_to_its_end(
    memory: MemoryTransport, swap: bool
) -> None:
    said: list[str] = []

    async def main(asker: Comm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> None:
            answerer.close()
            await asyncio.sleep(0)
            said.append("end")

        task = await started(memory, asker.arequest())
        with pytest.raises(ClosedError):
            await task
        await settled(memory)

    run(memory, swap, main)
    assert said == ["end"]


def test_a_handler_of_the_comm_before_does_not_answer_a_request_with_the_same_id(
    memory: MemoryTransport,
) -> None:
    async def main(asker: PageComm, answerer: Comm) -> None:
        @answerer.on_request
        async def _(msg: Message) -> Any:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0.01)
            return data(msg)

        def ask(page: PageComm, what: str) -> None:
            page.send(what, {"lite_comms": {"request": "1"}})

        ask(asker, "before")
        await settled(memory)
        answerer.close()
        answerer.open()
        memory.deliver()
        ask(memory.comms["1"], "after")
        await asyncio.sleep(0.02)
        await settled(memory)
        marks = [msg["metadata"] for msg in memory.received if msg["msg_type"] == "comm_msg"]
        assert marks == []
        answerer.close()

    run(memory, True, main)


def test_a_comm_that_is_opened_again_ends_the_requests_of_its_page(memory: MemoryTransport) -> None:
    async def main(asker: PageComm, answerer: Comm) -> None:
        answerer.on_request(lambda msg: asyncio.sleep(60))
        task = await started(memory, asker.arequest())
        answerer.open()
        await settled(memory)
        with pytest.raises(ClosedError, match="its id has been opened again"):
            await task

    run(memory, True, main)


def test_the_end_of_the_block_ends_requests() -> None:
    async def main() -> None:
        with MemoryTransport() as memory:
            memory.register_target("plot", lambda comm, msg: None)
            kernel, page = both_ends(memory)
            for end in (kernel, page):
                end.on_request(lambda msg: asyncio.sleep(60))
            tasks = [await started(memory, end.arequest()) for end in (kernel, page)]
        for task in tasks:
            with pytest.raises(ClosedError):
                await task

    asyncio.run(main())
