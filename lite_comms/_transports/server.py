"""The transport on a server kernel: ipykernel's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lite_comms._wire.codec import encode
from lite_comms._wire.errors import EncodeError, TransportError

from .base import Transport

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from lite_comms._wire.message import CommMessage


class ServerTransport(Transport):
    """Sends through ipykernel, on Jupyter Server or JupyterHub.

    Each comm has a twin of ipykernel's own class, which knows how to publish
    there (session, iopub socket, parent header, subshells). The twin is never
    registered and never speaks by itself.
    """

    name: str = "server"
    cannot_turn = "on a server kernel messages wait for the end of the cell"
    why = "a server kernel: messages take ipykernel's own path"

    def __init__(self) -> None:
        from ipykernel.comm.comm import BaseComm as Twin

        self._new_twin: Any = Twin
        self._twins: dict[str, Any] = {}
        # lite_comms replaces this method on the class; the twins need the original.
        self._publish: Any = Twin.publish_msg

    def attach(self, comm: BaseComm) -> None:
        twin = self._new_twin(
            comm_id=comm.comm_id,
            target_name=comm.target_name,
            topic=comm.topic,
            primary=False,
        )
        twin._closed = True  # its garbage collection must not close the comm
        self._twins[comm.comm_id] = twin
        route = getattr(twin, "_reply_subshell_for", None)
        if route is not None:  # ipykernel asks the registered comm for it
            comm._reply_subshell_for = route  # type: ignore[attr-defined]

    def detach(self, comm: BaseComm) -> None:
        self._twins.pop(comm.comm_id, None)

    def send(self, message: CommMessage) -> None:
        keys = dict(message.content)
        comm_id = keys.pop("comm_id")
        twin = self._twins.get(comm_id)
        if twin is None:  # closed, or never opened; ipykernel publishes then too
            twin = self._new_twin(comm_id=comm_id, topic=message.topic, primary=False)
            twin._closed = True
        try:
            self._publish(
                twin,
                message.msg_type,
                metadata=message.metadata,
                # Sent by a thread, later; until then the memory may change.
                buffers=[bytes(view) for view in message.buffers],
                **keys,
            )
        except EncodeError:
            raise
        except (TypeError, ValueError, RecursionError) as error:
            encode(message.content)
            encode(message.metadata, "metadata")
            raise TransportError(f"ipykernel refused the message: {error}") from error
