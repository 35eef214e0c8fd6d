"""What the tests of the package share; they run in CPython and inside Pyodide."""

from __future__ import annotations

from collections.abc import Iterator

import comm
import pytest

import lite_comms
from lite_comms import Comm, MemoryTransport


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Each test begins and ends without lite_comms installed, without comms and targets."""
    yield
    lite_comms.uninstall()
    comm.get_comm_manager().comms.clear()
    comm.get_comm_manager().targets.clear()


@pytest.fixture
def memory() -> Iterator[MemoryTransport]:
    """A page in this process, which knows the target "plot"; lite_comms is installed with it."""
    with MemoryTransport() as memory:
        memory.register_target("plot", lambda comm, msg: None)
        yield memory


@pytest.fixture
def echo(memory: MemoryTransport) -> Comm:
    """A comm whose page answers each message with the same."""
    memory.register_target(
        "echo", lambda comm, msg: comm.on_msg(lambda msg: comm.send(msg["content"]["data"]))
    )
    return Comm("echo")
