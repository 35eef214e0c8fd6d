"""The page's end of a comm, on a page in the same process."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from lite_comms._requests.marks import read_mark
from lite_comms._requests.requesting import Requesting
from lite_comms._wire.codec import from_page
from lite_comms._wire.errors import EncodeError, reason_in
from lite_comms._wire.message import flat_buffers
from lite_comms._wire.strict import TOO_DEEP, is_deep

Message = dict[str, Any]
Handler = Callable[[Message], object]


class Page(Protocol):
    """What a `PageComm` knows of its page; `MemoryTransport` says what these do."""

    comms: dict[str, PageComm]

    def post(self, msg: Message) -> None: ...
    def wait_for[T](self, predicate: Callable[[], T], timeout_s: float | None, what: str) -> T: ...
    @property
    def cannot_turn(self) -> str: ...


class PageComm(Requesting):
    """The page's end of a comm, as a `MemoryTransport` has it.

    It asks and answers by the methods of `Comm`: `request`, `arequest` and `on_request`. While
    `request` waits, it delivers messages; for `arequest` the test has to call `deliver`.

    Parameters
    ----------
    target_name : str
        The target.
    comm_id : str
        The id.
    page : MemoryTransport
        The page.
    """

    def __init__(self, target_name: str, comm_id: str, page: Page) -> None:
        super().__init__()
        self.target_name = target_name
        self.comm_id = comm_id
        self._page = page
        self._closed = False
        self._end_reason = ""
        self._tasks: set[asyncio.Task[None]] = set()  # the loop holds them weakly
        self._on_msg: Handler | None = None
        self._on_close: Handler | None = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<PageComm {self.target_name!r} {self.comm_id} {state}>"

    def on_msg(self, f: Handler) -> Handler:
        """Register the function for messages of the kernel."""
        self._on_msg = f
        return f

    def on_close(self, f: Handler) -> Handler:
        """Register the function for the kernel's comm_close."""
        self._on_close = f
        return f

    def send(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        attachments: Iterable[Any] = (),
    ) -> None:
        """Send a message to the kernel's end; the attachments are handed over as they are."""
        data = {} if data is None else data
        self.post("comm_msg", data, metadata, buffers, attachments=attachments)

    def close(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Close the comm."""
        self.post("comm_close", {} if data is None else data, metadata, buffers)
        self._page.comms.pop(self.comm_id, None)
        self._closed = True
        self._end_requests()

    def post(
        self,
        msg_type: str,
        data: Any,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        *,
        attachments: Iterable[Any] = (),
        **keys: Any,
    ) -> None:
        """Send a message of a given type to the kernel's end; None as data is null."""
        flat = flat_buffers(buffers, f"page comm {self.comm_id}")
        content = {"comm_id": self.comm_id, "data": data, **keys}
        for name, value in ("data", content), ("metadata", metadata):
            if is_deep(value):
                raise EncodeError(name, TOO_DEEP)
        msg_id = uuid.uuid4().hex
        msg = {
            "header": {"msg_id": msg_id, "msg_type": msg_type},
            "msg_id": msg_id,
            "msg_type": msg_type,
            "parent_header": {},
            # A page's nan goes out as null, and 2.0 as 2: JSON.stringify.
            "metadata": from_page(json.loads(json.dumps(metadata or {}))),
            "content": from_page(json.loads(json.dumps(content))),
            "buffers": [memoryview(bytearray(view)) for view in flat],
        }
        if attached := [*attachments]:
            msg["attachments"] = attached
        self._page.post(msg)

    def heard(self, msg: Message) -> None:
        """Handle a message of the kernel."""
        mark = read_mark(msg["metadata"])
        if mark is not None:
            waits = self._handle_marked(mark, msg)
            if waits is not None:
                loop = asyncio.get_running_loop()
                task = asyncio.Task(waits, loop=loop, eager_start=True)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        elif self._on_msg is not None:
            self._on_msg(msg)

    def ended(self, msg: Message) -> None:
        """Handle the kernel's comm_close."""
        self._closed = True
        self._end_reason = reason_in(msg)
        self._end_requests()
        if self._on_close is not None:
            self._on_close(msg)

    # What the base class needs

    def _post(
        self, data: Any, metadata: dict[str, Any] | None, buffers: Iterable[Any] | None
    ) -> None:
        self.post("comm_msg", data, metadata, buffers)

    def _wait_for(self, predicate: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        self._page.wait_for(predicate, timeout_s, what)

    @property
    def _cannot_wait(self) -> str:
        return self._page.cannot_turn
