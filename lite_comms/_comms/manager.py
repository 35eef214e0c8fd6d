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
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from comm.base_comm import BaseComm

from lite_comms._requests.answering import Handler
from lite_comms._requests.marks import read_mark
from lite_comms._wire.errors import EncodeError, reason_in, user_message
from lite_comms._wire.message import checked_id, origin_in

from .callbacks import call
from .comm import Comm
from .receiving import end_replaced
from .registry import Registry, name_of

logger = logging.getLogger("lite_comms")

# ipywidgets' page opens these in every kernel to find out whether it has widgets;
# if not, the user need not know.
_PROBES = frozenset({"jupyter.widget.control"})


class CommManager(Registry):
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

    # The handlers that the kernel calls

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
            comm_id = checked_id(content["comm_id"])
            opened = Comm(target_name, comm_id=comm_id, primary=False, manager=self)
            replaced = self.comms.get(opened.comm_id)
            self.register_comm(opened)
            end_replaced(replaced)
        except Exception as error:  # an invalid name or id, or a warning that is an error
            self._show("a comm cannot be opened for the page", error)
            self._refuse(content.get("comm_id"), error)
            return None
        target = self.targets.get(target_name) or self.own_targets.get(target_name)
        if target is None:
            names = ", ".join(map(repr, self.targets)) or "none"
            unknown = LookupError(
                f"no comm target {target_name!r} is registered in the kernel (registered: {names})"
            )
            if target_name not in _PROBES:
                self.transport.show_error(f"lite_comms: {name_of(opened)} is closed: {unknown}")
            opened.close(metadata=_reason(unknown))
            return None

        def fail(error: BaseException) -> None:
            try:
                self._show(f"the target function of {name_of(opened)} raised; it is closed", error)
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
                f"lite_comms: {name_of(known)} is closed by the other end: {reason}"
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
            self.transport.under(msg, self._call_for, known, field, callback, msg)

    def _call_for(
        self,
        known: BaseComm,
        field: str,
        callback: Handler,
        msg: dict[str, Any],
    ) -> asyncio.Task[None] | None:
        def fail(error: BaseException) -> None:
            name = field if read_mark(msg.get("metadata")) is None else "on_request"
            self._show(f"the {name} callback of {name_of(known)} raised", error)

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
            with suppress(EncodeError):  # of an id that no text of the web can hold
                self.publish(stranger, "comm_close", metadata=_reason(error))

    def _show(self, what: str, error: BaseException) -> None:
        self.transport.show_error(f"lite_comms: {what}", error)


def _reason(error: BaseException) -> dict[str, Any]:
    return {"lite_comms": {"ename": type(error).__name__, "evalue": user_message(error)}}
