"""The kernel's end of a comm, as user code holds it: open, send, close."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any

from lite_comms._kernel.code import warn
from lite_comms._kernel.surroundings import find_shell
from lite_comms._streams.latest import Latest
from lite_comms._wire.codec import NULL
from lite_comms._wire.errors import user_message

from .active import Manager, active_manager
from .receiving import ReceivingComm, end_replaced


class Comm(ReceivingComm):
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
        The attribute `kernel`; by default the kernel of this process.
    show_warning
        Accepted for code written for ``ipykernel.comm.Comm``; not used.

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
        self._closed = True  # so that __del__ does nothing if a check below raises
        for field, value in (("target_name", target_name), ("comm_id", comm_id)):
            if not isinstance(value, str) and not (field == "comm_id" and value is None):
                raise TypeError(
                    f"{field} of a comm (target {target_name!r}) must be a str, "
                    f"not {type(value).__name__}"
                )
        if topic is None and comm_id is not None:  # the id may be any text
            topic = f"comm-{comm_id}".encode("ascii", "backslashreplace")
        shell = find_shell()
        kernel = kernel or getattr(shell, "kernel", None)
        if kernel is not None:  # ipywidgets does not send by a comm whose kernel is None
            self.kernel = kernel
        super().__init__(
            manager or active_manager(),
            shell,
            target_name=target_name or "comm",
            data=data,
            metadata=metadata,
            buffers=buffers,
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
        if self._latest is not None:
            self._latest.flush()
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
        end_replaced(replaced)
        self._closed = False
        # What came before the comm was closed is not for code that opens it again.
        self._forget_received()

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
            warn(f"send on the closed {self!r}: the page drops the message{self._hint}")
        self.publish_msg("comm_msg", data=data, metadata=metadata, buffers=buffers)

    def close(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        deleting: bool = False,
    ) -> None:
        """Close both ends. Closing twice does nothing.

        If another comm has taken over its id, the page is not told.

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
        # If the id was taken over, the page's end belongs to the other comm.
        if self._manager.comms.get(self.comm_id, self) is self:
            self.publish_msg(
                "comm_close",
                data=self._close_data if data is None else data,
                metadata=metadata,
                buffers=buffers,
            )
        self._end_here()
        self._manager.forget(self)

    # What the base classes need

    def _post(self, data: Any, metadata: dict[str, Any], buffers: Iterable[Any] | None) -> None:
        self.publish_msg("comm_msg", NULL if data is None else data, metadata, buffers)

    @property
    def _cannot_ask(self) -> str:
        # Answers reach the comm that has the id.
        if not self._closed and self._manager.comms.get(self.comm_id) is not self:
            return "the comm is no longer registered under its id"
        return super()._cannot_ask

    def _wait_for(self, predicate: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        self._manager.transport.wait_for(predicate, timeout_s, what)

    @property
    def _cannot_wait(self) -> str:
        return self._manager.transport.cannot_turn

    def _make_probe(self, target_name: str) -> Comm:
        return Comm(target_name, manager=self._manager)

    def _make_latest(self) -> Latest:
        publish = partial(self._manager.publish, self, "comm_msg")
        return Latest(publish, lambda: self._manager.transport, repr(self))

    def _close_without_data(self) -> None:
        """Close both ends; if the page cannot be told, the kernel's end only."""
        try:
            self.close({})
        except Exception:
            self._end_here()
            # Not by `forget`: if the page sends again, it must learn that the comm is closed.
            if self._manager.comms.get(self.comm_id) is self:
                self._manager.unregister_comm(self)
