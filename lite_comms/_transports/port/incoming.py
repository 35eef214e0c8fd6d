"""Handles what the page posts: comm messages, one by one or in bursts, and hands on other frames.

``port.js`` calls `Incoming.receive` and `Incoming.receive_all`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lite_comms._kernel.running import Running
from lite_comms._live.tasks import when_done
from lite_comms._transports.base import Receiver
from lite_comms._transports.stock import flat, with_date
from lite_comms._transports.waiting import Waiting
from lite_comms._wire.frames import (
    NO_MESSAGE,
    Attach,
    Failed,
    FrameError,
    FromPage,
    ToKernel,
    ToPage,
    from_wire,
)

# How long the event loop waits for a burst of messages, and a callback that has begun.
_BURST_S = 0.004

# Made once: what json.loads does in between takes as long as a small message.
_read = json.JSONDecoder().decode


class Owner(Protocol):
    """The transport that messages come in for."""

    def post_frame(self, frame: ToPage) -> None:
        """Post a frame to the page."""

    def take(self, frame: ToKernel) -> None:
        """Handle a frame that is no comm message."""

    def under(self, msg: dict[str, Any], f: Callable[..., Any], *args: Any) -> Any:
        """Call a function because of a message."""

    def show_error(self, text: str, error: BaseException | None = None) -> None:
        """Show an error to the user."""


class Incoming:
    """Hands comm messages of the page to a manager, in their order.

    Parameters
    ----------
    running : Running
        What runs.
    owner : Owner
        The transport.

    Attributes
    ----------
    manager : Receiver
        What messages are handed to; set before the port is made.
    port : JsProxy
        The worker's end of the port, ``port.js``; set before anything comes.
    waiting : Waiting
        The messages of comms whose target may still be registered.
    handled : tuple
        The message that is handled, its id, and its header as it came.
    holds : int
        While it is not 0, no message is handled.
    """

    manager: Receiver
    port: Any

    def __init__(self, running: Running, owner: Owner) -> None:
        self._running = running
        self._owner = owner
        self._attached: Attach | None = None  # to the message that comes next
        self.waiting = Waiting(self._handle_late)
        self.handled: tuple[dict[str, Any] | None, int, Any] = (None, NO_MESSAGE, None)
        self.holds = 0

    def receive(self, *wire: Any) -> bool | None:
        """Handle a frame; JavaScript calls this, so it must not raise.

        Returns
        -------
        bool or None
            Whether it was a message, which has been handled. None if it is refused.
        """
        try:
            frame = from_wire(wire)
            if type(frame) is FromPage:
                return self._accept(frame.id, _read(frame.message), frame.may_wait, frame.buffers)
            if type(frame) is Attach:
                self._attached = frame
            else:
                self._owner.take(frame)
        except BaseException as error:
            message = wire[1] if wire and wire[0] == "comm" and len(wire) > 1 else NO_MESSAGE
            self._refuse(message if type(message) is int else NO_MESSAGE, error)
            return None
        return False

    def receive_all(self, text: str, count: int) -> int:
        """Handle a burst of messages; JavaScript calls this, so it must not raise.

        Parameters
        ----------
        text : str
            JSON: for each message its id, whether it may wait, and the message.
        count : int
            How many there should be.

        Returns
        -------
        int
            How many have been handled, or left for later. 0 if one cannot be read. Negative if
            the last of them is neither, and the page could not be told.
        """
        end = time.monotonic() + _BURST_S
        try:
            messages = _read(text)
        except (ValueError, RecursionError, MemoryError):
            return 0
        if len(messages) != count:
            return 0
        done = 0
        try:
            for message in messages:
                done += 1
                message_id, may_wait, msg = message
                try:
                    is_handled = self._accept(message_id, msg, may_wait)
                except BaseException as error:
                    self._refuse(message_id, error)
                    is_handled = False
                if not is_handled:
                    self.port.leave(message_id)
                if self.holds or time.monotonic() > end:
                    break
        except BaseException:  # out of memory, or of stack
            return -done
        return done

    def _refuse(self, message_id: int, error: BaseException) -> None:
        """Tell the page that a frame is not valid, or is too large or nested too deeply."""
        if isinstance(error, FrameError):
            reason = str(error)
        elif isinstance(error, ValueError):
            reason = f"a comm message cannot be read: {error!r}"
        else:
            reason = repr(error)
        self._owner.post_frame(Failed(reason, message_id))

    def _accept(
        self, message_id: int, msg: Any, may_wait: bool, buffers: Sequence[Any] = ()
    ) -> bool:
        """Handle a message, unless it has to wait; return whether it has been handled."""
        try:
            header = msg["header"]
            msg["parent_header"] = {}
            msg["buffers"] = [flat(buffer) for buffer in buffers]
            msg["msg_id"], msg["msg_type"] = header["msg_id"], header["msg_type"]
            if type(msg.setdefault("metadata", {})) is not dict:
                raise TypeError("its metadata is no object")  # noqa: TRY301 (no call on this way)
            comm_id = str(msg["content"].get("comm_id"))
            if self._attached is not None:
                self._take_attachments(message_id, msg)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FrameError(f"a comm message cannot be read: {error!r}") from None
        if (self.waiting.by_comm and comm_id in self.waiting.by_comm) or (
            may_wait and self._wants_target(msg)
        ):
            self.waiting.add(comm_id, message_id, msg)
            return False
        return self._handle(message_id, msg)

    def _take_attachments(self, message_id: int, msg: dict[str, Any]) -> None:
        assert self._attached is not None
        of, attachments = self._attached
        self._attached = None
        if of == message_id:
            msg["attachments"] = [*attachments]

    def _wants_target(self, msg: dict[str, Any]) -> bool:
        """Return whether it is a comm_open whose target is not registered."""
        if msg["msg_type"] != "comm_open":
            return False
        name = str(msg["content"].get("target_name"))
        return name not in self.manager.targets and name not in self.manager.own_targets

    def _handle_late(self, message_id: int, msg: dict[str, Any]) -> None:
        if self._handle(message_id, msg):
            self.port.ack(message_id)

    def _handle(self, message_id: int, msg: dict[str, Any]) -> bool:
        """Handle a message; return whether it has been handled.

        A message with an async callback is acknowledged when the callback has ended.
        """
        header = with_date(msg["header"])
        manager = self.manager
        self.handled = msg, message_id, header.copy()

        def fail(error: BaseException) -> None:
            # Not an error of the user's callback, which the manager shows.
            what = f"{msg['msg_type']} of comm {msg['content'].get('comm_id')}"
            self._owner.under(
                msg, self._owner.show_error, f"lite_comms: {what} could not be handled", error
            )

        try:
            task = self._running.call_back(lambda: manager.receive(msg), fail)
        finally:
            self.handled = None, NO_MESSAGE, None
        if task is None:
            return True
        when_done(task, lambda _: self.port.ack(message_id))
        return False
