"""The figures of matplotlib's pyplot: those of a cell are not a callback's in the middle of it.

pyplot keeps its figures by number in one dict, and the last one is current. In that of a
callback are the figures that were open before the cell, and those that callbacks have left
open. After the callback the cell has its own again, and its current one is current. If it has none
yet, the new ones of the callback are hidden until the cell has one, or ends: one of them would be
the current one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_PYPLOT = "matplotlib._pylab_helpers"
_INLINE = "matplotlib_inline.backend_inline"

_Managers = dict[Any, Any]


class Figures:
    """Sets the figures of a cell aside; does nothing before matplotlib is imported."""

    def __init__(self) -> None:
        self._outside: _Managers = {}  # by the number that callbacks know them by
        self._hidden: _Managers = {}
        self._depth = 0

    def learn(self) -> None:
        """Take all open figures for those that are open outside of a cell."""
        if self._depth == 0:
            figures = _figures()
            self._show_hidden(dict(figures), figures)
            self._outside = dict(figures)

    def set_aside(self) -> Callable[[], None]:
        """Leave the figures that are open outside of the cell; return what puts all back."""
        figures = _figures()
        mine = dict(figures)
        is_inner = self._depth > 0  # in the middle of a callback, whose figures are outside, too
        if is_inner:
            self._show_hidden(mine, figures)
        else:
            theirs = {
                num: each
                for num, each in self._outside.items()
                if _has(mine, each) or _has(self._hidden, each)
            }
            self._hidden = {}
            self._leave(theirs, figures)
        theirs = dict(_figures())
        to_draw = _take_to_draw()
        self._depth += 1

        def put_back() -> None:
            self._depth -= 1
            figures = _figures()
            if not is_inner:
                self._show_hidden(dict(figures), figures)
            left = dict(figures)
            if not is_inner:
                self._outside = left
            kept = {
                num: each
                for num, each in mine.items()
                if _has(left, each) or not _has(theirs, each)
            }
            self._hidden = {num: each for num, each in left.items() if not _has(kept, each)}
            if kept:
                self._show_hidden(kept, figures)
            else:
                self._leave({}, figures)
            _give_to_draw(to_draw)

        return put_back

    def _show_hidden(self, shown: _Managers, figures: _Managers) -> None:
        """Leave what is shown and what is hidden; of both the last one shown is current."""
        new: _Managers = {}
        for num, each in self._hidden.items():
            taken = shown.keys() | new.keys()
            new[num if num not in taken else _free(taken)] = each
        self._hidden = {}
        self._leave({**new, **shown}, figures)

    def _leave(self, managers: _Managers, figures: _Managers) -> None:
        for num, manager in managers.items():
            if manager.num != num:
                manager.num = num
                figure = manager.canvas.figure
                setattr(figure, "_number" if hasattr(figure, "_number") else "number", num)
        figures.clear()
        figures.update(managers)


def _figures() -> _Managers:
    """Return pyplot's dict itself."""
    gcf = getattr(sys.modules.get(_PYPLOT), "Gcf", None)
    figures: _Managers = getattr(gcf, "figs", {})
    return figures


def _has(managers: _Managers, manager: object) -> bool:
    return any(each is manager for each in managers.values())


def _free(taken: Any) -> int:
    return max((num for num in taken if isinstance(num, int)), default=0) + 1


def _inline_show() -> Any:
    return getattr(sys.modules.get(_INLINE), "show", None)


def _take_to_draw() -> list[Any] | None:
    """Take what the inline backend is going to show at the end of the cell."""
    show = _inline_show()
    if not hasattr(show, "_to_draw"):
        return None
    mine: list[Any] = show._to_draw
    show._to_draw = []
    return mine


def _give_to_draw(mine: list[Any] | None) -> None:
    if mine is not None:
        show = _inline_show()
        show._to_draw = mine + [figure for figure in show._to_draw if figure not in mine]
