"""The errors and warnings of lite_comms.

::

    CommError
    ├── EncodeError        a value that JSON cannot hold   (also a ValueError)
    ├── BufferFormatError  an object that is not a buffer  (also a TypeError)
    ├── TransportError     a message that cannot leave     (also a RuntimeError)
    ├── ClosedError        a wait for a comm that closes   (also an EOFError)
    └── RequestError       the answer to a request is an error
    CommWarning            a mistake that ipykernel silently accepts

Each error also derives from the exception that a server kernel raises in its
place, so code that catches the built-in one keeps working.
"""

from __future__ import annotations

from typing import Any


class CommError(Exception):
    """Base of every error that lite_comms raises by itself."""


class EncodeError(CommError, ValueError):
    """A value in a comm message cannot be sent.

    Parameters
    ----------
    path : str
        Where the value is, as Python code:
        ``data.rows[3].when``.
    reason : str
        Why it cannot be sent.
    comm : str, optional
        The comm that was sending it.
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
    """A comm is closed and has no message left to return.

    Parameters
    ----------
    message : str
        What was waited for.
    reason : str
        Why the other end has closed the comm, if it gave a reason, for example
        ``"RangeError: too much"``; otherwise empty.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        self.reason = reason
        super().__init__(message, reason)

    def __str__(self) -> str:
        message, reason = self.args
        return f"{message}: {reason}" if reason else str(message)


class RequestError(CommError):
    """The other end has answered a request with an error.

    Parameters
    ----------
    ename : str
        The name of the error: its class in Python, its ``name`` in JavaScript. If
        nobody answers requests there, it is ``"NoRequestHandler"``.
    evalue : str
        Its message.
    traceback : list of str
        The lines of its traceback, or of its stack in JavaScript.
    """

    what = ""  # the request, for the message

    def __init__(self, ename: str, evalue: str, traceback: list[str]) -> None:
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback
        super().__init__(ename, evalue, traceback)
        if traceback:
            self.add_note("\n".join(["The other end's traceback:", *traceback]))

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.what, self.ename, self.evalue)))


def reason_in(msg: dict[str, Any]) -> str:
    """Return the reason that a comm_close gives in its metadata, or an empty text."""
    why = (msg.get("metadata") or {}).get("lite_comms")
    return f"{why.get('ename')}: {why.get('evalue')}" if isinstance(why, dict) else ""


class CommWarning(UserWarning):
    """A use of a comm that has no effect, or not the expected one."""


def user_message(error: BaseException) -> str:
    """Return an error's message as text that can be sent, whatever it holds.

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
    except BaseException:
        return "(its str fails)"


def sendable(text: str) -> str:
    """Write lone surrogates, which no text of the web can hold, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
