from __future__ import annotations

import sys
import types
import warnings
from typing import Any

import comm as comm_package
import pytest

from lite_comms import Comm, CommManager, CommMessage, CommWarning, MemoryTransport, Transport
from lite_comms._comms.registry import _RECENTLY_CLOSED
from lite_comms._testing.page_comm import PageComm


@pytest.fixture
def manager(memory: MemoryTransport) -> CommManager:
    manager = comm_package.get_comm_manager()
    assert isinstance(manager, CommManager)
    return manager


def ignore(*args: Any) -> None:
    """Be a target that does nothing."""


def closed_by_kernel(memory: MemoryTransport, comm: PageComm) -> list[dict[str, Any]]:
    """Deliver; the metadata of the comm_close messages that a comm of the page has got."""
    memory.deliver()
    return [
        msg["metadata"]
        for msg in memory.received
        if msg["msg_type"] == "comm_close" and msg["content"]["comm_id"] == comm.comm_id
    ]


# Targets ------------------------------------------------------------------------


def test_a_target_is_called_with_comm_and_message(
    manager: CommManager, memory: MemoryTransport
) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = []
    manager.register_target("echo", lambda comm, msg: calls.append((comm, msg)))

    memory.new_comm("echo", {"foo": 6}, {"m": 1}, [b"abc"], "1")
    memory.deliver()

    ((comm, msg),) = calls
    assert type(comm) is Comm
    assert (comm.comm_id, comm.target_name, comm.primary) == ("1", "echo", False)
    assert manager.comms == {"1": comm}
    assert msg["content"] == {"comm_id": "1", "data": {"foo": 6}, "target_name": "echo"}
    assert (msg["metadata"], msg["buffers"]) == ({"m": 1}, [memoryview(b"abc")])
    assert memory.received == []


def test_a_later_registration_replaces_an_earlier_one(
    manager: CommManager, memory: MemoryTransport
) -> None:
    calls: list[int] = []
    manager.register_target("echo", lambda comm, msg: calls.append(1))
    manager.register_target("echo", lambda comm, msg: calls.append(2))

    memory.new_comm("echo")
    memory.deliver()

    assert calls == [2]


def test_a_target_may_be_an_import_string(
    manager: CommManager, memory: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    module = types.ModuleType("package_of_targets")
    module.target = lambda comm, msg: calls.append(comm.target_name)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "package_of_targets", module)

    manager.register_target("echo", "package_of_targets.target")
    memory.new_comm("echo")
    memory.deliver()

    assert calls == ["echo"]


@pytest.mark.parametrize("f", ["no_such_package.target", "json.no_such_name", "no_such_package"])
def test_an_import_string_that_leads_nowhere_is_an_import_error(
    f: str, manager: CommManager
) -> None:
    with pytest.raises(ImportError):
        manager.register_target("echo", f)

    assert manager.targets == {}


@pytest.mark.parametrize("f", [None, 5, {}])
def test_a_target_that_cannot_be_called_is_refused(f: Any, manager: CommManager) -> None:
    with pytest.raises(TypeError) as caught:
        manager.register_target("echo", f)

    assert str(caught.value) == (
        "the function of comm target 'echo' must be a callable or an import string, "
        f"not {type(f).__name__}"
    )
    assert manager.targets == {}


def test_a_target_name_that_is_no_text_is_refused(manager: CommManager) -> None:
    with pytest.raises(TypeError, match=r"^target_name of a comm target must be a str, not int$"):
        manager.register_target(5, ignore)  # type: ignore[arg-type]


def test_unregistering_a_target_returns_its_function(manager: CommManager) -> None:
    manager.register_target("echo", ignore)

    assert manager.unregister_target("echo", ignore) is ignore
    assert manager.targets == {}


def test_unregistering_an_unknown_target_is_a_key_error(manager: CommManager) -> None:
    with pytest.raises(KeyError, match="echo"):
        manager.unregister_target("echo")


