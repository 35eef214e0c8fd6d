"""Plays the page's part of recorded comm messages to the kernel code of this process."""

from __future__ import annotations

from .lines import Recording
from .trace import Trace


def replay(recording: Recording) -> Trace:
    """Play what the page has sent in a recording, in order, to the code of this process.

    A `MemoryTransport` has to be installed, and the kernel code has to have registered its targets
    and opened its comms, as it had in the recording. The page's messages are then delivered one
    by one; a function that the test has registered as the page's target stays in force.

    Comms that the kernel opens have other ids than in the recording. They are matched by their
    targets, in the order in which they are opened; those that an earlier replay has matched are
    left out. If there are more of a target than in the recording, none is guessed.

    Parameters
    ----------
    recording : path, iterable of str, or iterable of TracedMessage
        A file of JSON lines, as `Trace.save` and the page's inspector write it; its lines; or what
        `trace` has recorded, all of it or a part. It must not be empty.

    Returns
    -------
    Trace
        The messages that were sent meanwhile, both ways.

    Raises
    ------
    ValueError
        If a message is not valid, naming its line and the field; or if something of a message of
        the page was left out of the recording. Nothing has been played.
    TypeError
        If it is no recording.
    LookupError
        If a message is for a comm, or answers a request, that the kernel does not have in this run;
        or if it cannot be told which one it is. What comes before it has been played.
    RuntimeError
        If no `MemoryTransport` is installed, or if this is a kernel of a site with the extension:
        what it loads at each start does not include this.
    Exception
        What a callback raises; see `MemoryTransport.deliver`.
    """
    try:
        from .player.playing import play
    except ImportError:
        raise RuntimeError(
            "lite_comms.replay is not in the wheel that kernels of a site load; call it where "
            "lite_comms was installed from a package index"
        ) from None
    return play(recording)
