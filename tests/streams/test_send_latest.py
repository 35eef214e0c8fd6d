"""Of many values only the newest is sent."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

import pytest

import lite_comms
from lite_comms import Comm, CommWarning, EncodeError, MemoryTransport
from lite_comms._streams import latest
from tests.common import has_loops

from .conftest import Clock


def sent(memory: MemoryTransport) -> list[Any]:
    """Deliver all; the data of what has reached the page, without the comm_open."""
    memory.deliver()
    return [msg["content"]["data"] for msg in memory.received[1:]]


def test_the_first_goes_at_once_and_of_the_others_the_last(
    memory: MemoryTransport, clock: Clock
) -> None:
    comm = Comm("plot")
    for n in range(1000):
        comm.send_latest(n)

    assert sent(memory) == [0, 999]


def test_in_a_loop_about_60_a_second_go(memory: MemoryTransport, clock: Clock) -> None:
    comm = Comm("plot")
    for _ in range(10_000):
        comm.send_latest(round(clock.now - 1000, 4))
        clock.now += 0.0001

    received = sent(memory)
    assert (len(received), received[0], received[1], received[-1]) == (61, 0, 0.0167, 0.9999)


def test_what_is_sent_when_its_time_has_come_leaves_at_once(
    memory: MemoryTransport, clock: Clock
) -> None:
    comm = Comm("plot")
    comm.send_latest("a")
    clock.now += latest.INTERVAL_S
    comm.send_latest("b")
    clock.now += latest.INTERVAL_S
    with pytest.raises(EncodeError):
        comm.send_latest(object)

    assert sent(memory) == ["a", "b"]


def test_each_key_has_a_newest_of_its_own(memory: MemoryTransport, clock: Clock) -> None:
    comm = Comm("plot")
    comm.send_latest("first")
    for n in range(3):
        comm.send_latest(f"a {n}", key="a")
        comm.send_latest(f"b {n}", key=("b", 1))
    comm.send_latest("a 3", "a")

    assert sent(memory) == ["first", "b 2", "a 3"]


def test_metadata_and_buffers_go_with_it(memory: MemoryTransport, clock: Clock) -> None:
    comm = Comm("plot")
    for n in range(3):
        comm.send_latest({}, metadata={"n": n}, buffers=[bytes([n])])
    memory.deliver()

    assert [
        (msg["content"]["data"], msg["metadata"], [*map(bytes, msg["buffers"])])
        for msg in memory.received[1:]
    ] == [({}, {"n": n}, [bytes([n])]) for n in (0, 2)]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param(lambda comm: comm.send("now"), ["comm_msg", "comm_msg"], id="send"),
        pytest.param(lambda comm: comm.close("now"), ["comm_msg", "comm_close"], id="close"),
        pytest.param(lambda comm: comm._ask("", "now", None, None), ["comm_msg"] * 2, id="request"),
    ],
)
def test_it_leaves_before_anything_else_that_the_comm_sends(
    last: Any, expected: list[str], memory: MemoryTransport, clock: Clock
) -> None:
    comm = Comm("plot")
    comm.send_latest(0)
    comm.send_latest(1)
    comm.send_latest(2, key="k")
    last(comm)

    assert sent(memory)[:4] == [0, 1, 2, "now"]
    assert [msg["msg_type"] for msg in memory.received[3:5]] == expected


def test_a_value_that_was_replaced_is_never_read(memory: MemoryTransport, clock: Clock) -> None:
    comm = Comm("plot")
    comm.send_latest(0)
    comm.send_latest(object)
    comm.send_latest(1)

    assert sent(memory) == [0, 1]


@pytest.mark.parametrize("by", ["timer", "send"])
def test_a_value_that_cannot_be_sent_later_is_shown_and_stops_nothing(
    by: str, memory: MemoryTransport, clock: Clock
) -> None:
    memory.raise_errors = False
    comm = Comm("plot", comm_id="1")
    comm.send_latest(0)
    comm.send_latest(object, key="bad")
    comm.send_latest(1, key="good")
    if by == "send":
        comm.send(2)

    assert sent(memory) == ([0, 1, 2] if by == "send" else [0, 1])
    (shown,) = memory.errors
    text = "lite_comms: what send_latest was given for <Comm 'plot' 1 open> cannot be sent\n"
    assert shown.startswith(text)
    assert "EncodeError: comm 'plot' (1): data: type is not JSON serializable" in shown


def test_nothing_is_sent_after_the_page_has_closed_the_comm(
    memory: MemoryTransport, clock: Clock
) -> None:
    comm = Comm("plot")
    memory.deliver()
    comm.send_latest(0)
    memory.comms[comm.comm_id].close()
    memory.deliver()
    with pytest.warns(CommWarning, match="send on the closed <Comm 'plot' .* closed>"):
        comm.send_latest(1)

    comm = Comm("plot")
    memory.deliver()
    memory.comms[comm.comm_id].close()
    comm.send_latest(0)
    comm.send_latest(1)
    memory.deliver()
    assert [msg["content"]["data"] for msg in memory.received[-1:]] == [0]


def test_a_value_that_cannot_be_sent_does_not_replace_the_one_before(
    memory: MemoryTransport, clock: Clock
) -> None:
    comm = Comm("plot")
    comm.send_latest(0)
    comm.send_latest(1)
    clock.now += latest.INTERVAL_S
    with pytest.raises(EncodeError):
        comm.send_latest(object)

    assert sent(memory) == [0, 1]


def test_a_timer_that_cannot_be_set_is_set_by_the_next_call(
    memory: MemoryTransport, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seconds: float, f: object) -> None:
        raise OSError("no timer")

    comm = Comm("plot")
    comm.send_latest(0)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "later", fail)
        with pytest.raises(OSError, match="no timer"):
            comm.send_latest(1)
    comm.send_latest(2)

    assert sent(memory) == [0, 2]


def test_the_timer_is_that_of_the_transport_that_the_comm_has_now(clock: Clock) -> None:
    class Timers(lite_comms.Transport):
        def __init__(self) -> None:
            self.posted: list[Any] = []
            self.timers: list[Any] = []

        def send(self, message: lite_comms.CommMessage) -> None:
            self.posted.append(message.content["data"])

        def later(self, seconds: float, f: object) -> None:
            self.timers.append(f)

    before, after = Timers(), Timers()
    manager = lite_comms.CommManager(before)
    comm = Comm("plot", manager=manager)
    comm.send_latest(0)
    comm.send_latest(1)
    manager.use(after)
    comm.send_latest(2)
    (timer,) = after.timers
    timer()

    assert (before.posted, after.posted) == ([{}, 0], [2])


def test_nothing_is_sent_after_another_comm_has_taken_the_id_over(
    memory: MemoryTransport, clock: Clock
) -> None:
    comm = Comm("plot", comm_id="1")
    comm.send_latest(0)
    comm.send_latest(1)
    with pytest.warns(CommWarning, match="is in use"):
        Comm("other", comm_id="1")

    assert sent(memory) == [0, {}]


def test_a_comm_without_it_keeps_nothing_for_it(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    comm.send(1)

    assert comm._latest is None


def test_it_is_cheap(memory: MemoryTransport) -> None:
    """10,000 calls a second take less than a tenth of it, also on a busy machine."""
    comm = Comm("plot")
    begin = time.process_time()
    for n in range(10_000):
        comm.send_latest(n)

    assert time.process_time() - begin < 0.1 * (10 if sys.platform == "emscripten" else 1)


@has_loops
def test_by_an_event_loop_the_last_one_arrives_a_frame_later() -> None:
    posted: list[Any] = []

    class Posts(lite_comms.Transport):
        def send(self, message: lite_comms.CommMessage) -> None:
            posted.append(message.content["data"])

    async def main() -> None:
        comm = Comm("plot", manager=lite_comms.CommManager(Posts()))
        for n in range(3):
            comm.send_latest(n)
        assert posted == [{}, 0]
        await asyncio.sleep(latest.INTERVAL_S * 2)
        assert posted == [{}, 0, 2]
        comm.send_latest(3)
        await asyncio.sleep(latest.INTERVAL_S * 2)
        assert posted == [{}, 0, 2, 3]

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "emscripten", reason="WebAssembly has no threads here")
def test_a_thread_without_a_loop_has_its_last_one_sent_as_well() -> None:
    posted: list[Any] = []
    done = threading.Event()

    class Posts(lite_comms.Transport):
        def send(self, message: lite_comms.CommMessage) -> None:
            posted.append(message.content["data"])
            if posted[-1] == 999:
                done.set()

    comm = Comm("plot", manager=lite_comms.CommManager(Posts()))
    for n in range(1000):
        comm.send_latest(n)

    assert done.wait(10)
    assert posted[1:] == sorted(posted[1:])
