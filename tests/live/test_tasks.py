"""Which asyncio callbacks run while synchronous code is suspended, on a loop without a browser."""

from __future__ import annotations

import asyncio
import gc
import heapq
from asyncio import Handle
from collections.abc import Callable
from contextvars import Context, ContextVar
from itertools import count
from typing import Any

import pytest

from lite_comms._live.tasks import Advance, TaskGate, in_async_callback, start_callback, when_done
from tests.common import has_loops


class Loop:
    """An event loop that turns when it is asked to."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Handle]] = []
        self._numbers = count()
        self.failed: list[BaseException] = []

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, self, context)  # type: ignore[arg-type]
        heapq.heappush(self._queue, (delay, next(self._numbers), handle))
        return handle

    def turn(self) -> None:
        """Run what is due now, and what that makes due."""
        while self._queue:
            *_, handle = heapq.heappop(self._queue)
            if not handle.cancelled():
                handle._run()

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failed.append(context["exception"])


class Gated:
    """A loop with a gate, and what has run there."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.gate = TaskGate(Loop.call_later, self.loop)  # type: ignore[arg-type]
        self.ran: list[object] = []

    def soon(self, name: object, **keys: Any) -> Handle:
        return self.gate.call_later(self.loop, 0, self.ran.append, name, **keys)  # type: ignore[arg-type]


@pytest.fixture
def gated() -> Gated:
    return Gated()


def test_without_suspended_code_everything_runs_in_order(gated: Gated) -> None:
    for name in "abc":
        gated.soon(name)
    gated.loop.turn()
    assert gated.ran == ["a", "b", "c"]


@pytest.mark.parametrize("advance", [Advance.NONE, Advance.CALLBACKS])
def test_between_two_lines_no_task_advances(gated: Gated, advance: Advance) -> None:
    gated.soon("before")
    gated.gate.suspend(advance)
    gated.soon("meanwhile")
    gated.loop.turn()
    assert gated.ran == []
    gated.gate.resume(advance)
    assert gated.ran == []  # only when the code gives way
    gated.soon("after")
    gated.loop.turn()
    assert gated.ran == ["before", "meanwhile", "after"]


def test_in_a_sleep_all_tasks_advance_also_those_that_were_held(gated: Gated) -> None:
    gated.gate.suspend(Advance.CALLBACKS)
    gated.soon("held")
    gated.loop.turn()
    gated.gate.resume(Advance.CALLBACKS)
    gated.gate.suspend(Advance.ALL)
    gated.soon("later")
    gated.loop.turn()
    assert gated.ran == ["held", "later"]


def test_of_several_suspended_pieces_the_strictest_counts(gated: Gated) -> None:
    gated.gate.suspend(Advance.ALL)
    gated.gate.suspend(Advance.NONE)
    gated.soon("held")
    gated.loop.turn()
    assert gated.ran == []
    gated.gate.resume(Advance.NONE)
    gated.loop.turn()
    assert gated.ran == ["held"]


def test_what_was_held_does_not_run_when_code_is_suspended_anew(gated: Gated) -> None:
    gated.gate.suspend(Advance.NONE)
    gated.soon(1)
    gated.soon(2)
    gated.loop.turn()
    gated.gate.resume(Advance.NONE)
    gated.gate.suspend(Advance.NONE)
    gated.loop.turn()
    assert gated.ran == []
    gated.gate.resume(Advance.NONE)
    gated.loop.turn()
    assert gated.ran == [1, 2]


def test_code_that_is_suspended_by_what_was_held_holds_the_rest(gated: Gated) -> None:
    gated.gate.suspend(Advance.NONE)
    gated.gate.call_later(gated.loop, 0, gated.gate.suspend, Advance.NONE)  # type: ignore[arg-type]
    gated.soon("behind")
    gated.loop.turn()
    gated.gate.resume(Advance.NONE)
    gated.loop.turn()
    assert gated.ran == []
    gated.gate.resume(Advance.NONE)
    gated.loop.turn()
    assert gated.ran == ["behind"]


class Failing(Loop):
    """A loop in which nothing can be scheduled: the stack is used up, or Stop comes."""

    fails: type[BaseException] | None = None

    def call_later(self, *args: Any, **keys: Any) -> Handle:
        if self.fails is RecursionError:
            raise self.fails
        handle = super().call_later(*args, **keys)
        if self.fails is not None:
            raise self.fails
        return handle


@pytest.mark.parametrize("error", [RecursionError, KeyboardInterrupt])
def test_what_was_held_runs_also_if_it_could_not_be_scheduled(error: type[BaseException]) -> None:
    gated = Gated()
    gated.loop = loop = Failing()
    gated.gate = TaskGate(Failing.call_later, loop)  # type: ignore[arg-type]
    gated.gate.suspend(Advance.NONE)
    gated.soon("held")
    loop.turn()
    loop.fails = error
    with pytest.raises(error):
        gated.gate.resume(Advance.NONE)
    loop.fails = None

    gated.soon("after")
    loop.turn()
    assert gated.ran == ["held", "after"]


