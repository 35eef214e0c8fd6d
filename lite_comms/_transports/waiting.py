"""Messages of comms that the page has opened before their target is registered.

A cell that is queued or running may still register it. Until then the comm_open waits, with all
that comes for its comm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any


class Waiting:
    """The messages that wait, by comm.

    Parameters
    ----------
    handle : callable
        Called with the id of a message and the message, when it need not wait any longer.

    Attributes
    ----------
    by_comm : dict of str to deque
        The ids and messages of each comm that waits, its comm_open first.
    """

    def __init__(self, handle: Callable[[int, dict[str, Any]], object]) -> None:
        self._handle = handle
        self.by_comm: dict[str, deque[tuple[int, dict[str, Any]]]] = {}
        self._releasing: set[str] = set()

    def add(self, comm_id: str, message_id: int, msg: dict[str, Any]) -> None:
        """Keep a message of a comm."""
        self.by_comm.setdefault(comm_id, deque()).append((message_id, msg))

    def release(self, target_name: str | None) -> None:
        """Handle what waits for a target; with None, all that waits."""
        for comm_id, messages in list(self.by_comm.items()):
            # A callback may let the event loop turn, and so lead here again.
            if comm_id in self._releasing or not messages:
                continue
            wanted = messages[0][1]["content"].get("target_name")
            if target_name is None or wanted == target_name:
                self._releasing.add(comm_id)
                try:
                    # One by one: what arrives meanwhile comes after them.
                    while messages:
                        self._handle(*messages.popleft())
                finally:
                    self._releasing.discard(comm_id)
                self.by_comm.pop(comm_id, None)
