"""Which comm, and which request, of this run a message of a recording is for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import lite_comms
from lite_comms import Comm, MemoryTransport, Trace, TracedMessage

pytestmark = pytest.mark.skipif(
    sys.platform == "emscripten", reason="the wheel that kernels load does not include it"
)


class Kernel:
    """A kernel's code: comms of one target, each under a name."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.comms: dict[str, Comm] = {}

    def open(self, *names: str) -> None:
        for name in names:
            self.comms[name] = comm = Comm("plot")
            comm.on_msg(lambda msg, name=name: self.hear(name, msg["content"]["data"]))

    def hear(self, name: str, data: Any) -> None:
        self.heard.append((name, data))
        if data == "open another":
            self.open(f"{name}+")


def record(before: str, within: str, *said: str) -> Trace:
    """Record what the page says to comms, of which some are opened before the recording."""
    kernel = Kernel()
    with MemoryTransport() as page:
        page.register_target("plot", lambda comm, msg: None)
        kernel.open(*before)
        page.deliver()
        with lite_comms.trace() as trace:
            kernel.open(*within)
            page.deliver()
            for text in said:
                name, _, data = text.partition(": ")
                page.comms[kernel.comms[name].comm_id].send(data)
                page.deliver()
    return trace


def said(trace: Iterable[TracedMessage]) -> list[TracedMessage]:
    return [message for message in trace if message.direction == "page_to_kernel"]


def all_of(trace: Trace) -> list[TracedMessage]:
    return trace


def but_the_first(trace: Trace) -> list[TracedMessage]:
    return trace[1:]


@pytest.mark.parametrize(
    ("opened", "texts", "part", "counts"),
    [
        # A is open before the recording begins.
        (("a", "b"), ["b: 1"], all_of, (2, 1)),
        (("a", "b"), ["a: 1", "b: 1"], all_of, (2, 1)),
        # As many as in the recording, of which one comes later.
        (("a", "b"), ["b: open another", "b+: 1"], all_of, (2, 1)),
        # A part of a recording: of two that are opened, and of two that are not.
        (("", "ab"), ["b: 1"], but_the_first, (2, 1)),
        (("", "ab"), ["b: 1", "a: 2"], said, (2, 0)),
        (("", "ab"), ["b: 1"], said, (2, 0)),
        # The code opens one more.
        (("", "a"), ["a: 1"], all_of, (2, 1)),
    ],
)
def test_a_comm_is_not_guessed(
    opened: tuple[str, str],
    texts: list[str],
    part: Callable[[Trace], list[TracedMessage]],
    counts: tuple[int, int],
) -> None:
    trace = part(record(*opened, *texts))
    kernel = Kernel()
    run, recorded = counts
    error = f"target 'plot' this run has {run} that it can be for, and the recording {recorded}"
    with MemoryTransport():
        kernel.open(*"ab")
        with pytest.raises(LookupError, match=error):
            lite_comms.replay(trace)
    assert kernel.heard == []


def test_two_of_a_recording_are_not_taken_for_the_one_of_this_run() -> None:
    kernel = Kernel()
    with MemoryTransport():
        kernel.open("x")
        with pytest.raises(LookupError, match="besides 2 from before it"):
            lite_comms.replay(said(record("", "ab", "a: 1", "b: 1")))
    assert kernel.heard == []


@pytest.mark.parametrize(
    ("before", "within", "texts"),
    [
        ("", "ab", ["b: 1", "a: 2"]),
        ("", "abc", ["c: 1", "a: 2", "b: 3"]),
        ("", "ab", ["b: open another", "b+: 1", "a: open another", "a+: 2", "b+: 3"]),
        ("a", "", ["a: open another", "a+: 1", "a: 2"]),
    ],
)
def test_comms_are_matched_in_order(before: str, within: str, texts: list[str]) -> None:
    kernel = Kernel()
    with MemoryTransport():
        kernel.open(*before, *within)
        lite_comms.replay(record(before, within, *texts))
    assert kernel.heard == [tuple(text.split(": ")) for text in texts]


@pytest.mark.parametrize("texts", [["b: 1"], ["b: 1", "a: open another", "a+: 2"]])
def test_each_replay_of_a_block_plays_to_comms_of_its_own(texts: list[str]) -> None:
    trace = record("", "ab", *texts)
    runs = [Kernel() for _ in range(3)]
    with MemoryTransport():
        for kernel in runs:
            kernel.open(*"ab")
            lite_comms.replay(trace)
    assert [kernel.heard for kernel in runs] == [[tuple(text.split(": ")) for text in texts]] * 3


