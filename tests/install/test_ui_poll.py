"""The stand-in for jupyter_ui_poll, with a page in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lite_comms import Comm, MemoryTransport
from lite_comms._install.ui_poll import run_ui_poll_loop, ui_events, with_ui_events
from tests.common import has_loops


@pytest.fixture
def heard(memory: MemoryTransport) -> list[Any]:
    """What a comm hears whose page has sent it three messages."""
    found: list[Any] = []
    comm = Comm("plot")
    comm.on_msg(lambda msg: found.append(msg["content"]["data"]))
    memory.deliver()
    for n in range(3):
        memory.comms[comm.comm_id].send(n)
    return found


def test_polling_handles_messages(heard: list[Any]) -> None:
    with ui_events() as poll:
        while len(heard) < 3:
            poll(10)

    assert heard == [0, 1, 2]


def test_messages_are_handled_between_items(heard: list[Any]) -> None:
    seen = [(item, len(heard)) for item in with_ui_events("abc", n=10)]

    assert seen == [("a", 1), ("b", 2), ("c", 3)]


def test_a_loop_ends_with_an_answer(heard: list[Any]) -> None:
    assert run_ui_poll_loop(lambda: heard[2] if len(heard) == 3 else None, sleep=0) == 2


def test_what_is_not_iterable_is_refused() -> None:
    with pytest.raises(TypeError, match="Expect Iterable"):
        with_ui_events(3)  # type: ignore[arg-type]


@has_loops
def test_it_is_there_for_async_code_too() -> None:
    async def numbers() -> AsyncIterator[int]:
        for n in range(2):
            yield n

    async def all_of_it() -> list[Any]:
        async with ui_events() as poll:
            await poll(10)
        both = with_ui_events([1]), with_ui_events(numbers())
        return [[item async for item in each] for each in both]

    assert asyncio.run(all_of_it()) == [[1], [0, 1]]
    with pytest.raises(TypeError, match="async for"):
        list(with_ui_events(numbers()))
