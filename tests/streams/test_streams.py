"""Of many values only the newest is sent; and messages are received in a loop."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

import pytest
from comm import get_comm_manager

import lite_comms
from lite_comms import Comm, CommWarning, EncodeError, MemoryTransport
from lite_comms._streams import latest

on_cpython = pytest.mark.skipif(
    sys.platform == "emscripten", reason="Pyodide has one loop, its own, and no threads"
)


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


def sent(memory: MemoryTransport) -> list[Any]:
    """Deliver all; the data of what has reached the page, without the comm_open."""
    memory.deliver()
    return [msg["content"]["data"] for msg in memory.received[1:]]


# send_latest --------------------------------------------------------------------------------


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


@on_cpython
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


@on_cpython
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


# async for ----------------------------------------------------------------------------------


@on_cpython
def test_a_loop_gets_each_message_and_ends_when_the_comm_closes(memory: MemoryTransport) -> None:
    heard: list[Any] = []

    async def main() -> None:
        comm = Comm("plot")
        memory.deliver()
        page = memory.comms[comm.comm_id]

        async def listen() -> None:
            heard.extend([msg["content"]["data"] async for msg in comm])

        task = asyncio.create_task(listen())
        for n in range(3):
            page.send(n)
            await asyncio.sleep(0)
            memory.deliver()
        page.send("and the last")
        page.close()
        memory.deliver()
        await asyncio.wait_for(task, 10)

    asyncio.run(main())
    assert heard == [0, 1, 2, "and the last"]


@on_cpython
def test_a_loop_over_a_comm_with_a_callback_raises(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    comm.on_msg(lambda msg: None)

    async def main() -> None:
        async for _ in comm:
            pass

    with pytest.raises(RuntimeError, match="its on_msg callback takes the messages"):
        asyncio.run(main())


# drain and flush ----------------------------------------------------------------------------


def test_flush_returns_when_the_page_has_handled_what_was_sent(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: None)
    comm = Comm("plot")
    comm.send(1)
    comm.flush(timeout_s=10)

    assert [msg["content"]["data"] for msg in memory.received[1:2]] == [1]
    assert list(get_comm_manager().comms) == [comm.comm_id]


def test_flush_sends_what_send_latest_has_kept(memory: MemoryTransport, clock: Clock) -> None:
    memory.register_target("plot", lambda comm, msg: None)
    comm = Comm("plot")
    for n in range(3):
        comm.send_latest(n)
    comm.flush(timeout_s=10)

    types = [(msg["msg_type"], msg["content"].get("data")) for msg in memory.received[1:3]]
    assert types == [("comm_msg", 0), ("comm_msg", 2)]


@on_cpython
def test_drain_awaits_the_page(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: None)

    async def main() -> int:
        comm = Comm("plot")
        comm.send(1)
        task = asyncio.create_task(comm.drain(timeout_s=10))
        await asyncio.sleep(0)
        assert not task.done()
        memory.deliver()
        await task
        return len(get_comm_manager().comms)

    assert asyncio.run(main()) == 1


@on_cpython
def test_drain_that_takes_too_long_says_so_and_leaves_no_comm(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="busy")

    async def main() -> None:
        await comm.drain(timeout_s=0.01)

    with pytest.raises(TimeoutError, match=r"drain of .*busy.*: the page has not handled all"):
        asyncio.run(main())
    assert list(get_comm_manager().comms) == ["busy"]


def test_flush_of_a_closed_comm_raises(memory: MemoryTransport) -> None:
    comm = Comm("plot", comm_id="gone")
    comm.close()

    with pytest.raises(lite_comms.ClosedError, match=r"flush of .*gone closed>, which is closed"):
        comm.flush()


def test_flush_in_a_callback_raises(memory: MemoryTransport) -> None:
    memory.register_target("plot", lambda comm, msg: comm.send("ask"))
    comm = Comm("plot", comm_id="busy")
    comm.on_msg(lambda msg: comm.flush())

    with pytest.raises(RuntimeError, match="this is a comm callback"):
        memory.deliver()
    assert list(get_comm_manager().comms) == ["busy"]
