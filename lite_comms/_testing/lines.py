"""Recorded comm messages as lines of JSON, which the page's inspector writes as well.

The first line is ``{"lite_comms": "<version>", "format": 1}``; each line after it is one message.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from os import PathLike
from typing import Any, Literal, NamedTuple

from lite_comms._wire.version import __version__

FORMAT = 1

Direction = Literal["kernel_to_page", "page_to_kernel"]


class TracedMessage(NamedTuple):
    """One recorded message.

    Parameters
    ----------
    time : datetime
        When it was sent, or began to be handled in the kernel.
    direction : {'kernel_to_page', 'page_to_kernel'}
        Who sent it.
    msg_type : {'comm_open', 'comm_msg', 'comm_close'}
        The message type.
    msg_id : str
        Its id; empty if it is not known, as for a message of the kernel in `trace`.
    parent_id : str or None
        The id of the message that caused it.
    comm_id : str
        The comm.
    target_name, target_module : str or None
        The comm's target, if it is known; the module of a comm_open.
    data, metadata : object
        As JSON can hold them. A copy.
    buffers : tuple of bytes
        A copy.
    nbytes : int
        The length of the data as JSON, and of the buffers.
    cut : bool
        Whether something was left out.
    """

    time: datetime
    direction: Direction
    msg_type: str
    msg_id: str
    parent_id: str | None
    comm_id: str
    target_name: str | None
    target_module: str | None
    data: Any
    metadata: Any
    buffers: tuple[bytes, ...]
    nbytes: int
    cut: bool = False


# What can be replayed.
Recording = str | PathLike[str] | Iterable[str] | Iterable[TracedMessage]


def to_lines(messages: Iterable[TracedMessage]) -> Iterator[str]:
    """Write messages as lines, without line ends."""
    yield json.dumps({"lite_comms": __version__, "format": FORMAT})
    for message in messages:
        fields = message._asdict()
        fields["time"] = message.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
        fields["buffers"] = [b64encode(buffer).decode("ascii") for buffer in message.buffers]
        if not fields["cut"]:
            del fields["cut"]
        yield json.dumps(fields)
