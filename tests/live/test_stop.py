"""What Stop does, by what runs; with a clock that a test sets."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

import lite_comms
from lite_comms._kernel.running import Running
from lite_comms._live.stop import Stopper
from tests.common import has_loops


class Clock:
    """Counts how often Stop was pressed, and how often it has had an effect."""

    def __init__(self) -> None:
        self.asked = 0
        self.handled = 0
        self.hurries = 0
        self.isWaiting = False

    def isStopped(self) -> bool:  # noqa: N802
        return self.handled < self.asked

    def stopped(self) -> int:
        self.handled = self.asked
        return self.handled

    def interrupt(self, number: int) -> None:
        self.asked = number

    def hurry(self) -> None:
        self.hurries += 1


class Kernel:
    """A stopper with what it knows, and what it has done."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {"frame": sys._getframe}
        self.running = Running()
        self.clock = Clock()
        self.told: list[int] = []
        shell = SimpleNamespace(user_ns=self.user_ns)
        self.stopper = Stopper(shell, self.running, self.clock, self.told.append)

    def frame(self) -> FrameType:
        """Return a frame of a cell."""
        exec("it = frame()", self.user_ns)
        frame: FrameType = self.user_ns["it"]
        return frame


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def interrupted() -> Iterator[list[int]]:
    """Counts the calls of the user's SIGINT handler."""
    calls: list[int] = []
    before = signal.signal(signal.SIGINT, lambda *_: calls.append(1))
    yield calls
    signal.signal(signal.SIGINT, before)


def test_where_nothing_runs_there_is_nothing_to_stop(kernel: Kernel) -> None:
    kernel.stopper.interrupt(1)

    assert kernel.told == [1]


def test_code_that_sleeps_is_left_to_raise_by_itself(kernel: Kernel) -> None:
    kernel.clock.isWaiting = True
    kernel.stopper.interrupt(1)

    assert kernel.told == []
    assert kernel.stopper.is_asked()


@has_loops
def test_a_cell_that_awaits_is_cancelled(kernel: Kernel) -> None:
    async def cell() -> None:
        await asyncio.sleep(10)

    async def press() -> None:
        kernel.running.cell = asyncio.ensure_future(cell())
        await asyncio.sleep(0)
        kernel.stopper.interrupt(1)
        with pytest.raises(asyncio.CancelledError):
            await kernel.running.cell

    asyncio.run(press())

    assert kernel.told == [1]


@has_loops
def test_a_second_stop_does_not_cancel_again(kernel: Kernel, interrupted: list[int]) -> None:
    async def cell() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
        return "cleaned up"

    async def press() -> str:
        task: asyncio.Task[str] = asyncio.ensure_future(cell())
        kernel.running.cell = task
        await asyncio.sleep(0)
        kernel.stopper.interrupt(1)
        await asyncio.sleep(0)
        kernel.stopper.interrupt(2)
        return await task

    assert asyncio.run(press()) == "cleaned up"
    assert (kernel.told, interrupted) == ([1], [])


def test_synchronous_code_of_the_user_gets_sigint(kernel: Kernel, interrupted: list[int]) -> None:
    kernel.clock.asked = 1
    kernel.stopper.stop_in(kernel.frame())

    assert (interrupted, kernel.told) == ([1], [1])


def test_our_own_code_finishes_first(kernel: Kernel, interrupted: list[int]) -> None:
    names: dict[str, Any] = {"frame": sys._getframe}
    exec(compile("it = frame()", lite_comms.__file__, "exec"), names)
    kernel.clock.asked = 1
    kernel.stopper.stop_in(names["it"])

    assert (interrupted, kernel.told, kernel.clock.hurries) == ([], [], 1)


def test_a_library_that_no_cell_has_called_is_not_stopped(
    kernel: Kernel, interrupted: list[int]
) -> None:
    kernel.clock.asked = 1
    kernel.stopper.stop_in(sys._getframe())

    assert (interrupted, kernel.told) == ([], [])


def test_a_callback_is_stopped_in_whatever_it_calls(kernel: Kernel, interrupted: list[int]) -> None:
    kernel.running.in_callback = True
    kernel.clock.asked = 1
    kernel.stopper.stop_in(sys._getframe())

    assert (interrupted, kernel.told) == ([1], [1])
