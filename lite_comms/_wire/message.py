"""A comm message on its way out: the value that a transport is given.

Its fields are those of the Jupyter messaging specification, section "Custom
Messages".
"""

from __future__ import annotations

import re
from collections.abc import Buffer, Iterable
from typing import Any, Literal, NamedTuple

from .errors import BufferFormatError, sendable

MessageType = Literal["comm_open", "comm_msg", "comm_close"]


class CommMessage(NamedTuple):
    """One comm message from the kernel to the page.

    Parameters
    ----------
    msg_type : {'comm_open', 'comm_msg', 'comm_close'}
        The message type.
    content : dict
        ``comm_id`` and ``data``; for ``comm_open`` also ``target_name`` and
        ``target_module``. Python values, not encoded yet.
    metadata : dict
        The message's metadata, not encoded yet.
    buffers : tuple of memoryview
        One-dimensional, contiguous, format ``B``. Views of the sender's
        memory: a transport copies them before it returns.
    topic : bytes
        The iopub topic.
    """

    msg_type: MessageType
    content: dict[str, Any]
    metadata: dict[str, Any]
    buffers: tuple[memoryview, ...]
    topic: bytes


def flat_buffers(buffers: Iterable[Any] | None, comm: str) -> tuple[memoryview, ...]:
    """View each buffer as a flat run of bytes.

    Parameters
    ----------
    buffers : iterable of bytes-like, or None
        Anything with the buffer protocol: bytes, bytearray, memoryview,
        array.array, NumPy arrays; of any shape and dtype, contiguous or not.
    comm : str
        The comm, for the error message.

    Returns
    -------
    tuple of memoryview
        Format ``B``, one dimension. Not copied where the memory is
        C-contiguous. A Fortran-contiguous buffer keeps its memory order, as it
        does on a server; any other one is copied in C order.

    Raises
    ------
    BufferFormatError
        If an item has no buffer, or its buffer holds Python objects, naming its
        index; if `buffers` is itself a buffer. Nothing is sent.
    """
    if buffers is None or (type(buffers) is list and not buffers):
        return ()
    # An array is iterable too, and one of two dimensions has rows that are buffers.
    if isinstance(buffers, (str, dict, Buffer)) or not isinstance(buffers, Iterable):
        raise BufferFormatError(
            f"{comm}: buffers: a list of bytes-like objects is needed, "
            f"not a single {type(buffers).__name__}; write [value]"
        )
    return tuple(_flat(buffer, f"{comm}: buffers[{i}]") for i, buffer in enumerate(buffers))


def _flat(buffer: Any, where: str) -> memoryview:
    try:
        view = memoryview(buffer)
    except (TypeError, ValueError) as error:
        raise BufferFormatError(
            f"{where}: {type(buffer).__name__} does not support the buffer protocol: {error}"
        ) from None
    if "O" in re.sub(":.*?:", "", view.format):  # between colons are names of fields
        raise BufferFormatError(f"{where}: {type(buffer).__name__} of Python objects, not of bytes")
    try:
        return view.cast("B")
    except TypeError:
        # Not C-contiguous, empty in one dimension, or of a structured dtype.
        return memoryview(view.tobytes("A"))


def checked_id(comm_id: Any) -> str:
    """Return the id of a comm that the page opens; raise if the comm could not be closed by it.

    Raises
    ------
    ValueError
        If it is no text; if it is empty, in whose place `comm` would make another one; or if it has
        lone surrogates, which cannot be sent back.
    """
    if not isinstance(comm_id, str) or not comm_id or sendable(comm_id) != comm_id:
        raise ValueError(
            f"comm_id of a comm_open must be a text that is not empty and has no lone surrogates, "
            f"not {comm_id!r}"
        )
    return comm_id


def origin_in(msg: dict[str, Any]) -> str | None:
    """Return the origin of the host page that has opened a comm, or None for the page itself.

    Whatever stands there counts as an origin, so that a strange one is not taken for the page.
    """
    ours = (msg.get("metadata") or {}).get("lite_comms")
    return str(ours["origin"]) if isinstance(ours, dict) and "origin" in ours else None
