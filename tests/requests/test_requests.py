"""Requests, both ways, over a page in memory; those with coroutines are in test_async_requests."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from comm import get_comm_manager

from lite_comms import (
    BufferFormatError,
    ClosedError,
    Comm,
    CommWarning,
    EncodeError,
    MemoryTransport,
    PageComm,
    Reply,
)
from lite_comms import RequestError as Failed
from lite_comms._requests.answering import Call
from tests.common import data

MALFORMED = json.loads(Path(__file__).parent.with_name("request_errors.json").read_text("utf-8"))


def both_ends(memory: MemoryTransport) -> tuple[Comm, PageComm]:
    """Both ends of a comm; each answers with what it is asked."""
    comm = Comm("plot", comm_id="1")
    memory.deliver()
    page = memory.comms["1"]
    comm.on_request(lambda msg: {"kernel": msg["content"]["data"]})
    page.on_request(lambda msg: {"page": msg["content"]["data"]})
    return comm, page


def marks(memory: MemoryTransport) -> list[Any]:
    """What the page has received of requests, without their ids."""
    found = [msg["metadata"]["lite_comms"] for msg in memory.received if msg["metadata"]]
    return [
        {**mark, **dict.fromkeys(mark.keys() & {"request", "reply", "cancel"})} for mark in found
    ]


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


def test_an_exception_of_the_handler_is_the_answer_and_is_not_shown(
    memory: MemoryTransport,
) -> None:
    comm, page = both_ends(memory)

    def answer(msg: dict[str, Any]) -> None:
        raise LookupError("no such row")

    comm.on_request(answer)
    page.on_request(answer)
    for end in (comm, page):
        with pytest.raises(Failed, match=r"^request of <.*>: LookupError: no such row") as caught:
            end.request()
        error = caught.value
        assert (error.ename, error.evalue) == ("LookupError", "no such row")
        assert error.traceback[0] == "Traceback (most recent call last):"
        assert error.traceback[1].startswith(f'  File "{__file__}"')  # none of our own frames
        assert error.traceback[-1] == "LookupError: no such row"
        assert error.__notes__ == ["\n".join(["The other end's traceback:", *error.traceback])]
    assert memory.errors == []


def test_what_the_interrupted_code_was_handling_is_not_in_the_traceback(
    memory: MemoryTransport,
) -> None:
    comm, page = both_ends(memory)

    @comm.on_request
    def _(msg: dict[str, Any]) -> None:
        raise LookupError("its own")

    try:
        msg: dict[str, Any] = {}
        data(msg)
    except KeyError:
        with pytest.raises(Failed) as caught:
            page.request()
    assert "KeyError" not in "\n".join(caught.value.traceback)


def test_where_no_handler_is_registered_the_answer_is_an_error_that_says_so(
    memory: MemoryTransport,
) -> None:
    comm, page = both_ends(memory)
    comm.on_request(None)
    page.on_request(None)

    for end in (comm, page):
        with pytest.raises(Failed) as caught:
            end.request()
        assert (caught.value.ename, caught.value.evalue, caught.value.traceback) == (
            "NoRequestHandler",
            "comm 'plot' (1) has no handler; on_request registers one",
            [],
        )


@pytest.mark.parametrize(
    ("reply", "ename", "evalue"),
    [
        ({"a": [object]}, "EncodeError", "comm 'plot' (1): data.a[0]: "),
        (Reply(metadata={"a": 1j}), "EncodeError", "comm 'plot' (1): metadata.a: complex is not"),
        (Reply(buffers=["text"]), "BufferFormatError", "comm 'plot' (1): buffers[0]: str does not"),
        (Reply(metadata=[]), "TypeError", "the reply of <Comm 'plot' 1 open>: metadata must be a "),  # type: ignore[arg-type]
        (
            Reply(metadata={"lite_comms": 1}),
            "EncodeError",
            "the reply of <Comm 'plot' 1 open>: metadata.lite_comms: the key is reserved",
        ),
    ],
)
def test_an_answer_that_cannot_be_sent_is_answered_as_an_error(
    reply: object, ename: str, evalue: str, memory: MemoryTransport
) -> None:
    comm, page = both_ends(memory)
    comm.on_request(lambda msg: reply)

    with pytest.raises(Failed) as caught:
        page.request()

    assert (caught.value.ename, caught.value.evalue[: len(evalue)]) == (ename, evalue)


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"data": object}, EncodeError),
        ({"metadata": {"lite_comms": {}}}, EncodeError),
        ({"metadata": []}, TypeError),
        ({"buffers": ["text"]}, BufferFormatError),
    ],
)
def test_a_request_that_cannot_be_sent_raises_and_asks_nothing(
    keys: dict[str, Any], error: type[Exception], memory: MemoryTransport
) -> None:
    comm, _ = both_ends(memory)

    with pytest.raises(error, match=r"comm 'plot' .1.|<Comm 'plot' 1 open>"):
        comm.request(**keys)

    memory.deliver()
    assert (marks(memory), comm._asked) == ([], {})


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


@pytest.mark.parametrize(
    "metadata",
    [
        {"lite_comms": {"request": 5}},
        {"lite_comms": {"reply": None}},
        {"lite_comms": {"cancel": ["1"]}},
        {"lite_comms": {"later": "1"}},
        {"lite_comms": "request"},
        {"request": "1"},
    ],
)
def test_a_mark_without_an_id_makes_an_ordinary_message(
    metadata: dict[str, Any], memory: MemoryTransport
) -> None:
    comm, page = both_ends(memory)
    page.send("ordinary", metadata)
    memory.deliver()

    msg = comm.receive(timeout_s=0)
    assert (data(msg), msg["metadata"]) == ("ordinary", metadata)


@pytest.mark.parametrize("mark", [{"reply": "unknown"}, {"cancel": "unknown"}])
def test_what_belongs_to_no_request_is_dropped(mark: Any, memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    page.send("late", {"lite_comms": mark})
    memory.deliver()

    with pytest.raises(TimeoutError):
        comm.receive(timeout_s=0)
    assert memory.errors == []


@pytest.mark.parametrize(("error", "field"), [(case["error"], case["field"]) for case in MALFORMED])
def test_an_error_that_is_malformed_fails_its_request_and_names_the_field(
    error: object, field: str, memory: MemoryTransport
) -> None:
    comm, page = both_ends(memory)

    def heard(msg: dict[str, Any]) -> None:
        request_id = msg["metadata"]["lite_comms"]["request"]
        page.send({}, {"lite_comms": {"reply": request_id, "error": error}})

    page.heard = heard  # type: ignore[method-assign]
    with pytest.raises(Failed, match=f": ProtocolError: .*error has no valid {field}: "):
        comm.request()


def test_an_id_that_is_in_use_is_an_error_that_is_shown(memory: MemoryTransport) -> None:
    comm, page = both_ends(memory)
    call = comm._calls["7"] = Call("7")  # a handler that has not ended
    page.send("again", {"lite_comms": {"request": "7"}})

    with pytest.raises(
        ValueError, match=r"<Comm 'plot' 1 open>: the other end asks twice under .*7"
    ):
        memory.deliver()
    assert comm._calls == {"7": call}


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
