"""The life of a comm: opening, closing, collection."""

from __future__ import annotations

import gc
import inspect
import sys
import types
import weakref
from typing import Any

import comm as comm_package
import pytest

import lite_comms
from lite_comms import (
    BufferFormatError,
    Comm,
    CommManager,
    CommWarning,
    EncodeError,
    MemoryTransport,
    TransportError,
)
from lite_comms._testing.page_comm import PageComm


def opened(memory: MemoryTransport) -> Comm:
    """A comm that the page has."""
    memory.register_target("target", lambda comm, msg: None)
    comm = Comm("target")
    memory.deliver()
    return comm


def received(memory: MemoryTransport) -> list[tuple[str, Any]]:
    """Deliver, and list type and data of all that the page has received."""
    memory.deliver()
    return [(msg["msg_type"], msg["content"]["data"]) for msg in memory.received]


# Opening ----------------------------------------------------------------------


def test_a_comm_is_a_base_comm(memory: MemoryTransport) -> None:
    assert isinstance(Comm("plot"), comm_package.base_comm.BaseComm)


def test_creating_a_comm_opens_it(memory: MemoryTransport) -> None:
    comm = Comm("plot", {"foo": 1}, {"version": "2"}, [b"abc"], "my id")
    memory.deliver()

    assert memory.received == [
        {
            "msg_type": "comm_open",
            "content": {
                "comm_id": "my id",
                "data": {"foo": 1},
                "target_name": "plot",
                "target_module": None,
            },
            "metadata": {"version": "2"},
            "buffers": [memoryview(b"abc")],
        }
    ]
    assert (comm.comm_id, comm.target_name) == ("my id", "plot")
    assert comm_package.get_comm_manager().get_comm("my id") is comm


def test_a_comm_can_name_a_module_for_its_target(memory: MemoryTransport) -> None:
    Comm("clock", target_module="./files/clock.js")
    memory.deliver()

    assert memory.received[0]["content"]["target_module"] == "./files/clock.js"


def test_ids_are_made_and_unique(memory: MemoryTransport) -> None:
    ids = [Comm("plot").comm_id for _ in range(100)]

    assert all(isinstance(comm_id, str) and comm_id for comm_id in ids)
    assert len(set(ids)) == 100


def test_a_comm_of_the_page_opens_nothing(memory: MemoryTransport) -> None:
    comm = Comm("plot", primary=False)

    assert received(memory) == []
    assert not comm._closed


def test_creating_a_comm_installs_lite_comms() -> None:
    with pytest.warns(CommWarning, match="is discarded: there is no kernel here"):
        Comm("plot")

    assert isinstance(comm_package.get_comm_manager(), CommManager)


def test_a_comm_belongs_to_the_manager_that_it_is_given() -> None:
    memory = MemoryTransport()
    manager = CommManager(memory)

    comm = Comm("plot", manager=manager)

    assert manager.comms == {comm.comm_id: comm}
    assert received(memory) == [("comm_open", {})]
    assert comm_package.get_comm_manager().comms == {}


def test_arguments_stand_where_those_of_base_comm_stand(memory: MemoryTransport) -> None:
    base, ours = (
        [(p.name, p.default) for p in inspect.signature(kind).parameters.values()]
        for kind in (comm_package.base_comm.BaseComm, Comm)
    )
    positional = base[:-1]  # without **kwargs

    assert ours[: len(positional)] == positional
    Comm("plot", None, None, None, "1", False, "./clock.js", b"topic", {"a": 1}, {"b": 2}).close()


def test_arguments_of_ipykernels_comm_are_taken(memory: MemoryTransport) -> None:
    kernel = object()
    comm = Comm(target_name="plot", data={}, show_warning=False, kernel=kernel)

    assert comm.target_name == "plot"
    assert comm.kernel is kernel


def test_a_comm_knows_the_kernel(monkeypatch: pytest.MonkeyPatch, memory: MemoryTransport) -> None:
    kernel = object()
    ipython = types.ModuleType("IPython")
    shell = types.SimpleNamespace(kernel=kernel)
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]

    assert not hasattr(Comm("plot"), "kernel")
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert Comm("plot").kernel is kernel


