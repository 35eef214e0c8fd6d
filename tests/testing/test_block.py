"""A page in memory is in force in its block, and what was opened there ends with it."""

from __future__ import annotations

import asyncio
from typing import Any

import comm as comm_package
import pytest

import lite_comms
from lite_comms import ClosedError, Comm, CommManager, MemoryTransport
from tests.common import has_loops


def test_it_is_in_force_inside_its_with_block() -> None:
    before = comm_package.get_comm_manager()

    with MemoryTransport() as page:
        manager = comm_package.get_comm_manager()
        assert isinstance(manager, CommManager)
        assert manager.transport is page

    assert comm_package.get_comm_manager() is before


def test_it_is_taken_out_when_its_with_block_raises() -> None:
    with pytest.raises(LookupError, match="mine"), MemoryTransport():
        raise LookupError("mine")

    assert not isinstance(comm_package.get_comm_manager(), CommManager)


def test_what_was_in_force_before_its_with_block_is_so_again(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    manager = comm_package.get_comm_manager()
    memory.deliver()

    with MemoryTransport():
        pass
    comm.send()

    assert comm_package.get_comm_manager() is manager
    assert memory.deliver() == 1


def test_its_with_blocks_can_be_nested() -> None:
    before = comm_package.get_comm_manager()

    with MemoryTransport() as page, page:
        with MemoryTransport() as inner:
            Comm("plot")
        Comm("plot")
        page.deliver()
        inner.deliver()

    assert [len(heard.received) for heard in (page, inner)] == [1, 1]
    assert comm_package.get_comm_manager() is before


def test_comms_and_targets_of_its_with_block_end_with_it(memory: MemoryTransport) -> None:
    outer = Comm("plot", comm_id="outer")
    manager = comm_package.get_comm_manager()
    manager.register_target("kept", print)
    memory.deliver()

    with MemoryTransport():
        inner = Comm("plot", comm_id="inner")
        manager.unregister_target("kept", print)
        manager.register_target("new", print)

    assert (manager.comms, manager.targets) == ({"outer": outer}, {"kept": print})
    assert inner._closed
    assert memory.deliver() == 0


def test_a_comm_that_is_closed_in_a_with_block_stays_closed(memory: MemoryTransport) -> None:
    comm = Comm("plot")

    with MemoryTransport():
        comm.close()

    assert comm_package.get_comm_manager().comms == {}


def test_a_comm_that_is_hidden_by_another_in_a_with_block_is_heard_again(
    memory: MemoryTransport,
) -> None:
    heard: list[Any] = []
    comm = Comm("plot", comm_id="1")
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))
    memory.deliver()

    with MemoryTransport(), pytest.warns(lite_comms.CommWarning):
        Comm("plot", comm_id="1")
    memory.comms["1"].send(5)
    memory.deliver()

    assert heard == [5]


@has_loops
def test_who_waits_for_a_message_learns_of_the_end_of_the_block() -> None:
    async def main() -> None:
        with MemoryTransport():
            waiting = asyncio.create_task(Comm("quiet").areceive())
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await waiting

    with pytest.raises(ClosedError):
        asyncio.run(main())
