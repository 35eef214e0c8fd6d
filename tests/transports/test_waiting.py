"""Messages of comms that the page opens before their target is registered."""

from __future__ import annotations

from typing import Any

from lite_comms._transports.waiting import Waiting


def opening(target_name: str) -> dict[str, Any]:
    return {"content": {"target_name": target_name}}


def message(data: int) -> dict[str, Any]:
    return {"content": {"data": data}}


def test_a_comm_waits_for_its_own_target() -> None:
    handled: list[int] = []
    waiting = Waiting(lambda message_id, msg: handled.append(message_id))
    waiting.add("a", 1, opening("first"))
    waiting.add("b", 2, opening("second"))
    waiting.add("a", 3, message(0))

    waiting.release("first")

    assert handled == [1, 3]
    assert [*waiting.by_comm] == ["b"]


def test_all_are_handled_when_no_cell_can_register_a_target() -> None:
    handled: list[int] = []
    waiting = Waiting(lambda message_id, msg: handled.append(message_id))
    waiting.add("a", 1, opening("first"))
    waiting.add("b", 2, opening("second"))

    waiting.release(None)

    assert handled == [1, 2]
    assert waiting.by_comm == {}


def test_a_message_that_arrives_meanwhile_comes_after_those_that_wait() -> None:
    handled: list[int] = []

    def handle(message_id: int, msg: dict[str, Any]) -> None:
        if message_id == 1:
            waiting.add("a", 3, message(1))
            waiting.release(None)  # as a callback may that lets the event loop turn
        handled.append(message_id)

    waiting = Waiting(handle)
    waiting.add("a", 1, opening("first"))
    waiting.add("a", 2, message(0))

    waiting.release("first")

    assert handled == [1, 2, 3]
    assert waiting.by_comm == {}
