"""When messages are handled: quiet, wait_for, receive; with a page in the same process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

import lite_comms
from lite_comms import ClosedError, Comm, CommError, MemoryTransport, live, quiet, wait_for
from tests.common import data, has_loops


@pytest.fixture
def echo(memory: MemoryTransport) -> Comm:
    """A comm whose page answers each message with the same."""
    memory.register_target(
        "echo", lambda comm, msg: comm.on_msg(lambda msg: comm.send(msg["content"]["data"]))
    )
    return Comm("echo")


# quiet


def test_in_quiet_messages_wait_and_are_handled_at_its_end_in_order(
    memory: MemoryTransport, echo: Comm
) -> None:
    heard: list[Any] = []
    echo.on_msg(lambda msg: heard.append(data(msg)))
    with quiet():
        echo.send({"n": 1})
        echo.send({"n": 2})
        memory.deliver()
        within = [*heard]

    assert (within, heard) == ([], [{"n": 1}, {"n": 2}])


def test_quiet_blocks_are_nested_and_end_also_by_an_error(
    memory: MemoryTransport, echo: Comm
) -> None:
    heard: list[Any] = []
    echo.on_msg(lambda msg: heard.append(data(msg)))
    with suppress(LookupError), quiet():
        with quiet():
            echo.send({})
            memory.deliver()
        assert heard == []
        raise LookupError

    assert heard == [{}]


def test_the_end_of_quiet_in_a_callback_does_not_call_another_one_within_it(
    memory: MemoryTransport, echo: Comm
) -> None:
    happened: list[Any] = []

    @echo.on_msg
    def heard(msg: dict[str, Any]) -> None:
        happened.append(("begin", data(msg)))
        with quiet():
            memory.deliver()
        happened.append(("end", data(msg)))

    echo.send(1)
    echo.send(2)
    memory.deliver()

    assert happened == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]


def test_outside_of_a_kernel_quiet_and_live_do_nothing() -> None:
    with quiet():
        live(False)
    live()

    assert lite_comms.status().live == "messages wait for the end of the cell"


# wait_for


def test_wait_for_returns_what_has_become_true(memory: MemoryTransport, echo: Comm) -> None:
    heard: list[Any] = []
    echo.on_msg(lambda msg: heard.append(data(msg)))
    echo.send("a")

    assert wait_for(lambda: heard) == ["a"]


def test_wait_for_takes_what_is_true_already_anywhere() -> None:
    assert wait_for(lambda: 5) == 5


def test_wait_for_gives_up(memory: MemoryTransport) -> None:
    with pytest.raises(TimeoutError, match=r"wait_for: nothing in 0\.02 s"):
        wait_for(lambda: False, timeout_s=0.02)


@pytest.mark.parametrize("awaitable", ["coroutine", "false"])
def test_wait_for_refuses_a_predicate_that_must_be_awaited(
    awaitable: str, memory: MemoryTransport
) -> None:
    made: list[Any] = []

    class Falsy:
        def __await__(self) -> Any:
            yield

        def __bool__(self) -> bool:
            return False

    async def is_done() -> bool:
        return True

    def predicate() -> Any:
        made.append(is_done() if awaitable == "coroutine" else Falsy())
        return made[-1]

    with pytest.raises(TypeError) as refused:
        wait_for(predicate, timeout_s=1)

    name = type(made[0]).__name__
    assert str(refused.value) == (
        f"wait_for: the predicate returned an awaitable ({name}), not an answer; "
        "await it instead of calling wait_for, or pass a plain function"
    )
    if awaitable == "coroutine":
        with pytest.raises(RuntimeError, match="cannot reuse already awaited"):
            made[0].send(None)  # it is closed: no warning that it was never awaited


def test_what_cannot_be_waited_for_is_an_error(memory: MemoryTransport, echo: Comm) -> None:
    reasons = []

    @echo.on_msg
    def heard(msg: dict[str, Any]) -> None:
        with pytest.raises(RuntimeError) as refused:
            wait_for(lambda: False)
        reasons.append(str(refused.value))

    echo.send()
    memory.deliver()
    with quiet(), pytest.raises(RuntimeError, match=r"here: this is in quiet\(\)$"):
        wait_for(lambda: False)
    with pytest.raises(RuntimeError, match="would wait for ever"):
        wait_for(lambda: False)

    assert reasons == ["messages cannot be waited for here: this is a comm callback"]


@has_loops
def test_an_async_callback_cannot_wait_before_its_first_await_nor_after_it(
    memory: MemoryTransport, echo: Comm
) -> None:
    reasons = []

    async def main() -> None:
        done = asyncio.Event()

        @echo.on_msg
        async def heard(msg: dict[str, Any]) -> None:
            for _ in range(2):
                with pytest.raises(RuntimeError) as refused:
                    wait_for(lambda: False, timeout_s=0.1)
                reasons.append(str(refused.value))
                await asyncio.sleep(0)
            done.set()

        echo.send()
        memory.deliver()
        await asyncio.wait_for(done.wait(), 5)

    asyncio.run(main())
    assert reasons == ["messages cannot be waited for here: this is a comm callback"] * 2


def test_without_a_kernel_nothing_can_be_waited_for() -> None:
    with pytest.raises(RuntimeError, match="here: there is no kernel here"):
        wait_for(lambda: False)


# receive


def test_receive_returns_the_messages_one_by_one(memory: MemoryTransport, echo: Comm) -> None:
    for n in range(3):
        echo.send({"n": n}, buffers=[bytes([n])])

    assert [data(echo.receive()) for _ in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_receive_gives_up(echo: Comm) -> None:
    with pytest.raises(TimeoutError, match=r"receive of <Comm 'echo' \w+ open>: nothing in 0\.02"):
        echo.receive(timeout_s=0.02)


def test_a_callback_takes_the_messages(memory: MemoryTransport, echo: Comm) -> None:
    echo.on_msg(lambda msg: None)
    with pytest.raises(RuntimeError, match=r"receive of .*: its on_msg callback takes"):
        echo.receive()


def test_a_callback_that_is_set_meanwhile_ends_receive(memory: MemoryTransport, echo: Comm) -> None:
    """Even if it is removed at once, and there are messages by then."""
    heard: list[Any] = []
    other = Comm("echo")

    @other.on_msg
    def _(msg: dict[str, Any]) -> None:
        echo.on_msg(lambda msg: heard.append(data(msg)))
        if data(msg) == "and remove it":
            echo.on_msg(None)

    for text in ("set one", "and remove it"):
        other.send(text)
        echo.send("for the callback")
        with pytest.raises(RuntimeError) as refused:
            echo.receive(timeout_s=1)
        assert str(refused.value) == f"receive of {echo!r}: its on_msg callback takes the messages"
        memory.deliver()
        echo.on_msg(None)

    assert heard == ["for the callback"]


def test_a_comm_that_closes_has_nothing_more_to_receive(
    memory: MemoryTransport, echo: Comm
) -> None:
    page = memory.comms[echo.comm_id] if memory.deliver() else None
    assert page is not None
    page.send("last")
    page.close()

    assert data(echo.receive()) == "last"
    for _ in range(2):
        with pytest.raises(ClosedError, match="has nothing more to receive"):
            echo.receive()
    assert issubclass(ClosedError, (CommError,))
    assert issubclass(ClosedError, EOFError)


def test_a_comm_that_is_closed_already_has_nothing_to_receive(echo: Comm) -> None:
    echo.close()
    with pytest.raises(ClosedError):
        echo.receive()


# areceive


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


def test_who_waits_for_a_comm_that_the_page_refuses_learns_why(memory: MemoryTransport) -> None:
    why = {"lite_comms": {"ename": "RangeError", "evalue": "too much"}}
    memory.register_target("picky", lambda comm, msg: comm.close(metadata=why))
    comm = Comm("picky")
    with pytest.raises(ClosedError, match=r": RangeError: too much$") as caught:
        comm.receive(timeout_s=1)
    assert caught.value.reason == "RangeError: too much"

    memory.register_target("quiet", lambda comm, msg: comm.close())
    with pytest.raises(ClosedError, match=r"nothing more to receive$") as caught:
        Comm("quiet").receive(timeout_s=1)
    assert caught.value.reason == ""


def test_a_comm_that_is_opened_again_has_forgotten_why_it_was_closed(
    memory: MemoryTransport,
) -> None:
    why = {"lite_comms": {"ename": "RangeError", "evalue": "too much"}}
    memory.register_target("picky", lambda comm, msg: comm.close(metadata=why))
    comm = Comm("picky")
    memory.deliver()
    memory.register_target("picky", lambda comm, msg: None)
    comm.open()
    memory.deliver()
    comm.close()

    with pytest.raises(ClosedError, match=r"nothing more to receive$") as caught:
        comm.receive(timeout_s=1)
    assert caught.value.reason == ""


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
