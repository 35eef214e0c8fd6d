"""What the tests of this room share: the manager in force, and what has reached the page."""

from __future__ import annotations

from typing import Any

import pytest

from lite_comms import Comm, CommManager, MemoryTransport, PageComm
from lite_comms._install.install import installed_manager


@pytest.fixture
def manager(memory: MemoryTransport) -> CommManager:
    return installed_manager()


def ignore(*args: Any) -> None:
    """Be a target that does nothing."""


def opened(memory: MemoryTransport) -> Comm:
    """A comm that the page has."""
    memory.register_target("target", lambda comm, msg: None)
    comm = Comm("target")
    memory.deliver()
    return comm


def received(memory: MemoryTransport) -> list[tuple[str, Any]]:
    """Deliver, and list type and data of all that the page has received."""
    memory.deliver()
    return [(msg["msg_type"], msg["content"]["data"]) for msg in memory.received]


def closed_by_kernel(memory: MemoryTransport, comm: PageComm) -> list[dict[str, Any]]:
    """Deliver; the metadata of the comm_close messages that a comm of the page has got."""
    memory.deliver()
    return [
        msg["metadata"]
        for msg in memory.received
        if msg["msg_type"] == "comm_close" and msg["content"]["comm_id"] == comm.comm_id
    ]
