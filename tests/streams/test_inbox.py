"""What a comm keeps of the messages that no callback takes."""

from __future__ import annotations

from typing import Any

import pytest

from lite_comms import Comm, MemoryTransport
from lite_comms._testing.page_comm import PageComm

MB = 10**6


def opened(memory: MemoryTransport) -> tuple[Comm, PageComm]:
    """Both ends of a comm."""
    comm = Comm("plot")
    memory.deliver()
    return comm, memory.comms[comm.comm_id]


def kept(comm: Comm) -> list[Any]:
    """Receive what there is."""
    messages = []
    while True:
        try:
            messages.append(comm.receive(timeout_s=0)["content"]["data"])
        except TimeoutError:
            return messages


def hear(comm: Comm, heard: list[Any]) -> None:
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))


def test_the_last_1000_messages_are_kept(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    for n in range(1005):
        page.send(n)
    memory.deliver()

    assert kept(comm) == [*range(5, 1005)]


@pytest.mark.parametrize(
    "large",
    [
        pytest.param(
            lambda n: {"data": n, "buffers": [bytes(10 * MB), bytes(10 * MB)]}, id="buffers"
        ),
        pytest.param(lambda n: {"data": n, "metadata": {"x" * 20 * MB: ["y"]}}, id="metadata"),
    ],
)
def test_64_mb_are_kept(large: Any, memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    for n in range(5):
        page.send(**large(n))
        memory.deliver()

    assert kept(comm) == [2, 3, 4]


def test_data_counts_by_the_memory_that_it_takes(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    for n in range(5):
        # As text, four of these would fit.
        page.send({"n": n, "text": "x" * 15 * MB, "many": [[]] * 100_000})
        memory.deliver()

    assert [data["n"] for data in kept(comm)] == [2, 3, 4]


def test_what_was_taken_makes_room(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    for n in range(5):
        page.send(n, buffers=[bytes(40 * MB)])
        assert comm.receive()["content"]["data"] == n
    for n in range(3):
        page.send(n, buffers=[bytes(20 * MB)])
        memory.deliver()

    assert kept(comm) == [0, 1, 2]
    assert memory.errors == []


def test_the_newest_message_is_kept_whatever_its_size(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    page.send("small")
    page.send("large", buffers=[bytes(70 * MB)])
    memory.deliver()

    assert kept(comm) == ["large"]


def test_the_first_drop_is_shown(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    for _ in range(1000):
        page.send()
    memory.deliver()
    assert memory.errors == []
    for _ in range(10):
        page.send()
    memory.deliver()

    (error,) = memory.errors
    assert error == (
        f"lite_comms: comm 'plot' ({comm.comm_id}) has no on_msg callback; it keeps 1,000 messages "
        "or 64 MB, and the oldest ones are now dropped. Set on_msg, or call receive to take them."
    )


def test_the_first_callback_gets_what_was_kept_and_nothing_is_dropped_then(
    memory: MemoryTransport,
) -> None:
    heard: list[Any] = []
    comm, page = opened(memory)
    for n in range(1000):
        page.send(n)
    memory.deliver()
    for n in range(1000, 1010):  # these are under way
        page.send(n)
    hear(comm, heard)
    memory.deliver()

    assert heard == [*range(1010)]
    assert memory.errors == []


def test_after_a_callback_was_removed_messages_are_dropped(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm, page = opened(memory)
    hear(comm, heard)
    comm.on_msg(None)
    page.send("dropped")
    memory.deliver()
    hear(comm, heard)
    page.send("heard")
    memory.deliver()

    assert heard == ["heard"]
    assert memory.errors == []


def test_what_a_callback_has_not_got_when_it_is_removed_is_dropped(
    memory: MemoryTransport,
) -> None:
    heard: list[Any] = []
    comm, page = opened(memory)
    page.send("dropped")
    memory.deliver()
    hear(comm, heard)
    comm.on_msg(None)
    memory.deliver()
    hear(comm, heard)
    memory.deliver()

    assert heard == []


def test_removing_no_callback_changes_nothing(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    page.send(1)
    memory.deliver()
    comm.on_msg(None)
    page.send(2)
    memory.deliver()

    assert kept(comm) == [1, 2]


def test_replacing_a_callback_drops_nothing(memory: MemoryTransport) -> None:
    heard: list[Any] = []
    comm, page = opened(memory)
    page.send(1)
    memory.deliver()
    comm.on_msg(lambda msg: heard.append("not the first"))
    hear(comm, heard)
    page.send(2)
    memory.deliver()

    assert heard == [1, 2]


def test_receive_has_messages_kept_again(memory: MemoryTransport) -> None:
    comm, page = opened(memory)
    comm.on_msg(lambda msg: None)
    comm.on_msg(None)
    page.send("dropped")
    memory.deliver()
    assert kept(comm) == []
    page.send("kept")
    memory.deliver()

    assert kept(comm) == ["kept"]


def test_a_comm_that_is_opened_again_keeps_messages_again(memory: MemoryTransport) -> None:
    comm, _ = opened(memory)
    comm.on_msg(lambda msg: None)
    comm.on_msg(None)
    comm.close()
    comm.open()
    memory.deliver()
    memory.comms[comm.comm_id].send("kept")
    memory.deliver()

    assert kept(comm) == ["kept"]
