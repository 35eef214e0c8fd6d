"""What a comm needs to send the newest value only, and to be received from in a loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Self

from lite_comms._wire.errors import ClosedError

from .latest import Latest

Message = dict[str, Any]


class Streaming:
    """A base class for a comm."""

    _closed: bool
    _latest: Latest | None = None  # made when it is needed

    def send_latest(
        self,
        data: Any = None,
        key: Hashable = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Send a message that a newer one may replace before it leaves.

        For values that change faster than a screen shows them: progress, a plot. About 60
        times a second the newest message of each key leaves; those that it has replaced are
        dropped. The last one always arrives: soon after the loop has ended or awaits, and
        before anything else that this comm sends, its close included.

        Parameters
        ----------
        data, metadata, buffers
            As for `send`, but read when the message leaves: pass new objects, rather than
            ones that you change afterwards.
        key : hashable, optional
            Only messages with the same key replace one another.

        Raises
        ------
        EncodeError, BufferFormatError, TransportError
            As for `send`, if the message leaves at once. If it leaves later, the error is
            shown like that of a callback, and the comm stays open.
        """
        if self._closed:
            self.send(data, metadata, buffers)  # which warns
            return
        if self._latest is None:
            self._latest = self._make_latest()
        self._latest.put(key, (data, metadata, buffers))

    def send(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Send a message."""
        raise NotImplementedError

    async def areceive(self, timeout_s: float | None = None) -> Message:
        """Await the next message."""
        raise NotImplementedError

    def _make_latest(self) -> Latest:
        raise NotImplementedError

    def __aiter__(self) -> Self:
        """Receive in a loop, ``async for msg in comm``, until the comm closes; see `areceive`."""
        return self

    async def __anext__(self) -> Message:
        """Await the next message; the loop ends if the comm is closed and none is left."""
        try:
            return await self.areceive()
        except ClosedError:
            raise StopAsyncIteration from None
