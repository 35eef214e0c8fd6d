"""Runs callbacks in the middle of a cell as if the cell were not there.

On a server kernel a comm callback runs when no cell does. Here it may run between
two lines of a cell, inside of a ``with`` block that has replaced something. What the
cell has replaced is set aside while the callback runs, and put back afterwards:

===========================================  =====================================
set aside and put back                       replaced by, for example
===========================================  =====================================
``sys.stdout``, ``sys.stderr``               ``contextlib.redirect_stdout``
the same, the display hook and publisher     ``%%capture``
hooks of streams and displays                ``display_pub.register_hook``
filters, ``showwarning`` of ``warnings``     ``warnings.catch_warnings``
all context variables                        ``decimal.localcontext``, and with
                                             NumPy 2 ``errstate``, ``printoptions``
``msg_id`` of ipywidgets' ``Output``         ``with out:``
figures of matplotlib, the current one       ``plt.figure()``
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
from typing import Any

from .attributes import Attribute, Filters
from .captures import Captures
from .figures import Figures


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
        self._display_hook = Attribute(sys, "displayhook")
        self._own: tuple[Attribute, ...] = (
            Attribute(sys, "stdout"),
            Attribute(sys, "stderr"),
            Attribute(shell, "display_pub"),
            self._display_hook,
            Attribute(warnings, "showwarning"),
            Attribute(warnings, "_showwarnmsg_impl"),
            Filters(warnings, "filters"),
        )
        self._attributes: tuple[Attribute, ...] = self._own
        self._figures = Figures()
        self._depth = 0

    def add(self, attribute: Attribute) -> None:
        """Set one more attribute aside, which nobody has replaced yet."""
        self._attributes += (attribute,)

    def forget_added(self) -> None:
        """Forget what `add` has been given."""
        self._attributes = self._own

    def cell_starts(self) -> None:
        """Note what is there before a cell replaces anything."""
        self._learn()
        self._display_hook.learn(self._shell.displayhook)  # IPython sets it for every cell

    def cell_ends(self) -> None:
        """Note what a cell has left: what it has replaced for good holds for callbacks, too."""
        self._learn()

    def _learn(self) -> None:
        self._figures.learn()
        for attribute in self._attributes:
            attribute.follow()
            # Code that is suspended in `call` looks for the stand-in when it resumes.
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
            put_back.append(self._figures.set_aside())
            self.context.copy().run(f, *args)
        finally:
            self._depth -= 1
            for each in put_back:
                each()
            self.captures.put_back(captured)
