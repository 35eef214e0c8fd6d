"""What runs in the kernel now: a cell, a comm callback."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any


class Running:
    """The one place that knows whether a cell or a callback runs.

    Attributes
    ----------
    cell : asyncio.Task or None
        The task that runs the latest cell, or the one that has installed lite_comms.
    in_callback : bool
        Whether a comm callback is being called. Of one that is awaited, only its first part
        counts.
    """

    def __init__(self) -> None:
        self.cell: asyncio.Task[Any] | None = None
        self.in_callback = False

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
