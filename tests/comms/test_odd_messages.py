"""Odd messages of the page, comms that it refuses, and ids that come again."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from lite_comms import Comm, CommManager, MemoryTransport
from lite_comms._comms.registry import _RECENTLY_CLOSED
from lite_comms._testing.page_comm import PageComm

from .conftest import ignore

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