def test_a_comm_can_be_mocked() -> None:
    assert {"comm_id", "target_name", "send", "close", "on_msg", "on_close"} <= set(dir(Comm))


@pytest.mark.parametrize("target_name", [None, 5, b"plot"])
def test_a_target_name_that_is_no_text_is_refused(
    target_name: Any, memory: MemoryTransport
) -> None:
    with pytest.raises(TypeError, match=r"target_name of a comm .* must be a str, not "):
        Comm(target_name)

    assert received(memory) == []


def test_a_comm_id_that_is_no_text_is_refused(memory: MemoryTransport) -> None:
    with pytest.raises(TypeError, match=r"comm_id of a comm \(target 'plot'\) must be a str"):
        Comm("plot", comm_id=5)  # type: ignore[arg-type]

    assert received(memory) == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"data": object()}, EncodeError),
        ({"metadata": {"a": object()}}, EncodeError),
        ({"metadata": [1]}, TypeError),
        ({"buffers": ["text"]}, BufferFormatError),
    ],
    ids=["data", "metadata", "metadata of another type", "buffers"],
)
def test_a_comm_that_cannot_be_opened_leaves_nothing_behind(
    wrong: dict[str, Any], error: type[Exception], memory: MemoryTransport
) -> None:
    with pytest.raises(error):
        Comm("plot", **wrong)

    assert comm_package.get_comm_manager().comms == {}
    assert received(memory) == []


def test_a_comm_that_cannot_be_opened_gives_its_id_back(memory: MemoryTransport) -> None:
    first = Comm("plot", comm_id="same")

    with pytest.warns(CommWarning), pytest.raises(EncodeError):
        Comm("other", object(), comm_id="same")

    assert comm_package.get_comm_manager().comms == {"same": first}


def test_an_id_in_use_warns_and_names_both(memory: MemoryTransport) -> None:
    first = Comm("plot", comm_id="same")

    with pytest.warns(CommWarning) as caught:
        second = Comm("other", comm_id="same")

    assert [str(warning.message) for warning in caught] == [
        (
            "comm_id 'same' is in use: 'other' takes it over from 'plot', "
            "which receives no more messages"
        )
    ]
    assert comm_package.get_comm_manager().comms == {"same": second}
    assert not first._closed


def test_closing_a_comm_whose_id_was_taken_over_leaves_the_other(memory: MemoryTransport) -> None:
    first = Comm("plot", 1, comm_id="same")
    with pytest.warns(CommWarning):
        second = Comm("plot", 2, comm_id="same")

    first.close()

    assert comm_package.get_comm_manager().comms == {"same": second}
    assert received(memory) == [("comm_open", 1), ("comm_open", 2)]


def test_running_a_cell_with_a_fixed_id_again_leaves_the_new_comm_open(
    memory: MemoryTransport,
) -> None:
    comm = Comm("plot", 1, comm_id="same")
    with pytest.warns(CommWarning):
        comm = Comm("plot", 2, comm_id="same")
    gc.collect()

    assert received(memory) == [("comm_open", 1), ("comm_open", 2)]
    assert comm_package.get_comm_manager().comms == {"same": comm}


# Closing ----------------------------------------------------------------------


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


def test_a_comm_whose_opening_failed_is_collected_in_silence(memory: MemoryTransport) -> None:
    with pytest.raises(TypeError):
        Comm(5)  # type: ignore[arg-type]
    gc.collect()

    assert received(memory) == []


def test_a_transport_that_fails_leaves_no_comm(memory: MemoryTransport) -> None:
    class Broken(lite_comms.Transport):
        def send(self, message: lite_comms.CommMessage) -> None:
            raise TransportError("the cable is cut")

    manager = CommManager(Broken())

    with pytest.raises(TransportError, match="the cable is cut"):
        Comm("plot", manager=manager)

    assert manager.comms == {}


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


def test_a_comm_that_is_open_stays_so_when_it_cannot_be_opened_again(
    memory: MemoryTransport,
) -> None:
    comm = opened(memory)
    with pytest.raises(EncodeError):
        comm.open(object())
    memory.deliver()
    heard: list[Any] = []
    comm.on_msg(heard.append)
    memory.comms[comm.comm_id].send(1)
    memory.deliver()
    assert len(heard) == 1
