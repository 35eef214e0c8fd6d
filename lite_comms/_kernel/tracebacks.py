"""Formats exceptions, those of a thousand frames as well."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

# IPython takes up to 35 ms for a frame in Pyodide, so that endless recursion would stop the kernel
# for half a minute.
MOST_FRAMES = 100

# How many frames of a deeper traceback are shown, from its beginning and from its end.
_FIRST, _LAST = 10, 20


def is_deep(error: BaseException, tb: TracebackType | None) -> bool:
    """Return whether an exception, or one that has led to it, has too many frames for IPython."""
    return any(sum(1 for _ in traceback.walk_tb(each)) > MOST_FRAMES for each in _all(error, tb))


def _all(error: BaseException, tb: TracebackType | None) -> Iterator[TracebackType | None]:
    """Yield the tracebacks of an exception and of all that have led to it."""
    yield tb
    seen = {id(error)}
    waiting = [error]
    while waiting:
        each = waiting.pop()
        for cause in (each.__cause__, each.__context__):
            if cause is not None and id(cause) not in seen:
                seen.add(id(cause))
                waiting.append(cause)
                yield cause.__traceback__


def format_error(error: BaseException, tb: TracebackType | None) -> list[str]:
    """Format an exception as Python does; of a deep traceback the frames in the middle are counted.

    Parameters
    ----------
    error : BaseException
        The exception.
    tb : traceback or None
        The traceback to show.

    Returns
    -------
    list of str
        The text in parts, a frame in each, with line ends.
    """
    shown = traceback.TracebackException(type(error), error, tb, lookup_lines=False, compact=True)
    waiting = [shown]
    while waiting:
        each = waiting.pop()
        each.stack = _Folded(each.stack)
        more = (each.__cause__, each.__context__, *(each.exceptions or ()))
        waiting += [other for other in more if other is not None]
    return list(shown.format())


class _Folded(traceback.StackSummary):
    """Frames, of which those in the middle are left out if there are many."""

    def format(self, **keys: Any) -> list[str]:
        if len(self) <= MOST_FRAMES:
            return super().format(**keys)
        first, last = (traceback.StackSummary(part) for part in (self[:_FIRST], self[-_LAST:]))
        left_out = f"  ... {len(self) - _FIRST - _LAST} frames are not shown ...\n"
        return [*first.format(**keys), left_out, *last.format(**keys)]
