"""Callbacks that are coroutine functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import comm as comm_package
import pytest

from lite_comms import Comm, MemoryTransport
from tests.common import has_loops

pytestmark = has_loops

Callback = Callable[[dict[str, Any]], Awaitable[None]]


async def settled(memory: MemoryTransport) -> None:
    """Deliver all, and let the tasks come to their end."""
    memory.deliver()
    for _ in range(5):
        await asyncio.sleep(0)
    memory.deliver()


def test_messages_begin_in_order_and_do_not_wait_for_one_another(memory: MemoryTransport) -> None:
    said: list[str] = []

    async def main() -> None:
        gate = asyncio.Event()
        comm = Comm("plot")

        @comm.on_msg
        async def _(msg: dict[str, Any]) -> None:
            said.append(f"begin {msg['content']['data']}")
            await gate.wait()
            said.append(f"end {msg['content']['data']}")

        memory.deliver()
        page = memory.comms[comm.comm_id]
        page.send(1)
        page.send(2)
        await settled(memory)
        assert said == ["begin 1", "begin 2"]
        gate.set()
        await settled(memory)

    asyncio.run(main())
    assert said == ["begin 1", "begin 2", "end 1", "end 2"]


@pytest.mark.parametrize("register", ["on_msg", "on_close"])
def test_an_error_is_shown_and_names_the_comm(register: str, memory: MemoryTransport) -> None:
    memory.raise_errors = False

    async def main() -> None:
        comm = Comm("plot", comm_id="1")

        async def callback(msg: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            raise LookupError("late")

        getattr(comm, register)(callback)
        memory.deliver()
        page = memory.comms["1"]
        if register == "on_msg":
            page.send(1)
        else:
            page.close()
        await settled(memory)

    asyncio.run(main())
    (error,) = memory.errors
    first, *_, last = error.splitlines()
    assert first == f"lite_comms: the {register} callback of comm 'plot' (1) raised"
    assert last == "LookupError: late"
    assert "lite_comms/" not in error


def test_a_target_that_fails_late_closes_its_comm(memory: MemoryTransport) -> None:
    memory.raise_errors = False

    async def main() -> None:
        async def target(comm: Comm, msg: dict[str, Any]) -> None:
            comm.send("first")
            await asyncio.sleep(0)
            raise LookupError("late")

        manager = comm_package.get_comm_manager()
        manager.register_target("slow", target)  # type: ignore[arg-type]
        page = memory.new_comm("slow")
        await settled(memory)
        assert page.comm_id not in manager.comms

    asyncio.run(main())
    assert [msg["msg_type"] for msg in memory.received] == ["comm_msg", "comm_close"]
    reason = {"ename": "LookupError", "evalue": "late"}
    assert memory.received[-1]["metadata"] == {"lite_comms": reason}


def test_what_a_callback_returns_may_be_a_future(memory: MemoryTransport) -> None:
    memory.raise_errors = False

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        comm = Comm("plot", comm_id="1")
        comm.on_msg(lambda msg: future)
        memory.deliver()
        memory.comms["1"].send(1)
        memory.deliver()
        future.set_exception(ValueError("of the future"))
        await settled(memory)

    asyncio.run(main())
    (error,) = memory.errors
    assert error.endswith("ValueError: of the future")


def test_one_that_is_cancelled_is_no_error(memory: MemoryTransport) -> None:
    async def main() -> None:
        tasks: list[Any] = []
        comm = Comm("plot", comm_id="1")

        @comm.on_msg
        async def _(msg: dict[str, Any]) -> None:
            tasks.append(asyncio.current_task())
            await asyncio.sleep(9)

        memory.deliver()
        memory.comms["1"].send(1)
        await settled(memory)
        tasks[0].cancel()
        await settled(memory)

    asyncio.run(main())
    assert memory.errors == []


def test_without_an_event_loop_it_is_said(memory: MemoryTransport) -> None:
    memory.raise_errors = False
    comm = Comm("plot", comm_id="1")

    @comm.on_msg
    async def _(msg: dict[str, Any]) -> None:
        """Never run."""

    memory.deliver()
    memory.comms["1"].send(1)
    with pytest.warns(RuntimeWarning, match="never awaited"):
        memory.deliver()
    (error,) = memory.errors
    assert error.endswith("RuntimeError: no running event loop")
