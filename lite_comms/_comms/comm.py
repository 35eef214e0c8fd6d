"""The kernel's end of a comm, as user code holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from comm.base_comm import BaseComm

from lite_comms._kernel.code import warn
from lite_comms._kernel.surroundings import find_shell
from lite_comms._wire.errors import ClosedError, reason_in, user_message

from .active import Manager, active_manager
from .inbox import MAX_MESSAGES, MAX_NBYTES, Inbox, Waiter

Handler = Callable[[dict[str, Any]], object]
H = TypeVar("H", bound="Handler | None")

_TAKEN = "its on_msg callback takes the messages"


class Comm(BaseComm):
    """One end of a two-way channel between the kernel and the page.

    Creating a comm opens it: the function that the page has registered for the
    target is called there. If lite_comms is not installed yet, it is.

    Parameters
    ----------
    target_name : str
        The target that the page registered.
    data : dict, optional
        Any value that JSON can hold by the rules of a server kernel; the page
        finds it in ``msg.content.data`` of the comm_open.
    metadata : dict, optional
        The message's metadata.
    buffers : list of bytes-like, optional
        Binary data, copied when sent; on the page each one is a DataView. Any
        shape, dtype and stride; the page sees the bytes only.
    comm_id : str, optional
        The id; a unique one is made without it.
    primary : bool
        False for a comm that the page has opened: nothing is sent.
    target_module : str, optional
        An ES module URL (or a requirejs name, on a page that has requirejs)
        whose export `target_name` is the page's target function.
    topic : bytes, optional
        The iopub topic.
    manager : CommManager, optional
        The manager; by default the installed one.
    kernel : object, optional
        What the attribute `kernel` is, in the place of the kernel of this process.
    show_warning
        Taken for the sake of code written for ``ipykernel.comm.Comm``; not used.

    Raises
    ------
    EncodeError
        If `data` or `metadata` cannot be sent; no comm is left behind.
    TypeError
        If `target_name` or `comm_id` is not a str, or an item of `buffers`
        is not bytes-like; no comm is left behind.

    Notes
    -----
    Follows "Custom Messages" of the Jupyter messaging specification.
    """

    # The class has them, too, for a mock that is made by its specification.
    comm_id: str = ""
    target_name: str = "comm"

    def __init__(
        self,
        target_name: str = "comm",
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        comm_id: str | None = None,
        primary: bool = True,
        target_module: str | None = None,
        topic: bytes | None = None,
        _open_data: dict[str, Any] | None = None,
        _close_data: dict[str, Any] | None = None,
        *,
        manager: Manager | None = None,
        show_warning: bool | None = None,
        kernel: Any = None,
        **kwargs: Any,
    ) -> None:
        self._inbox = Inbox()
        # Until a callback is removed; a server would have dropped these messages, too.
        self._keeps_messages = True
        self._has_dropped = False
        self._close_msg: dict[str, Any] | None = None  # that no callback has had
        self._end_reason = ""  # as the page has given it
        self._closed = True  # so that __del__ is silent if a check below raises
        for field, value in (("target_name", target_name), ("comm_id", comm_id)):
            if not isinstance(value, str) and not (field == "comm_id" and value is None):
                raise TypeError(
                    f"{field} of a comm (target {target_name!r}) must be a str, "
                    f"not {type(value).__name__}"
                )
        if topic is None and comm_id is not None:  # the id may be any text
            topic = f"comm-{comm_id}".encode("ascii", "backslashreplace")
        self._shell = find_shell()
        kernel = kernel or getattr(self._shell, "kernel", None)
        if kernel is not None:  # ipywidgets does not send by a comm whose kernel is None
            self.kernel = kernel
        self._manager = manager or active_manager()
        super().__init__(
            target_name=target_name or "comm",
            data=data,
            metadata=metadata,
            buffers=buffers,  # type: ignore[arg-type]  # BaseComm: list of bytes only
            comm_id=comm_id,
            primary=primary,
            target_module=target_module,
            topic=topic,
            _open_data=_open_data,
            _close_data=_close_data,
            **kwargs,
        )

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Comm {self.target_name!r} {self.comm_id} {state}>"

    def __enter__(self) -> Comm:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except Exception as error:
            if exc is None:
                raise
            # The exception of the block is the one that the user has to see.
            reason = f"{type(error).__name__}: {user_message(error)}"
            text = f"lite_comms: closing {self!r} failed, too: {reason}"
            try:
                exc.add_note(text)
            except Exception:  # it takes no attributes
                self._manager.transport.show_error(text)
            self._close_without_data()

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        **keys: Any,
    ) -> None:
        """Send a message of a given type; see `send`."""
        self._manager.publish(self, msg_type, data, metadata, buffers, **keys)

    def open(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Open the page's end. The constructor has done it already.

        Parameters
        ----------
        data, metadata, buffers
            As for `Comm`.

        Raises
        ------
        EncodeError, BufferFormatError, TransportError
            Nothing is sent and the comm is not registered.
        """
        manager = self._manager
        replaced = manager.comms.get(self.comm_id)
        manager.register_comm(self)
        try:
            self.publish_msg(
                "comm_open",
                data=self._open_data if data is None else data,
                metadata=metadata,
                buffers=buffers,
                target_name=self.target_name,
                target_module=self.target_module,
            )
        except BaseException:
            if replaced is not self:
                manager.unregister_comm(self)
            if replaced is not None and replaced is not self:
                manager.register_comm(replaced)
            raise
        self._closed = False
        # What came before the comm was closed is not for whoever opens it again.
        self._inbox.clear()
        self._keeps_messages = True
        self._close_msg = None

    def send(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Send a message to the page's end.

        Parameters
        ----------
        data : dict, optional
            The page finds it in ``msg.content.data``.
        metadata : dict, optional
            ``msg.metadata``.
        buffers : list of bytes-like, optional
            ``msg.buffers``, a DataView each. Copied before the call returns.

        Raises
        ------
        EncodeError
            If a value cannot be sent, naming where it stands. Nothing is sent,
            the comm stays open.
        BufferFormatError
            If an item of `buffers` is not bytes-like. Nothing is sent.
        """
        if self._closed:
            warn(f"send on the closed {self!r}: nobody hears it")
        self.publish_msg("comm_msg", data=data, metadata=metadata, buffers=buffers)

    def close(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        deleting: bool = False,
    ) -> None:
        """Close both ends. Closing twice does nothing.

        A comm whose id another one has taken over closes without a word.

        Parameters
        ----------
        data, metadata, buffers
            As for `send`; the page's ``on_close`` gets them.
        deleting : bool
            True when called by garbage collection; it makes no difference.

        Raises
        ------
        EncodeError, BufferFormatError
            Nothing is sent, the comm stays open.
        """
        if self._closed:
            return
        # The page's end of an id that was taken over is the other comm's.
        if self._manager.comms.get(self.comm_id, self) is self:
            self.publish_msg(
                "comm_close",
                data=self._close_data if data is None else data,
                metadata=metadata,
                buffers=buffers,
            )
        self._end_here()
        self._manager.forget(self)

    def _close_without_data(self) -> None:
        """Close both ends; if the page cannot be told, the kernel's end only."""
        try:
            self.close({})
        except Exception:
            self._end_here()
            # Not by `forget`: if the page sends again, it must learn that the comm is closed.
            if self._manager.comms.get(self.comm_id) is self:
                self._manager.unregister_comm(self)

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
        before, self._msg_callback = self._msg_callback, _checked(callback, "on_msg", self)
        if callback is not None:
            self._inbox.fail(_TAKEN)
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
            Called with the comm_close message. None takes the present one away.
            It may be an ``async def``. If the comm_close has come already, it
            is called soon.

        Returns
        -------
        callable or None
            `callback`, so that this works as a decorator.
        """
        self._close_callback = _checked(callback, "on_close", self)
        self._catch_up()
        return callback

    def receive(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Wait for the next message and return it.

        For a comm without an `on_msg` callback. Messages that came earlier are
        returned first: the last 1,000 are kept, up to 64 MB together, and the
        newest one whatever its size. The first time that older ones are
        dropped, a line on stderr says so.

        Calls that wait at the same time, `areceive` included, get the messages
        in the order in which they began to wait.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most. Without it, wait until a message
            comes; Stop interrupts the wait.

        Returns
        -------
        dict
            The message, as a callback gets it.

        Raises
        ------
        TimeoutError
            If no message has come in time.
        ClosedError
            If the comm is closed and no message is left.
        RuntimeError
            If the comm has an `on_msg` callback, or gets one meanwhile. Also
            where code cannot wait for messages (see ``lite_comms.wait_for``):
            await `areceive` there.
        """
        waiter = self._wait_in_line("receive")
        try:
            transport = self._manager.transport
            transport.wait_for(lambda: self._is_ready(waiter), timeout_s, waiter.what)
            return self._take(waiter)
        finally:
            self._inbox.leave(waiter)

    async def areceive(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Await the next message and return it; see `receive`.

        If it is cancelled, or times out, the message goes to the next call.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most. Without it, wait until a message
            comes.

        Returns
        -------
        dict
            The message, as a callback gets it.

        Raises
        ------
        TimeoutError
            If no message has come in time.
        ClosedError
            If the comm is closed and no message is left.
        RuntimeError
            If the comm has an `on_msg` callback, or gets one meanwhile.
        """
        loop = asyncio.get_running_loop()
        waiter = self._wait_in_line("areceive")
        try:
            async with asyncio.timeout(timeout_s):
                while not self._is_ready(waiter):
                    waiter.news = loop.create_future()
                    await waiter.news
            return self._take(waiter)
        except TimeoutError:
            raise TimeoutError(f"{waiter.what}: nothing in {timeout_s} s") from None
        finally:
            self._inbox.leave(waiter)

    def _wait_in_line(self, field: str) -> Waiter:
        what = f"{field} of {self!r}"
        if self._msg_callback is not None:
            raise RuntimeError(f"{what}: {_TAKEN}")
        self._keeps_messages = True
        return self._inbox.enter(what)

    def _is_ready(self, waiter: Waiter) -> bool:
        if waiter.error is not None or self._closed:
            return True
        return self._inbox.place(waiter) < len(self._inbox)

    def _take(self, waiter: Waiter) -> dict[str, Any]:
        """Return the waiter's message, or raise what has ended its wait."""
        if waiter.error is not None:
            raise waiter.error
        place = self._inbox.place(waiter)
        if place >= len(self._inbox):
            raise ClosedError(f"{self!r} has nothing more to receive", self._end_reason)
        return self._inbox.pop(place)

    def _end(self) -> None:
        """Mark the comm as closed, and end the waits for messages that will not come."""
        self._closed = True
        self._inbox.wake()

    def _end_here(self) -> None:
        """Mark the comm as closed by the kernel, whose callbacks get nothing more."""
        self._end()
        if self._is_behind:
            self._inbox.clear()

    def handle_close(self, msg: dict[str, Any]) -> object:  # type: ignore[override]
        """Handle a comm_close of the page: call the `on_close` callback.

        Returns
        -------
        object
            What the callback has returned; the manager awaits it.
        """
        self._end_reason = reason_in(msg)
        self._end()
        if self._close_callback is None or self._is_behind:
            self._close_msg = msg
            self._catch_up()
            return None
        return self._close_callback(msg)

    def handle_msg(self, msg: dict[str, Any]) -> object:  # type: ignore[override]
        """Handle a comm_msg of the page: call the `on_msg` callback, or keep the message.

        Returns
        -------
        object
            What the callback has returned; the manager awaits it.
        """
        if self._msg_callback is None:
            if self._keeps_messages:
                self._keep(msg)
            return None
        if self._is_behind:
            self._inbox.put(msg)
            self._catch_up()
            return None
        return self._hear(msg)

    def _keep(self, msg: dict[str, Any]) -> None:
        self._inbox.put(msg)
        if self._inbox.trim() and not self._has_dropped:
            self._has_dropped = True
            self._manager.transport.show_error(
                f"lite_comms: comm {self.target_name!r} ({self.comm_id}) has no on_msg callback; "
                f"it keeps {MAX_MESSAGES:,} messages or {MAX_NBYTES // 2**20} MB, and the oldest "
                "ones are now dropped. Set on_msg, or call receive to take them."
            )

    def _hear(self, msg: dict[str, Any]) -> object:
        """Call the callback, between IPython's execute events.

        Not in the middle of a cell: hooks of these events take what is there for finished, such
        as the figures of matplotlib.
        """
        assert self._msg_callback is not None
        events = getattr(self._shell, "events", None)
        if events is None or self._manager.transport.runs_cell:
            return self._msg_callback(msg)
        events.trigger("pre_execute")
        try:
            return self._msg_callback(msg)
        finally:
            # Not at the end of what is to be awaited: that may be in the middle of a cell.
            events.trigger("post_execute")

    @property
    def _is_behind(self) -> bool:
        """Whether its callback has still to get messages that came before it was there."""
        return self._msg_callback is not None and len(self._inbox) > 0

    def _catch_up(self) -> None:
        """Have the callbacks get what came before they were there."""
        if self._is_behind or (self._close_callback is not None and self._close_msg is not None):
            self._manager.transport.soon(self._hear_late)

    def _hear_late(self) -> None:
        while self._is_behind:
            self._manager.call_late(self, "on_msg", self._hear, self._inbox.pop())
        msg, callback = self._close_msg, self._close_callback
        if msg is not None and callback is not None:
            self._close_msg = None
            self._manager.call_late(self, "on_close", callback, msg)


def _checked(callback: Handler | None, field: str, comm: Comm) -> Any:
    if callback is not None and not callable(callback):
        raise TypeError(
            f"{field} of {comm!r} takes a callable or None, not {type(callback).__name__}"
        )
    return callback
