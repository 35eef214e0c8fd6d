"""What a host page may open is what the notebook exposes; both sides are told of a refusal."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import lite_comms
from lite_comms import CommManager, MemoryTransport
from lite_comms._testing.page_comm import PageComm

from .conftest import closed_by_kernel

ORIGIN = "https://docs.example.org"


@pytest.fixture
def opened() -> list[Any]:
    """The data with which the target of a test has been opened."""
    return []


@pytest.fixture
def target(opened: list[Any]) -> Callable[..., object]:
    return lambda comm, msg: opened.append(msg["content"]["data"])


def from_outside(page: MemoryTransport, name: str, origin: Any = ORIGIN) -> list[dict[str, Any]]:
    """Open a comm as the bridge does; the metadata of the comm_close messages in answer."""
    comm: PageComm = page.new_comm(name, {"n": 1}, {"lite_comms": {"origin": origin}})
    return closed_by_kernel(page, comm)


def told(page: MemoryTransport) -> list[Any]:
    """What the page has been told of exposed targets."""
    page.deliver()
    return [
        msg["content"]["data"]["targets"]
        for msg in page.received
        if msg["content"].get("target_name") == "lite_comms.exposed"
    ]


def denied(name: str, exposed: str = "none", origin: str = ORIGIN) -> list[dict[str, Any]]:
    evalue = f"{origin} may not open comm target {name!r} (exposed: {exposed})"
    return [{"lite_comms": {"ename": "PermissionError", "evalue": evalue}}]


def test_a_target_that_is_registered_as_exposed_is_opened_from_outside(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", target, exposed=True)

    assert (from_outside(memory, "sum"), opened) == ([], [{"n": 1}])


def test_expose_opens_a_target_that_is_registered_already(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", target)
    lite_comms.expose("sum")

    assert (from_outside(memory, "sum"), opened) == ([], [{"n": 1}])


def test_the_function_finds_the_origin_in_the_metadata(
    manager: CommManager, memory: MemoryTransport
) -> None:
    seen: list[Any] = []
    manager.register_target("sum", lambda comm, msg: seen.append(msg["metadata"]), exposed=True)

    from_outside(memory, "sum")

    assert seen == [{"lite_comms": {"origin": ORIGIN}}]


def test_another_target_is_refused_and_both_sides_are_told_why(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", target)
    manager.register_target("open", target, exposed=True)

    assert from_outside(memory, "sum") == denied("sum", "'open'")
    assert opened == []
    assert memory.errors == [
        f"lite_comms: a comm is refused: {ORIGIN} may not open comm target 'sum' (exposed: 'open')"
    ]
    assert manager.comms == {}


def test_the_refusal_of_a_target_that_does_not_exist_is_the_same(
    manager: CommManager, memory: MemoryTransport
) -> None:
    assert from_outside(memory, "nothing") == denied("nothing")


@pytest.mark.parametrize(
    ("origin", "shown"),
    [("", ""), (None, "None"), ([], "[]"), ({"a": 1}, "{'a': 1}"), (False, "False")],
)
def test_whatever_stands_for_an_origin_is_not_taken_for_the_page(
    origin: Any,
    shown: str,
    manager: CommManager,
    memory: MemoryTransport,
    target: Any,
    opened: list[Any],
) -> None:
    manager.register_target("sum", target)

    assert from_outside(memory, "sum", origin) == denied("sum", origin=shown)
    assert opened == []


def test_a_refused_comm_takes_no_id_of_another_one(
    manager: CommManager, memory: MemoryTransport
) -> None:
    memory.register_target("mine", lambda comm, msg: None)
    comm = lite_comms.Comm("mine", comm_id="1")
    memory.deliver()
    memory.new_comm("sum", {}, {"lite_comms": {"origin": ORIGIN}}, comm_id="1")
    memory.deliver()

    assert manager.comms == {"1": comm}


@pytest.mark.parametrize("name", ["__proto__", "constructor", "lite_comms.exposed", "*", "sum "])
def test_a_name_that_only_resembles_an_exposed_one_is_refused(
    name: str, manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", target, exposed=True)

    assert from_outside(memory, name) == denied(name, "'sum'")
    assert opened == []


def test_the_page_itself_opens_what_is_not_exposed(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", target)
    memory.new_comm("sum", {"n": 1}, {"lite_comms": "mine"})
    memory.new_comm("sum", {"n": 2})
    memory.deliver()

    assert opened == [{"n": 1}, {"n": 2}]


def test_a_later_registration_is_exposed_only_if_it_says_so(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", lambda comm, msg: None, exposed=True)
    manager.register_target("sum", target)

    assert from_outside(memory, "sum") == denied("sum")
    assert opened == []


def test_a_target_that_other_code_has_put_in_its_place_is_not_exposed(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", lambda comm, msg: None, exposed=True)
    manager.targets["sum"] = target

    assert from_outside(memory, "sum") == denied("sum")
    assert opened == []


def test_a_target_that_is_unregistered_and_registered_again_is_not_exposed(
    manager: CommManager, memory: MemoryTransport, target: Any, opened: list[Any]
) -> None:
    manager.register_target("sum", lambda comm, msg: None, exposed=True)
    manager.unregister_target("sum", None)
    manager.register_target("sum", target)

    assert from_outside(memory, "sum") == denied("sum")
    assert opened == []


def test_nothing_is_exposed_under_a_name_that_is_not_registered(manager: CommManager) -> None:
    with pytest.raises(LookupError, match="no comm target 'sum' is registered, so none is exposed"):
        lite_comms.expose("sum")


def test_the_page_is_told_of_each_change_and_whenever_code_exposes_something(
    manager: CommManager, memory: MemoryTransport, target: Any
) -> None:
    manager.register_target("b", target, exposed=True)
    manager.register_target("a", target)
    manager.register_target("b", target, exposed=True)
    lite_comms.expose("a")
    lite_comms.expose("a")
    manager.unregister_target("b", None)
    manager.register_target("a", lambda comm, msg: None)

    assert told(memory) == [["b"], ["b"], ["a", "b"], ["a", "b"], ["a"], []]


def test_what_could_not_be_told_is_told_with_the_next_change(
    manager: CommManager, memory: MemoryTransport, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise OSError("the page is away")

    with monkeypatch.context() as patch:
        patch.setattr(memory, "send", fails)
        with pytest.raises(OSError, match="the page is away"):
            manager.register_target("sum", target, exposed=True)
    manager.register_target("other", target)

    assert told(memory) == [["sum"]]


def test_uninstall_takes_everything_back(
    manager: CommManager, memory: MemoryTransport, target: Any
) -> None:
    manager.register_target("sum", target, exposed=True)
    lite_comms.uninstall()

    assert told(memory) == [["sum"], []]


def test_exposing_is_by_keyword_only_so_that_no_argument_does_it_by_accident() -> None:
    exposed = inspect.signature(CommManager.register_target).parameters["exposed"]

    assert (exposed.kind, exposed.default) == (inspect.Parameter.KEYWORD_ONLY, False)


def test_a_registration_that_does_not_say_so_takes_the_exposure_back(
    memory: MemoryTransport, manager: CommManager, target: Callable[..., object], opened: list[Any]
) -> None:
    manager.register_target("one", target, exposed=True)
    manager.register_target("one", target)
    manager.register_target("two", target, exposed=True)
    manager.unregister_target("two")
    manager.register_target("two", target)

    assert from_outside(memory, "one") == denied("one")
    assert from_outside(memory, "two") == denied("two")
    assert opened == []
    assert told(memory)[-1] == []


def test_what_a_block_exposes_is_exposed_in_the_block_only(
    memory: MemoryTransport, manager: CommManager, target: Callable[..., object]
) -> None:
    manager.register_target("open", target, exposed=True)
    manager.register_target("shut", target)
    with MemoryTransport() as page:
        lite_comms.expose("shut")
        manager.register_target("open", target)
        assert from_outside(page, "shut") == []
        assert from_outside(page, "open") == denied("open", "'shut'")

    assert from_outside(memory, "shut") == denied("shut", "'open'")
    assert from_outside(memory, "open") == []
    manager.unregister_target("open")
    assert told(memory)[-1] == []


def test_a_name_that_the_page_cannot_be_told_is_refused_and_changes_nothing(
    memory: MemoryTransport, manager: CommManager, target: Callable[..., object]
) -> None:
    with pytest.raises(ValueError, match=r"comm target '\\udc80' cannot be exposed"):
        manager.register_target("\udc80", target, exposed=True)
    assert "\udc80" not in manager.targets

    manager.register_target("\udc80", target)
    with pytest.raises(ValueError, match="cannot be exposed"):
        lite_comms.expose("\udc80")
    manager.register_target("fine", target, exposed=True)
    assert told(memory)[-1] == ["fine"]
