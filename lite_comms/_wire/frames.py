"""What goes over the port between the page and the kernel's worker: PROTOCOL.md.

Pure, no I/O. Each frame is a value. On the wire it is a flat list, its type
first and its buffers last, because a list of strings and numbers crosses
between JavaScript and Python without converting objects. Its twin on the
page is ``frontend/src/wire/frames.ts``; both are held to the cases in
``tests/frames.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from .errors import CommError

VERSION = 1

# The id of an error that belongs to no message.
NO_MESSAGE = 0

# The parent of a `FromKernel`: the text of the last one that had a text.
SAME_PARENT = 0


class FrameError(CommError):
    """What came over the port is not a frame of the protocol.

    Parameters
    ----------
    reason : str
        What is wrong, naming the field.
    """


class Hello(NamedTuple):
    """Both ways: the first frame. In every version it begins like this."""

    version: int
    package: str
    can: tuple[str, ...] = ()


class Bye(NamedTuple):
    """Both ways: comm messages take JupyterLite's own path from now on."""


class Failed(NamedTuple):
    """Both ways: a frame was not understood; `id` is its message's, or 0."""

    reason: str
    id: int = NO_MESSAGE


class FromKernel(NamedTuple):
    """To the page: a comm message. Content, metadata and parent header are JSON.

    The parent is a number where the page knows the header: `SAME_PARENT`, or the id of a
    `FromPage` that has not been acknowledged.
    """

    msg_type: str
    content: str
    metadata: str
    parent: str | int
    buffers: tuple[Any, ...] = ()


class Ack(NamedTuple):
    """To the page: the messages with these ids have been handled."""

    ids: tuple[int, ...]


class FromPage(NamedTuple):
    """To the kernel: a comm message, as JSON with header, metadata and content.

    With `may_wait` an execution is queued or running that may register the
    target of a comm_open.
    """

    id: int
    message: str
    may_wait: bool
    buffers: tuple[Any, ...] = ()


class Attach(NamedTuple):
    """To the kernel: what the comm message with this id, which comes next, has besides its buffers.

    They are objects of JavaScript: files, ports, streams.
    """

    id: int
    attachments: tuple[Any, ...]


class Idle(NamedTuple):
    """To the kernel: no execution is queued or running any longer."""


class Interrupt(NamedTuple):
    """To the kernel: stop what runs; `number` counts the interrupts."""

    number: int


class Watch(NamedTuple):
    """To the kernel: where it sees an `Interrupt` while its event loop does not turn.

    Shared memory that holds the number, and the id of the last `FromPage` so far;
    or the number of the first of some URLs, one for each of the next interrupts,
    and these.
    """

    places: tuple[Any, ...]


class Interrupted(NamedTuple):
    """To the page: the interrupts up to this number have been dealt with."""

    number: int


class Begun(NamedTuple):
    """To the page: the cell of this execute_request has begun to run."""

    msg_id: str


class Lock(NamedTuple):
    """To the page: the worker holds the Web Lock with this name until it ends.

    Posted by ``port.js``.
    """

    name: str


class Died(NamedTuple):
    """To the page: Python has suffered a fatal error, or has exited; `reason` says which.

    Posted by ``port.js``, since Python no longer runs.
    """

    reason: str


ToPage = Hello | Bye | Failed | FromKernel | Ack | Begun | Interrupted | Lock | Died
ToKernel = Hello | Bye | Failed | FromPage | Attach | Idle | Interrupt | Watch

_BOTH: dict[str, Any] = {"hello": Hello, "bye": Bye, "error": Failed}
TO_PAGE: dict[str, Callable[..., ToPage]] = {
    **_BOTH,
    "comm": FromKernel,
    "ack": Ack,
    "begun": Begun,
    "interrupted": Interrupted,
    "lock": Lock,
    "died": Died,
}
TO_KERNEL: dict[str, Callable[..., ToKernel]] = {
    **_BOTH,
    "comm": FromPage,
    "attach": Attach,
    "idle": Idle,
    "interrupt": Interrupt,
    "watch": Watch,
}

