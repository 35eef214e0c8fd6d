"""Messages that are marked as parts of a request, and are none, or are malformed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lite_comms import (
    MemoryTransport,
)
from lite_comms import RequestError as Failed
from lite_comms._requests.answering import Call
from tests.common import data

from .conftest import both_ends

MALFORMED = json.loads(Path(__file__).parent.with_name("request_errors.json").read_text("utf-8"))


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
