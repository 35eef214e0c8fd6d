"""Runs callbacks in the middle of a cell as if the cell were not there.

On a server kernel a comm callback runs when no cell does. Here it may run between
two lines of a cell, inside of a ``with`` block that has replaced something. What the
cell has replaced is set aside while the callback runs, and put back afterwards:

===========================================  =====================================
set aside and put back                       replaced by, for example
===========================================  =====================================
``sys.stdout``, ``sys.stderr``               ``contextlib.redirect_stdout``
the same, the display hook and publisher     ``%%capture``
filters, ``showwarning`` of ``warnings``     ``warnings.catch_warnings``
all context variables                        ``decimal.localcontext``, and with
                                             NumPy 2 ``errstate``, ``printoptions``
``msg_id`` of ipywidgets' ``Output``         ``with out:``
===========================================  =====================================

A change that a callback makes for good stays: at once where the cell has not replaced
the same thing, otherwise when the block of the cell ends.

Not set aside, so a callback in the middle of such a block sees it, and may change it:

- what belongs to the process: the working directory (``contextlib.chdir``),
  ``os.environ``, the locale, ``sys.path``, ``sys.argv``, signal handlers, ``sys.settrace``
  and ``sys.setprofile`` (``%prun``), ``gc.disable`` (``%timeit``);
- what a library keeps in a global or in a thread-local variable:
  ``matplotlib.rc_context``, ``pandas.option_context``, ``logging.disable``,
  ``unittest.mock.patch``, NumPy 1's ``errstate``, ``torch.no_grad``, the state of ``random``;
- what an object keeps: ``hold_trait_notifications``, ``hold_sync`` of a widget;
- ``sys.exception()``: the exception that the cell is handling.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

_warnings: Any = warnings  # also its private names, which catch_warnings saves and restores


class Aside:
    """Sets aside what a cell has replaced while something else runs.

    Parameters
    ----------
    shell : InteractiveShell
        IPython's shell.
    parent_id : callable, optional
        Returns the ``msg_id`` of the message that has caused what runs.
    context : Context, optional
        What to call callbacks in: a copy of it. By default, a copy of the current one.

    Attributes
    ----------
    context : Context
        The same; it may be replaced at any time.
    captures : Captures
        Keeps ipywidgets' ``Output`` widgets right.
    """

    def __init__(
        self,
        shell: Any,
        parent_id: Callable[[], str] = lambda: "",
        context: Context | None = None,
    ) -> None:
        self.context = copy_context() if context is None else context
        self.captures = Captures(parent_id)
        self._shell = shell
        self._display_hook = _Attribute(sys, "displayhook")
        self._attributes = (
            _Attribute(sys, "stdout"),
            _Attribute(sys, "stderr"),
            _Attribute(shell, "display_pub"),
            self._display_hook,
            _Attribute(warnings, "showwarning"),
            _Attribute(warnings, "_showwarnmsg_impl"),
            _Filters(warnings, "filters"),
        )
        self._depth = 0

    def cell_starts(self) -> None:
        """Learn what is there before a cell replaces anything."""
        self._learn()
        self._display_hook.learn(self._shell.displayhook)  # IPython sets it for every cell

    def cell_ends(self) -> None:
        """Learn what a cell has left; what it has replaced for good is there for callbacks now."""
        self._learn()

    def _learn(self) -> None:
        for attribute in self._attributes:
            attribute.follow()
            # Someone who is suspended in `call` looks for the stand-in when that goes on.
            attribute.learn(attribute.get() if self._depth else attribute.reveal())

    # No context manager of contextlib, here and below: a Stop (KeyboardInterrupt) may come between
    # its frames. While attributes are set aside or put back, Stop waits; see `Signals`.
    def call(self, f: Callable[..., object], *args: Any) -> None:
        """Call a function in the middle of a cell, outside of what the cell has replaced.

        Parameters
        ----------
        f : callable
            The function. It may let the event loop turn, and so lead here again.
        *args
            Its arguments.
        """
        captured = self.captures.current()
        put_back: list[Callable[[], None]] = []
        self._depth += 1
        try:
            for attribute in self._attributes:
                put_back.append(attribute.set_aside())  # noqa: PERF401 (known if the next fails)
            self.context.copy().run(f, *args)
        finally:
            self._depth -= 1
            for each in put_back:
                each()
            self.captures.put_back(captured)


class _Attribute:
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


class _Filters(_Attribute):
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
