"""Lets a cell and the callbacks in the middle of it use one ``Output`` widget of ipywidgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Captures:
    """Lets several parties use one ``Output`` widget of ipywidgets at a time.

    An ``Output`` shows what is printed under one message, its ``msg_id``. In ``with out:`` it
    takes the message of whoever enters, and forgets that of a cell that is in such a block
    already. So here is remembered who is in a block, and the latest of them has it.

    Parameters
    ----------
    parent_id : callable
        Returns the ``msg_id`` of the message that has caused what runs.
    """

    def __init__(self, parent_id: Callable[[], str]) -> None:
        self._parent_id = parent_id
        # By widget, of those that are in a block of it.
        self._ids: dict[Any, list[str]] = {}

    def methods(self, output: type[Any]) -> dict[str, Callable[..., Any]]:
        """Wrap the two methods of ``Output`` that a ``with`` statement calls.

        Parameters
        ----------
        output : type
            The class ``ipywidgets.Output``.

        Returns
        -------
        dict
            By name, what to replace the methods with.
        """
        self._ids.clear()
        old_enter, old_exit = output.__enter__, output.__exit__

        def enter(out: Any) -> Any:
            result = old_enter(out)
            self._ids.setdefault(out, []).append(out.msg_id)
            return result

        def leave(out: Any, *error: Any) -> Any:
            ids = self._ids.get(out, [])
            own = self._parent_id()
            if own in ids:
                ids.remove(own)
            elif ids:  # entered in another cell, or before the parent was set
                ids.pop()
            if not ids:
                self._ids.pop(out, None)
            try:
                return old_exit(out, *error)
            finally:
                if ids and out.msg_id:
                    _capture(out, own if own in ids else ids[-1])

        return {"__enter__": enter, "__exit__": leave}

    def current(self) -> list[tuple[Any, str]]:
        """List the widgets that capture something, each with the message that it captures."""
        return [(out, out.msg_id) for out in self._ids]

    def put_back(self, captured: list[tuple[Any, str]]) -> None:
        """Let widgets capture what they did, if that is still in their block.

        Parameters
        ----------
        captured : list
            What `current` has returned.
        """
        for out, msg_id in captured:
            if msg_id in self._ids.get(out, ()):
                _capture(out, msg_id)


def _capture(out: Any, msg_id: str) -> None:
    if out.msg_id != msg_id:
        out.msg_id = msg_id
