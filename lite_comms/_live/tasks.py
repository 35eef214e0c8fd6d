"""Which asyncio callbacks run while synchronous code is suspended between two of its lines.

To receive a message in the middle of synchronous code, the worker's event loop has to
turn, and everything in its queue runs. asyncio promises that nothing else does before
the next ``await``. So asyncio's callbacks, and with them all tasks, are held back
until the suspended code gives way by itself:

=============  =========  ======================================================
`Advance`      who runs   where synchronous code is suspended
=============  =========  ======================================================
``ALL``        all tasks  in ``wait_for`` and ``receive`` of a synchronous cell
``CALLBACKS``  those of   between two lines of a synchronous cell, and in its
               async comm ``time.sleep``
               callbacks
``NONE``       no task    in a coroutine or in a callback of the event loop
=============  =========  ======================================================

Tasks of async comm callbacks are known by a context variable, which the tasks that
they create inherit: ``asyncio.gather`` in a callback has to advance with it. What
outlives the callback is an ordinary task.

Pure Python: nothing in here knows about the worker.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Handle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from enum import IntEnum
from typing import Any

from lite_comms._kernel.code import runs_user_code


class _Callback:
    """One call of an ``async def`` callback."""

    task: asyncio.Task[None] | None = None  # not known during its first step

    @property
    def is_done(self) -> bool:
        return self.task is not None and self.task.done()


_callback: ContextVar[_Callback | None] = ContextVar("lite_comms.callback", default=None)


def start_callback(
    coroutine: Coroutine[object, None, None], loop: AbstractEventLoop
) -> asyncio.Task[None]:
    """Run an async callback up to its first await, and the rest as a task.

    Parameters
    ----------
    coroutine : coroutine
        Runs the callback. It must not raise.
    loop : asyncio.AbstractEventLoop
        The running loop.

    Returns
    -------
    asyncio.Task
        Its task, which may be done already.
    """
    callback = _Callback()
    context = copy_context()
    context.run(_callback.set, callback)
    # Without an eager start, the callback of the next message could begin first.
    callback.task = asyncio.Task(coroutine, loop=loop, context=context, eager_start=True)
    return callback.task


def when_done(task: asyncio.Task[None], f: Callable[[asyncio.Task[None]], object]) -> None:
    """Call a function when the task of an async callback is done.

    Parameters
    ----------
    task : asyncio.Task
        The task, from `start_callback`.
    f : callable
        Called with the task, wherever the callback itself may advance. It must not call the
        user's code.
    """
    context = Context()
    # One that never ends: by then the callback's own has.
    context.run(_callback.set, _Callback())
    task.add_done_callback(f, context=context)


def in_async_callback(context: Context | None = None) -> bool:
    """Return whether code belongs to an async callback that has not ended.

    Parameters
    ----------
    context : contextvars.Context, optional
        The code's context; the current one without it.
    """
    callback = _callback.get() if context is None else context.get(_callback)
    return callback is not None and not callback.is_done


class Advance(IntEnum):
    """Which tasks advance while synchronous code is suspended."""

    NONE = 0
    CALLBACKS = 1
    ALL = 2


CallLater = Callable[..., Handle]


class TaskGate:
    """Holds asyncio's callbacks back while synchronous code is suspended.

    Parameters
    ----------
    call_later : callable
        The ``call_later`` of the loop's class, unbound; `call_later` replaces it.
    loop : asyncio.AbstractEventLoop
        The loop that runs what was held back.
    """

    def __init__(self, call_later: CallLater, loop: AbstractEventLoop) -> None:
        self._original = call_later
        self._loop = loop
        # What each piece of synchronous code that is suspended now lets run.
        self._suspended: list[Advance] = []
        self._held: deque[_Entry] = deque()  # in the order in which they were due
        self._is_draining = False

    def call_later(
        self,
        loop: AbstractEventLoop,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """Schedule a callback as the loop does, but hold it back if it is due too early.

        Parameters
        ----------
        loop : asyncio.AbstractEventLoop
            The loop.
        delay : float
            In seconds.
        callback : callable
            What to call.
        *args
            Its arguments.
        context : contextvars.Context, optional
            What to call it in.

        Returns
        -------
        asyncio.Handle
            Cancels it, also while it is held back.
        """
        context = copy_context() if context is None else context
        entry = _Entry(self, loop, callback, args, context)
        entry.handle = handle = self._original(loop, delay, entry, context=context)
        return handle

    def hold(self, entry: _Entry) -> None:
        """Keep a callback that is due until it may run."""
        self._held.append(entry)
        self._drain_soon()

    def suspend(self, advance: Advance) -> None:
        """Let only some tasks run, until `resume` is called with the same value.

        If it raises, for example where the stack is used up, it has no effect.
        """
        self._suspended.append(advance)
        try:
            self._drain_soon()
        except BaseException:
            self._suspended.remove(advance)
            raise

    def resume(self, advance: Advance) -> None:
        """Revert a `suspend`."""
        self._suspended.remove(advance)
        self._drain_soon()

    @property
    def is_closed(self) -> bool:
        """Whether ordinary tasks are held back."""
        return self._strictest is not Advance.ALL

    @property
    def _strictest(self) -> Advance:
        return min(self._suspended, default=Advance.ALL)

    def may_run(self, entry: _Entry) -> bool:
        """Return whether a callback that is due may run now, without overtaking another."""
        return self._lets(entry) and self._first() is None

    def _lets(self, entry: _Entry) -> bool:
        strictest = self._strictest
        return strictest is Advance.ALL or (
            strictest is Advance.CALLBACKS and in_async_callback(entry.context)
        )

    def _first(self) -> _Entry | None:
        """Return the first of those that are held that may run now."""
        return next((entry for entry in self._held if self._lets(entry)), None)

    def _drain_soon(self) -> None:
        if self._held and not self._is_draining and self._first() is not None:
            self._original(self._loop, 0, self._drain, context=Context())
            self._is_draining = True  # not before: it may have raised

    @runs_user_code
    def _drain(self) -> None:
        """Run the first that was held back; each by itself, since it may be suspended in turn."""
        self._is_draining = False
        entry = self._first()
        if entry is not None:
            self._held.remove(entry)
            self._drain_soon()
            entry.run()


class _Entry:
    """A scheduled callback: what the loop calls in its place."""

    __slots__ = ("_args", "_callback", "_gate", "_loop", "context", "handle")

    def __init__(
        self,
        gate: TaskGate,
        loop: AbstractEventLoop,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context,
    ) -> None:
        self._gate = gate
        self._loop = loop
        self._callback = callback
        self._args = args
        self.context = context
        self.handle: Handle | None = None  # what the user may cancel

    def __repr__(self) -> str:
        # asyncio's messages about a callback that fails name it by this.
        return f"{getattr(self._callback, '__qualname__', self._callback)}"

    @runs_user_code
    def __call__(self) -> None:
        """Run, or be held."""
        if self._gate.may_run(self):
            self.handle = None  # which leads here: it would be garbage
            self._callback(*self._args)
        else:
            self._gate.hold(self)

    @runs_user_code
    def run(self) -> None:
        """Run after all, as the loop would have done it."""
        handle, self.handle = self.handle, None
        if handle is not None and not handle.cancelled():
            Handle(self._callback, self._args, self._loop, self.context)._run()
