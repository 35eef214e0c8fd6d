"""Requests whose answer is an error, and what cannot be sent."""

from __future__ import annotations

from typing import Any

import pytest

from lite_comms import (
    BufferFormatError,
    EncodeError,
    MemoryTransport,
    Reply,
)
from lite_comms import RequestError as Failed
from tests.common import data

from .conftest import both_ends, marks


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
