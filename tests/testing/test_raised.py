"""An error in a callback fails the test that has caused it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import lite_comms
from lite_comms import Comm, MemoryTransport
from lite_comms._install.install import current_transport
from lite_comms._transports.base import Transport
from tests.common import has_loops


def raise_later(page: MemoryTransport, *errors: Exception, comm_id: str | None = None) -> None:
    """Let callbacks raise these; by the next call of the page it has still to be told."""

    def fail(msg: dict[str, Any]) -> None:
        raise errors[msg["content"]["data"]]

    comm = Comm("plot", comm_id=comm_id)
    comm.on_msg(fail)
    page.register_target("plot", lambda comm, msg: None)
    page.deliver()
    with lite_comms.quiet():
        for n in range(len(errors)):
            page.comms[comm.comm_id].send(n)
        page.deliver()


def test_an_error_in_a_callback_fails_the_test_that_has_caused_it(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = Comm("plot")
    comm.on_msg(lambda msg: heard.append(1 / msg["content"]["data"]))
    memory.deliver()
    for n in (0, 1):
        memory.comms[comm.comm_id].send(n)

    with pytest.raises(ZeroDivisionError) as caught:
        memory.deliver()

    assert caught.traceback[-1].frame.code.name == "<lambda>"
    assert caught.value.__notes__ == [
        f"lite_comms: the on_msg callback of comm 'plot' ({comm.comm_id}) raised"
    ]
    # The next message waits, and is not lost.
    assert heard == []
    assert memory.deliver() == 1
    assert heard == [1]


@has_loops
def test_an_error_of_what_is_awaited_fails_its_block() -> None:
    async def fail(msg: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        raise ValueError("late")

    async def main() -> None:
        with MemoryTransport() as page:
            page.register_target("plot", lambda comm, msg: comm.send())
            Comm("plot").on_msg(fail)
            page.deliver()
            await asyncio.sleep(0.01)

    with pytest.raises(ValueError, match="late"):
        asyncio.run(main())


def test_an_error_of_the_block_is_not_hidden_by_that_of_a_callback() -> None:
    page = MemoryTransport()

    def block() -> None:
        with page:
            raise_later(page, ValueError("in quiet"))
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        block()

    # It is told there, and not to who uses this page next.
    (note,) = caught.value.__notes__
    assert note.startswith("A comm callback raised as well:\nTraceback")
    assert "\nValueError: in quiet\nlite_comms: the on_msg callback of comm 'plot' (" in note
    with page:
        assert page.deliver() == 0


def test_several_errors_are_raised_at_once_and_only_once(memory: MemoryTransport) -> None:
    errors = [ValueError("1"), ValueError("2")]
    raise_later(memory, *errors)

    with pytest.raises(ExceptionGroup, match="2 comm callbacks raised") as caught:
        memory.deliver()

    assert caught.value.exceptions == tuple(errors)
    assert memory.deliver() == 0


@pytest.mark.parametrize("leave", [lite_comms.uninstall, lambda: lite_comms.install(Transport())])
def test_what_takes_the_page_out_raises_what_is_left(leave: Callable[[], object]) -> None:
    page = MemoryTransport()
    lite_comms.install(page)
    raise_later(page, ValueError("late"))

    with pytest.raises(ValueError, match="late"):
        leave()

    transport = current_transport()
    assert transport is not page
    leave()  # it has been told


def test_an_exception_that_is_raised_again_names_the_last_callback_only(
    memory: MemoryTransport,
) -> None:
    error = ValueError("known")
    error.add_note("the user's")
    for comm_id in ("1", "1", "2"):
        raise_later(memory, error, comm_id=comm_id)
        with pytest.raises(ValueError, match="known"):
            memory.deliver()
        assert error.__notes__ == [
            "the user's",
            f"lite_comms: the on_msg callback of comm 'plot' ({comm_id}) raised",
        ]
        memory.comms[comm_id].close()
        memory.deliver()


def test_errors_can_be_kept_only(memory: MemoryTransport) -> None:
    memory.raise_errors = False
    comm = Comm("plot")
    comm.on_msg(lambda msg: 1 / 0)
    memory.deliver()
    memory.comms[comm.comm_id].send()

    assert memory.deliver() == 1
    (shown,) = memory.errors
    assert "ZeroDivisionError" in shown


def test_what_the_page_before_has_raised_leaves_the_next_one_out() -> None:
    first = MemoryTransport()
    lite_comms.install(first)
    raise_later(first, ValueError("late"))
    try:
        with pytest.raises(ValueError, match="late"), MemoryTransport():
            pytest.fail("the block runs")
        assert current_transport() is first
    finally:
        lite_comms.uninstall()
