"""Requests of coroutines, and handlers that are coroutine functions."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from lite_comms import ClosedError, Comm, MemoryTransport, PageComm, RequestError
from tests.common import data, has_loops

pytestmark = has_loops

Message = dict[str, Any]
Ends = tuple[Comm | PageComm, Comm | PageComm]


def both_ends(memory: MemoryTransport) -> tuple[Comm, PageComm]:
    """Both ends of a comm."""
    comm = Comm("plot", comm_id="1")
    memory.deliver()
    return comm, memory.comms["1"]


async def settled(memory: MemoryTransport) -> None:
    """Deliver all, and let the tasks come to their end."""
    for _ in range(5):
        memory.deliver()
        await asyncio.sleep(0)


async def started[T](memory: MemoryTransport, asking: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin to ask, and have the request delivered."""
    task = asyncio.create_task(asking)
    await settled(memory)
    return task


@pytest.fixture(params=["kernel asks", "page asks"])
def swap(request: pytest.FixtureRequest) -> bool:
    """Whether the page asks and the kernel answers."""
    return bool(request.param == "page asks")


def run(memory: MemoryTransport, swap: bool, main: Callable[..., Awaitable[None]]) -> None:
    """Run a test with the end that asks and the end that answers."""

    async def run() -> None:
        kernel, page = both_ends(memory)
        await main(*((page, kernel) if swap else (kernel, page)))
        await settled(memory)
        for end in (kernel, page):  # nothing is left behind
            assert (end._asked, end._calls) == ({}, {})

    asyncio.run(run())


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


@pytest.mark.parametrize("seed", range(5))
def test_in_a_storm_every_request_ends_exactly_once(seed: int) -> None:
    """Both ends ask, with errors, time-outs, cancellations, closings, and answers in any order."""
    chance = random.Random(seed)
    ends: Counter[str] = Counter()
    answers: Counter[str] = Counter()

    def answer_of(end: Comm | PageComm) -> None:
        @end.on_request
        def _(msg: Message) -> Any:
            kind = chance.randrange(8)
            if kind == 0:
                raise LookupError("of the handler")
            if kind == 1:
                return object()
            return data(msg) if kind == 2 else later(msg, kind)

        async def later(msg: Message, kind: int) -> Any:
            await asyncio.sleep(chance.random() / 200)
            if kind == 3:
                raise LookupError("of the handler, later")
            if kind == 4:
                return data(await end.arequest(data(msg), timeout_s=0.01))
            return data(msg)

    async def ask(end: Comm | PageComm, name: str, timeout_s: float | None) -> None:
        try:
            assert data(await end.arequest([name], timeout_s=timeout_s)) == [name]
        except (RequestError, ClosedError, TimeoutError, asyncio.CancelledError) as error:
            ends[type(error).__name__] += 1
        else:
            ends["answer"] += 1

    async def main(memory: MemoryTransport) -> None:
        pairs = []
        for comm_id in map(str, range(6)):
            comm = Comm("plot", comm_id=comm_id)
            memory.deliver()
            pairs.append((comm, memory.comms[comm_id]))
        for pair in pairs:
            for end in pair:
                answer_of(end)
        tasks = []
        for n in range(600):
            end = chance.choice(chance.choice(pairs))
            is_ended = n in (350, 450) or chance.random() < 0.1
            timeout_s = None if is_ended else chance.choice([None, None, 0.002, 0])
            task = asyncio.create_task(ask(end, f"{n}", timeout_s))
            tasks.append(task)
            if chance.random() < 0.3 or is_ended:
                await asyncio.sleep(0)
            if n in (350, 450):
                pairs.remove(next(pair for pair in pairs if end in pair))
                end.close()
            elif is_ended:
                task.cancel()
            if chance.random() < 0.3:
                memory.deliver()
        while not all(task.done() for task in tasks):
            memory.deliver()
            await asyncio.sleep(0.001)
        for _ in range(50):  # what was asked while a handler answered
            memory.deliver()
            await asyncio.sleep(0.001)
        assert [(end._asked, end._calls) for pair in pairs for end in pair] == [({}, {})] * 8

    class Page(MemoryTransport):
        def post(self, msg: Message) -> None:
            self.count(msg)
            super().post(msg)

        def _to_page(self, msg: Message) -> None:
            self.count(msg)
            super()._to_page(msg)

        def count(self, msg: Message) -> None:
            answers.update([msg["metadata"].get("lite_comms", {}).get("reply", "")])

    with Page() as memory:
        memory.register_target("plot", lambda comm, msg: None)
        asyncio.run(asyncio.wait_for(main(memory), 60))

    assert sum(ends.values()) == 600
    kinds = {"answer", "RequestError", "ClosedError", "TimeoutError", "CancelledError"}
    assert set(ends) == kinds
    del answers[""]  # what is no answer
    assert set(answers.values()) == {1}
    assert memory.errors == []
