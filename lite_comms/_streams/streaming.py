"""What a comm needs to send the newest value only, and to await what has been sent."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lite_comms._requests.asking import checked_time
from lite_comms._wire.errors import ClosedError

from .latest import Latest

if TYPE_CHECKING:
    from collections.abc import Iterator

# The page closes a comm that is opened to this target; so does a page that does not know it.
DRAIN_TARGET = "lite_comms.drain"


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

    async def drain(self, timeout_s: float | None = None) -> None:
        """Await that the page has handled all that the kernel has sent.

        What `send_latest` has kept is sent before. The page has handled a message when the
        callbacks for it have returned there and their promises have settled. Of several pages
        the first one counts.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most.

        Raises
        ------
        TimeoutError
            If the page has not handled it in time; it still will.
        ClosedError
            If the comm is closed.

        Notes
        -----
        Promises are not waited for while code on the page waits for a message, such as the answer
        to a request. Handlers of requests and ``for await`` loops are never waited for.
        """
        with self._probe("drain", timeout_s) as probe:
            await probe.areceive(timeout_s)

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until the page has handled all that the kernel has sent; see `drain`.

        Parameters
        ----------
        timeout_s : float, optional
            How many seconds to wait at most.

        Raises
        ------
        TimeoutError
            If the page has not handled it in time; it still will.
        ClosedError
            If the comm is closed.
        RuntimeError
            Where code cannot wait for messages (see ``lite_comms.wait_for``): await `drain`
            there.
        """
        with self._probe("flush", timeout_s) as probe:
            probe.receive(timeout_s)

    @contextmanager
    def _probe(self, method: str, timeout_s: object) -> Iterator[Any]:
        """Open a comm that the page closes when it has handled what came before."""
        what = f"{method} of {self!r}"
        checked_time(timeout_s, what)
        if self._closed:
            raise ClosedError(f"{what}, which is closed")
        if self._latest is not None:
            self._latest.flush()
        probe = self._make_probe(DRAIN_TARGET)
        with suppress(ClosedError):  # that is the answer
            try:
                yield probe
            except TimeoutError:
                raise TimeoutError(f"{what}: the page has not handled all") from None
            finally:
                probe.close()

    def send(
        self,
        data: Any = None,
        metadata: dict[str, Any] | None = None,
        buffers: Iterable[Any] | None = None,
    ) -> None:
        """Send a message."""
        raise NotImplementedError

    def _make_latest(self) -> Latest:
        raise NotImplementedError

    def _make_probe(self, target_name: str) -> Any:
        raise NotImplementedError
