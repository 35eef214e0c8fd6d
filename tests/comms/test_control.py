"""When messages are handled, and where callbacks speak: quiet, wait_for, show_callbacks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Literal

import pytest

import lite_comms
from lite_comms import Comm, MemoryTransport, live, quiet, wait_for
from tests.common import data, has_loops

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


# show_callbacks


@pytest.mark.parametrize("where", ["cell", "log"])
def test_the_page_is_told_where_callbacks_speak(
    memory: MemoryTransport, where: Literal["cell", "log"]
) -> None:
    lite_comms.show_callbacks(where)
    memory.deliver()

    opened, closed = memory.received
    assert opened["content"]["target_name"] == "lite_comms.callbacks"
    assert opened["content"]["data"] == {"show": where}
    assert closed["msg_type"] == "comm_close"


def test_there_are_two_places_where_callbacks_can_speak(memory: MemoryTransport) -> None:
    with pytest.raises(ValueError, match="where must be 'cell' or 'log', not 'both'"):
        lite_comms.show_callbacks("both")  # type: ignore[arg-type]
    assert memory.deliver() == 0