# Their last field holds all values that follow: buffers, attachments, ids, abilities, places.
_OPEN_ENDED = (Hello, FromKernel, FromPage, Attach, Ack, Watch)

_NAMES = {cls: name for table in (TO_PAGE, TO_KERNEL) for name, cls in table.items()}


def to_wire(frame: ToPage | ToKernel) -> tuple[Any, ...]:
    """Write a frame as it goes over the port.

    Parameters
    ----------
    frame : NamedTuple
        The frame.

    Returns
    -------
    tuple
        Its type, its fields, its buffers.
    """
    name = _NAMES[type(frame)]
    if isinstance(frame, _OPEN_ENDED):
        return (name, *frame[:-1], *frame[-1])
    return (name, *frame)


def from_wire(wire: Sequence[Any]) -> ToKernel:
    """Read a frame of the page.

    Parameters
    ----------
    wire : sequence
        What came over the port.

    Returns
    -------
    NamedTuple
        The frame.

    Raises
    ------
    FrameError
        If it is not a frame that the page may send.
    """
    # Nearly all frames; of any other what is wrong is named below.
    if (
        len(wire) > 3
        and wire[0] == "comm"
        and type(wire[1]) is int
        and type(wire[2]) is str
        and type(wire[3]) is bool
    ):
        return FromPage(wire[1], wire[2], wire[3], tuple(wire[4:]))
    name = wire[0] if wire else None
    frame = TO_KERNEL.get(name) if isinstance(name, str) else None
    if frame is None:
        raise FrameError(f"unknown frame type {name!r}")
    fields = wire[1:]
    types = _FIELDS[frame]
    if len(fields) > len(types) and frame not in _OPEN_ENDED:
        raise FrameError(f"a frame {name!r} has {len(types)} fields, not {len(fields)}")
    for (field, expected), value in zip_longest(types, fields[: len(types)]):
        if type(value) is not expected:
            raise FrameError(
                f"{field} of a frame {name!r} must be {expected.__name__}, "
                f"not {type(value).__name__}"
            )
    given = list(fields[: len(types)])
    if frame is FromPage:
        given.append(tuple(fields[len(types) :]))
    elif frame is Attach:
        given.append(_objects(*fields[len(types) :]))
    elif frame is Watch:
        given.append(_places(*fields))
    elif frame is Hello:
        given.append(tuple(value for value in fields[len(types) :] if type(value) is str))
    return frame(*given)


def _objects(*values: Any) -> tuple[Any, ...]:
    if not all(hasattr(value, "js_id") for value in values):
        raise FrameError("attachments of a frame 'attach' must be objects of JavaScript")
    return values


def _places(first: Any = None, *others: Any) -> tuple[Any, ...]:
    are_urls = type(first) is int and others and all(type(url) is str for url in others)
    # An older page does not say the id.
    is_last_id = not others or (len(others) == 1 and _is_count(others[0]))
    if not are_urls and not (is_last_id and _is_shared_memory(first)):
        raise FrameError(
            "places of a frame 'watch' must be shared memory and an id, or a number and URLs"
        )
    return (first, *others)


def _is_count(value: Any) -> bool:
    """Return whether it is a number that JavaScript can count to."""
    return type(value) is int and 0 <= value < 2**53


def _is_shared_memory(value: Any) -> bool:
    names = [
        getattr(getattr(each, "constructor", None), "name", None)
        for each in (value, getattr(value, "buffer", None))
    ]
    return names == ["Int32Array", "SharedArrayBuffer"]


_FIELDS: dict[Any, tuple[tuple[str, type], ...]] = {
    Hello: (("version", int), ("package", str)),
    Bye: (),
    Failed: (("reason", str), ("id", int)),
    FromPage: (("id", int), ("message", str), ("may_wait", bool)),
    Attach: (("id", int),),
    Idle: (),
    Interrupt: (("number", int),),
    Watch: (),
}
