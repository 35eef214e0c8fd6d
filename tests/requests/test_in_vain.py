"""Requests that nobody answers: their time runs out, Stop comes, the comm is closed or replaced."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from comm import get_comm_manager

from lite_comms import (
    ClosedError,
    Comm,
    CommWarning,
    EncodeError,
    MemoryTransport,
)
from tests.common import data

from .conftest import both_ends, marks


def test_a_request_in_vain_times_out_and_the_other_end_is_told(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    heard: list[Any] = []
    page.heard = heard.append  # type: ignore[assignment]  # an old page, which does not answer

    with pytest.raises(TimeoutError, match=r"request of <Comm 'plot' 1 open>: nothing in"):
        comm.request(timeout_s=0.01)

    memory.deliver()
    asked, cancelled = (msg["metadata"]["lite_comms"] for msg in heard)
    assert (asked, cancelled) == ({"request": asked["request"]}, {"cancel": asked["request"]})


async def wait_in(call: str, comm: Comm, timeout_s: Any) -> None:
    """Call one of the methods that wait, with a time."""
    result = getattr(comm, call)(timeout_s=timeout_s)
    if call in {"arequest", "areceive", "drain"}:
        await result


@pytest.mark.parametrize("call", ["request", "arequest", "receive", "areceive", "drain", "flush"])
@pytest.mark.parametrize(
    ("timeout_s", "error", "text"),
    [
        ("10", TypeError, "not '10'"),
        (True, TypeError, "not True"),
        (-1, ValueError, "not -1"),
        (nan, ValueError, "not nan"),
    ],
)
def test_a_time_that_is_none_is_an_error_before_anything_is_sent(
    call: str, timeout_s: Any, error: type[Exception], text: str, memory: MemoryTransport
) -> None:
    comm, _ = both_ends(memory)
    before = len(memory.received)

    with pytest.raises(error) as caught:
        wait_in(call, comm, timeout_s).send(None)
    memory.deliver()

    assert str(caught.value) == (
        f"timeout_s of {call} of <Comm 'plot' 1 open> must be None or a number, 0 or more, {text}"
    )
    assert len(memory.received) == before


def test_an_endless_time_is_no_time_limit(memory: MemoryTransport) -> None:
    comm, _ = both_ends(memory)

    assert data(comm.request(1, timeout_s=inf)) == {"page": 1}


def test_an_answer_that_comes_too_late_is_dropped(memory: MemoryTransport) -> None:
    comm, _ = both_ends(memory)
    with pytest.raises(TimeoutError):
        comm.request("late", timeout_s=0)  # it is under way, and so is its cancel
    memory.deliver()

    assert data(comm.request("next")) == {"page": "next"}
    with pytest.raises(TimeoutError):
        comm.receive(timeout_s=0)


def test_stop_in_the_wait_tells_the_other_end(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    @page.on_request
    def _(msg: dict[str, Any]) -> None:
        raise KeyboardInterrupt  # as if it came now

    with pytest.raises(KeyboardInterrupt):
        comm.request()
    memory.deliver()

    assert marks(memory) == [{"request": None}, {"cancel": None}]
    assert comm._asked == {}


def test_stop_in_a_handler_is_answered_and_shown(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    @comm.on_request
    def _(msg: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # a site's transport catches it
        page.request()
    memory.deliver()

    (answer,) = marks(memory)
    assert answer["error"]["ename"] == "KeyboardInterrupt"
    (shown,) = memory.errors
    assert "the on_request callback of comm 'plot' (1) raised" in shown


def test_a_request_on_a_closed_comm_raises(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    page.close(metadata={"lite_comms": {"ename": "RangeError", "evalue": "too much"}})
    memory.deliver()

    with pytest.raises(ClosedError, match="the comm is closed: RangeError: too much"):
        comm.request()
    with pytest.raises(ClosedError, match="the comm is closed"):
        page.request()


def test_requests_end_when_the_other_end_closes_the_comm(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    page.on_request(lambda msg: page.close(metadata={"lite_comms": {"ename": "E", "evalue": "v"}}))

    with pytest.raises(ClosedError) as caught:
        comm.request()
    assert caught.value.reason == "E: v"

    comm, page = both_ends(memory)
    comm.on_request(lambda msg: comm.close())
    with pytest.raises(ClosedError, match="request of <PageComm 'plot' 1 open>: the comm has clo"):
        page.request()


def test_the_answer_of_a_handler_that_closes_the_comm_is_not_sent(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    @comm.on_request
    def _(msg: dict[str, Any]) -> str:
        comm.close()
        return "nobody waits"

    with pytest.raises(ClosedError):
        page.request()
    memory.deliver()

    assert [msg["msg_type"] for msg in memory.received] == ["comm_open", "comm_close"]


def test_an_exception_that_nobody_waits_for_is_shown(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    @comm.on_request
    def _(msg: dict[str, Any]) -> str:
        comm.close()
        raise LookupError("seen")

    with pytest.raises(LookupError, match="seen"):  # as that of any callback
        page.request()
    assert "the on_request callback of comm 'plot' (1) raised" in memory.errors[0]


@pytest.mark.parametrize("take_over", ["kernel", "page"])
def test_requests_end_when_another_comm_takes_the_id_over(
    take_over: str, memory: MemoryTransport
) -> None:
    comm, page = both_ends(memory)
    get_comm_manager().register_target("plot", lambda comm, msg: None)

    @page.on_request
    def _(msg: dict[str, Any]) -> None:
        if take_over == "kernel":
            Comm("plot", comm_id="1")
        else:
            memory.new_comm("plot", comm_id="1")
        memory.deliver()

    with (
        pytest.warns(CommWarning, match="takes it over"),
        pytest.raises(ClosedError, match="its id has been opened again"),
    ):
        comm.request(timeout_s=1)
    text = "request of <Comm 'plot' 1 open>: the comm is no longer registered under its id"
    with pytest.raises(ClosedError, match=text):
        comm.request()


def test_a_comm_that_could_not_take_an_id_over_ends_nothing(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    @page.on_request
    def _(msg: dict[str, Any]) -> str:
        with pytest.warns(CommWarning, match="takes it over"), pytest.raises(EncodeError):
            Comm("plot", object, comm_id="1")
        return "answer"

    assert data(comm.request()) == "answer"


def test_a_comm_that_is_opened_again_asks_and_answers(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    comm.close()
    memory.deliver()
    comm.open()
    memory.deliver()
    page = memory.comms["1"]
    page.on_request(lambda msg: "again")

    assert [data(comm.request()), data(page.request(1))] == ["again", {"kernel": 1}]


def test_requests_end_when_their_comm_is_opened_while_it_is_open(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    page.on_request(lambda msg: comm.open())

    with pytest.raises(ClosedError, match="its id has been opened again"):
        comm.request()