# Opening in vain ------------------------------------------------------------------


def test_an_unknown_target_closes_the_comm_and_both_sides_are_told(
    manager: CommManager, memory: MemoryTransport
) -> None:
    manager.register_target("plot", ignore)
    comm = memory.new_comm("echo", comm_id="1")

    reason = "no comm target 'echo' is registered in the kernel (registered: 'plot')"
    assert closed_by_kernel(memory, comm) == [
        {"lite_comms": {"ename": "LookupError", "evalue": reason}}
    ]
    assert memory.errors == [f"lite_comms: comm 'echo' (1) is closed: {reason}"]
    assert (manager.comms, memory.comms) == ({}, {})


def test_a_target_that_raises_closes_the_comm_and_both_sides_are_told(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False

    def target(comm: Comm, msg: dict[str, Any]) -> None:
        raise LookupError("no such plot")

    manager.register_target("echo", target)
    comm = memory.new_comm("echo", comm_id="1")

    assert closed_by_kernel(memory, comm) == [
        {"lite_comms": {"ename": "LookupError", "evalue": "no such plot"}}
    ]
    (shown,) = memory.errors
    assert shown.startswith(
        "lite_comms: the target function of comm 'echo' (1) raised; it is closed\n"
        "Traceback (most recent call last):\n"
        f'  File "{__file__}", line '
    )
    assert shown.endswith("LookupError: no such plot")
    assert (manager.comms, memory.comms) == ({}, {})


def test_a_target_that_closes_the_comm_and_raises_closes_it_once(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False

    def target(comm: Comm, msg: dict[str, Any]) -> None:
        comm.close(metadata={"mine": 1})
        raise LookupError

    manager.register_target("echo", target)

    assert closed_by_kernel(memory, memory.new_comm("echo")) == [{"mine": 1}]


def test_the_message_of_an_error_need_not_be_text_that_can_be_sent(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False

    def target(comm: Comm, msg: dict[str, Any]) -> None:
        raise LookupError("half a pair: \ud800")

    manager.register_target("echo", target)

    assert closed_by_kernel(memory, memory.new_comm("echo")) == [
        {"lite_comms": {"ename": "LookupError", "evalue": "half a pair: \\ud800"}}
    ]


def test_an_error_whose_message_fails_closes_the_comm_all_the_same(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False

    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def target(comm: Comm, msg: dict[str, Any]) -> None:
        raise OddError

    manager.register_target("echo", target)

    assert closed_by_kernel(memory, memory.new_comm("echo")) == [
        {"lite_comms": {"ename": "OddError", "evalue": "(its str fails)"}}
    ]


def test_an_interrupt_in_a_target_is_not_swallowed(
    manager: CommManager, memory: MemoryTransport
) -> None:
    def target(comm: Comm, msg: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    manager.register_target("echo", target)
    memory.new_comm("echo")

    with pytest.raises(KeyboardInterrupt):
        memory.deliver()


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


# Odd messages of the page -----------------------------------------------------------------


def answers(memory: MemoryTransport) -> list[tuple[str, Any, Any]]:
    """Deliver; type, id and reason of all that the page has received."""
    memory.deliver()
    return [
        (
            msg["msg_type"],
            msg["content"]["comm_id"],
            msg["metadata"].get("lite_comms", {}).get("ename"),
        )
        for msg in memory.received
    ]


def test_an_id_may_be_any_text(manager: CommManager, memory: MemoryTransport) -> None:
    manager.register_target("echo", lambda comm, msg: comm.send(comm.topic.decode()))
    memory.new_comm("echo", comm_id="ü")

    assert answers(memory) == [("comm_msg", "ü", None)]
    assert memory.received[0]["content"]["data"] == "comm-\\xfc"


@pytest.mark.parametrize(
    ("content", "answered", "shown"),
    [
        (
            {"comm_id": "1"},
            [("1", "TypeError")],
            "TypeError: target_name of a comm (target None) must be a str, not NoneType",
        ),
        ({"target_name": "echo"}, [], "KeyError: 'comm_id'"),
        *(
            (
                {"comm_id": comm_id, "target_name": target},
                answered,
                f"a text that is not empty and has no lone surrogates, not {comm_id!r}",
            )
            for target in ("echo", "unknown")
            for comm_id, answered in (
                (None, []),
                *((odd, [(odd, "ValueError")]) for odd in (0, False, 5, "")),
                ("\ud800", []),
                ("a\udc80", [("a\ufffd", "ValueError")]),
            )
        ),
    ],
)
def test_a_comm_open_that_is_odd_is_answered_and_shown(
    content: Any, answered: Any, shown: str, manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False
    manager.register_target("echo", ignore)
    manager.comm_open(None, None, {"header": {"msg_type": "comm_open"}, "content": content})

    assert answers(memory) == [("comm_close", comm_id, ename) for comm_id, ename in answered]
    (error,) = memory.errors
    assert error.startswith("lite_comms: a comm cannot be opened for the page\n")
    assert error.endswith(shown)
    assert manager.comms == {}


@pytest.mark.parametrize(
    ("comm_id", "answered"), [(5, [5]), (None, []), ("", [""]), ("\ud800", [])]
)
def test_a_message_for_an_odd_id_is_answered(
    comm_id: Any, answered: list[Any], manager: CommManager, memory: MemoryTransport
) -> None:
    for msg_type in ("comm_msg", "comm_close"):
        msg = {"header": {"msg_type": msg_type}, "content": {"comm_id": comm_id, "data": {}}}
        getattr(manager, msg_type)(None, None, msg)

    assert answers(memory) == [("comm_close", comm_id, "LookupError") for comm_id in answered]


def test_a_warning_that_is_an_error_does_not_escape(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.raise_errors = False
    manager.register_target("echo", ignore)
    first = Comm("plot", comm_id="1")
    memory.deliver()
    memory.new_comm("echo", comm_id="1")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memory.deliver()

    assert answers(memory)[1:] == [("comm_close", "1", "CommWarning")]
    assert manager.comms == {"1": first}
    assert "comm_id '1' is in use" in memory.errors[0]


# Refused by the page ------------------------------------------------------------------------


def test_the_reason_of_the_page_is_shown(manager: CommManager, memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="1")
    heard: list[Any] = []
    comm.on_close(heard.append)
    memory.deliver()

    memory.comms["1"].close(metadata={"lite_comms": {"ename": "RangeError", "evalue": "too much"}})
    memory.deliver()

    assert memory.errors == [
        "lite_comms: comm 'plot' (1) is closed by the other end: RangeError: too much"
    ]
    assert len(heard) == 1


def test_a_close_without_a_reason_is_not_shown(
    manager: CommManager, memory: MemoryTransport
) -> None:
    Comm("plot", comm_id="1")
    memory.deliver()

    memory.comms["1"].close(metadata={"lite_comms": "odd"})
    memory.deliver()

    assert memory.errors == []


# Ids that come again --------------------------------------------------------------------------


def test_an_id_that_is_in_use_again_is_no_longer_one_that_was_closed(
    manager: CommManager, memory: MemoryTransport
) -> None:
    Comm("plot", comm_id="1").close()
    Comm("plot", comm_id="1")
    memory.deliver()
    comm = memory.comms["1"]
    comm.close()
    comm.send()

    assert answers(memory)[-1] == ("comm_close", "1", "LookupError")


def test_only_the_last_ids_that_were_closed_are_kept(
    manager: CommManager, memory: MemoryTransport
) -> None:
    for i in range(_RECENTLY_CLOSED + 1):
        Comm("plot", comm_id=str(i)).close()
    memory.deliver()
    memory.received.clear()

    for comm_id in ("0", "1"):
        PageComm("plot", comm_id, memory).send()

    assert answers(memory) == [("comm_close", "0", "LookupError")]
