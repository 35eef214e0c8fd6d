"""Plays a recording as the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from lite_comms._install.install import current_transport
from lite_comms._requests.marks import Answer, Request, read_mark
from lite_comms._testing.lines import Recording, TracedMessage
from lite_comms._testing.memory import MemoryTransport
from lite_comms._testing.page_comm import Message, PageComm
from lite_comms._testing.trace import Trace, trace

from .reading import read


def play(recording: Recording) -> Trace:
    """Play a recording; see `replay`."""
    page = current_transport()
    if not isinstance(page, MemoryTransport):
        raise RuntimeError(  # noqa: TRY004 (it is no argument)
            "replay needs a page: call it in the block of a MemoryTransport"
        )
    messages = read(recording)
    for message in messages:
        if message.cut and message.direction == "page_to_kernel":
            raise ValueError(f"{_name(message)} cannot be played: a part of it was not recorded")
    before, page._default_target = page._default_target, _be_silent
    try:
        with trace() as run:
            _Player(page, messages).play()
    finally:
        page._default_target = before
    return run


class _Player:
    """Plays one recording on a page."""

    def __init__(self, page: MemoryTransport, messages: list[TracedMessage]) -> None:
        self._page = page
        self._messages = messages
        # Those of the kernel, in the order in which they were opened.
        self._opened = {
            message.comm_id: message.target_name
            for message in messages
            if message.direction == "kernel_to_page" and message.msg_type == "comm_open"
        }

    def play(self) -> None:
        """Deliver the page's messages, each when all that was sent before has been delivered."""
        self._page.deliver()
        for message in self._messages:
            if message.direction == "page_to_kernel":
                self._post(message)
                self._page.deliver()

    def _post(self, message: TracedMessage) -> None:
        sent = message.data, message.metadata, message.buffers
        if message.msg_type == "comm_open":
            target = message.target_name or ""
            _be_silent(self._page.new_comm(target, *sent, comm_id=message.comm_id), {})
            return
        comm = self._page.comms[self._id_of(message)]
        if message.msg_type == "comm_close":
            comm.close(*sent)
            return
        metadata = self._with_request(message, comm.comm_id)
        comm.post(message.msg_type, message.data, metadata, message.buffers)

    def _id_of(self, message: TracedMessage) -> str:
        """Return the id that the comm of a message has in this run."""
        recorded, comms = message.comm_id, self._page.comms
        if recorded in comms:
            return recorded
        target = self._opened.get(recorded, message.target_name)
        there = [
            msg["content"]["comm_id"]
            for msg in self._page.received
            if msg["content"].get("target_name") == target
        ]
        # Without its comm_open in the recording it can only be the one comm of its target.
        found = there
        if recorded in self._opened:
            same = [comm_id for comm_id, name in self._opened.items() if name == target]
            found = there[same.index(recorded) :][:1]
        if len(found) != 1 or found[0] not in comms:
            raise LookupError(
                f"{_name(message)} cannot be played: none of the {len(there)} comms that the "
                "kernel has opened for this target in this run is open and known to be it"
            )
        return str(found[0])

    def _with_request(self, message: TracedMessage, comm_id: str) -> Any:
        """Return the metadata; an answer names the request as it is called in this run."""
        metadata = message.metadata
        mark = read_mark(metadata)
        if not isinstance(mark, Answer):
            return metadata
        asked = _requests(
            (m.comm_id, m.metadata) for m in self._messages if m.direction == "kernel_to_page"
        )
        asks = _requests((m["content"]["comm_id"], m["metadata"]) for m in self._page.received)
        run = dict(zip(asked[message.comm_id], asks[comm_id], strict=False))
        if mark.id not in run:
            raise LookupError(
                f"{_name(message)} cannot be played: it answers a request that the kernel has "
                "not sent in this run"
            )
        return {**metadata, "lite_comms": {**metadata["lite_comms"], "reply": run[mark.id]}}


def _requests(messages: Iterable[tuple[str, Any]]) -> defaultdict[str, list[str]]:
    """List the ids of requests, by comm."""
    found = defaultdict(list)
    for comm_id, metadata in messages:
        mark = read_mark(metadata)
        if isinstance(mark, Request):
            found[comm_id].append(mark.id)
    return found


def _be_silent(comm: PageComm, msg: Message) -> None:
    """Have a comm of the page answer nothing by itself, not even a request."""
    comm.heard = lambda msg: None  # type: ignore[method-assign]


def _name(message: TracedMessage) -> str:
    return f"the {message.msg_type} of comm {message.target_name!r} ({message.comm_id})"
