"""Replaces attributes and items of other packages, and restores them exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MISSING = object()


class Replacements:
    """What has been replaced, in order; `undo` restores it."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def set(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute. If other code replaces it later, `undo` leaves that alone."""
        old = vars(owner).get(name, _MISSING)
        inherited = getattr(owner, name, _MISSING) if old is _MISSING else old
        if inherited is value:
            return
        setattr(owner, name, value)

        def undo() -> None:
            if getattr(owner, name, _MISSING) is not value:
                return
            if old is not _MISSING:
                setattr(owner, name, old)
            elif name in vars(owner):
                delattr(owner, name)
            else:  # kept elsewhere than in its dict, as traitlets does
                setattr(owner, name, inherited)

        self._undo.append(undo)

    def set_item(self, mapping: dict[str, Any], key: str, value: object) -> None:
        """Replace an item of a dict."""
        old = mapping[key]
        if old is value:
            return
        mapping[key] = value

        def undo() -> None:
            if mapping.get(key) is value:
                mapping[key] = old

        self._undo.append(undo)

    def add_item[T](self, mapping: dict[str, T], key: str, value: T) -> None:
        """Add an item to a dict that lacks it."""
        if key in mapping:
            return
        mapping[key] = value

        def undo() -> None:
            if mapping.get(key) is value:
                del mapping[key]

        self._undo.append(undo)

    def undo(self) -> None:
        """Restore everything, last first."""
        while self._undo:
            self._undo.pop()()
