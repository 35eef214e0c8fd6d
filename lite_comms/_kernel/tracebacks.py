"""Formats exceptions, those of a thousand frames as well."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from lite_comms._wire.errors import sendable, user_message

# IPython takes up to 35 ms for a frame in Pyodide, so that endless recursion would stop the kernel
# for half a minute.
MOST_FRAMES = 100

# How many frames of a deeper traceback are shown, from its beginning and from its end; and how many
# exceptions of a chain, of those that were raised last.
_FIRST, _LAST = 10, 20
_MOST_EXCEPTIONS = 20

# Where IPython runs a cell.
_IPYTHON = "/IPython/core/"


def structured_traceback(
    format_as_ipython: Callable[..., list[str]],
    etype: type[BaseException],
    evalue: BaseException | None = None,
    etb: TracebackType | None = None,
    *args: Any,
    **keys: Any,
) -> list[str]:
    """Format an exception as IPython does, one of a thousand frames as Python does.

    IPython calls it to show an exception, and once more to store it.
    """
    if not isinstance(evalue, BaseException) or not is_deep(evalue, etb):
        return format_as_ipython(etype, evalue, etb, *args, **keys)
    while etb and etb.tb_next and _IPYTHON in etb.tb_frame.f_code.co_filename:
        etb = etb.tb_next
    return [part.rstrip("\n") for part in format_error(evalue, etb)]


def error_content(
    etype: type[BaseException], evalue: BaseException, stb: list[str]
) -> dict[str, Any]:
    """Return the content of an error message."""
    return {
        "ename": etype.__name__,
        "evalue": user_message(evalue),
        "traceback": [sendable(part) for part in stb],
    }


def is_deep(error: BaseException, tb: TracebackType | None) -> bool:
    """Return whether an exception, with those that have led to it, is too long for IPython."""
    count = 0
    for each in _all(error, tb):
        count += 1 + sum(1 for _ in traceback.walk_tb(each))
        if count > MOST_FRAMES:
            return True
    return False


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
    """Format an exception as Python does; of what is too long for that the parts are counted.

    These are the frames in the middle of a deep traceback, and the first exceptions of a chain.

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
    level, shown_ones, left_out = [shown], 0, 0
    while level:
        shown_ones += len(level)
        below = []
        for each in level:
            each.stack = _Folded(each.stack)
            chained = [other for other in (each.__cause__, each.__context__) if other is not None]
            if chained and shown_ones >= _MOST_EXCEPTIONS:
                each.__cause__ = each.__context__ = None
                left_out += sum(map(_length, chained))
                chained = []
            below += [*chained, *(each.exceptions or ())]
        level = below
    earlier = f"... {left_out} earlier exceptions are not shown ...\n\n"
    return [earlier] * (left_out > 0) + list(shown.format())


def _length(error: traceback.TracebackException) -> int:
    """Count an exception and those that have led to it."""
    count, waiting = 0, [error]
    while waiting:
        each = waiting.pop()
        count += 1
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
    return count


class _Folded(traceback.StackSummary):
    """Frames, of which those in the middle are left out if there are many."""

    def format(self, **keys: Any) -> list[str]:
        if len(self) <= MOST_FRAMES:
            return super().format(**keys)
        first, last = (traceback.StackSummary(part) for part in (self[:_FIRST], self[-_LAST:]))
        left_out = f"  ... {len(self) - _FIRST - _LAST} frames are not shown ...\n"
        return [*first.format(**keys), left_out, *last.format(**keys)]
