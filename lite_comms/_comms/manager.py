"""Targets and routing: which comm gets a message. No I/O of its own.

The life of a comm in the kernel:

========  ========================  =======================================
state     entered by                why
========  ========================  =======================================
opening   ``Comm(...)``             registered before comm_open leaves, so
                                    that an answer finds the comm
open      comm_open has left, or    messages are handled
          came from the page
closed    ``close()``, a comm_close the id is free; a message for it is
          from the page, a target   answered with comm_close, unless the
          that failed               close that we sent says it already
========  ========================  =======================================
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import comm.base_comm
from comm.base_comm import BaseComm

from lite_comms._kernel.code import warn
from lite_comms._requests.answering import Handler
from lite_comms._requests.marks import read_mark
from lite_comms._transports.base import Transport
from lite_comms._wire.errors import EncodeError, reason_in, user_message
from lite_comms._wire.message import CommMessage, flat_buffers, origin_in

from .callbacks import call
from .comm import Comm
from .control import Exposed
from .receiving import end_replaced

logger = logging.getLogger("lite_comms")

Target = Callable[[Comm, dict[str, Any]], object]

# A message that crosses with our own comm_close gets no answer. Only the last few
# ids can have any under way.
_RECENTLY_CLOSED = 1000

# ipywidgets' page opens these in every kernel to find out whether it has widgets;
# if not, the user need not know.
_PROBES = frozenset({"jupyter.widget.control"})


class CommManager(comm.base_comm.CommManager):
    """The kernel's comms and targets.

    Parameters
    ----------
    transport : Transport
        Carries messages to the page.
    comms : dict, optional
        Open comms by id; shared, not copied.
    targets : dict, optional
        Target functions by name; shared, not copied.
    """

    def __init__(
        self,
        transport: Transport | None = None,
        comms: dict[str, BaseComm] | None = None,
        targets: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if comms is not None:
            self.comms = comms
        if targets is not None:
            self.targets = targets
        self.exposed = Exposed(self, self.targets)
        self._closed_ids: dict[str, None] = {}  # an ordered set
        self._tasks: set[asyncio.Task[None]] = set()  # the loop holds them weakly
        self.transport = Transport()
        if transport is not None:
            self.use(transport)

    def use(self, transport: Transport) -> None:
        """Send by another transport from now on; the comms stay open.

        Parameters
        ----------
        transport : Transport
            The transport. If it cannot be used, the present one stays.
        """
        transport.connect(self)
        for known in self.comms.values():
            transport.attach(known)
        before, self.transport = self.transport, transport
        if before is not transport:
            for known in self.comms.values():
                before.detach(known)
            before.disconnect()

    # Targets

    def register_target(self, target_name: str, f: Target | str, *, exposed: bool = False) -> None:
        """Register the function for comms that the page opens.

        Parameters
        ----------
        target_name : str
            The name that the page opens. A later registration replaces an
            earlier one.
        f : callable or str
            Called with the kernel's comm and the comm_open message; or the
            import string of such a callable, ``package.module.name``. What it
            returns is awaited, if it is awaitable.
        exposed : bool
            Whether a host page may open it, too; see ``lite_comms.expose``.

        Raises
        ------
        TypeError
            If `f` is not callable.
        ImportError
            If the import string cannot be resolved.
        """
        if not isinstance(target_name, str):
            raise TypeError(
                f"target_name of a comm target must be a str, not {type(target_name).__name__}"
            )
        if not isinstance(f, str) and not callable(f):
            raise TypeError(
                f"the function of comm target {target_name!r} must be a callable or an import "
                f"string, not {type(f).__name__}"
            )
        super().register_target(target_name, f)  # type: ignore[arg-type]
        if exposed:
            self.exposed.add(target_name)
        # A page that was opened after the first time has not heard it.
        self.exposed.tell(again=exposed)
        self.transport.target_registered(target_name)

    def unregister_target(self, target_name: str, f: Any = None) -> Any:
        """Remove a target.

        Parameters
        ----------
        target_name : str
            The target.
        f : object, optional
            Not used; ipykernel asks for it.

        Returns
        -------
        callable
            The function that was registered.

        Raises
        ------
        KeyError
            If there is no such target.
        """
        removed = super().unregister_target(target_name, f)
        self.exposed.tell()
        return removed

    # Comms

    def register_comm(self, comm: BaseComm) -> str:
        """Register a comm under its id.

        Returns
        -------
        str
            The comm id. A comm that had it until now gets no more messages, and a
            warning says so.
        """
        known = self.comms.get(comm.comm_id)
        if known is not None and known is not comm:
            warn(
                f"comm_id {comm.comm_id!r} is in use: {comm.target_name!r} takes it over from "
                f"{known.target_name!r}, which receives no more messages",
            )
        self.transport.attach(comm)
        self._closed_ids.pop(comm.comm_id, None)
        return super().register_comm(comm)

    def unregister_comm(self, comm: BaseComm) -> None:
        """Remove a comm. Its page's end is not told; `Comm.close` does that.

        Raises
        ------
        KeyError
            If the comm is not registered.
        """
        super().unregister_comm(comm)
        self.transport.detach(comm)

    def forget(self, comm: BaseComm) -> None:
        """Remove a comm that has closed, unless another comm has its id by now."""
        self._closed_ids[comm.comm_id] = None
        if len(self._closed_ids) > _RECENTLY_CLOSED:
            del self._closed_ids[next(iter(self._closed_ids))]
        if self.comms.get(comm.comm_id) is comm:
            self.unregister_comm(comm)

    def get_comm(self, comm_id: str) -> BaseComm | None:
        """Return the comm with this id, or None."""
        return self.comms.get(comm_id)

    def comm_info(self, target_name: str | None = None) -> dict[str, dict[str, str]]:
        """List the open comms, as comm_info_reply does.

        Parameters
        ----------
        target_name : str, optional
            Only the comms of this target.

        Returns
        -------
        dict
            ``{comm_id: {"target_name": ...}}``.
        """
        # Without a filter, JupyterLite passes what its JavaScript has: undefined.
        wanted = target_name if isinstance(target_name, str) and target_name else None
        return {
            comm_id: {"target_name": known.target_name}
            for comm_id, known in self.comms.items()
            if wanted is None or known.target_name == wanted
        }

    # To the page

    def publish(
        self,
        comm: BaseComm,
        msg_type: str,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        **keys: Any,
    ) -> None:
        """Send a message for a comm of any class; see `Comm.send`."""
        if metadata is None:
            metadata = {}
        elif not isinstance(metadata, dict):
            raise TypeError(
                f"{_name(comm)}: metadata must be a dict, not {type(metadata).__name__}"
            )
        message = CommMessage(
            msg_type,  # type: ignore[arg-type]  # `cast` is a call, at each send
            {"data": {} if data is None else data, "comm_id": comm.comm_id, **keys},
            metadata,
            () if buffers is None else flat_buffers(buffers, _name(comm)),
            comm.topic,
        )
        try:
            self.transport.send(message)
        except EncodeError as error:
            raise error.of(_name(comm)) from None

    # From the page: the handlers that the kernel calls

    def comm_open(self, stream: Any, ident: Any, msg: dict[str, Any]) -> None:
        """Handle a comm_open of the page.

        Parameters
        ----------
        stream, ident : object
            Not used; the kernel's handlers have this signature.
        msg : dict
            The message.
        """
        self._handle(self._open, self.transport.incoming(msg))

    def comm_msg(self, stream: Any, ident: Any, msg: dict[str, Any]) -> None:
        """Handle a comm_msg of the page; parameters as for `comm_open`."""
        self._handle(self._message, self.transport.incoming(msg))

    def comm_close(self, stream: Any, ident: Any, msg: dict[str, Any]) -> None:
        """Handle a comm_close of the page; parameters as for `comm_open`."""
        self._handle(self._close, self.transport.incoming(msg))

    def receive(self, msg: dict[str, Any]) -> asyncio.Task[None] | None:
        """Handle a message of the page that is converted already.

        Parameters
        ----------
        msg : dict
            The message, with the types that a server kernel delivers.

        Returns
        -------
        asyncio.Task or None
            The task of an async callback that has not ended.

        Raises
        ------
        ValueError
            If its type is none of the three.
        """
        msg_type = msg["header"]["msg_type"]
        if msg_type == "comm_msg":
            return self._handle(self._message, msg)
        if msg_type == "comm_open":
            return self._handle(self._open, msg)
        if msg_type == "comm_close":
            return self._handle(self._close, msg)
        raise ValueError(f"{msg_type!r} is not the type of a comm message")

    def _handle(
        self, handler: Callable[[dict[str, Any]], object], msg: dict[str, Any]
    ) -> asyncio.Task[None] | None:
        task: asyncio.Task[None] | None = self.transport.under(msg, handler, msg)
        return task

    def _open(self, msg: dict[str, Any]) -> asyncio.Task[None] | None:
        content = msg["content"]
        target_name = content.get("target_name")
        origin = origin_in(msg)
        if origin is not None and target_name not in self.exposed:
            denied = self.exposed.denial(origin, target_name)
            self.transport.show_error(f"lite_comms: a comm is refused: {denied}")
            self._refuse(content.get("comm_id"), denied)
            return None
        try:
            opened = Comm(target_name, comm_id=content["comm_id"], primary=False, manager=self)
            replaced = self.comms.get(opened.comm_id)
            self.register_comm(opened)
            end_replaced(replaced)
        except Exception as error:  # an invalid name or id, or a warning that is an error
            self._show("a comm cannot be opened for the page", error)
            self._refuse(content.get("comm_id"), error)
            return None
        target = self.targets.get(target_name)
        if target is None:
            names = ", ".join(map(repr, self.targets)) or "none"
            unknown = LookupError(
                f"no comm target {target_name!r} is registered in the kernel (registered: {names})"
            )
            if target_name not in _PROBES:
                self.transport.show_error(f"lite_comms: {_name(opened)} is closed: {unknown}")
            opened.close(metadata=_reason(unknown))
            return None

        def fail(error: BaseException) -> None:
            try:
                self._show(f"the target function of {_name(opened)} raised; it is closed", error)
            finally:
                opened.close(metadata=_reason(error))

        return call(lambda: target(opened, msg), fail, self._tasks)

    def _message(self, msg: dict[str, Any]) -> asyncio.Task[None] | None:
        comm_id = msg["content"].get("comm_id")
        known = self._find(comm_id)
        if known is None:
            if str(comm_id) not in self._closed_ids:
                self._refuse(comm_id, LookupError(f"the kernel has no comm {comm_id}"))
            return None
        return self._call_for(known, "on_msg", known.handle_msg, msg)

    def _close(self, msg: dict[str, Any]) -> asyncio.Task[None] | None:
        comm_id = msg["content"].get("comm_id")
        known = self._find(comm_id)
        if known is None:
            logger.debug("comm_close for the unknown comm %s", comm_id)
            return None
        known._closed = True
        self.unregister_comm(known)
        if reason := reason_in(msg):
            self.transport.show_error(
                f"lite_comms: {_name(known)} is closed by the other end: {reason}"
            )
        return self._call_for(known, "on_close", known.handle_close, msg)

    def call_late(
        self,
        known: BaseComm,
        field: str,
        callback: Handler,
        msg: dict[str, Any],
    ) -> None:
        """Call a comm's callback for a message that came before the callback was there."""
        with suppress(KeyboardInterrupt, SystemExit):  # of the callback; they have been shown
            self._handle(lambda msg: self._call_for(known, field, callback, msg), msg)

    def _call_for(
        self,
        known: BaseComm,
        field: str,
        callback: Handler,
        msg: dict[str, Any],
    ) -> asyncio.Task[None] | None:
        def fail(error: BaseException) -> None:
            name = field if read_mark(msg.get("metadata")) is None else "on_request"
            self._show(f"the {name} callback of {_name(known)} raised", error)

        return call(lambda: callback(msg), fail, self._tasks)

    def _find(self, comm_id: Any) -> BaseComm | None:
        return self.comms.get(comm_id) if isinstance(comm_id, str) else None

    def _refuse(self, comm_id: Any, error: Exception) -> None:
        """Close a comm of the page that the kernel does not have."""
        logger.debug("comm %s is answered with comm_close: %s", comm_id, error)
        stranger = Comm(primary=False, manager=self)
        stranger._closed = True
        if comm_id is not None:
            stranger.comm_id = comm_id  # whatever it is, the page knows it
            self.publish(stranger, "comm_close", metadata=_reason(error))

    def _show(self, what: str, error: BaseException) -> None:
        self.transport.show_error(f"lite_comms: {what}", error)


def _name(known: BaseComm) -> str:
    return f"comm {known.target_name!r} ({known.comm_id})"


def _reason(error: BaseException) -> dict[str, Any]:
    return {"lite_comms": {"ename": type(error).__name__, "evalue": user_message(error)}}
