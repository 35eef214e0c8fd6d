"""The session of an ipykernel, by which code sends messages to the page itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lite_comms._wire.errors import TransportError
from lite_comms._wire.header import header_of
from lite_comms._wire.message import flat_buffers


class Output(NamedTuple):
    """A message to the page that is no comm's.

    Parameters
    ----------
    msg_type : str
        Its type.
    content : dict
        Its content.
    metadata : dict
        Its metadata.
    header : dict or None
        That of its parent; None for the parent of what runs.
    buffers : sequence
        Binary data.
    """

    msg_type: str
    content: dict[str, Any]
    metadata: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    header: dict[str, Any] | None = None
    buffers: Sequence[Any] = ()


class _IOPub:
    """Stands where an ipykernel has its socket for the page."""

    def schedule(self, f: Callable[[], object]) -> None:
        """Call a function, as the thread of that socket would."""
        f()


IOPUB = _IOPub()


class Session:
    """Sends messages to the page by hand, as ``jupyter_client.session.Session`` does.

    Parameters
    ----------
    publish : callable
        Sends an `Output`; returns whether it could.

    Attributes
    ----------
    session : str
        An id.
    username : str
        Empty.
    """

    def __init__(self, publish: Callable[[Output], bool]) -> None:
        self._publish = publish
        self.session = uuid.uuid4().hex
        self.username = ""

    @property
    def msg_id(self) -> str:
        """A new id for a message."""
        return uuid.uuid4().hex

    def msg_header(self, msg_type: str) -> dict[str, Any]:
        """Make the header of a message."""
        return {
            "msg_id": self.msg_id,
            "msg_type": msg_type,
            "username": self.username,
            "session": self.session,
            "date": datetime.now(UTC),
            "version": "5.3",
        }

    def msg(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Make a message.

        Parameters
        ----------
        msg_type : str
            Its type.
        content, metadata : dict, optional
            What is in it.
        parent : dict, optional
            The message that has caused it, or the header of that.
        header : dict, optional
            Its own header.
        """
        header = self.msg_header(msg_type) if header is None else header
        return {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": header_of(parent) if parent else {},
            "content": {} if content is None else content,
            "metadata": {} if metadata is None else metadata,
        }

    def send(
        self,
        stream: object,
        msg_or_type: dict[str, Any] | str,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        ident: object = None,
        buffers: Sequence[Any] | None = None,
        track: bool = False,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a message to the page.

        Parameters
        ----------
        stream : object
            ``kernel.iopub_socket``, or what else leads to it.
        msg_or_type : dict or str
            A message that `msg` has made; then the other parameters but `buffers` are not used. Or
            a type.
        content, parent, header, metadata : dict, optional
            As of `msg`. Without a parent, the message has that of what runs.
        ident, track : object
            Not used; ``jupyter_client``'s method has this signature.
        buffers : sequence, optional
            Binary data.

        Returns
        -------
        dict
            The message.

        Raises
        ------
        TypeError
            If `stream` is something else, or the parent cannot be sent.
        EncodeError
            If a value cannot be sent.
        TransportError
            If the present transport does not carry such messages. Nothing has been sent.
        """
        if stream is not IOPUB:
            raise TypeError(
                "stream must be kernel.iopub_socket: there is no other one in JupyterLite"
            )
        if isinstance(msg_or_type, str):
            msg = self.msg(msg_or_type, content, parent, header, metadata)
        else:
            msg = msg_or_type
        msg_type = msg["header"]["msg_type"]
        binary = msg.get("buffers") if buffers is None else buffers
        output = Output(
            msg_type,
            msg["content"],
            msg.get("metadata") or {},
            msg.get("parent_header") or None,
            flat_buffers(binary, f"{msg_type} by session.send"),
        )
        if not self._publish(output):
            raise TransportError(
                f"a message of type {msg_type!r} cannot be sent on JupyterLite's own path, "
                "which carries streams and displays, without metadata and buffers, only"
            )
        return msg
