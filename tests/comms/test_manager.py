"""Which comm gets a message of the page; what comms there are."""

from __future__ import annotations

from typing import Any

import comm as comm_package
import pytest

from lite_comms import Comm, CommManager, CommMessage, CommWarning, MemoryTransport, Transport
from lite_comms._testing.page_comm import PageComm

from .conftest import closed_by_kernel, ignore

# Messages ---------------------------------------------------------------------------


def test_both_ends_can_talk_at_once(manager: CommManager, memory: MemoryTransport) -> None:
    def echo(comm: Comm, msg: dict[str, Any]) -> None:
        @comm.on_msg
        def _recv(msg: dict[str, Any]) -> None:
            comm.send({"echo": msg["content"]["data"]})

        comm.send({"foo": 5})

    manager.register_target("echo", echo)
    heard: list[Any] = []
    comm = memory.new_comm("echo", {"foo": 6})
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))
    comm.send({"foo": 7})
    memory.deliver()

    assert heard == [{"foo": 5}, {"echo": {"foo": 7}}]


def test_a_message_for_an_unknown_comm_is_answered_with_comm_close(
    manager: CommManager, memory: MemoryTransport
) -> None:
    manager.register_target("echo", ignore)
    comm = memory.new_comm("echo", comm_id="1")
    memory.deliver()
    forgotten = manager.comms.pop("1")  # not collected, or that would close it

    comm.send()

    assert closed_by_kernel(memory, comm)[-1:] == [
        {"lite_comms": {"ename": "LookupError", "evalue": "the kernel has no comm 1"}}
    ]
    assert manager.comms == {}
    assert repr(forgotten) == "<Comm 'echo' 1 open>"


def test_a_message_that_crosses_with_our_close_is_not_answered(
    manager: CommManager, memory: MemoryTransport
) -> None:
    manager.register_target("echo", ignore)
    comm = memory.new_comm("echo", comm_id="1")
    memory.deliver()

    comm.send()
    manager.comms["1"].close()

    assert closed_by_kernel(memory, comm) == [{}]


def test_a_close_for_an_unknown_comm_is_not_answered(
    manager: CommManager, memory: MemoryTransport
) -> None:
    manager.comm_close(None, None, {"content": {"comm_id": "1", "data": {}}})
    memory.deliver()

    assert (memory.received, memory.errors) == ([], [])


def test_a_message_after_the_close_of_the_page_is_answered(
    manager: CommManager, memory: MemoryTransport
) -> None:
    manager.register_target("echo", ignore)
    comm = memory.new_comm("echo", comm_id="1")
    comm.close()
    comm.send()

    assert closed_by_kernel(memory, comm) == [
        {"lite_comms": {"ename": "LookupError", "evalue": "the kernel has no comm 1"}}
    ]


