"""The states of the kernel's end of the port, and what leads from one to the next.

=========  ==========================  =========================================
state      entered by                  comm messages go to the page
=========  ==========================  =========================================
waiting    `Connect`: hello is sent    by JupyterLite's own path; a page without
                                       lite_comms never answers
open       the page's `Hello`          over the port
closing    `Disconnect`: bye is sent   by JupyterLite's own path
closed     the page's `Bye`, or a      by JupyterLite's own path
           `Hello` that asks: it has
           received no bye
=========  ==========================  =========================================

What the page sends over the port is handled in every state but the last.

Pure: `step` does nothing but return the next state and what is to be done.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from lite_comms._wire.frames import VERSION, Bye, Hello
from lite_comms._wire.version import __version__

_STOCK = "JupyterLite's own comm path"
_NO_ANSWER = (
    f"{_STOCK}: the page's half of lite_comms has not answered; "
    "messages from the page wait while a cell runs"
)
_ASKED = (
    f"{_STOCK}: the page did not run this cell's output, which installs lite_comms on the page; "
    "call lite_comms.install() in a cell to try again"
)
_NOT_REACHED = f"{_STOCK}: lite_comms is on the page, but does not reach this kernel"
_NOT_QUIET = f"{_STOCK}, until the comm messages that are under way there have been handled"
_OPEN = "the page's half of lite_comms has answered: messages go past the kernel's queue"
_LEFT = f"{_STOCK}: lite_comms was uninstalled"


class Channel(NamedTuple):
    """The state of the kernel's end.

    Attributes
    ----------
    state : {'waiting', 'open', 'closing', 'closed'}
        See above.
    why : str
        The reason, for `status`.
    page : str
        The page's half and where it comes from; empty until it has said hello.
    byes : int
        How many times the kernel has said bye without an answer.
    page_is_live : bool
        Whether the page lets messages be handled in synchronous code.
    page_waits : bool
        Whether the page keeps messages until the cell before them has begun.
    page_locks : bool
        Whether the page notices by a Web Lock that the worker has ended.
    """

    state: Literal["waiting", "open", "closing", "closed"] = "closed"
    why: str = _NO_ANSWER
    page: str = ""
    byes: int = 0
    page_is_live: bool = False
    page_waits: bool = False
    page_locks: bool = False

    def closes_at(self, event: Event) -> bool:
        """Return whether an event closes the channel."""
        return "close" in step(self, event)[1]


class Connect(NamedTuple):
    """A manager takes the port as its transport."""


class Disconnect(NamedTuple):
    """lite_comms is uninstalled, or another transport takes the place of the port."""


class Bring(NamedTuple):
    """The kernel brings the page its half."""


class Problem(NamedTuple):
    """What became of the half that was brought: an empty text if the page runs it."""

    text: str


Event = Connect | Disconnect | Bring | Problem | Hello | Bye
Action = Literal["say hello", "say bye", "stop bringing", "open", "answered", "close"]


def step(channel: Channel, event: Event) -> tuple[Channel, tuple[Action, ...]]:
    """Follow an event.

    Parameters
    ----------
    channel : Channel
        The state before it.
    event : Event
        What has happened.

    Returns
    -------
    Channel
        The state after it.
    tuple of str
        What is to be done then, in order; "answered" wakes the code that waits for the page.
    """
    match event:
        case Connect() if channel.state in ("closed", "closing"):
            return channel._replace(state="waiting", why=_NO_ANSWER), ("say hello",)
        case Disconnect() if channel.state in ("waiting", "open"):
            left = channel._replace(state="closing", why=_LEFT, byes=channel.byes + 1)
            return left, ("stop bringing", "say bye")
        case Bring() if channel.state == "waiting":
            return channel._replace(why=_ASKED), ()
        case Problem(text) if channel.state == "waiting" and text:
            why = f"{_STOCK}: the page cannot run its half of lite_comms: {text}"
            return channel._replace(why=why), ("answered",)
        case Problem() if channel.state == "waiting" and not channel.page:
            # Unless its hello is on its way.
            return channel._replace(why=_NOT_REACHED), ()
        case Hello(_, _, can) if channel.byes and "asks" not in can:
            # To a hello before our last bye, which the page has still to answer.
            return channel, ()
        case Hello() if channel.state == "waiting":
            return _greeted(channel, event)
        case Hello(_, _, can) if channel.state == "closing" and "asks" in can:
            # A page whose half came after our bye: it will never answer that.
            return channel._replace(state="closed", byes=0), ("close",)
        case Bye() if channel.state == "closing" and channel.byes == 1:
            return channel._replace(state="closed", byes=0), ("close",)
        case Bye() if channel.byes:
            return channel._replace(byes=channel.byes - 1), ()
    return channel, ()


def _greeted(channel: Channel, hello: Hello) -> tuple[Channel, tuple[Action, ...]]:
    version, package, can = hello
    is_brought = "injected" in can
    origin = "brought by a notebook" if is_brought else "part of the site"
    # A page that asks has received no bye.
    heard = channel._replace(page=f"lite_comms {package}, {origin}", byes=0)
    say_hello: tuple[Action, ...] = ("say hello",) if "asks" in can else ()
    if version != VERSION:
        # A reload would bring back the half that is part of the site.
        restart = f"restart the kernel and run %pip install lite-comms=={package}"
        why = (
            f"{_STOCK}: the page has lite_comms {package} with protocol {version}, "
            f"the kernel {__version__} with protocol {VERSION}; "
            f"{'reload the page' if is_brought else restart}"
        )
        return heard._replace(why=why), (*say_hello, "answered")
    if "later" in can:
        return heard._replace(why=_NOT_QUIET), (*say_hello, "answered")
    if "asks" in can:
        return heard._replace(why=_NOT_QUIET), say_hello
    opened = heard._replace(
        state="open",
        why=_OPEN,
        page_is_live="live" in can,
        page_waits="begun" in can,
        page_locks="locks" in can,
    )
    return opened, ("stop bringing", "open", "answered")
