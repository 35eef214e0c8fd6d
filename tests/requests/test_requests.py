"""Requests, both ways, over a page in memory; for coroutines see test_async_requests.py."""

from __future__ import annotations

from typing import Any

import pytest

from lite_comms import (
    MemoryTransport,
    Reply,
)
from lite_comms import RequestError as Failed
from tests.common import data

from .conftest import both_ends, marks


def test_the_kernel_asks_and_the_page_answers(memory: MemoryTransport) -> None:
    comm, _ = both_ends(memory)

    assert data(comm.request({"n": 1})) == {"page": {"n": 1}}


def test_the_page_asks_and_the_kernel_answers(memory: MemoryTransport) -> None:
    _, page = both_ends(memory)

    assert data(page.request({"n": 1})) == {"kernel": {"n": 1}}


@pytest.mark.parametrize("value", [None, 0, "", [], [1, None], {"a": None}, "text", 2.5, True])
def test_an_answer_is_any_json_value(value: object, memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    comm.on_request(lambda msg: value)
    page.on_request(lambda msg: value)

    assert [data(comm.request()), data(page.request())] == [value, value]


def test_a_request_without_data_has_that_of_a_message_without_data(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    assert [data(comm.request()), data(page.request())] == [{"page": {}}, {"kernel": {}}]


def test_metadata_and_buffers_go_with_a_request_and_with_its_answer(
    memory: MemoryTransport,
) -> None:
    comm, page = both_ends(memory)
    asked: list[Any] = []

    def answer(msg: dict[str, Any]) -> Reply:
        asked.append((msg["metadata"], [*map(bytes, msg["buffers"])]))
        return Reply("data", metadata={**msg["metadata"], "more": 2}, buffers=[b"xyz"])

    comm.on_request(answer)
    page.on_request(answer)
    replies = [end.request(metadata={"m": 1}, buffers=[b"abc"]) for end in (comm, page)]

    assert asked == [({"m": 1}, [b"abc"])] * 2
    assert [
        (data(reply), reply["metadata"], [*map(bytes, reply["buffers"])]) for reply in replies
    ] == [("data", {"m": 1, "more": 2}, [b"xyz"])] * 2


def test_callbacks_and_receive_do_not_get_what_belongs_to_requests(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    heard: list[Any] = []
    page.on_msg(lambda msg: heard.append(data(msg)))
    comm.request("a")
    page.request("b")
    page.send("ordinary")
    comm.send("ordinary")
    memory.deliver()

    assert data(comm.receive(timeout_s=0)) == "ordinary"
    with pytest.raises(TimeoutError):
        comm.receive(timeout_s=0)
    assert heard == ["ordinary"]


def test_a_request_cannot_be_waited_for_in_a_callback_and_is_not_sent(
    memory: MemoryTransport,
) -> None:
    comm, page = both_ends(memory)
    comm.on_request(lambda msg: comm.request())

    with pytest.raises(Failed) as caught:
        page.request()

    assert (caught.value.ename, caught.value.evalue) == (
        "RuntimeError",
        (
            "request of <Comm 'plot' 1 open>: its answer cannot be waited for here: this is a comm "
            "callback; await arequest in a task instead"
        ),
    )
    assert [*marks(memory)[0]] == ["reply", "error"]


def test_a_page_handler_may_ask_back(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    page.on_request(lambda msg: data(page.request("first")))

    assert data(comm.request()) == {"kernel": "first"}


def test_handlers_begin_in_the_order_of_the_requests(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    begun: list[Any] = []
    comm.on_request(lambda msg: begun.append(data(msg)))
    for n in range(5):
        page._ask("", n, None, None)
    memory.deliver()

    assert begun == [*range(5)]


def test_on_request_takes_a_callable_or_none(memory: MemoryTransport) -> None:
    comm, _ = both_ends(memory)

    with pytest.raises(TypeError, match="on_request of <Comm 'plot' 1 open> takes a callable or"):
        comm.on_request("text")  # type: ignore[type-var]


def test_on_request_returns_its_function(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)

    def answer(msg: dict[str, Any]) -> None: ...

    assert (comm.on_request(answer), page.on_request(answer)) == (answer, answer)


def test_no_request_is_left_behind(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    for end in (comm, page):
        end.request()
    memory.deliver()

    assert (comm._asked, comm._calls, page._asked, page._calls) == ({}, {}, {}, {})
