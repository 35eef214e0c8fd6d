"""What the tests of this room share: the time that `send_latest` sees."""

from __future__ import annotations

import pytest

from lite_comms._streams import latest


class Clock:
    """The time that `send_latest` sees."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(latest, "monotonic", clock)
    return clock
