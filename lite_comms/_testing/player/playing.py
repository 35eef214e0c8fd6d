"""Plays a recording as the page."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from math import inf
from typing import Any

from lite_comms._install.install import current_transport
from lite_comms._requests.marks import Answer, Request, read_mark
from lite_comms._testing.lines import Recording, TracedMessage
from lite_comms._testing.memory import MemoryTransport
from lite_comms._testing.page_comm import Message, PageComm
from lite_comms._testing.trace import Trace, trace

from .matches import Matches
from .reading import read

_Groups = defaultdict[Any, list[Any]]


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
        self._comms = Matches(page._replayed)
        self._requests = Matches(page._replayed)
        self._targets: dict[str, str | None] = {}
        for message in messages:
            known = self._targets.get(message.comm_id)
            self._targets[message.comm_id] = known or message.target_name
        # What the kernel has sent in this run, and how many of its messages have been looked at.
        self._opened: _Groups = defaultdict(list)
        self._asked: _Groups = defaultdict(list)
        self._number = 0
        numbers = {m.msg_id: i for i, m in enumerate(messages) if m.direction == "page_to_kernel"}
        for message in messages:
            self._note(message, numbers.get(message.parent_id or "", -1))

    def _note(self, message: TracedMessage, cause: int) -> None:
        comm_id, mark = message.comm_id, read_mark(message.metadata)
        target = self._targets[comm_id]
        if message.direction == "kernel_to_page":
            if message.msg_type == "comm_open":
                self._comms.begin(comm_id, target, cause)
            if isinstance(mark, Request):
                self._requests.begin((comm_id, mark.id), comm_id, cause)
        elif message.msg_type == "comm_open":
            self._comms.take(comm_id, comm_id)
        else:
            self._comms.use(comm_id, target)
            if isinstance(mark, Answer):
                self._requests.use((comm_id, mark.id), comm_id)

    def play(self) -> None:
        """Deliver the page's messages, each when all that was sent before has been delivered."""
        try:
            self._page.deliver()
            for number, message in enumerate(self._messages):
                if message.direction == "page_to_kernel":
                    self._post(message, number)
                    self._page.deliver()
        finally:
            self._match_rest()

    def _match_rest(self) -> None:
        """Match what the page has not spoken to, so that no later replay takes it for its own."""
        for comm_id, _ in self._comms.begun:
            with suppress(LookupError):
                self._find_comm(comm_id, inf)
        for request, comm_id in self._requests.begun:
            with suppress(LookupError):
                self._find_request(request, self._find_comm(comm_id, inf), inf)

    def _post(self, message: TracedMessage, number: int) -> None:
        sent = message.data, message.metadata, message.buffers
        if message.msg_type == "comm_open":
            target = message.target_name or ""
            _be_silent(self._page.new_comm(target, *sent, comm_id=message.comm_id), {})
            return
        try:
            comm = self._find_open(message.comm_id, number)
            metadata = self._with_request(message, comm.comm_id, number)
        except LookupError as error:
            raise LookupError(f"{_name(message)} cannot be played: {error}") from None
        if message.msg_type == "comm_close":
            comm.close(*sent)
        else:
            comm.post(message.msg_type, message.data, metadata, message.buffers)

    def _find_open(self, recorded: str, now: float) -> PageComm:
        comm = self._page.comms.get(self._find_comm(recorded, now))
        if comm is None:
            raise LookupError("its comm is not open in this run")
        return comm

    def _find_comm(self, recorded: str, now: float) -> str:
        """Return the id that a comm of the recording has in this run."""
        found = self._comms.get(recorded)
        if found is not None:
            return str(found)
        target = self._targets[recorded]
        there = self._heard()[0][target]
        # Some comms have an id that the code gives them.
        for comm_id in there:
            if comm_id in self._targets:
                self._comms.take(comm_id, comm_id)
        if recorded in self._page.comms:
            return recorded
        what = f"comms that the kernel opens for target {target!r}"
        return str(self._comms.find(recorded, target, there, now, what))

    def _find_request(self, recorded: tuple[str, str], comm_id: str, now: float) -> str:
        """Return the id that a request of the kernel has in this run, on a comm."""
        there = self._heard()[1][comm_id]
        what = f"requests that the kernel sends on comm {self._targets[recorded[0]]!r}"
        return str(self._requests.find(recorded, recorded[0], there, now, what)[1])

    def _heard(self) -> tuple[_Groups, _Groups]:
        """Return the comms that the kernel has opened, by target, and its requests, by comm."""
        for msg in self._page.received[self._number :]:
            comm_id, mark = msg["content"]["comm_id"], read_mark(msg["metadata"])
            if msg["msg_type"] == "comm_open":
                self._opened[msg["content"]["target_name"]].append(comm_id)
            if isinstance(mark, Request):
                self._asked[comm_id].append((comm_id, mark.id))
        self._number = len(self._page.received)
        return self._opened, self._asked

    def _with_request(self, message: TracedMessage, comm_id: str, now: float) -> Any:
        """Return the metadata; an answer names the request as it is called in this run."""
        mark = read_mark(message.metadata)
        if not isinstance(mark, Answer):
            return message.metadata
        request = self._find_request((message.comm_id, mark.id), comm_id, now)
        ours = {**message.metadata["lite_comms"], "reply": request}
        return {**message.metadata, "lite_comms": ours}


def _be_silent(comm: PageComm, msg: Message) -> None:
    """Have a comm of the page answer nothing by itself, not even a request."""
    comm.heard = lambda msg: None  # type: ignore[method-assign]


def _name(message: TracedMessage) -> str:
    return f"the {message.msg_type} of comm {message.target_name!r} ({message.comm_id})"
