"""A value to be sent, and a record of what has become of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

Part = Literal["data", "metadata", "buffers"]
Record = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A named value, where in a message it stands, and the package that it needs."""

    name: str
    make: Callable[[], Any]
    part: Part = "data"
    needs: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Build the arguments of `Comm.send`; the value is fresh each time."""
        return {self.part: self.make()}

    def available(self) -> bool:
        """Tell whether the package that it needs is here."""
        return self.needs is None or find_spec(self.needs) is not None


def cases(rows: dict[str, Callable[[], Any]], needs: str | None = None) -> list[Case]:
    return [Case(name, make, "data", needs) for name, make in rows.items()]


def seen(data: str, metadata: str, buffers: Iterable[bytes]) -> Record:
    """Record a message that has arrived; `data` and `metadata` are JSON texts."""
    return {
        "data": _canonical(data),
        "metadata": _canonical(metadata),
        "buffers": [bytes(buffer).hex() for buffer in buffers],
    }


def refused(error: BaseException) -> Record:
    """Record an error at the send, by the built-in exception that it is."""
    builtin = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return {"error": "ValueError" if issubclass(builtin, ValueError) else builtin.__name__}


def _canonical(text: str) -> str:
    return json.dumps(_doubles(json.loads(text, parse_int=float)), sort_keys=True)


def _doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, float):
        if value == 0:
            return "number:-0" if str(value) == "-0.0" else value
        if value in (float("inf"), float("-inf")):
            return "number:Infinity" if value > 0 else "number:-Infinity"
    return value
