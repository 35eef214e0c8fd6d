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
        self._has_timer = False

    def put(self, key: Any, item: Item) -> None:
        """Send an item, now or later; what waits for the same key is dropped."""
        self._items.pop(key, None)
        now = monotonic()
        if now >= self._is_due_at:
            self.flush()
            self._is_due_at = now + INTERVAL_S
            self._send(*item)
            return
        self._items[key] = item
        if not self._has_timer:
            self._has_timer = True
            self._transport().later(self._is_due_at - now, self._on_timer)

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
        self._has_timer = False
        if self._items:
            self._is_due_at = monotonic() + INTERVAL_S
            self.flush()
