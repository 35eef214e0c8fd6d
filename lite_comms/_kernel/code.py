"""Whose code runs: the user's, or that of lite_comms."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import comm

from lite_comms._wire.errors import CommWarning, sendable

from .tracebacks import format_error

# The code of functions that are marked by `runs_user_code`.
_RUNNERS: set[CodeType] = set()

# The folder of the package.
PACKAGE = str(Path(__file__).parents[1])

# Code in these folders is not the user's, so a warning points at its caller.
_OURS = (f"{PACKAGE}{os.sep}", f"{Path(comm.__file__).parent}{os.sep}")


def user_frames(error: BaseException) -> TracebackType | None:
    """Return an error's traceback without the frames of lite_comms that called the user's function.

    Parameters
    ----------
    error : BaseException
        The error, as caught.

    Returns
    -------
    traceback or None
        Its part from the user's function on. That of a KeyboardInterrupt ends there, too: Stop is
        noticed in lite_comms.
    """
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None and is_ours(tb.tb_frame):
        tb = tb.tb_next
    if isinstance(error, KeyboardInterrupt):
        last = tb
        while last is not None and last.tb_next is not None and not is_ours(last.tb_next.tb_frame):
            last = last.tb_next
        if last is not None:
            last.tb_next = None
    return tb


def user_traceback(error: BaseException) -> str:
    """Format an error as Python does, with the frames of `user_frames`; see `format_error`.

    Parameters
    ----------
    error : BaseException
        The error, as caught.

    Returns
    -------
    str
        The traceback, without a line end.
    """
    return sendable("".join(format_error(error, user_frames(error)))).rstrip()


def forget_context(error: BaseException, running: BaseException | None) -> None:
    """Take away the exception that the interrupted code was handling: it is not the callback's.

    Parameters
    ----------
    error : BaseException
        What the callback has raised.
    running : BaseException or None
        What was being handled when it was called.
    """
    seen = {id(error)}
    while error.__context__ is not None and id(error.__context__) not in seen:
        if error.__context__ is running:
            error.__context__ = None
            return
        error = error.__context__
        seen.add(id(error))


def is_ours(frame: FrameType | None) -> bool:
    """Return whether a frame runs code of lite_comms or comm."""
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)


def runs_user_code[F: Callable[..., Any]](f: F) -> F:
    """Mark a function that calls user code: what it calls may be interrupted."""
    _RUNNERS.add(f.__code__)
    return f


def is_kept_whole(frame: FrameType) -> bool:
    """Return whether a frame runs code of ours that must not be interrupted by other code."""
    return is_ours(frame) and frame.f_code not in _RUNNERS


def caller(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame that is not ours."""
    while is_ours(frame):
        assert frame is not None
        frame = frame.f_back
    return frame


def any_frame(frame: FrameType | None, is_so: Callable[[FrameType], bool]) -> bool:
    """Return whether the predicate is true for a frame or one of its callers."""
    while frame is not None:
        if is_so(frame):
            return True
        frame = frame.f_back
    return False


def warn(message: str) -> None:
    """Emit a CommWarning for the line of user code that led here.

    Parameters
    ----------
    message : str
        What happened, naming the comm.
    """
    frame = sys._getframe(1)
    level = 2
    while frame.f_back is not None and is_ours(frame):
        frame = frame.f_back
        level += 1
    warnings.warn(message, CommWarning, stacklevel=level)
