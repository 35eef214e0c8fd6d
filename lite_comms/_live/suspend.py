"""Suspends synchronous code, so that the event loop turns and messages are handled.

One of the modules that talk to the worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import run_sync

from lite_comms._outputs.outputs import Outputs

from .tasks import Advance, TaskGate

HAS_JSPI = hasattr(js.WebAssembly, "Suspending")

# A browser's timer of more than 24 days fires at once.
_LONGEST_S = 3600


class Suspender:
    """Lets something else run in the middle of synchronous code.

    Parameters
    ----------
    outputs : Outputs
        Sets aside what the cell has replaced.
    clock : JsProxy
        The clock.
    gate : TaskGate
        Holds tasks back.
    on_suspend : callable
        Called when code is suspended in the middle, so that no cell may begin.

    Attributes
    ----------
    is_changing : bool
        Whether what belongs to the cell is being set aside, or put back, or tasks are being held
        back, or let go: Stop must not come then.
    """

    def __init__(
        self, outputs: Outputs, clock: Any, gate: TaskGate, on_suspend: Callable[[], None]
    ) -> None:
        self._outputs = outputs
        self._clock = clock
        self._turn_js = clock.turn
        self._gate = gate
        self._on_suspend = on_suspend
        self.is_changing = False

    @property
    def is_suspended(self) -> bool:
        """Whether some code is suspended in the middle, so that no cell may begin."""
        return self._gate.is_closed

    def turn(self, seconds: float, advance: Advance) -> bool:
        """Let the event loop turn for some seconds or until Stop; return whether it could."""
        self._change(self._gate.suspend, advance)
        try:
            if advance is not Advance.ALL:
                self._on_suspend()
            self.aside(suspend, self._turn_js(min(seconds, _LONGEST_S) * 1000).promise)
        except BaseException as error:
            self._clock.wake()
            if isinstance(error, SystemError):
                return False  # in a callback of a promise, where can_run_sync is wrong
            raise
        finally:
            self._change(self._gate.resume, advance)
        return True

    def aside(self, f: Callable[..., object], *args: Any) -> None:
        """Call a function with the cell's replacements set aside; Stop waits for the changes."""
        self._change(self._outputs.aside, self._between_changes, f, args)

    def _change(self, f: Callable[..., object], *args: Any) -> None:
        self.is_changing = True
        try:
            f(*args)
        finally:
            self.is_changing = False

    def _between_changes(self, f: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.is_changing = False
        try:
            f(*args)
        finally:
            self.is_changing = True


def suspend(promise: Any) -> Any:
    """Suspend Python until a JavaScript promise is settled; return its value.

    ``run_sync`` wraps it in a task, by ``asyncio.ensure_future``. Only a coroutine needs that; here
    it would take half a millisecond, and the task would be held back with all others.
    """
    known = asyncio.ensure_future

    def itself(awaitable: Any) -> Any:
        setattr(asyncio, "ensure_future", known)  # noqa: B010 (mypy: it is overloaded)
        return awaitable

    setattr(asyncio, "ensure_future", itself)  # noqa: B010
    try:
        return run_sync(promise)
    finally:
        if asyncio.ensure_future is itself:
            setattr(asyncio, "ensure_future", known)  # noqa: B010
