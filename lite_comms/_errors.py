"""The errors and warnings of lite_comms.

::

    CommError
    ├── EncodeError        a value that JSON cannot hold   (also a ValueError)
    ├── BufferFormatError  an object that is not a buffer  (also a TypeError)
    ├── TransportError     a message that cannot leave     (also a RuntimeError)
    └── ClosedError        a wait for a comm that closes   (also an EOFError)
    CommWarning            a use that ipykernel lets pass without a word

Each error also derives from the exception that a server kernel raises in its
place, so that code that catches the built-in one goes on working.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import comm


class CommError(Exception):
    """Base of every error that lite_comms raises by itself."""


class EncodeError(CommError, ValueError):
    """A value in a comm message cannot be sent.

    Parameters
    ----------
    path : str
        Where the value stands, as one would write it in Python:
        ``data.rows[3].when``.
    reason : str
        What is wrong with it.
    comm : str, optional
        The comm that was to send it.
    """

    def __init__(self, path: str, reason: str, comm: str | None = None) -> None:
        self.path = path
        self.reason = reason
        self.comm = comm
        super().__init__(path, reason, comm)

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.comm, self.path, self.reason)))

    def of(self, comm: str) -> EncodeError:
        """Return the same error, naming the comm."""
        return type(self)(self.path, self.reason, comm)


class BufferFormatError(CommError, TypeError):
    """An item of ``buffers`` does not support the buffer protocol."""


class TransportError(CommError, RuntimeError):
    """A message cannot leave the kernel; it has not been sent."""


class ClosedError(CommError, EOFError):
    """A comm is closed, and all that it has received is taken; nothing more will come.

    Parameters
    ----------
    message : str
        What was waited for.
    reason : str
        Why the other end has closed the comm, as it has said itself, for example
        ``"RangeError: too much"``; empty if it has not.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        self.reason = reason
        super().__init__(message, reason)

    def __str__(self) -> str:
        message, reason = self.args
        return f"{message}: {reason}" if reason else str(message)


def reason_in(msg: dict[str, Any]) -> str:
    """Return the reason that a comm_close gives in its metadata, or an empty text."""
    why = (msg.get("metadata") or {}).get("lite_comms")
    return f"{why.get('ename')}: {why.get('evalue')}" if isinstance(why, dict) else ""


class CommWarning(UserWarning):
    """A use of a comm that has no effect, or not the expected one."""


# The code of functions that are marked by `runs_user_code`.
_RUNNERS: set[CodeType] = set()

# Code of these folders is not the user's: a warning points at its caller.
_OURS = tuple(f"{Path(file).parent}{os.sep}" for file in (__file__, comm.__file__))


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
    """Format an error as Python does, with the frames of `user_frames`.

    Parameters
    ----------
    error : BaseException
        The error, as caught.

    Returns
    -------
    str
        The traceback, without a line end.
    """
    lines = traceback.format_exception(type(error), error, user_frames(error))
    return sendable("".join(lines)).rstrip()


def user_message(error: BaseException) -> str:
    """Give an error's message, whatever it holds, as text that can be sent.

    Parameters
    ----------
    error : BaseException
        The error.

    Returns
    -------
    str
        Its ``str``; lone surrogates are written as escapes.
    """
    try:
        return sendable(str(error))
    except Exception:
        return "(its str fails)"


def sendable(text: str) -> str:
    """Write lone surrogates, which no text of the web can hold, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_ours(frame: FrameType | None) -> bool:
    """Tell whether code of lite_comms, or of comm, runs in a frame."""
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)


def runs_user_code[F: Callable[..., Any]](f: F) -> F:
    """Mark a function that calls the user's, so that what happens in there is not in ours."""
    _RUNNERS.add(f.__code__)
    return f


def is_kept_whole(frame: FrameType) -> bool:
    """Tell whether code of ours runs in a frame that must not be interrupted by other code."""
    return is_ours(frame) and frame.f_code not in _RUNNERS


def warn(message: str) -> None:
    """Warn about the line of user code that led here.

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
