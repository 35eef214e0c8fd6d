"""The newest value for each key, until it may be sent.

In a synchronous loop no timer fires, so `put` itself sends when the time has come, and the
timer sends only what is left at the end. A call costs a look at the clock and two changes of
a dict: with 10,000 calls a second that is 1 % of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from lite_comms._transports.base import Transport

# A frame of the screen: more would not be seen.
INTERVAL_S = 1 / 60


# What `Comm.send` would be called with: data, metadata, buffers.
Item = tuple[Any, dict[str, Any] | None, Iterable[Any] | None]


class Latest:
    """What has been given to `put` and has not been sent.

    Parameters
    ----------
    send : callable
        Sends an item.
    transport : callable
        Returns the transport that the comm has now.
    comm : str
        The comm, for the error message.
    """

    def __init__(
        self, send: Callable[..., object], transport: Callable[[], Transport], comm: str
    ) -> None:
        self._send = send
        self._transport = transport
        self._comm = comm
        self._items: dict[Any, Item] = {}  # in the order in which they came
        self._is_due_at = 0.0
        self._timer_of: Transport | None = None  # the transport that has the timer

    def put(self, key: Any, item: Item) -> None:
        """Send an item, now or later; what waits for the same key is dropped."""
        replaced = self._items.pop(key, None)
        now = monotonic()
        if now < self._is_due_at:
            self._keep(key, item, self._is_due_at - now)
            return
        self.flush()
        self._is_due_at = now + INTERVAL_S
        try:
            self._send(*item)
        except BaseException:
            if replaced is not None:  # it is still the newest one that can be sent
                self._keep(key, replaced, INTERVAL_S)
            raise

    def _keep(self, key: Any, item: Item, seconds: float) -> None:
        self._items[key] = item
        transport = self._transport()
        if self._timer_of is transport:
            return
        self._timer_of = transport  # before `later`: a thread's timer may fire at once
        try:
            transport.later(seconds, self._on_timer)
        except BaseException:
            self._timer_of = None
            raise

    def flush(self) -> None:
        """Send what waits."""
        # Each is taken before it is sent. A thread may add others meanwhile.
        for key in list(self._items):
            item = self._items.pop(key, None)
            if item is not None:
                try:
                    self._send(*item)
                except Exception as error:
                    # The code that runs now has not given it, and what it does must not fail.
                    what = f"what send_latest was given for {self._comm} cannot be sent"
                    self._transport().show_error(f"lite_comms: {what}", error)

    def clear(self) -> None:
        """Drop what waits."""
        self._items.clear()

    def _on_timer(self) -> None:
        self._timer_of = None
        if self._items:
            self._is_due_at = monotonic() + INTERVAL_S
            self.flush()
