"""Reads a recording, and refuses what could not be played."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Buffer, Callable, Iterable
from datetime import datetime
from os import PathLike
from pathlib import Path
from reprlib import repr as short
from types import NoneType
from typing import Any, get_args

from lite_comms._testing.lines import FORMAT, Direction, Recording, TracedMessage
from lite_comms._wire.message import MessageType, checked_id
from lite_comms._wire.strict import MAX_DEPTH, is_deep

_WHAT = "recorded comm messages"


def read(recording: Recording) -> list[TracedMessage]:
    """Read a recording, and check all of it.

    Raises
    ------
    ValueError
        If a message is not valid, naming the line and the field.
    TypeError
        If it is no recording.
    """
    if isinstance(recording, (str, PathLike)):
        return _from_lines(Path(recording).read_bytes().splitlines())
    items: list[Any] = [*recording] if isinstance(recording, Iterable) else [None]
    if all(isinstance(item, str) for item in items):
        return _from_lines(items)
    if not all(isinstance(item, TracedMessage) for item in items):
        raise TypeError(
            f"replay takes a path, lines of text, or TracedMessages, not {short(recording)}"
        )
    messages = []
    for number, item in enumerate(items, 1):
        try:
            messages.append(_message(item._asdict()))
        except ValueError as error:
            raise ValueError(f"{_WHAT}, message {number}: {error}") from None
    return messages


def _a(*kinds: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kinds) or (type(value) is bool and bool not in kinds):
            raise TypeError
        return value

    return read


def _one_of(values: tuple[str, ...]) -> tuple[str, Callable[[Any], Any]]:
    # `index` raises a ValueError.
    return " or ".join(map(repr, values)), lambda value: values[values.index(value)]


def _time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _json(value: Any, sent: Any) -> Any:
    if is_deep(sent):
        raise ValueError
    json.dumps(value)
    return value


def _buffers(value: Any) -> tuple[bytes, ...]:
    return tuple(
        bytes(buffer) if isinstance(buffer, Buffer) else b64decode(buffer, validate=True)
        for buffer in _a(list, tuple)(value)
    )


# What each field has to be, in words; and what reads it, from a line or a TracedMessage, or fails.
_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "time": ("a time in ISO 8601", _time),
    "direction": _one_of(get_args(Direction)),
    "msg_type": _one_of(get_args(MessageType)),
    "msg_id": ("a text", _a(str)),
    "parent_id": ("a text or null", _a(str, NoneType)),
    "comm_id": ("a text that is not empty and has no lone surrogates", checked_id),
    "target_name": ("a text or null", _a(str, NoneType)),
    "target_module": ("a text or null", _a(str, NoneType)),
    # It is sent in the content, which is a level more.
    "data": (
        f"a value of JSON of less than {MAX_DEPTH} levels",
        lambda value: _json(value, [value]),
    ),
    "metadata": (
        f"an object of JSON of at most {MAX_DEPTH} levels",
        lambda value: _json(_a(dict)(value), value),
    ),
    "buffers": ("a list of texts in base64", _buffers),
    "nbytes": ("a whole number", _a(int)),
    "cut": ("true or false", _a(bool)),
}
_MAY_LACK = {"parent_id": None, "target_name": None, "target_module": None, "cut": False}


def _message(fields: dict[str, Any]) -> TracedMessage:
    """Read the fields of a message; a ValueError names the one that is not valid."""
    values = {}
    for name, (what, read) in _FIELDS.items():
        if name not in fields and name not in _MAY_LACK:
            raise ValueError(f"{name} is missing")
        value = fields.get(name, _MAY_LACK.get(name))
        try:
            values[name] = read(value)
        except (ValueError, TypeError):
            raise ValueError(f"{name} must be {what}, not {short(value)}") from None
    return TracedMessage(**values)


def _object(text: str) -> dict[str, Any]:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise TypeError("it is not an object")
    return fields


def _head(fields: dict[str, Any]) -> dict[str, Any]:
    form = fields.get("format")
    if form != FORMAT or type(form) is not int:
        raise ValueError(f"format must be {FORMAT}, not {short(form)}")
    return fields


def _from_lines(lines: Iterable[str | bytes]) -> list[TracedMessage]:
    messages = []
    head = None
    for number, line in enumerate(lines, 1):
        try:
            text = (line.decode() if isinstance(line, bytes) else line).removeprefix("\ufeff")
            if not text.strip():
                continue
            if head is None:
                head = _head(_object(text))
            else:
                messages.append(_message(_object(text)))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{_WHAT}, line {number}: {error}") from None
    if head is None:
        raise ValueError(f"{_WHAT}: there are none, and no first line that names the format")
    return messages
