"""Messages are taken one by one: receive, with a page in the same process."""

from __future__ import annotations

from typing import Any

import pytest

from lite_comms import ClosedError, Comm, CommError, MemoryTransport
from tests.common import data


def test_receive_returns_the_messages_one_by_one(memory: MemoryTransport, echo: Comm) -> None:
    for n in range(3):
        echo.send({"n": n}, buffers=[bytes([n])])

    assert [data(echo.receive()) for _ in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_receive_gives_up(echo: Comm) -> None:
    with pytest.raises(TimeoutError, match=r"receive of <Comm 'echo' \w+ open>: nothing in 0\.02"):
        echo.receive(timeout_s=0.02)


def test_a_callback_takes_the_messages(memory: MemoryTransport, echo: Comm) -> None:
    echo.on_msg(lambda msg: None)
    with pytest.raises(RuntimeError, match=r"receive of .*: its on_msg callback takes"):
        echo.receive()


def test_a_callback_that_is_set_meanwhile_ends_receive(memory: MemoryTransport, echo: Comm) -> None:
    """Even if it is removed at once, and there are messages by then."""
    heard: list[Any] = []
    other = Comm("echo")

    @other.on_msg
    def _(msg: dict[str, Any]) -> None:
        echo.on_msg(lambda msg: heard.append(data(msg)))
        if data(msg) == "and remove it":
            echo.on_msg(None)

    for text in ("set one", "and remove it"):
        other.send(text)
        echo.send("for the callback")
        with pytest.raises(RuntimeError) as refused:
            echo.receive(timeout_s=1)
        assert str(refused.value) == f"receive of {echo!r}: its on_msg callback takes the messages"
        memory.deliver()
        echo.on_msg(None)

    assert heard == ["for the callback"]


def test_a_comm_that_closes_has_nothing_more_to_receive(
    memory: MemoryTransport, echo: Comm
) -> None:
    page = memory.comms[echo.comm_id] if memory.deliver() else None
    assert page is not None
    page.send("last")
    page.close()

    assert data(echo.receive()) == "last"
    for _ in range(2):
        with pytest.raises(ClosedError, match="has nothing more to receive"):
            echo.receive()
    assert issubclass(ClosedError, (CommError,))
    assert issubclass(ClosedError, EOFError)


def test_a_comm_that_is_closed_already_has_nothing_to_receive(echo: Comm) -> None:
    echo.close()
    with pytest.raises(ClosedError):
        echo.receive()


def test_who_waits_for_a_comm_that_the_page_refuses_learns_why(memory: MemoryTransport) -> None:
    why = {"lite_comms": {"ename": "RangeError", "evalue": "too much"}}
    memory.register_target("picky", lambda comm, msg: comm.close(metadata=why))
    comm = Comm("picky")
    with pytest.raises(ClosedError, match=r": RangeError: too much$") as caught:
        comm.receive(timeout_s=1)
    assert caught.value.reason == "RangeError: too much"

    memory.register_target("quiet", lambda comm, msg: comm.close())
    with pytest.raises(ClosedError, match=r"nothing more to receive$") as caught:
        Comm("quiet").receive(timeout_s=1)
    assert caught.value.reason == ""


def test_a_comm_that_is_opened_again_has_forgotten_why_it_was_closed(
    memory: MemoryTransport,
) -> None:
    why = {"lite_comms": {"ename": "RangeError", "evalue": "too much"}}
    memory.register_target("picky", lambda comm, msg: comm.close(metadata=why))
    comm = Comm("picky")
    memory.deliver()
    memory.register_target("picky", lambda comm, msg: None)
    comm.open()
    memory.deliver()
    comm.close()

    with pytest.raises(ClosedError, match=r"nothing more to receive$") as caught:
        comm.receive(timeout_s=1)
    assert caught.value.reason == ""
