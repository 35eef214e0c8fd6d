"""Closing a comm: by hand, at the end of a block, when it is collected."""

from __future__ import annotations

import gc
import weakref

import comm as comm_package
import pytest

import lite_comms
from lite_comms import (
    Comm,
    CommManager,
    EncodeError,
    MemoryTransport,
    TransportError,
)
from lite_comms._testing.page_comm import PageComm

from .conftest import received


def test_closing_tells_the_page_and_frees_the_id(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")

    comm.close({"bye": 1}, {"m": 2}, [b"abc"])
    memory.deliver()

    assert memory.received[1] == {
        "msg_type": "comm_close",
        "content": {"comm_id": "1", "data": {"bye": 1}},
        "metadata": {"m": 2},
        "buffers": [memoryview(b"abc")],
    }
    assert comm_package.get_comm_manager().comms == {}
    assert repr(comm) == "<Comm 'plot' 1 closed>"


def test_closing_twice_sends_one_message(memory: MemoryTransport) -> None:
    comm = Comm("plot")

    comm.close()
    comm.close()

    assert received(memory) == [("comm_open", {}), ("comm_close", {})]


def test_a_close_that_cannot_be_sent_leaves_the_comm_open(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")

    with pytest.raises(EncodeError):
        comm.close({"a": object()})

    assert repr(comm) == "<Comm 'plot' 1 open>"
    assert comm_package.get_comm_manager().comms == {"1": comm}
    assert received(memory) == [("comm_open", {})]


def test_a_comm_closes_at_the_end_of_its_with_block(memory: MemoryTransport) -> None:
    with Comm("plot") as comm:
        comm.send(1)

    assert received(memory) == [("comm_open", {}), ("comm_msg", 1), ("comm_close", {})]


def test_a_comm_closes_when_its_with_block_raises(memory: MemoryTransport) -> None:
    with pytest.raises(LookupError, match="mine"), Comm("plot"):
        raise LookupError("mine")

    assert received(memory) == [("comm_open", {}), ("comm_close", {})]


UNSENDABLE = {"a": object()}


def test_the_error_of_a_with_block_wins_over_that_of_its_close(memory: MemoryTransport) -> None:
    mine = LookupError("mine")
    with (
        pytest.raises(LookupError) as caught,
        Comm("plot", comm_id="1", _close_data=UNSENDABLE) as comm,
    ):
        raise mine

    assert caught.value is mine
    (note,) = mine.__notes__
    assert note == (
        "lite_comms: closing <Comm 'plot' 1 open> failed, too: EncodeError: comm 'plot' (1): "
        f"data.a: object is not JSON serializable: {UNSENDABLE['a']!r}"
    )
    # The page hears of the end, without the data that cannot be sent.
    assert received(memory) == [("comm_open", {}), ("comm_close", {})]
    assert comm_package.get_comm_manager().comms == {}
    assert repr(comm) == "<Comm 'plot' 1 closed>"


def test_a_failed_close_is_shown_where_the_error_of_the_block_takes_no_note(
    memory: MemoryTransport,
) -> None:
    class FrozenError(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    with pytest.raises(FrozenError), Comm("plot", comm_id="1", _close_data=UNSENDABLE):
        raise FrozenError

    (shown,) = memory.errors
    assert shown.startswith("lite_comms: closing <Comm 'plot' 1 open> failed, too: EncodeError: ")


def test_a_with_block_that_raises_closes_the_kernels_end_if_nothing_can_be_sent() -> None:
    class Breakable(MemoryTransport):
        is_cut = False

        def send(self, message: lite_comms.CommMessage) -> None:
            if self.is_cut:
                raise TransportError("the cable is cut")
            super().send(message)

    memory = Breakable()
    manager = CommManager(memory)
    comm = Comm("plot", comm_id="1", manager=manager)
    memory.is_cut = True
    with pytest.raises(LookupError, match="mine") as caught, comm:
        raise LookupError("mine")

    assert caught.value.__notes__ == [
        "lite_comms: closing <Comm 'plot' 1 open> failed, too: TransportError: the cable is cut"
    ]
    assert manager.comms == {}
    assert repr(comm) == "<Comm 'plot' 1 closed>"
    # The page does not know; it is told when it sends.
    memory.is_cut = False
    PageComm("plot", "1", memory).send("still there?")
    assert received(memory) == [("comm_open", {}), ("comm_close", {})]


def test_a_failed_close_raises_where_a_with_block_does_not(memory: MemoryTransport) -> None:
    with pytest.raises(EncodeError), Comm("plot", comm_id="1", _close_data=UNSENDABLE) as comm:
        pass

    assert repr(comm) == "<Comm 'plot' 1 open>"
    assert received(memory) == [("comm_open", {})]


def test_stop_while_a_comm_closes_is_not_hidden(memory: MemoryTransport) -> None:
    comm = Comm("plot")

    def stopped(*args: object, **keys: object) -> None:
        raise KeyboardInterrupt

    comm.publish_msg = stopped  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt), comm:
        raise LookupError("mine")


def test_the_data_for_opening_and_closing_can_be_given_beforehand(memory: MemoryTransport) -> None:
    Comm("plot", _open_data={"a": 1}, _close_data={"b": 2}).close()

    assert received(memory) == [("comm_open", {"a": 1}), ("comm_close", {"b": 2})]


def test_a_closed_comm_can_be_opened_again(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")
    comm.close()

    comm.open({"again": 1})

    assert comm_package.get_comm_manager().comms == {"1": comm}
    assert received(memory)[2] == ("comm_open", {"again": 1})


def test_an_open_comm_lives_without_a_variable(memory: MemoryTransport) -> None:
    comm_id = Comm("plot").comm_id
    gc.collect()

    assert comm_id in comm_package.get_comm_manager().comms
    assert received(memory) == [("comm_open", {})]


def test_a_comm_that_nobody_holds_closes_when_it_is_collected(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    comm_package.get_comm_manager().unregister_comm(comm)
    gone = weakref.ref(comm)

    del comm
    gc.collect()

    assert gone() is None
    assert received(memory) == [("comm_open", {}), ("comm_close", {})]


def test_a_message_that_crosses_with_a_collection_is_not_answered(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")
    memory.deliver()
    page = memory.comms["1"]
    comm_package.get_comm_manager().unregister_comm(comm)

    del comm
    gc.collect()
    page.send("still there?")

    assert received(memory) == [("comm_open", {}), ("comm_close", {})]