def test_what_is_held_can_be_cancelled(gated: Gated) -> None:
    gated.gate.suspend(Advance.NONE)
    cancelled = gated.soon("cancelled")
    gated.soon("not cancelled")
    gated.loop.turn()
    cancelled.cancel()
    gated.gate.resume(Advance.NONE)
    gated.loop.turn()
    assert gated.ran == ["not cancelled"]


def test_it_runs_in_its_own_context_and_its_errors_go_to_the_loop(gated: Gated) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    own = Context()
    own.run(variable.set, "its own")

    def fail() -> None:
        raise ValueError(variable.get())

    gated.gate.suspend(Advance.NONE)
    gated.gate.call_later(gated.loop, 0, fail, context=own)  # type: ignore[arg-type]
    gated.soon("behind")
    gated.loop.turn()
    gated.gate.resume(Advance.NONE)
    gated.loop.turn()
    assert [str(error) for error in gated.loop.failed] == ["its own"]
    assert gated.ran == ["behind"]


def test_a_callback_that_has_run_leaves_no_garbage(gated: Gated) -> None:
    gated.soon("ran")
    while gc.collect():  # a comm of an earlier test closes when it is collected, which leaves more
        pass
    gc.disable()
    try:
        gated.loop.turn()
        assert gc.collect() == 0
    finally:
        gc.enable()


async def _of_callback(gated: Gated, done: asyncio.Event) -> None:
    gated.soon("of the callback")
    # What a task of the callback schedules later is the callback's, too.
    await asyncio.gather(_child(gated), done.wait())


async def _child(gated: Gated) -> None:
    assert in_async_callback()
    gated.soon("of its child")


@has_loops
@pytest.mark.parametrize(
    ("advance", "expected"),
    [(Advance.CALLBACKS, ["of the callback", "of its child"]), (Advance.NONE, [])],
)
def test_between_two_lines_of_a_cell_async_callbacks_advance(
    gated: Gated, advance: Advance, expected: list[str]
) -> None:
    async def main() -> None:
        done = asyncio.Event()
        task = start_callback(_of_callback(gated, done), asyncio.get_running_loop())
        await asyncio.sleep(0)
        gated.soon("of someone else")
        gated.gate.suspend(advance)
        gated.loop.turn()
        assert gated.ran == expected
        gated.gate.resume(advance)
        gated.loop.turn()
        assert sorted(map(str, gated.ran)) == ["of its child", "of someone else", "of the callback"]
        done.set()
        await task

    asyncio.run(main())


@has_loops
def test_a_suspend_that_fails_has_no_effect(gated: Gated) -> None:
    gated.loop = loop = Failing()
    gated.gate = gate = TaskGate(Failing.call_later, loop)  # type: ignore[arg-type]

    async def main() -> None:
        done = asyncio.Event()
        gate.suspend(Advance.NONE)
        task = start_callback(_of_callback(gated, done), asyncio.get_running_loop())
        await asyncio.sleep(0)
        loop.turn()
        loop.fails = RecursionError
        with pytest.raises(RecursionError):
            gate.resume(Advance.NONE)
        with pytest.raises(RecursionError):
            gate.suspend(Advance.CALLBACKS)
        loop.fails = None
        assert not gate.is_closed
        gated.soon("after")
        loop.turn()
        assert gated.ran == ["of the callback", "of its child", "after"]
        done.set()
        await task

    asyncio.run(main())


@has_loops
def test_what_outlives_an_async_callback_is_an_ordinary_task(gated: Gated) -> None:
    inside: list[bool] = []

    async def later() -> None:
        inside.append(in_async_callback())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        inside.append(in_async_callback())

    async def callback(tasks: list[asyncio.Task[None]]) -> None:
        tasks.append(asyncio.create_task(later()))
        await asyncio.sleep(0)

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []
        await start_callback(callback(tasks), asyncio.get_running_loop())
        await tasks[0]
        assert not in_async_callback()

    asyncio.run(main())
    assert inside == [True, False]


@has_loops
def test_what_a_callback_has_scheduled_stays_in_order_whoever_is_suspended(gated: Gated) -> None:
    async def callback(done: asyncio.Event) -> None:
        gated.soon("first")
        await done.wait()
        gated.soon("second")
        gated.gate.suspend(Advance.CALLBACKS)
        gated.loop.turn()
        gated.gate.resume(Advance.CALLBACKS)

    async def main() -> None:
        done = asyncio.Event()
        task = start_callback(callback(done), asyncio.get_running_loop())
        gated.gate.suspend(Advance.NONE)
        gated.soon("of someone else")
        gated.loop.turn()
        gated.gate.resume(Advance.NONE)
        done.set()
        await task

    asyncio.run(main())
    assert gated.ran == ["first", "second"]


def test_a_callback_that_fails_is_named_in_the_message(gated: Gated) -> None:
    handle = gated.gate.call_later(gated.loop, 0, gated.soon)  # type: ignore[arg-type]
    assert "Gated.soon" in repr(handle)


@has_loops
def test_the_end_of_a_callback_is_told_wherever_it_may_advance() -> None:
    told: list[bool] = []

    async def main() -> None:
        task = start_callback(asyncio.sleep(0), asyncio.get_running_loop())
        when_done(task, lambda _: told.append(in_async_callback()))
        await task
        await asyncio.sleep(0)

    asyncio.run(main())
    assert told == [True]
