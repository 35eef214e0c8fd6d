"""ipywidgets on a page in memory: what becomes of a message whose value a trait refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import comm
import ipywidgets
import pytest
import traitlets

from lite_comms import MemoryTransport

Message = dict[str, Any]


class Picture(ipywidgets.DOMWidget):  # type: ignore[misc]
    before = traitlets.Int().tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)  # a buffer of the page is a memoryview
    after = traitlets.Int().tag(sync=True)


UPDATE: Message = {
    "method": "update",
    "state": {"before": 1, "pixels": None, "after": 2},
    "buffer_paths": [["pixels"]],
}


@pytest.fixture
def memory(memory: MemoryTransport) -> MemoryTransport:
    """A page in memory that knows widgets."""
    memory.register_target("jupyter.widget", lambda comm, msg: None)
    return memory


def changed_by(tell: Callable[[Picture], object]) -> list[Any]:
    """A picture's values after a message of the page, and what its observer has heard."""
    heard: list[str] = []
    picture = Picture()
    picture.observe(lambda change: heard.append(change["name"]), ["before", "pixels", "after"])
    tell(picture)
    return [picture.before, picture.pixels, picture.after, heard]


def test_of_a_message_with_a_refused_value_nothing_is_set_as_on_a_server() -> None:
    def tell_ours(picture: Picture) -> None:
        page.deliver()
        page.comms[picture.model_id].send(UPDATE, buffers=[b"x"])
        with pytest.raises(traitlets.TraitError, match="'pixels'"):
            page.deliver()

    def tell_theirs(picture: Picture) -> None:
        content = {"comm_id": picture.model_id, "data": {**UPDATE, "state": {**UPDATE["state"]}}}
        msg: Message = {"content": content, "metadata": {}, "buffers": [memoryview(b"x")]}
        comm.get_comm_manager().comm_msg(None, "", msg)  # type: ignore[arg-type]

    theirs = changed_by(tell_theirs)
    with MemoryTransport() as page:
        page.register_target("jupyter.widget", lambda comm, msg: None)
        ours = changed_by(tell_ours)

    assert ours == theirs == [0, b"", 0, []]


def test_a_value_that_a_trait_refuses_is_an_error_that_is_seen(memory: MemoryTransport) -> None:
    picture = Picture()
    memory.deliver()
    memory.comms[picture.model_id].send(UPDATE, buffers=[b"x"])

    with pytest.raises(traitlets.TraitError, match="expected a bytes object, not the memoryview"):
        memory.deliver()

    (shown,) = memory.errors
    assert "The 'pixels' trait of a Picture instance expected a bytes object" in shown
    # What comes later is set.
    memory.comms[picture.model_id].send({**UPDATE, "state": {"after": 3}, "buffer_paths": []})
    memory.deliver()
    assert picture.after == 3


def test_an_error_of_a_click_is_seen(memory: MemoryTransport) -> None:
    button = ipywidgets.Button()
    button.on_click(lambda button: 1 / 0)
    memory.deliver()
    memory.comms[button.model_id].send({"method": "custom", "content": {"event": "click"}})

    with pytest.raises(ZeroDivisionError):
        memory.deliver()


def test_what_others_log_is_left_alone(memory: MemoryTransport) -> None:
    def log(msg: Message) -> None:
        logging.getLogger("traitlets").warning("no exception")
        try:
            int("no number")
        except ValueError:
            logging.getLogger("user").exception("of the user's own")

    opened = comm.create_comm("jupyter.widget")
    opened.on_msg(log)
    memory.deliver()
    memory.comms[opened.comm_id].send()

    assert memory.deliver() == 1
    assert memory.errors == []
