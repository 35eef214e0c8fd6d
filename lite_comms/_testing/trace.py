"""Records the comm messages of a block, both ways, whatever carries them.

While nothing is recorded nothing is replaced, so that a message takes its usual way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_comms._install.install import installed_manager
from lite_comms._kernel.replace import Replacements
from lite_comms._kernel.surroundings import find_shell
from lite_comms._wire.codec import NULL, encode

from .lines import TracedMessage, to_lines

if TYPE_CHECKING:
    from lite_comms._comms.manager import CommManager
    from lite_comms._transports.base import Transport
    from lite_comms._wire.message import CommMessage


class Trace(list[TracedMessage]):
    """The messages of a `trace` block, in their order."""

    def lines(self) -> Iterator[str]:
        """Write them as lines of JSON, as `save` does."""
        return to_lines(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write them into a file of JSON lines, which `replay` reads.

        Parameters
        ----------
        path : path
            The file. It is overwritten.
        """
        text = "".join(f"{line}\n" for line in self.lines())
        Path(path).write_text(text, "utf-8")


# The traces that record now. What is replaced for them is replaced once.
_traces: list[Trace] = []
_replaced = Replacements()

# The id of the page's message that is handled.
_cause: ContextVar[str | None] = ContextVar("lite_comms_cause", default=None)


@contextmanager
def trace() -> Iterator[Trace]:
    """Record the comm messages of a block, both ways, on any transport.

    Blocks may be nested, and overlap. If lite_comms is not installed yet, it is.

    Yields
    ------
    Trace
        A list of `TracedMessage`, to which messages are added as they are sent, and as they begin
        to be handled in the kernel. After the block it stays as it is.
    """
    if not _traces:
        _attach(installed_manager())
    recorded = Trace()
    _traces.append(recorded)
    try:
        yield recorded
    finally:
        _traces[:] = [other for other in _traces if other is not recorded]
        if not _traces:
            _replaced.undo()


def _attach(manager: CommManager) -> None:
    watched: list[Transport] = []  # kept, so that none takes the place of another in memory

    def watch(transport: Transport) -> None:
        if any(transport is other for other in watched):
            return
        watched.append(transport)
        send = transport.send

        def traced_send(message: CommMessage) -> None:
            # Read once: an iterator in it can be used up only once.
            content = json.loads(encode(message.content))
            metadata = json.loads(encode(message.metadata, "metadata"))
            data = NULL if content.get("data") is None else content["data"]
            send(message._replace(content={**content, "data": data}, metadata=metadata))
            _record_sent(message._replace(content=content, metadata=metadata), manager)

        _replaced.set(transport, "send", traced_send)

    use, handle = manager.use, manager._handle

    def traced_use(transport: Transport) -> None:
        use(transport)
        watch(transport)

    def traced_handle(handler: Callable[[dict[str, Any]], object], msg: dict[str, Any]) -> Any:
        _record_received(msg, manager)
        token = _cause.set(msg["header"].get("msg_id"))
        try:
            return handle(handler, msg)
        finally:
            _cause.reset(token)

    _replaced.set(manager, "use", traced_use)
    _replaced.set(manager, "_handle", traced_handle)
    watch(manager.transport)


def _record_sent(message: CommMessage, manager: CommManager) -> None:
    _record(
        manager,
        message.content,
        direction="kernel_to_page",
        msg_type=message.msg_type,
        msg_id="",
        parent_id=_parent_id(),
        metadata=message.metadata,
        buffers=tuple(map(bytes, message.buffers)),
    )


def _record_received(msg: dict[str, Any], manager: CommManager) -> None:
    _record(
        manager,
        _copy(msg["content"]),
        direction="page_to_kernel",
        msg_type=msg["header"]["msg_type"],
        msg_id=str(msg["header"].get("msg_id")),
        parent_id=msg["parent_header"].get("msg_id"),
        metadata=_copy(msg["metadata"]),
        buffers=tuple(map(bytes, msg["buffers"])),
        cut="attachments" in msg,
    )


def _copy(value: Any) -> Any:
    # `deepcopy` recurses in Python, whose limit comes before that of the depth of values.
    return json.loads(json.dumps(value))


def _record(manager: CommManager, content: dict[str, Any], **fields: Any) -> None:
    comm_id, data = str(content.get("comm_id")), content.get("data")
    known = manager.comms.get(comm_id)
    # As short as the page writes it.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    message = TracedMessage(
        time=datetime.now(UTC),
        comm_id=comm_id,
        target_name=content.get("target_name") or (None if known is None else known.target_name),
        target_module=content.get("target_module"),
        data=data,
        nbytes=len(text.encode("utf-8", "surrogatepass")) + sum(map(len, fields["buffers"])),
        **fields,
    )
    for recorded in _traces:
        recorded.append(message)


def _parent_id() -> str | None:
    """Return the id of the message that has caused what runs: the page's, or the cell's."""
    cause = _cause.get()
    get_parent = getattr(find_shell(), "get_parent", None)
    if cause is not None or get_parent is None:
        return cause
    header = (get_parent() or {}).get("header") or {}
    msg_id: str | None = header.get("msg_id")
    return msg_id
