"""What a comm needs to be received from without a callback: by calls that wait, and in a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

from lite_comms._requests.asking import checked_time
from lite_comms._wire.errors import ClosedError

from .inbox import Inbox, Message, Waiter

TAKEN = "its on_msg callback takes the messages"


class Pulling:
    """A base class for a comm."""

    _closed: bool
    _end_reason: str
    _inbox: Inbox
    _keeps_messages: bool
    _msg_callback: Any

    def receive(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Wait for the next message and return it.

        For a comm without an `on_msg` callback. Messages that came earlier are
        returned first: the last 1,000 are kept, up to 64 MB together, and the
        newest one whatever its size. The first time that older ones are
        dropped, a line on stderr says so.

        Calls that wait at the same time, `areceive` included, get the messages
        in the order in which they began to wait.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most. Without it, wait until a message
            comes; Stop interrupts the wait.

        Returns
        -------
        dict
            The message, as a callback gets it.

        Raises
        ------
        TimeoutError
            If no message has come in time.
        ClosedError
            If the comm is closed and no message is left.
        RuntimeError
            If the comm has an `on_msg` callback, or gets one meanwhile. Also
            where code cannot wait for messages (see ``lite_comms.wait_for``):
            await `areceive` there.
        TypeError, ValueError
            If `timeout_s` is not a number, or is negative.
        """
        timeout_s = checked_time(timeout_s, f"receive of {self!r}")
        waiter = self._wait_in_line("receive")
        try:
            self._wait_for(lambda: self._is_ready(waiter), timeout_s, waiter.what)
            return self._take(waiter)
        finally:
            self._inbox.leave(waiter)

    async def areceive(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Await the next message and return it; see `receive`.

        If it is cancelled, or times out, the message goes to the next call.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most. Without it, wait until a message
            comes.

        Returns
        -------
        dict
            The message, as a callback gets it.

        Raises
        ------
        TimeoutError
            If no message has come in time.
        ClosedError
            If the comm is closed and no message is left.
        RuntimeError
            If the comm has an `on_msg` callback, or gets one meanwhile.
        """
        timeout_s = checked_time(timeout_s, f"areceive of {self!r}")
        loop = asyncio.get_running_loop()
        waiter = self._wait_in_line("areceive")
        try:
            async with asyncio.timeout(timeout_s):
                while not self._is_ready(waiter):
                    waiter.news = loop.create_future()
                    await waiter.news
            return self._take(waiter)
        except TimeoutError:
            raise TimeoutError(f"{waiter.what}: nothing in {timeout_s} s") from None
        finally:
            self._inbox.leave(waiter)

    def __aiter__(self) -> Self:
        """Receive in a loop, ``async for msg in comm``, until the comm closes; see `areceive`."""
        return self

    async def __anext__(self) -> Message:
        """Await the next message; the loop ends if the comm is closed and none is left."""
        try:
            return await self.areceive()
        except ClosedError:
            raise StopAsyncIteration from None

    def _wait_in_line(self, field: str) -> Waiter:
        what = f"{field} of {self!r}"
        if self._msg_callback is not None:
            raise RuntimeError(f"{what}: {TAKEN}")
        self._keeps_messages = True
        return self._inbox.enter(what)

    def _is_ready(self, waiter: Waiter) -> bool:
        if waiter.error is not None or self._closed:
            return True
        return self._inbox.place(waiter) < len(self._inbox)

    def _take(self, waiter: Waiter) -> Message:
        """Return the waiter's message, or raise what has ended its wait."""
        if waiter.error is not None:
            raise waiter.error
        place = self._inbox.place(waiter)
        if place >= len(self._inbox):
            raise ClosedError(f"{self!r} has nothing more to receive", self._end_reason)
        return self._inbox.pop(place)

    def _wait_for(self, predicate: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        """Wait in synchronous code until a function returns a true value."""
        raise NotImplementedError
