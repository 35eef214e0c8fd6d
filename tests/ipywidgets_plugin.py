"""A pytest plugin for ipywidgets' own tests: their comms are ours, on a page in memory.

ipywidgets' tests put a dummy in the place of comms, and look at what it was
given. The dummy becomes a real comm that writes down the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import comm
import pytest

import lite_comms

_page = lite_comms.MemoryTransport()
lite_comms.install(_page)
_manager = comm.get_comm_manager()

from ipywidgets.widgets.tests import utils  # noqa: E402 (it keeps what is installed when imported)


class RecordingComm(lite_comms.Comm):
    """A comm that keeps the arguments of each send, as ipywidgets' dummy does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.messages: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        super().__init__(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> None:
        super().send(*args, **kwargs)
        self.messages.append((args, kwargs))


utils.DummyComm = RecordingComm
utils.dummy_create_comm = RecordingComm
utils.dummy_get_comm_manager = lambda: _manager


@pytest.fixture(autouse=True)
def every_message_reaches_the_page() -> Iterator[None]:
    _page.register_target("jupyter.widget", lambda comm, msg: None)
    yield
    _page.deliver()
    assert _page.errors == []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many messages have reached the page, of which types."""
    kinds = [msg["msg_type"] for msg in _page.received]
    terminalreporter.write_line(f"reached the page: {len(kinds)} {' '.join(sorted(set(kinds)))}")
