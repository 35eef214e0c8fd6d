"""The comms and the targets of a kernel, and what a comm sends. No I/O of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import comm.base_comm
from comm.base_comm import BaseComm

from lite_comms._kernel.code import warn
from lite_comms._requests.answering import Handler
from lite_comms._transports.base import Transport
from lite_comms._wire.errors import EncodeError
from lite_comms._wire.message import CommMessage, flat_buffers

from .control import Exposed, check_exposable

if TYPE_CHECKING:
    from .comm import Comm

Target = Callable[["Comm", dict[str, Any]], object]

# A message that crosses with our own comm_close gets no answer. Only the last few
# ids can have any under way.
_RECENTLY_CLOSED = 1000


class Registry(comm.base_comm.CommManager):
    """The half of `CommManager` that keeps and sends; parameters as there."""

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
        self.own_targets: dict[str, Target] = {}  # of lite_comms, for its page's half
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
        ValueError
            If it is to be exposed, and there is a lone surrogate in its name.
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
        if exposed:
            check_exposable(target_name)
        super().register_target(target_name, f)  # type: ignore[arg-type]
        if exposed:
            self.exposed.add(target_name)
        else:
            self.exposed.discard(target_name)
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
        self.exposed.discard(target_name)
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
                f"{name_of(comm)}: metadata must be a dict, not {type(metadata).__name__}"
            )
        message = CommMessage(
            msg_type,  # type: ignore[arg-type]  # `cast` is a call, at each send
            {"data": {} if data is None else data, "comm_id": comm.comm_id, **keys},
            metadata,
            () if buffers is None else flat_buffers(buffers, name_of(comm)),
            comm.topic,
        )
        try:
            self.transport.send(message)
        except EncodeError as error:
            raise error.of(name_of(comm)) from None

    def call_late(
        self, known: BaseComm, field: str, callback: Handler, msg: dict[str, Any]
    ) -> None:
        """Call a comm's callback for a message that came before the callback was there."""
        raise NotImplementedError


def name_of(known: BaseComm) -> str:
    """Return what messages to the user call a comm."""
    return f"comm {known.target_name!r} ({known.comm_id})"
