"""Who sends waits until the page has handled all: drain and flush."""

from __future__ import annotations

import asyncio

import pytest
from comm import get_comm_manager

import lite_comms
from lite_comms import Comm, MemoryTransport
from tests.common import has_loops

from .conftest import Clock


def test_flush_returns_when_the_page_has_handled_what_was_sent(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: None)
    comm = Comm("plot")
    comm.send(1)
    comm.flush(timeout_s=10)

    assert [msg["content"]["data"] for msg in memory.received[1:2]] == [1]
    assert list(get_comm_manager().comms) == [comm.comm_id]


def test_flush_sends_what_send_latest_has_kept(memory: MemoryTransport, clock: Clock) -> None:
    memory.register_target("plot", lambda comm, msg: None)
    comm = Comm("plot")
    for n in range(3):
        comm.send_latest(n)
    comm.flush(timeout_s=10)

    types = [(msg["msg_type"], msg["content"].get("data")) for msg in memory.received[1:3]]
    assert types == [("comm_msg", 0), ("comm_msg", 2)]


@has_loops
def test_drain_awaits_the_page(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: None)

    async def main() -> int:
        comm = Comm("plot")
        comm.send(1)
        task = asyncio.create_task(comm.drain(timeout_s=10))
        await asyncio.sleep(0)
        assert not task.done()
        memory.deliver()
        await task
        return len(get_comm_manager().comms)

    assert asyncio.run(main()) == 1


@has_loops
def test_drain_that_takes_too_long_says_so_and_leaves_no_comm(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="busy")

    async def main() -> None:
        await comm.drain(timeout_s=0.01)

    with pytest.raises(TimeoutError, match=r"drain of .*busy.*: the page has not handled all"):
        asyncio.run(main())
    assert list(get_comm_manager().comms) == ["busy"]


def test_flush_of_a_closed_comm_raises(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="gone")
    comm.close()

    with pytest.raises(lite_comms.ClosedError, match=r"flush of .*gone closed>, which is closed"):
        comm.flush()


def test_flush_in_a_callback_raises(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: comm.send("ask"))
    comm = Comm("plot", comm_id="busy")
    comm.on_msg(lambda msg: comm.flush())

    with pytest.raises(RuntimeError, match="this is a comm callback"):
        memory.deliver()
    assert list(get_comm_manager().comms) == ["busy"]
