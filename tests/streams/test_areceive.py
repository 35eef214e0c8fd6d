"""Messages are awaited: areceive and ``async for``, with a page in the same process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lite_comms import ClosedError, Comm, MemoryTransport
from tests.common import data, has_loops


@has_loops
def test_areceive_waits_for_a_message_and_gives_up(memory: MemoryTransport, echo: Comm) -> None:
    async def two() -> Any:
        first = asyncio.ensure_future(echo.areceive())
        await asyncio.sleep(0)
        echo.send(1)
        memory.deliver()
        heard = data(await first)
        with pytest.raises(TimeoutError, match=r"areceive of <Comm 'echo' .*: nothing in 0\.01 s"):
            await echo.areceive(timeout_s=0.01)
        return heard

    assert asyncio.run(two()) == 1


@has_loops
def test_who_awaits_a_message_hears_of_the_end(memory: MemoryTransport, echo: Comm) -> None:
    async def three() -> Any:
        waiting = [asyncio.ensure_future(echo.areceive()) for _ in range(3)]
        await asyncio.sleep(0)
        echo.send(1)
        memory.deliver()
        echo.close()
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, *others = asyncio.run(three())
    assert data(first) == 1
    assert [type(other) for other in others] == [ClosedError, ClosedError]


@has_loops
def test_a_callback_that_is_set_meanwhile_ends_areceive(
    memory: MemoryTransport, echo: Comm
) -> None:
    heard: list[Any] = []

    async def main() -> list[str]:
        waiting = [asyncio.ensure_future(echo.areceive()) for _ in range(2)]
        await asyncio.sleep(0)
        echo.send(1)
        memory.deliver()
        # The first has been woken for the message, but has not returned it.
        echo.on_msg(lambda msg: heard.append(data(msg)))
        memory.deliver()
        async with asyncio.timeout(5):
            return [str(end) for end in await asyncio.gather(*waiting, return_exceptions=True)]

    reason = f"areceive of {echo!r}: its on_msg callback takes the messages"
    assert asyncio.run(main()) == [reason, reason]
    assert heard == [1]


@has_loops
def test_a_callback_that_is_set_and_removed_ends_areceive(
    memory: MemoryTransport, echo: Comm
) -> None:
    async def main() -> None:
        waiting = asyncio.ensure_future(echo.areceive())
        await asyncio.sleep(0)
        echo.on_msg(lambda msg: None)
        echo.on_msg(None)
        later = asyncio.ensure_future(echo.areceive())
        await asyncio.sleep(0)
        echo.send(1)
        memory.deliver()
        async with asyncio.timeout(5):
            with pytest.raises(RuntimeError, match="its on_msg callback takes the messages"):
                await waiting
            assert data(await later) == 1

    asyncio.run(main())


@has_loops
def test_each_event_loop_can_wait_for_the_same_comm(memory: MemoryTransport, echo: Comm) -> None:
    async def ask(question: str) -> Any:
        answer = asyncio.ensure_future(echo.areceive(timeout_s=5))
        await asyncio.sleep(0)
        echo.send(question)
        memory.deliver()
        return data(await answer)

    assert [asyncio.run(ask("a")), asyncio.run(ask("b"))] == ["a", "b"]


@has_loops
def test_who_waited_in_a_loop_that_was_closed_takes_no_message(
    memory: MemoryTransport, echo: Comm
) -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # the task is never awaited
    task = loop.create_task(echo.areceive())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    echo.send(1)
    memory.deliver()
    assert data(asyncio.run(echo.areceive(timeout_s=1))) == 1
    assert not task.done()
    assert memory.errors == []


@has_loops
@pytest.mark.parametrize("how", ["at once", "one by one"])
def test_those_who_wait_get_the_messages_in_their_order(
    how: str, memory: MemoryTransport, echo: Comm
) -> None:
    returned: list[Any] = []

    async def wait(name: str) -> None:
        returned.append((name, data(await echo.areceive())))

    async def main() -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(wait(name))
            await asyncio.sleep(0)
            for n in range(3):
                echo.send(n)
                if how == "one by one":
                    memory.deliver()
                    await asyncio.sleep(0)
            memory.deliver()
            # It comes after those that wait, although there is a message now.
            group.create_task(wait("d"))
            await asyncio.sleep(0)
            echo.send(3)
            memory.deliver()

    asyncio.run(main())
    assert returned == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]


@has_loops
def test_receive_waits_behind_an_areceive(memory: MemoryTransport, echo: Comm) -> None:
    async def main() -> list[Any]:
        first = asyncio.ensure_future(echo.areceive(timeout_s=5))
        await asyncio.sleep(0)
        echo.send(1)
        echo.send(2)
        second = echo.receive(timeout_s=5)
        return [data(await first), data(second)]

    assert asyncio.run(main()) == [1, 2]


@has_loops
@pytest.mark.parametrize("when", ["before the messages", "after the messages"])
@pytest.mark.parametrize("cancelled", [[0], [1], [0, 1], [1, 0]], ids=str)
def test_who_is_cancelled_takes_no_message(
    cancelled: list[int], when: str, memory: MemoryTransport, echo: Comm
) -> None:
    async def main() -> list[Any]:
        waiting = [asyncio.ensure_future(echo.areceive(timeout_s=5)) for _ in range(4)]
        await asyncio.sleep(0)
        if when == "before the messages":
            for index in cancelled:
                waiting[index].cancel()
        for n in range(4):
            echo.send(n)
        memory.deliver()  # all have been woken, and none has returned
        if when == "after the messages":
            for index in cancelled:
                waiting[index].cancel()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        got = [data(end) for end in ends if isinstance(end, dict)]
        return got + [data(echo.receive(timeout_s=0)) for _ in cancelled]

    assert asyncio.run(main()) == [0, 1, 2, 3]


@has_loops
def test_who_waits_moves_up_when_another_gives_up(memory: MemoryTransport, echo: Comm) -> None:
    async def main() -> Any:
        first = asyncio.ensure_future(echo.areceive())
        second = asyncio.ensure_future(echo.areceive(timeout_s=5))
        await asyncio.sleep(0)
        echo.send("only one")
        memory.deliver()
        first.cancel()
        return data(await second)

    assert asyncio.run(main()) == "only one"


@has_loops
def test_a_message_that_comes_too_late_is_for_the_next(memory: MemoryTransport, echo: Comm) -> None:
    async def main() -> Any:
        echo.send(1)
        with pytest.raises(TimeoutError):
            await echo.areceive(timeout_s=0.01)
        memory.deliver()
        return data(await echo.areceive(timeout_s=0))

    assert asyncio.run(main()) == 1


@has_loops
def test_a_loop_gets_each_message_and_ends_when_the_comm_closes(memory: MemoryTransport) -> None:
    heard: list[Any] = []

    async def main() -> None:
        comm = Comm("plot")
        memory.deliver()
        page = memory.comms[comm.comm_id]

        async def listen() -> None:
            heard.extend([msg["content"]["data"] async for msg in comm])

        task = asyncio.create_task(listen())
        for n in range(3):
            page.send(n)
            await asyncio.sleep(0)
            memory.deliver()
        page.send("and the last")
        page.close()
        memory.deliver()
        await asyncio.wait_for(task, 10)

    asyncio.run(main())
    assert heard == [0, 1, 2, "and the last"]


@has_loops
def test_a_loop_over_a_comm_with_a_callback_raises(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    comm.on_msg(lambda msg: None)

    async def main() -> None:
        async for _ in comm:
            pass

    with pytest.raises(RuntimeError, match="its on_msg callback takes the messages"):
        asyncio.run(main())
