"""What the tests of this room share: both ends of a comm, and requests of coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from lite_comms import Comm, MemoryTransport, PageComm
from tests.common import data

Message = dict[str, Any]


def both_ends(memory: MemoryTransport) -> tuple[Comm, PageComm]:
    """Both ends of a comm; each answers with what it is asked."""
    comm = Comm("plot", comm_id="1")
    memory.deliver()
    page = memory.comms["1"]
    comm.on_request(lambda msg: {"kernel": data(msg)})
    page.on_request(lambda msg: {"page": data(msg)})
    return comm, page


def marks(memory: MemoryTransport) -> list[Any]:
    """What the page has received of requests, without their ids."""
    found = [msg["metadata"]["lite_comms"] for msg in memory.received if msg["metadata"]]
    return [
        {**mark, **dict.fromkeys(mark.keys() & {"request", "reply", "cancel"})} for mark in found
    ]


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