def test_a_replay_after_one_that_was_played_in_vain_has_comms_of_its_own() -> None:
    trace = record("", "ab", "b: 1")
    failing, kernel = Kernel(), Kernel()
    with MemoryTransport():
        failing.open(*"ab")
        failing.comms["b"].on_msg(lambda msg: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lite_comms.replay(trace)
        kernel.open(*"ab")
        lite_comms.replay(trace)
    assert kernel.heard == [("b", "1")]


@pytest.mark.parametrize("cut", range(2, 6))
def test_a_recording_is_played_in_two_parts(cut: int) -> None:
    texts = ["b: 1", "a: open another", "a+: 2"]
    trace = record("", "ab", *texts)
    kernel = Kernel()
    with MemoryTransport():
        kernel.open(*"ab")
        for part in trace[:cut], trace[cut:]:
            lite_comms.replay(part)
    assert kernel.heard == [tuple(text.split(": ")) for text in texts]


def test_a_later_part_does_not_go_to_a_new_comm() -> None:
    trace = record("", "a", "a: 1", "a: 2")
    kernel = Kernel()
    with MemoryTransport():
        kernel.open("a")
        lite_comms.replay(trace[:2])
        kernel.open("x")
        with pytest.raises(LookupError, match="this run has 1 that it can be for, and the rec"):
            lite_comms.replay(trace[2:])
    assert kernel.heard == [("a", "1")]


def test_an_id_that_the_code_gives_is_not_counted() -> None:
    heard: list[str] = []

    def open_both(*ids: str | None) -> list[Comm]:
        comms = [Comm("plot", comm_id=comm_id) for comm_id in ids]
        for comm_id, comm in zip(ids, comms, strict=True):
            comm.on_msg(lambda msg, name=comm_id or "new": heard.append(name))
        return comms

    with MemoryTransport() as page, lite_comms.trace() as trace:
        page.register_target("plot", lambda comm, msg: None)
        kept = open_both("given", None)
        page.deliver()
        for comm in kept:
            page.comms[comm.comm_id].send(1)
        page.deliver()
    assert heard == ["given", "new"]
    with MemoryTransport():
        kept = open_both(None, "given")
        lite_comms.replay(trace)
    assert heard == ["given", "new"] * 2


def test_a_comm_of_the_page_that_has_closed_is_not_taken_for_one_of_the_kernel() -> None:
    def end(comm: Any, msg: Any) -> None:
        comm.close()

    lite_comms.install()
    with MemoryTransport() as page, lite_comms.trace() as trace:
        lite_comms._install.install.installed_manager().register_target("plot", end)
        opened = page.new_comm("plot")
        opened.send("it crosses with the close")
        page.deliver()
    kernel = Kernel()
    with MemoryTransport():
        lite_comms._install.install.installed_manager().register_target("plot", end)
        kernel.open("x")
        with pytest.raises(LookupError, match="its comm is not open in this run"):
            lite_comms.replay(trace)
    assert kernel.heard == []


async def ask(play: Any, *data: int) -> list[Any]:
    comm = Comm("plot", comm_id="1")
    asked = [asyncio.ensure_future(comm.arequest(i)) for i in data]
    await asyncio.sleep(0)
    try:
        play()
    finally:
        got = [task.result()["content"]["data"] for task in asked if await has_ended(task)]
        for task in asked:
            task.cancel()
    return got


async def has_ended(task: asyncio.Task[Any]) -> bool:
    await asyncio.wait([task], timeout=0.01)
    return task.done()


def answered(*data: int) -> Trace:
    with MemoryTransport() as page, lite_comms.trace() as trace:
        page.register_target(
            "plot", lambda comm, msg: comm.on_request(lambda msg: msg["content"]["data"] + 10)
        )
        assert asyncio.run(ask(page.deliver, *data)) == [i + 10 for i in data]
    return trace


def test_an_answer_is_not_guessed() -> None:
    trace = answered(1, 2)
    with MemoryTransport():
        error = "sends on comm 'plot' this run has 3 that it can be for, and the recording 2"
        with pytest.raises(LookupError, match=error):
            asyncio.run(ask(lambda: lite_comms.replay(trace), 0, 1, 2))
    part = [message for message in trace if message.data != 1]  # the first request
    with MemoryTransport(), pytest.raises(LookupError, match=r"this run has 2 .* besides 1 from"):
        asyncio.run(ask(lambda: lite_comms.replay(part), 1, 2))


def test_each_replay_of_a_block_answers_requests_of_its_own() -> None:
    trace = answered(1, 2)
    with MemoryTransport():
        for _ in range(2):
            got = asyncio.run(ask(lambda: lite_comms.replay(trace), 1, 2))
            lite_comms._install.install.installed_manager().comms["1"].close()
            assert got == [11, 12]
