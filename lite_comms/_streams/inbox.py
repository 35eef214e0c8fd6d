"""The messages of a comm that no callback takes, and the calls that wait for them.

`Comm.receive` and `Comm.areceive` stand in line: the first call gets the oldest
message, the second call the next one. A message stays in the inbox until its call
is about to return it. So a call that is cancelled or times out loses nothing: those
behind it move up.

Pure Python: nothing in here knows about the worker.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import Any

Message = dict[str, Any]

# How much a comm without a callback keeps. With a limit of messages only, it was 300 MB and more.
MAX_MESSAGES = 1000
MAX_NBYTES = 64 * 2**20


class Waiter:
    """The place in line of one `receive` or `areceive`."""

    def __init__(self, what: str) -> None:
        self.what = what  # for error messages
        self.error: Exception | None = None  # ends the wait
        # What `areceive` awaits. A new one for each wait, because it belongs to one loop.
        self.news: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Have the call look again at whether it can return."""
        if self.news is not None and not self.news.done():
            self.news.set_result(None)

    @property
    def is_abandoned(self) -> bool:
        """Whether its event loop was closed, so that it can never return."""
        return self.news is not None and self.news.get_loop().is_closed()


class Inbox:
    """The messages, oldest first, and the line."""

    def __init__(self) -> None:
        self._messages: deque[tuple[Message, int]] = deque()  # with their sizes
        self._nbytes = 0
        self._line: list[Waiter] = []

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, msg: Message) -> None:
        """Add a message."""
        nbytes = _nbytes(msg)
        self._messages.append((msg, nbytes))
        self._nbytes += nbytes
        self.wake()

    def pop(self, place: int = 0) -> Message:
        """Remove and return a message; by default the oldest one."""
        msg, nbytes = self._messages[place]
        del self._messages[place]
        self._nbytes -= nbytes
        return msg

    def trim(self) -> bool:
        """Drop the oldest messages, down to the limits, but never the newest one.

        Returns
        -------
        bool
            Whether any was dropped.
        """
        before = len(self)
        while len(self) > 1 and (len(self) > MAX_MESSAGES or self._nbytes > MAX_NBYTES):
            self.pop()
        return len(self) < before

    def clear(self) -> None:
        """Drop all messages."""
        self._messages.clear()
        self._nbytes = 0

    def enter(self, what: str) -> Waiter:
        """Join the end of the line; the caller must `leave` it."""
        waiter = Waiter(what)
        self._line = [*self._live_line(), waiter]
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Leave the line."""
        if waiter in self._line:
            self._line.remove(waiter)
        self.wake()

    def place(self, waiter: Waiter) -> int:
        """Return the waiter's place in line, which is the index of its message."""
        return self._line.index(waiter)

    def wake(self) -> None:
        """Have each waiter look again at whether it can return."""
        self._line = self._live_line()
        for waiter in self._line:
            waiter.wake()

    def _live_line(self) -> list[Waiter]:
        # The message of an abandoned waiter would never be taken.
        return [waiter for waiter in self._line if not waiter.is_abandoned]

    def fail(self, reason: str) -> None:
        """End every wait with a RuntimeError."""
        for waiter in self._line:
            waiter.error = RuntimeError(f"{waiter.what}: {reason}")
        self.wake()


def _nbytes(msg: Message) -> int:
    """Return about how much memory a message takes.

    The objects are counted, not the JSON text: many small lists take ten times as much
    memory as their text, and writing the text only to measure it would need more.
    """
    nbytes = sum(memoryview(buffer).nbytes for buffer in msg.get("buffers") or ())
    containers: list[Any] = [[msg.get("content"), msg.get("metadata")]]
    while containers:
        container = containers.pop()
        is_dict = isinstance(container, dict)
        items = [*container, *container.values()] if is_dict else container
        nbytes += sum(map(sys.getsizeof, items))
        containers += [item for item in items if isinstance(item, (dict, list))]
    return nbytes
