"""A page in memory: what it sends and receives, its targets, and its ends of comms."""

from __future__ import annotations

from typing import Any

import comm as comm_package
import pytest

import lite_comms
from lite_comms import Comm, CommManager, EncodeError, MemoryTransport


def test_messages_wait_until_they_are_delivered(memory: MemoryTransport) -> None:
    Comm("plot").send()
    assert memory.received == []

    assert memory.deliver() == 2
    assert [msg["msg_type"] for msg in memory.received] == ["comm_open", "comm_msg"]


def test_attachments_are_handed_over_as_they_are(memory: MemoryTransport) -> None:
    got: list[Any] = []
    memory.new_comm("keep").send({"n": 1}, attachments=["anything", got])
    manager = comm_package.get_comm_manager()
    manager.register_target("keep", lambda comm, msg: comm.on_msg(got.append))
    memory.deliver()

    assert [(msg["content"]["data"], msg["attachments"]) for msg in got] == [
        ({"n": 1}, ["anything", got])
    ]


def test_a_message_without_attachments_has_no_such_key(memory: MemoryTransport) -> None:
    got: list[Any] = []
    manager = comm_package.get_comm_manager()
    manager.register_target("keep", lambda comm, msg: comm.on_msg(got.append))
    memory.new_comm("keep").send({"n": 1}, attachments=[])
    memory.deliver()

    assert ["attachments" in msg for msg in got] == [False]


def test_delivering_goes_on_until_none_is_left(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    memory.deliver()
    comm.on_msg(lambda msg: comm.send(msg["content"]["data"] - 1))
    end = memory.comms[comm.comm_id]
    end.on_msg(lambda msg: end.send(msg["content"]["data"]) if msg["content"]["data"] else None)

    comm.send(3)

    assert memory.deliver() == 7
    assert [msg["content"]["data"] for msg in memory.received[1:]] == [3, 2, 1, 0]


def test_a_target_of_the_page_gets_comm_and_message(memory: MemoryTransport) -> None:
    calls = []
    memory.register_target("greeter", lambda comm, msg: calls.append((comm, msg)))

    Comm("greeter", {"name": "you"}, comm_id="1")
    memory.deliver()

    ((end, msg),) = calls
    assert (end.comm_id, end.target_name) == ("1", "greeter")
    assert memory.comms == {"1": end}
    assert msg is memory.received[0]


def test_a_comm_for_a_target_that_the_page_lacks_is_closed(memory: MemoryTransport) -> None:
    comm = Comm("nobody")
    memory.deliver()

    assert comm._closed
    assert memory.comms == {}


def test_the_page_sees_values_as_javascript_does(memory: MemoryTransport) -> None:
    Comm("plot", {"a": 2**60, "b": float("nan"), "c": (None, b"abc")}, {"d": {1: {2}}})
    memory.deliver()

    assert memory.received[0]["content"]["data"] == {
        "a": float(2**60),
        "b": "nan",
        "c": [None, "YWJj"],
    }
    assert memory.received[0]["metadata"] == {"d": {"1": [2]}}


def test_the_kernel_sees_values_of_the_page_as_from_a_server(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    Comm("plot", comm_id="1").on_msg(lambda msg: heard.append((msg["content"], msg["metadata"])))
    memory.deliver()

    memory.comms["1"].send({"a": 2.0, "b": float("nan"), "c": (1, 2**60)}, {"d": 1.0})
    memory.deliver()

    assert repr(heard) == (
        "[({'comm_id': '1', 'data': {'a': 2, 'b': None, 'c': [1, 1152921504606846976]}}, {'d': 1})]"
    )


def test_a_message_of_the_page_has_the_parts_of_a_message(memory: MemoryTransport) -> None:
    heard: list[dict[str, Any]] = []
    Comm("plot", comm_id="1").on_msg(heard.append)
    memory.deliver()

    memory.comms["1"].send()
    memory.deliver()

    (msg,) = heard
    msg_id = msg["msg_id"]
    assert msg == {
        "header": {"msg_id": msg_id, "msg_type": "comm_msg"},
        "msg_id": msg_id,
        "msg_type": "comm_msg",
        "parent_header": {},
        "metadata": {},
        "content": {"comm_id": "1", "data": {}},
        "buffers": [],
    }


def test_buffers_are_copied_both_ways(memory: MemoryTransport) -> None:
    heard: list[list[memoryview]] = []
    there, back = bytearray(b"there"), bytearray(b"back")
    comm = Comm("plot", comm_id="1", buffers=[there])
    comm.on_msg(lambda msg: heard.append(msg["buffers"]))
    there.clear()
    memory.deliver()

    memory.comms["1"].send(buffers=[back])
    back.clear()
    memory.deliver()

    assert memory.received[0]["buffers"] == [memoryview(b"there")]
    assert heard == [[memoryview(b"back")]]
    assert not heard[0][0].readonly


def test_a_value_that_a_server_refuses_is_refused(memory: MemoryTransport) -> None:
    with pytest.raises(EncodeError, match=r"data\.a: object is not JSON serializable"):
        Comm("plot", {"a": object()})


@pytest.mark.parametrize("name", ["data", "metadata"])
def test_what_the_page_sends_is_as_deep_as_on_a_page(memory: MemoryTransport, name: str) -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for _ in range(levels - 1):
            value = {"a": value}
        return value

    page = memory.new_comm("echo")
    limit = 499 if name == "data" else 500  # data are in the content
    page.send(**{name: nested(limit)})
    for send in page.send, page.close:
        with pytest.raises(EncodeError, match=f"^{name}: nested too deeply to be sent"):
            send(**{name: nested(limit + 1)})
    assert memory.comms == {page.comm_id: page}


def test_closing_from_the_page_is_heard_once(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm = Comm("plot", comm_id="1")
    comm.on_close(lambda msg: heard.append(msg["content"]["data"]))
    memory.deliver()

    memory.comms["1"].close({"bye": 1})
    memory.deliver()

    assert heard == [{"bye": 1}]
    assert memory.comms == {}


def test_closing_from_the_kernel_is_heard_on_the_page(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    memory.register_target("plot", lambda comm, msg: comm.on_close(heard.append))
    comm = Comm("plot")
    memory.deliver()

    comm.close({"bye": 1})
    memory.deliver()

    assert heard == [memory.received[1]]
    assert memory.comms == {}


def test_registering_a_callback_of_the_page_returns_it(memory: MemoryTransport) -> None:
    end = memory.new_comm("plot")

    def callback(msg: dict[str, Any]) -> None:
        """Do nothing."""

    assert end.on_msg(callback) is callback
    assert end.on_close(callback) is callback


def test_a_page_without_a_manager_says_so() -> None:
    page = MemoryTransport()
    page.new_comm("echo")

    with pytest.raises(RuntimeError, match="is not installed, and no manager has it"):
        page.deliver()


def test_a_page_can_be_used_with_a_manager_of_its_own() -> None:
    page = MemoryTransport()
    manager = CommManager(page)
    manager.register_target("echo", lambda comm, msg: comm.send(msg["content"]["data"]))

    page.new_comm("echo", 5)
    page.deliver()

    assert page.received[0]["content"]["data"] == 5
    assert lite_comms.status().installed is False


def test_the_queue_goes_on_after_a_page_target_has_raised(memory: MemoryTransport) -> None:
    def target(comm: Any, msg: Any) -> None:
        raise LookupError("mine")

    memory.register_target("bad", target)
    Comm("bad")
    Comm("plot", comm_id="1")

    with pytest.raises(LookupError, match="mine"):
        memory.deliver()

    assert memory.deliver() == 1
    assert "1" in memory.comms
