"""What comes to a comm before a callback is there."""

from __future__ import annotations

from typing import Any

import lite_comms
from lite_comms import (
    MemoryTransport,
)

from .conftest import opened


def test_callbacks_get_what_came_before_they_were_there(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = opened(memory)
    page = memory.comms[comm.comm_id]
    page.send(1)
    page.send(2)
    memory.deliver()
    # These are under way; they do not overtake what is here.
    page.send(3)
    page.close(4)
    comm.on_close(lambda msg: heard.append(msg["content"]["data"]))
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))
    assert heard == []
    memory.deliver()
    assert heard == [1, 2, 3, 4]


def test_a_close_that_came_before_its_callback_is_told_once(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = opened(memory)
    memory.comms[comm.comm_id].close(1)
    memory.deliver()
    comm.on_close(lambda msg: heard.append(msg["content"]["data"]))
    assert heard == []
    memory.deliver()
    comm.on_close(lambda msg: heard.append("twice"))
    memory.deliver()
    assert heard == [1]


def test_a_comm_that_is_opened_again_begins_anew(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = opened(memory)
    page = memory.comms[comm.comm_id]
    page.send(1)
    page.close()
    memory.deliver()
    comm.open()
    comm.on_msg(heard.append)
    comm.on_close(heard.append)
    memory.deliver()
    assert heard == []


def test_who_closes_a_comm_hears_nothing_more(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = opened(memory)
    for n in range(2):
        memory.comms[comm.comm_id].send(n)
    memory.deliver()

    @comm.on_msg
    def _(msg: dict[str, Any]) -> None:
        heard.append(msg["content"]["data"])
        comm.close()

    memory.deliver()
    assert heard == [0]


def test_a_callback_that_raises_for_what_came_before_does_not_keep_it_from_the_rest(
    memory: MemoryTransport,
) -> None:
    memory.raise_errors = False
    heard: list[Any] = []
    comm = opened(memory)
    for n in range(3):
        memory.comms[comm.comm_id].send(n)
    memory.deliver()

    @comm.on_msg
    def _(msg: dict[str, Any]) -> None:
        heard.append(msg["content"]["data"])
        raise [KeyboardInterrupt, ValueError, SystemExit][len(heard) - 1]

    memory.deliver()
    assert heard == [0, 1, 2]
    assert len(memory.errors) == 3
    assert f"the on_msg callback of comm 'target' ({comm.comm_id}) raised" in memory.errors[1]


def test_what_waits_in_quiet_for_a_callback_comes_after_it(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = opened(memory)
    memory.comms[comm.comm_id].send(1)
    memory.deliver()
    with lite_comms.quiet():
        comm.on_msg(heard.append)
        memory.deliver()
        assert heard == []
    assert len(heard) == 1
