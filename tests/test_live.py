"""When messages are handled: quiet, wait_for, receive; with a page in the same process."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any

import pytest

import lite_comms
from lite_comms import ClosedError, Comm, CommError, MemoryTransport, live, quiet, wait_for


def data(msg: dict[str, Any]) -> Any:
    return msg["content"]["data"]


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


def test_what_comes_without_a_callback_is_kept_but_not_for_ever(
    memory: MemoryTransport, echo: Comm
) -> None:
    for n in range(1005):
        echo.send(n)
    memory.deliver()

    assert data(echo.receive(timeout_s=0)) == 5


def test_a_callback_takes_the_messages(memory: MemoryTransport, echo: Comm) -> None:
    echo.on_msg(lambda msg: None)
    with pytest.raises(RuntimeError, match=r"receive of .*: its on_msg callback takes"):
        echo.receive()


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

has_loops = pytest.mark.skipif(sys.platform == "emscripten", reason="Pyodide has one loop, its own")


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
