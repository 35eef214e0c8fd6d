"""What the tests of this room share: a cell that a callback interrupts."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lite_comms._outputs.aside import Aside

PRIVATE: Any = warnings


@pytest.fixture
def shell() -> SimpleNamespace:
    """As much of a shell as is asked for."""
    return SimpleNamespace(display_pub=io.StringIO(), displayhook=lambda value: None)


@pytest.fixture
def aside(shell: SimpleNamespace) -> Iterator[Aside]:
    """An Aside at the start of a cell; afterwards everything is as before."""
    before = sys.stdout, sys.stderr, sys.displayhook
    with warnings.catch_warnings():
        # Not that of pytest, which collects them.
        PRIVATE._showwarnmsg_impl = lambda msg: print("warning:", msg.message, file=sys.stderr)
        aside = Aside(shell)
        aside.cell_starts()
        yield aside
    sys.stdout, sys.stderr, sys.displayhook = before


def seen[T](aside: Aside, look: Callable[[], T]) -> T:
    """What a callback sees."""
    found: list[T] = []
    aside.call(lambda: found.append(look()))
    return found[0]
