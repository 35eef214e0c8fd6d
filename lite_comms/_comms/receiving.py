"""What a comm receives: its callbacks, and what they get late."""

from __future__ import annotations

from typing import Any, Never

from comm.base_comm import BaseComm

from lite_comms._requests.answering import H, Handler, checked
from lite_comms._requests.marks import read_mark
from lite_comms._requests.requesting import Requesting
from lite_comms._streams.inbox import MAX_MESSAGES, MAX_NBYTES, Inbox
from lite_comms._streams.pulling import TAKEN, Pulling
from lite_comms._streams.streaming import Streaming
from lite_comms._wire.errors import reason_in

from .active import Manager

# JupyterLab closes a comm in this way if its target is not registered on the page.
_UNCLAIMED = (
    ". The page closed it without a reason; probably nothing there has registered {!r}. Is the "
    "JupyterLab extension of its package (for ipywidgets: jupyterlab_widgets) on this site?"
)


class ReceivingComm(Requesting, Pulling, Streaming, BaseComm):
    """The half of `Comm` that receives.

    Parameters
    ----------
    manager : Manager
        The comm's manager.
    shell : object
        IPython's shell, or None.
    **kwargs
        For ``comm.base_comm.BaseComm``.
    """

    def __init__(self, manager: Manager, shell: Any, /, **kwargs: Any) -> None:
        self._manager = manager
        self._shell = shell
        self._inbox = Inbox()
        self._has_dropped = False
        self._forget_received()
        super().__init__(**kwargs)

    def __reduce_ex__(self, protocol: object) -> Never:
        # A copy would share the id, and end the original's requests when it is collected.
        raise TypeError(f"comm {self.target_name!r} ({self.comm_id}) cannot be copied or pickled")

    def _forget_received(self) -> None:
        self._inbox.clear()
        # Until a callback is removed; a server would have dropped these messages, too.
        self._keeps_messages = True
        self._close_msg: dict[str, Any] | None = None  # that no callback has had
        self._end_reason = ""  # as the page has given it
        self._hint = ""  # why the page may have closed it

    def on_msg(self, callback: H) -> H:  # type: ignore[override]  # the return value is ours
        """Register the callback for messages from the page.

        Parameters
        ----------
        callback : callable or None
            Called with each message, a dict; the data is in
            ``msg["content"]["data"]``. It may be an ``async def``: the next
            message does not wait until it has ended, but the page is told only
            then that this one has been handled.

            The first callback also gets the messages that came before it was
            registered (see `receive` for how many are kept). It is called with
            them soon after this call has returned.

            None removes the current callback. From then on messages are
            dropped, as on a server, until another callback is registered or
            `receive` is called. So are those that the callback has not got yet.

        Returns
        -------
        callable or None
            `callback`, so that this works as a decorator.

        Notes
        -----
        Registering a callback ends every `receive` and `areceive` that waits
        for this comm with a RuntimeError.
        """
        before, self._msg_callback = self._msg_callback, checked(callback, "on_msg", self)
        if callback is not None:
            self._inbox.fail(TAKEN)
        elif before is not None:
            self._keeps_messages = False
            self._inbox.clear()
        self._catch_up()
        return callback

    def on_close(self, callback: H) -> H:  # type: ignore[override]
        """Register the function for the page's comm_close.

        Parameters
        ----------
        callback : callable or None
            Called with the comm_close message. None removes the current one.
            It may be an ``async def``. If the comm_close has come already, it
            is called soon.

        Returns
        -------
        callable or None
            `callback`, so that this works as a decorator.
        """
        self._close_callback = checked(callback, "on_close", self)
        self._catch_up()
        return callback

    def handle_close(self, msg: dict[str, Any]) -> object:  # type: ignore[override]
        """Handle a comm_close of the page: call the `on_close` callback.

        Returns
        -------
        object
            What the callback has returned; the manager awaits it.
        """
        self._end_reason = reason_in(msg)
        if self.primary and not self._end_reason and not msg["content"].get("data"):
            self._hint = _UNCLAIMED.format(self.target_name)
        self._end()
        if self._close_callback is None or self._is_behind:
            self._close_msg = msg
            self._catch_up()
            return None
        return self._close_callback(msg)

    def handle_msg(self, msg: dict[str, Any]) -> object:  # type: ignore[override]
        """Handle a comm_msg of the page: call the `on_msg` callback, or keep the message.

        What belongs to a request is for neither.

        Returns
        -------
        object
            What the callback has returned; the manager awaits it.
        """
        if (metadata := msg.get("metadata")) and (mark := read_mark(metadata)) is not None:
            return self._handle_marked(mark, msg)
        if self._msg_callback is None:
            if self._keeps_messages:
                self._keep(msg)
            return None
        if self._is_behind:
            self._inbox.put(msg)
            self._catch_up()
            return None
        return self._hear(msg, self._msg_callback)

    def _keep(self, msg: dict[str, Any]) -> None:
        self._inbox.put(msg)
        if self._inbox.trim() and not self._has_dropped:
            self._has_dropped = True
            self._manager.transport.show_error(
                f"lite_comms: comm {self.target_name!r} ({self.comm_id}) has no on_msg callback; "
                f"it keeps {MAX_MESSAGES:,} messages or {MAX_NBYTES // 2**20} MB, and the oldest "
                "ones are now dropped. Set on_msg, or call receive to take them."
            )

    def _hear(self, msg: dict[str, Any], callback: Handler) -> object:
        """Call a callback, between IPython's execute events.

        Not in the middle of a cell: hooks of these events treat what exists, such as the figures
        of matplotlib, as finished.
        """
        events = getattr(self._shell, "events", None)
        if events is None or self._manager.transport.runs_cell:
            return callback(msg)
        events.trigger("pre_execute")
        try:
            return callback(msg)
        finally:
            # Not when an async callback ends: that may be in the middle of a cell.
            events.trigger("post_execute")

    def _hear_one(self, msg: dict[str, Any]) -> object:
        assert self._msg_callback is not None
        return self._hear(msg, self._msg_callback)

    @property
    def _is_behind(self) -> bool:
        """Whether messages that came before the callback still wait for it."""
        return self._msg_callback is not None and len(self._inbox) > 0

    def _catch_up(self) -> None:
        """Call the callbacks soon with what came before they were registered."""
        if self._is_behind or (self._close_callback is not None and self._close_msg is not None):
            self._manager.transport.soon(self._hear_late)

    def _hear_late(self) -> None:
        while self._is_behind:
            self._manager.call_late(self, "on_msg", self._hear_one, self._inbox.pop())
        msg, callback = self._close_msg, self._close_callback
        if msg is not None and callback is not None:
            self._close_msg = None
            self._manager.call_late(self, "on_close", callback, msg)

    def _end(self) -> None:
        """Mark the comm as closed, and end the waits for messages that will not come."""
        self._closed = True
        self._inbox.wake()
        self._end_requests()
        if self._latest is not None:
            self._latest.clear()

    def _end_here(self) -> None:
        """Mark the comm as closed by the kernel; callbacks get nothing after that."""
        self._end()
        if self._is_behind:
            self._inbox.clear()


def end_replaced(comm: object) -> None:
    """End what a comm had under way when its id was opened once more, by itself or another."""
    if isinstance(comm, ReceivingComm):
        comm._end_requests("its id has been opened again")
        if comm._latest is not None:
            comm._latest.clear()  # it was not for the page's new end