@pytest.mark.parametrize(
    ("register", "say"), [("on_msg", PageComm.send), ("on_close", PageComm.close)]
)
def test_a_callback_that_raises_is_shown_and_names_its_comm(
    register: str, say: Any, manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False

    def fail(msg: dict[str, Any]) -> None:
        raise LookupError("mine")

    manager.register_target("echo", lambda comm, msg: getattr(comm, register)(fail))
    say(memory.new_comm("echo", comm_id="1"))
    memory.deliver()

    (shown,) = memory.errors
    assert shown.startswith(
        f"lite_comms: the {register} callback of comm 'echo' (1) raised\n"
        "Traceback (most recent call last):\n"
        f'  File "{__file__}", line '
    )
    assert shown.endswith("LookupError: mine")


def test_a_comm_stays_open_after_its_callback_has_raised(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False
    heard: list[Any] = []

    def on_msg(msg: dict[str, Any]) -> None:
        heard.append(msg["content"]["data"])
        raise LookupError

    manager.register_target("echo", lambda comm, msg: comm.on_msg(on_msg))
    comm = memory.new_comm("echo", comm_id="1")
    comm.send(1)
    comm.send(2)
    memory.deliver()

    assert heard == [1, 2]
    assert list(manager.comms) == list(memory.comms) == ["1"]


def test_a_comm_is_closed_after_its_on_close_has_raised(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False

    def on_close(msg: dict[str, Any]) -> None:
        raise LookupError

    comm = Comm("plot", comm_id="1")
    comm.on_close(on_close)
    memory.deliver()
    memory.comms["1"].close()
    memory.deliver()

    assert repr(comm) == "<Comm 'plot' 1 closed>"
    assert manager.comms == {}


# The registry -------------------------------------------------------------------------


def test_a_comm_can_be_registered_by_hand(manager: CommManager) -> None:
    comm = Comm("plot", comm_id="1", primary=False)

    assert manager.register_comm(comm) == "1"
    assert manager.get_comm("1") is comm

    manager.unregister_comm(comm)
    assert manager.get_comm("1") is None


def test_registering_a_comm_twice_is_no_clash(manager: CommManager) -> None:
    comm = Comm("plot", comm_id="1")

    manager.register_comm(comm)

    assert manager.comms == {"1": comm}


def test_unregistering_an_unknown_comm_is_a_key_error(manager: CommManager) -> None:
    with pytest.raises(KeyError, match="1"):
        manager.unregister_comm(Comm("plot", comm_id="1", primary=False))


def test_the_page_opening_an_id_in_use_warns(manager: CommManager, memory: MemoryTransport) -> None:
    manager.register_target("echo", ignore)
    Comm("plot", comm_id="1")
    memory.deliver()
    memory.new_comm("echo", comm_id="1")

    with pytest.warns(
        CommWarning, match=r"^comm_id '1' is in use: 'echo' takes it over from 'plot'"
    ):
        memory.deliver()


@pytest.mark.parametrize("everything", [None, "", object()])  # JavaScript's undefined is an object
def test_comm_info_without_a_filter_lists_all(everything: Any, manager: CommManager) -> None:
    Comm("plot", comm_id="1")
    Comm("other", comm_id="2")

    assert manager.comm_info(everything) == {
        "1": {"target_name": "plot"},
        "2": {"target_name": "other"},
    }


def test_comm_info_with_a_filter_lists_the_comms_of_a_target(manager: CommManager) -> None:
    Comm("plot", comm_id="1")
    Comm("other", comm_id="2")

    assert manager.comm_info("other") == {"2": {"target_name": "other"}}
    assert manager.comm_info("none of them") == {}


def test_comm_info_without_comms_is_empty(manager: CommManager) -> None:
    assert manager.comm_info() == {}


def test_a_comm_of_another_class_sends_through_the_manager(
    manager: CommManager, memory: MemoryTransport
) -> None:
    class Foreign(comm_package.base_comm.BaseComm):
        def publish_msg(self, msg_type: str, *args: Any, **keys: Any) -> None:
            manager.publish(self, msg_type, *args, **keys)

    Foreign(target_name="plot", data={"a": 1}, comm_id="1")
    memory.deliver()

    assert memory.received[0]["content"] == {
        "comm_id": "1",
        "data": {"a": 1},
        "target_name": "plot",
        "target_module": None,
    }


def test_a_transport_is_told_of_each_comm_that_comes_and_goes() -> None:
    told: list[tuple[str, str]] = []

    class Attentive(Transport):
        def send(self, message: CommMessage) -> None:
            told.append((message.msg_type, message.content["comm_id"]))

        def attach(self, comm: comm_package.base_comm.BaseComm) -> None:
            told.append(("attach", comm.comm_id))

        def detach(self, comm: comm_package.base_comm.BaseComm) -> None:
            told.append(("detach", comm.comm_id))

    known = comm_package.DummyComm(comm_id="known", primary=False)
    known._closed = True  # else it would close itself when it is collected, in another test
    manager = CommManager(Attentive(), {"known": known})
    Comm("plot", comm_id="new", manager=manager).close()
    manager.use(Attentive())

    assert told == [
        ("attach", "known"),
        ("attach", "new"),
        ("comm_open", "new"),
        ("comm_close", "new"),
        ("detach", "new"),
        ("attach", "known"),
        ("detach", "known"),  # the first transport
    ]
