"""Opening a comm: from the kernel, with an id that is made or given, again, or in vain."""

from __future__ import annotations

import gc
import inspect
import sys
import types
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

from .conftest import opened, received


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
