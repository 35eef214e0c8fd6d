"""Targets, and comms that the page opens: with a target, or in vain."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from lite_comms import Comm, CommManager, MemoryTransport

from .conftest import closed_by_kernel, ignore

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
