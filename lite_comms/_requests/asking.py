"""The requests of this end that wait for their answers.

Each ends exactly once: with the answer, or with the first of the error, the time-out, the
cancellation and the end of the comm. What comes later for it is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from math import inf
from numbers import Real
from typing import Any

from lite_comms._wire.errors import ClosedError

from .marks import Answer, marked

Message = dict[str, Any]

# One count for all comms: an answer to a comm that is closed must not reach one that is opened
# later with the same id.
_ids = count(1)


class Asked:
    """A request that waits for its answer."""

    def __init__(self, what: str) -> None:
        self.id = str(next(_ids))
        self.what = what  # for error messages
        self._msg: Message | None = None
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None  # what `wait` awaits

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._msg is not None or self._error is not None

    def end(self, msg: Message | None, error: Exception | None) -> None:
        """End it, with the answer or with an error."""
        self._msg, self._error = msg, error
        news = self._news
        if news is None:
            return
        with suppress(RuntimeError):  # its loop is closed, and nobody waits any longer
            if news.get_loop() is asyncio._get_running_loop():
                _wake(news)
            else:  # that of a subshell, which has a thread of its own
                news.get_loop().call_soon_threadsafe(_wake, news)

    async def wait(self) -> None:
        """Wait until it has ended."""
        if not self.is_done:
            self._news = asyncio.get_running_loop().create_future()
            if not self.is_done:  # another thread may have ended it just now
                await self._news

    def result(self) -> Message:
        """Return the answer, or raise the error."""
        if self._error is not None:
            raise self._error
        assert self._msg is not None
        return self._msg


def _wake(news: asyncio.Future[None]) -> None:
    if not news.done():
        news.set_result(None)


class Asking:
    """The half of `Requesting` that asks."""

    _closed: bool
    _end_reason: str
    _asked: dict[str, Asked]

    def request(
        self,
        data: Any = None,
        *,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        timeout_s: float | None = None,
    ) -> Message:
        """Ask the other end, wait for its answer, and return it.

        Messages are handled meanwhile, as by ``lite_comms.wait_for``. If the wait ends
        without an answer, the other end is told, and cancels its handler.

        Parameters
        ----------
        data : dict, optional
            The handler finds it in the message that it is called with, as for `send`.
        metadata : dict, optional
            The message's metadata. The key ``lite_comms`` is reserved.
        buffers : list of bytes-like, optional
            As for `send`.
        timeout_s : float, optional
            How many seconds to wait at most. Without it, wait until the answer comes;
            Stop interrupts the wait.

        Returns
        -------
        dict
            The answer, a message as callbacks get it: its data is in
            ``msg["content"]["data"]``.

        Raises
        ------
        RequestError
            If the other end has answered with an error, or nobody answers requests there.
        TimeoutError
            If no answer has come in time.
        ClosedError
            If the comm is closed, or closes meanwhile.
        EncodeError, BufferFormatError, TransportError
            As for `send`; nothing has been asked.
        TypeError, ValueError
            If `timeout_s` is not a number, or is negative. Nothing has been asked.
        RuntimeError
            Where code cannot wait for messages (see ``lite_comms.wait_for``): await
            `arequest` there, in a task. Nothing has been asked.
        """
        what = f"request of {self!r}"
        if why := self._cannot_wait:
            raise RuntimeError(
                f"{what}: its answer cannot be waited for here: {why}; "
                "await arequest in a task instead"
            )
        timeout_s = checked_time(timeout_s, what)
        asked = self._ask(what, data, metadata, buffers)
        try:
            self._wait_for(lambda: asked.is_done, timeout_s, what)
            return asked.result()
        finally:
            self._stop_asking(asked)

    async def arequest(
        self,
        data: Any = None,
        *,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
        timeout_s: float | None = None,
    ) -> Message:
        """Ask the other end and await its answer; see `request`.

        If the task is cancelled, the other end is told, and cancels its handler.

        Parameters
        ----------
        data, metadata, buffers, timeout_s
            As for `request`.

        Returns
        -------
        dict
            The answer, a message as callbacks get it.

        Raises
        ------
        RequestError, TimeoutError, ClosedError, EncodeError, BufferFormatError, TransportError
            As for `request`.
        """
        what = f"arequest of {self!r}"
        timeout_s = checked_time(timeout_s, what)
        asked = self._ask(what, data, metadata, buffers)
        try:
            async with asyncio.timeout(timeout_s):
                await asked.wait()
        except TimeoutError:
            if not asked.is_done:  # the answer may have come after all, at the last moment
                raise TimeoutError(f"{what}: nothing in {timeout_s} s") from None
        finally:
            self._stop_asking(asked)
        return asked.result()

    def _post(self, data: Any, metadata: dict[str, Any], buffers: Iterable[Any] | None) -> None:
        """Send a comm_msg to the other end; data that is None is JSON's null."""
        raise NotImplementedError

    def _wait_for(self, predicate: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        """Handle messages until the predicate is true."""
        raise NotImplementedError

    @property
    def _cannot_wait(self) -> str:
        """Why `_wait_for` cannot be called here; empty if it can."""
        raise NotImplementedError

    @property
    def _cannot_ask(self) -> str:
        """Why no answer can come; empty if one can."""
        return "the comm is closed" if self._closed else ""

    def _ask(
        self, what: str, data: Any, metadata: dict[str, Any] | None, buffers: Iterable[Any] | None
    ) -> Asked:
        if why := self._cannot_ask:
            raise ClosedError(f"{what}: {why}", self._end_reason)
        asked = Asked(what)
        marks = marked(metadata, what, request=asked.id)
        self._asked[asked.id] = asked
        try:
            self._post({} if data is None else data, marks, buffers)
        except BaseException:
            del self._asked[asked.id]
            raise
        return asked

    def _stop_asking(self, asked: Asked) -> None:
        """Tell the other end that nobody waits any longer, unless it has answered."""
        if self._asked.pop(asked.id, None) is not None:
            with suppress(Exception):  # what ends the wait is the exception to see
                self._post({}, marked(None, asked.what, cancel=asked.id), None)

    def _end_request(self, answer: Answer, msg: Message) -> None:
        asked = self._asked.pop(answer.id, None)
        if asked is not None:
            if answer.error is not None:
                answer.error.what = asked.what
            asked.end(msg, answer.error)

    def _end_asking(self, why: str) -> None:
        """End all of them: no answer can come."""
        asked, self._asked = self._asked, {}
        for each in list(asked.values()):
            error = ClosedError(f"{each.what}: {why}", self._end_reason)
            each.end(None, error)


def checked_time(timeout_s: Any, what: str) -> float | None:
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
    is_number = isinstance(timeout_s, Real) and not isinstance(timeout_s, bool)
    if not is_number or not timeout_s >= 0:
        error = ValueError if is_number else TypeError
        raise error(f"timeout_s of {what} must be None or a number, 0 or more, not {timeout_s!r}")
    return None if timeout_s == inf else timeout_s
