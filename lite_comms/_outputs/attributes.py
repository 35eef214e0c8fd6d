"""Attributes that code replaces for the length of a block, and what is there outside of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

_warnings: Any = warnings  # also its private names, which catch_warnings saves and restores


class Attribute:
    """An attribute that code replaces for the length of a block.

    What is there outside of the cell's blocks is kept apart from what the cell has found there,
    which its blocks put back: a callback may have changed the former in the meantime.

    Parameters
    ----------
    owner : object
        Whose attribute it is.
    name : str
        Its name.
    """

    def __init__(self, owner: Any, name: str) -> None:
        self._owner = owner
        self._name = name
        self.learn(self.get())

    def get(self) -> Any:
        """Return what is there now."""
        return getattr(self._owner, self._name)

    def _set(self, value: Any) -> None:
        setattr(self._owner, self._name, value)

    def learn(self, value: Any) -> None:
        """Take a value for the one that is there outside of all blocks."""
        self._outside = self._found = _original(value)

    def reveal(self) -> Any:
        """Replace a stand-in that someone has put back by what it stands for; return that."""
        value = self.get()
        original = _original(value)
        if original is not value:
            self._set(original)
        return original

    def follow(self) -> None:
        """Apply what a callback has changed if the block of the cell has ended since."""
        if self._outside is not self._found and self.get() is self._found:
            self._set(self._outside)
            self._found = self._outside

    def set_aside(self) -> Callable[[], None]:
        """Replace what the cell has by what is there outside of it.

        Returns
        -------
        callable
            Puts back what the cell has.
        """
        self.follow()
        mine = self.get()
        if _original(mine) is self._outside:
            return partial(self._put_back, mine, mine)
        given = self._stand_in(self._outside)
        self._set(given)
        return partial(self._put_back, mine, given)

    def _put_back(self, mine: Any, given: Any) -> None:
        now = self.get()
        if now is given:
            if mine is not given:
                self._set(mine)
        elif now is self._found:  # the cell's own block has been ended
            self.learn(now)
        elif mine is not given:
            self._outside = _original(now)
            self._set(mine)
        elif _original(mine) is not mine:  # who has set something aside is further out
            self._outside = _original(now)
        else:
            self.learn(self.reveal())

    def _stand_in(self, value: Any) -> Any:
        return _StandIn(value)


class Filters(Attribute):
    """The list of filters of ``warnings``, which is changed in place, too."""

    def set_aside(self) -> Callable[[], None]:
        put_back = super().set_aside()
        given = self.get()
        # With -X context_aware_warnings, what the cell has replaced is in its context alone.
        of_context = getattr(_warnings, "_warnings_context", None)
        if type(given) is not _StandInList and (of_context is None or of_context.get(None) is None):
            return put_back
        # Python remembers in each module which warnings it has shown there. That is forgotten when
        # filters change, and must be if a callback has shown a warning that is an error in the
        # cell. It must not be each time: the cell would show the same warning many times a second.
        show = _warnings._showwarnmsg
        is_shown = False

        def note(msg: object) -> None:
            nonlocal is_shown
            is_shown = True
            show(msg)

        _warnings._showwarnmsg = note

        def put_all_back() -> None:
            put_back()
            if type(given) is _StandInList:
                given.write()
            if _warnings._showwarnmsg is note:
                _warnings._showwarnmsg = show
            if is_shown:
                _warnings._filters_mutated()

        return put_all_back

    def _stand_in(self, value: Any) -> Any:
        return _StandInList(value)


class _StandIn:
    """Is as good as another object, but not the same: whoever puts that back is noticed."""

    def __init__(self, of: Any) -> None:
        vars(self)["_of"] = of

    __class__ = property(lambda self: type(self._of))  # for isinstance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._of, name, value)

    def __call__(self, *args: Any, **keys: Any) -> Any:
        return self._of(*args, **keys)


class _StandInList(list[Any]):
    """A copy of a list, for the same purpose; C code asks for a list."""

    def __init__(self, of: list[Any]) -> None:
        super().__init__(of)
        self.of = of
        self._before = of[:]

    def write(self) -> None:
        """Change the list itself as its copy was changed."""
        if self != self._before:
            self.of[:] = self


def _original(value: Any) -> Any:
    """Return what a stand-in stands for; anything else is itself."""
    if type(value) is _StandIn:
        return vars(value)["_of"]
    return value.of if type(value) is _StandInList else value
