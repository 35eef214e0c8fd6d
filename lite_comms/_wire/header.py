"""The header of a message, as a parent has it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any


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
        header_text(header)
    except (TypeError, ValueError) as error:
        raise TypeError(f"parent['header'] cannot be sent: {error}") from None
    return header


def _iso(date: object) -> str:
    if not isinstance(date, datetime):
        raise TypeError(f"a {type(date).__name__} is no JSON")
    return date.isoformat().replace("+00:00", "Z")


# Writes a header as JSON.
header_text = json.JSONEncoder(default=_iso).encode
