"""What runs in the kernel now: a cell, a comm callback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Running:
    """The one place that knows whether a cell or a callback runs.

    Attributes
    ----------
    cell : asyncio.Task or None
        The task that runs the latest cell, or the one that has installed lite_comms.
    can_suspend : bool
        Whether the latest cell could be suspended when it began; True until one has begun.
    in_callback : bool
        Whether a comm callback is being called. Of one that is awaited, only its first part
        counts.
    on_handled : callable or None
        Called after each callback.
    """

    def __init__(self) -> None:
        self.cell: asyncio.Task[Any] | None = None
        self.can_suspend = True
        self.in_callback = False
        self.on_handled: Callable[[], object] | None = None

    def call_back[T](self, f: Callable[[], T], fail: Callable[[BaseException], object]) -> T | None:
        """Call what calls the user's callbacks; none of its exceptions reaches the event loop.

        Parameters
        ----------
        f : callable
            Calls the callbacks, and shows what they raise.
        fail : callable
            Called with any other exception.

        Returns
        -------
        object
            What `f` returns; None if it raises.
        """
        on_handled = self.on_handled
        self.in_callback = True
        try:
            return f()
        except (KeyboardInterrupt, SystemExit):
            return None  # of the user's callback, and shown already
        except BaseException as error:
            fail(error)
            return None
        finally:
            self.in_callback = False
            if on_handled is not None:
                on_handled()

    @property
    def has_cell(self) -> bool:
        """Whether a cell runs."""
        return self.cell is not None and not self.cell.done()

    @property
    def is_in_cell(self) -> bool:
        """Whether the code that asks belongs to the cell's own task."""
        return self.cell is not None and current_task() is self.cell


def current_task() -> asyncio.Task[Any] | None:
    """Return the task that runs; None also where JavaScript has called Python."""
    with suppress(RuntimeError):  # without a loop
        return asyncio.current_task()
    return None
