"""The kernel's end of a comm, as user code holds it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from comm.base_comm import BaseComm

from ._errors import ClosedError, warn
from ._kernel import find_shell

if TYPE_CHECKING:
    from ._manager import CommManager

Handler = Callable[[dict[str, Any]], object]
H = TypeVar("H", bound="Handler | None")

# How many messages wait for `receive`: not all that ever came to a comm that nobody listens to.
_INBOX = 1000


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
        manager: CommManager | None = None,
        show_warning: bool | None = None,
        kernel: Any = None,
        **kwargs: Any,
    ) -> None:
        self._inbox: deque[dict[str, Any]] = deque(maxlen=_INBOX)
        self._close_msg: dict[str, Any] | None = None  # that no callback has had
        self._news: asyncio.Event | None = None  # made by who awaits it
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
        self._manager = manager or _installed_manager()
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
        self.close()

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
        # Of a life before this one.
        self._inbox.clear()
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
        self._end()
        if self._is_behind:  # as a message that comes now is nobody's
            self._inbox.clear()
        self._manager.forget(self)

    def on_msg(self, callback: H) -> H:  # type: ignore[override]  # the return value is ours
        """Register the function for messages from the page.

        Parameters
        ----------
        callback : callable or None
            Called with the message, a dict; the data is in
            ``msg["content"]["data"]``. None takes the present one away. It may
            be an ``async def``: the next message does not wait for its end, but
            the page learns that this one is handled only then.

            What has come while there was none, the last 1,000 messages, it gets
            first: soon, not within this call.

        Returns
        -------
        callable or None
            `callback`, so that this works as a decorator.
        """
        self._msg_callback = _checked(callback, "on_msg", self)
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
        """Wait for the next message that no callback takes.

        Messages that come while the comm has no `on_msg` callback are kept for
        this, the last 1,000 of them.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most; without it, for ever. Stop ends it.

        Returns
        -------
        dict
            The message, as a callback gets it.

        Raises
        ------
        TimeoutError
            If none has come in time.
        ClosedError
            If the comm is closed and there is none left.
        RuntimeError
            If a callback takes the messages; or if messages cannot be waited
            for here (see ``lite_comms.wait_for``): await `areceive` there.
        """
        self._check_receivable("receive")
        what = f"receive of {self!r}"
        self._manager.transport.wait_for(lambda: self._inbox or self._closed, timeout_s, what)
        return self._next()

    async def areceive(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Await the next message that no callback takes; see `receive`.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most; without it, for ever.

        Returns
        -------
        dict
            The message, as a callback gets it.

        Raises
        ------
        TimeoutError, ClosedError, RuntimeError
            As for `receive`.
        """
        self._check_receivable("areceive")
        news = self._news = self._news or asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                while not self._inbox and not self._closed:
                    news.clear()
                    await news.wait()
        except TimeoutError:
            raise TimeoutError(f"areceive of {self!r}: nothing in {timeout_s} s") from None
        return self._next()

    def _check_receivable(self, field: str) -> None:
        if self._msg_callback is not None:
            raise RuntimeError(f"{field} of {self!r}: its on_msg callback takes the messages")

    def _next(self) -> dict[str, Any]:
        if not self._inbox:
            raise ClosedError(f"{self!r} has nothing more to receive")
        return self._inbox.popleft()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()

    def _end(self) -> None:
        """Be closed; who waits for a message hears of it."""
        self._closed = True
        self._tell()

    def handle_close(self, msg: dict[str, Any]) -> object:  # type: ignore[override]
        """Be closed by the page, and call the function for it.

        Returns
        -------
        object
            What the function has returned; the manager awaits it.
        """
        self._end()
        if self._close_callback is None or self._is_behind:
            self._close_msg = msg
            self._catch_up()
            return None
        return self._close_callback(msg)

    def handle_msg(self, msg: dict[str, Any]) -> object:  # type: ignore[override]
        """Call the function for messages, between IPython's execute events.

        In the middle of a cell there are none: their hooks take what is there for finished, such
        as the figures of matplotlib.

        Returns
        -------
        object
            What the function has returned, if it can be awaited; the manager does.
        """
        if self._msg_callback is None or self._is_behind:
            self._inbox.append(msg)
            self._tell()
            self._catch_up()
            return None
        return self._hear(msg)

    def _hear(self, msg: dict[str, Any]) -> object:
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
            self._manager.call_late(self, "on_msg", self._hear, self._inbox.popleft())
        msg, callback = self._close_msg, self._close_callback
        if msg is not None and callback is not None:
            self._close_msg = None
            self._manager.call_late(self, "on_close", callback, msg)


def _installed_manager() -> CommManager:
    from ._install import installed_manager

    return installed_manager()


def _checked(callback: Handler | None, field: str, comm: Comm) -> Any:
    if callback is not None and not callable(callback):
        raise TypeError(
            f"{field} of {comm!r} takes a callable or None, not {type(callback).__name__}"
        )
    return callback
