"""The header of a message, as a parent has it."""

from __future__ import annotations

from typing import Any

from .codec import encode


def header_of(parent: Any) -> dict[str, Any]:
    """Return the header of a message that can be a parent, or of what is a header itself.

    Raises
    ------
    TypeError
        If there is none, or if it cannot be sent.
    """
    if not isinstance(parent, dict):
        raise TypeError(f"parent must be a message, a dict, not {type(parent).__name__}")
    header = parent if "msg_id" in parent and "header" not in parent else parent.get("header")
    if not isinstance(header, dict):
        raise TypeError(f"parent['header'] must be a dict, not {type(header).__name__}")
    msg_id = header.get("msg_id")
    if not isinstance(msg_id, str):
        raise TypeError(f"parent['header']['msg_id'] must be a str, not {type(msg_id).__name__}")
    try:
        encode(header, "parent['header']")
    except ValueError as error:
        raise TypeError(f"cannot be sent: {error}") from None
    return header
