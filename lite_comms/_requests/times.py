"""The check of the times that users give."""

from __future__ import annotations

from math import inf
from numbers import Real
from typing import cast


def checked_time(timeout_s: object, what: str) -> float | None:
    """Return a user's `timeout_s`, with None for an endless time.

    Parameters
    ----------
    timeout_s : object
        What the user has given.
    what : str
        The call, for the error message.

    Raises
    ------
    TypeError
        If it is neither a number nor None.
    ValueError
        If it is negative, or not a number (NaN).
    """
    if timeout_s is None:
        return None
    needed = f"timeout_s of {what} must be None or a number of seconds, 0 or more"
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, Real):
        raise TypeError(f"{needed}, not {type(timeout_s).__name__}")
    seconds = cast("float", timeout_s)  # or what numpy has in its place
    if not seconds >= 0:
        raise ValueError(f"{needed}, not {seconds!r}")
    return None if seconds == inf else seconds
