"""Messages on an open comm: sending, and the callbacks."""

from __future__ import annotations

import sys
import threading
from typing import Any

import comm as comm_package
import pytest

from lite_comms import (
    BufferFormatError,
    Comm,
    CommWarning,
    EncodeError,
    MemoryTransport,
)
from lite_comms._testing.page_comm import PageComm

from .conftest import received

# Sending ----------------------------------------------------------------------


def test_a_message_arrives_with_its_parts(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")
    memory.deliver()
    memory.received.clear()

    comm.send({"foo": None}, {"bar": 1}, [b"abc", bytearray(b"d")])
    memory.deliver()

    assert memory.received == [
        {
            "msg_type": "comm_msg",
            "content": {"comm_id": "1", "data": {"foo": None}},
            "metadata": {"bar": 1},
            "buffers": [memoryview(b"abc"), memoryview(b"d")],
        }
    ]


def test_data_that_is_left_out_is_an_empty_object(memory: MemoryTransport) -> None:
    Comm("plot").send()

    assert received(memory)[1] == ("comm_msg", {})


def test_messages_keep_their_order(memory: MemoryTransport) -> None:
    comm = Comm("plot", 0)
    for i in range(1, 50):
        comm.send(i)
    comm.close(50)

    assert [data for _, data in received(memory)] == list(range(51))


def test_buffers_are_copied_at_the_send(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    buffer = bytearray(b"abc")

    comm.send(buffers=[buffer])
    buffer[:] = b"xyz"
    buffer.clear()  # raises if something still holds the bytes
    memory.deliver()

    assert memory.received[1]["buffers"] == [memoryview(b"abc")]


def test_data_is_read_at_the_send(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    data = {"a": [1]}

    comm.send(data)
    data["a"].append(2)

    assert received(memory)[1] == ("comm_msg", {"a": [1]})


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (
            {"data": {"rows": [0, {"when": object}]}},
            EncodeError,
            "comm 'plot' (1): data.rows[1].when: type is not JSON serializable: <class 'object'>",
        ),
        (
            {"metadata": {"a": 1j}},
            EncodeError,
            "comm 'plot' (1): metadata.a: complex is not JSON serializable: 1j",
        ),
        ({"metadata": 5}, TypeError, "comm 'plot' (1): metadata must be a dict, not int"),
        (
            {"buffers": [b"", 5]},
            BufferFormatError,
            (
                "comm 'plot' (1): buffers[1]: int does not support the buffer protocol: "
                "memoryview: a bytes-like object is required, not 'int'"
            ),
        ),
    ],
    ids=["data", "metadata", "metadata of another type", "buffers"],
)
def test_an_error_at_a_send_names_comm_and_place_and_nothing_is_sent(
    wrong: dict[str, Any], error: type[Exception], message: str, memory: MemoryTransport
) -> None:
    comm = Comm("plot", comm_id="1")

    with pytest.raises(error) as caught:
        comm.send(**wrong)
    comm.send("the comm still works")

    assert type(caught.value) is error
    assert str(caught.value) == message
    assert received(memory) == [("comm_open", {}), ("comm_msg", "the comm still works")]


def test_send_on_a_closed_comm_warns_and_is_let_pass(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")
    comm.close()

    with pytest.warns(CommWarning) as caught:
        comm.send({"a": 1})

    assert [str(warning.message) for warning in caught] == [
        "send on the closed <Comm 'plot' 1 closed>: the page drops the message"
    ]
    assert received(memory) == [("comm_open", {}), ("comm_close", {}), ("comm_msg", {"a": 1})]


def warnings_of_a_send(comm: Comm) -> list[str]:
    with pytest.warns(CommWarning) as caught:
        comm.send({})
    return [str(warning.message) for warning in caught]


def test_send_on_a_comm_whose_target_the_page_lacks_names_the_likely_cause(
    memory: MemoryTransport,
) -> None:
    comm = Comm("jupyter.widget", comm_id="1")
    memory.deliver()  # the page has no such target, and closes the comm as JupyterLab does

    (warning,) = warnings_of_a_send(comm)
    assert warning == (
        "send on the closed <Comm 'jupyter.widget' 1 closed>: the page drops the message. The page "
        "closed it without a reason; probably nothing there has registered 'jupyter.widget'. "
        "Is the JupyterLab extension of its package (for ipywidgets: jupyterlab_widgets) on this "
        "site?"
    )


@pytest.mark.parametrize(
    ("data", "metadata"),
    [({"bye": True}, {}), ({}, {"lite_comms": {"ename": "Error", "evalue": "too much"}})],
    ids=["with data", "with a reason"],
)
def test_send_on_a_comm_that_the_page_closed_on_purpose_names_no_other_cause(
    memory: MemoryTransport, data: dict[str, Any], metadata: dict[str, Any]
) -> None:
    memory.register_target("plot", lambda comm, msg: comm.close(data, metadata))
    comm = Comm("plot", comm_id="1")
    memory.deliver()

    assert warnings_of_a_send(comm) == [
        "send on the closed <Comm 'plot' 1 closed>: the page drops the message"
    ]


@pytest.mark.skipif(sys.platform == "emscripten", reason="WebAssembly has no threads here")
def test_threads_can_send_at_the_same_time(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    start = threading.Barrier(4)

    def send(name: int) -> None:
        start.wait()
        for i in range(100):
            comm.send([name, i])

    threads = [threading.Thread(target=send, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    data = [data for msg_type, data in received(memory) if msg_type == "comm_msg"]
    assert sorted(data) == [[name, i] for name in range(4) for i in range(100)]
    for name in range(4):
        assert [i for sender, i in data if sender == name] == list(range(100))


# Callbacks --------------------------------------------------------------------


@pytest.mark.parametrize("register", ["on_msg", "on_close"])
def test_registering_a_callback_returns_it(register: str, memory: MemoryTransport) -> None:
    comm = Comm("plot")

    @getattr(comm, register)  # type: ignore[untyped-decorator]
    def callback(msg: dict[str, Any]) -> str:
        return "mine"

    assert callback({}) == "mine"
    assert getattr(comm, register)(None) is None


@pytest.mark.parametrize("register", ["on_msg", "on_close"])
def test_a_callback_that_cannot_be_called_is_refused(
    register: str, memory: MemoryTransport
) -> None:
    comm = Comm("plot", comm_id="1")

    with pytest.raises(TypeError) as caught:
        getattr(comm, register)(5)

    assert str(caught.value) == (
        f"{register} of <Comm 'plot' 1 open> takes a callable or None, not int"
    )


def test_a_message_of_the_page_reaches_on_msg(memory: MemoryTransport) -> None:
    heard: list[dict[str, Any]] = []
    memory.register_target("plot", lambda comm, msg: comm.send({"a": None}, {"m": 1}, [b"abc"]))
    Comm("plot", comm_id="1").on_msg(heard.append)
    memory.deliver()

    (msg,) = heard
    assert msg["content"] == {"comm_id": "1", "data": {"a": None}}
    assert msg["metadata"] == {"m": 1}
    assert msg["buffers"] == [memoryview(b"abc")]


def test_the_close_of_the_page_reaches_on_close(memory: MemoryTransport) -> None:
    heard = []
    memory.register_target("plot", lambda comm, msg: comm.close({"bye": 1}))
    comm = Comm("plot", comm_id="1")
    comm.on_close(lambda msg: heard.append(msg["content"]))
    memory.deliver()

    assert heard == [{"comm_id": "1", "data": {"bye": 1}}]
    assert repr(comm) == "<Comm 'plot' 1 closed>"
    assert comm_package.get_comm_manager().comms == {}


def test_a_callback_that_is_taken_away_hears_nothing(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    memory.register_target("plot", lambda comm, msg: comm.send())
    comm = Comm("plot")
    comm.on_msg(heard.append)
    comm.on_msg(None)
    memory.deliver()

    assert heard == []


def test_a_comm_can_be_closed_in_its_own_callback(memory: MemoryTransport) -> None:
    def target(comm: PageComm, msg: dict[str, Any]) -> None:
        comm.send(1)
        comm.send(2)

    memory.register_target("plot", target)
    heard = []
    comm = Comm("plot")

    @comm.on_msg
    def _recv(msg: dict[str, Any]) -> None:
        heard.append(msg["content"]["data"])
        comm.close("enough")

    assert received(memory) == [("comm_open", {}), ("comm_close", "enough")]
    assert heard == [1]
    assert memory.errors == []


def test_closing_in_on_close_does_nothing(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: comm.close())
    comm = Comm("plot")
    comm.on_close(lambda msg: comm.close())

    assert received(memory) == [("comm_open", {})]
    assert memory.errors == []


def test_a_callback_runs_between_the_events_of_ipython(
    memory: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    class Shell:
        events = type("Events", (), {"trigger": lambda self, name: happened.append(name)})()
        kernel = None

    monkeypatch.setattr("lite_comms._comms.comm.find_shell", Shell)
    comm = Comm("plot")

    def fail(msg: dict[str, Any]) -> None:
        happened.append("on_msg")
        raise LookupError

    comm.on_msg(fail)
    with pytest.raises(LookupError):
        comm.handle_msg({})

    assert happened == ["pre_execute", "on_msg", "post_execute"]
