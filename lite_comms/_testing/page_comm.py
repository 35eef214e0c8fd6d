"""The page's end of a comm, on a page in the same process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from lite_comms._wire.codec import from_page
from lite_comms._wire.message import flat_buffers

Message = dict[str, Any]
Handler = Callable[[Message], object]


class PageComm:
    """The page's end of a comm, as a `MemoryTransport` has it.

    Parameters
    ----------
    target_name : str
        The target.
    comm_id : str
        The id.
    comms : dict of str to PageComm
        The page's open comms.
    post : callable
        Called with each message to the kernel.
    """

    def __init__(
        self,
        target_name: str,
        comm_id: str,
        comms: dict[str, PageComm],
        post: Callable[[Message], object],
    ) -> None:
        self.target_name = target_name
        self.comm_id = comm_id
        self._comms = comms
        self._post = post
        self._on_msg: Handler | None = None
        self._on_close: Handler | None = None

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
    ) -> None:
        """Send a message to the kernel's end."""
        self.post("comm_msg", data, metadata, buffers)

    def close(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Close the comm."""
        self._comms.pop(self.comm_id, None)
        self.post("comm_close", data, metadata, buffers)

    def post(
        self,
        msg_type: str,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        **keys: Any,
    ) -> None:
        """Send a message of a given type to the kernel's end."""
        flat = flat_buffers(buffers, f"page comm {self.comm_id}")
        content = {
            "comm_id": self.comm_id,
            "data": {} if data is None else data,
            **keys,
        }
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
        self._post(msg)

    def heard(self, msg: Message) -> None:
        """Handle a message of the kernel."""
        if self._on_msg is not None:
            self._on_msg(msg)

    def ended(self, msg: Message) -> None:
        """Handle the kernel's comm_close."""
        if self._on_close is not None:
            self._on_close(msg)
