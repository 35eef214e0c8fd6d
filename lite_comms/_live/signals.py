"""Lets messages be handled in the middle of synchronous code, and lets Stop interrupt it.

One of the modules that talk to the worker. Pyodide reads the interrupt buffer for
a signal every few dozen steps of Python; ``clock.js`` answers by the time. What
the signal does depends on where the code is:

=======================================  =======================================
Stop was pressed                         the user's SIGINT handler is called; by
                                         default it raises KeyboardInterrupt
at a safe point (`safe_points.py`), in   the event loop turns once: comm
code that can be suspended (JSPI)        messages are handled, and no task
                                         advances that must not (`tasks.py`)
at a safe point, without JSPI            messages are read from shared memory
in a library                             messages wait until control returns to
                                         the user's code
in an import, in a comm callback, in     only Stop is looked for
`quiet`
=======================================  =======================================

While it is on it replaces ``time.sleep`` and ``WebLoop.call_later``.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio import Handle
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from pyodide.ffi import can_run_sync
from pyodide.webloop import WebLoop

from lite_comms._kernel.code import any_frame, caller
from lite_comms._kernel.replace import Replacements
from lite_comms._kernel.running import Running
from lite_comms._outputs.outputs import Outputs

from .clock import ACTIVE_MS, CALM_AFTER_TURNS, CALM_MS, SIGNAL, WITHOUT_COMMS_MS, make_clock
from .safe_points import ResumeWatch, SafePoint, SafePoints
from .stop import Stopper
from .suspend import HAS_JSPI, Suspender
from .tasks import Advance, TaskGate, in_async_callback

# How long `time.sleep` blocks the worker at a time, where the event loop must not turn.
_NAP_S = 0.05

# What is waited for may also become true without a message.
_POLL_S = 0.02

_IMPORT = "<frozen importlib._bootstrap>"


class Signals:
    """Handles messages and Stop in the middle of synchronous code.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    outputs : Outputs
        Runs the cells.
    port : JsProxy
        The worker's end of the port, ``port.js``.
    running : Running
        What runs.
    has_comms : callable
        Tells whether a comm is open.
    on_stopped : callable
        Called with the number of a Stop when it has had its effect, or nothing to stop.
    on_suspend : callable
        Called when code is suspended in the middle, so that no cell may begin.

    Attributes
    ----------
    is_live : bool
        Whether the user wants messages to be handled in synchronous code.
    stopper : Stopper
        Stops what runs.
    suspender : Suspender
        Suspends what runs.
    """

    def __init__(
        self,
        shell: Any,
        outputs: Outputs,
        port: Any,
        running: Running,
        has_comms: Callable[[], bool],
        on_stopped: Callable[[int], None],
        on_suspend: Callable[[], None],
    ) -> None:
        self._outputs = outputs
        self._port = port
        self._running = running
        self._has_comms = has_comms
        self._clock = make_clock(port)
        self._gate = TaskGate(WebLoop.call_later, asyncio.get_running_loop())
        self.stopper = Stopper(shell, running, self._clock, on_stopped)
        self.suspender = Suspender(outputs, self._clock, self._gate, on_suspend)
        self.is_live = True
        self._waiting = 0
        self._turns = 0  # since the last message
        self._points = SafePoints(shell.user_ns)
        self._resume = ResumeWatch(self._on_resume)
        self._replaced = Replacements()

    def start(self) -> None:
        """Take over Pyodide's signals. If that fails, everything is restored."""
        try:
            signal.signal(SIGNAL, self._on_signal)
            # Pyodide wraps the original in one that lets the event loop turn whenever it can.
            self._sleep = getattr(time.sleep, "__wrapped__", time.sleep)
            gate = self._gate

            def call_later(loop: WebLoop, *args: Any, **keys: Any) -> Handle:
                """Schedule a callback; it is held back while it must not run."""
                return gate.call_later(loop, *args, **keys)

            self._replaced.set(time, "sleep", self.sleep)
            self._replaced.set(WebLoop, "call_later", call_later)
            self._resume.start()
            self._clock.start()
            self._running.on_handled = self._handled
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Revert what `start` has replaced."""
        self._running.on_handled = None
        self._clock.end()
        self._resume.end()
        self._replaced.undo()
        signal.signal(SIGNAL, signal.SIG_DFL)

    def set_live(self, on: bool) -> None:
        """Handle messages within synchronous code, or look for Stop only."""
        self.is_live = on
        self._clock.listens = on
        self._clock.interval = WITHOUT_COMMS_MS

    def watch(self, places: tuple[Any, ...]) -> None:
        """Set where a Stop is seen while the event loop does not turn."""
        self._clock.watch(*places)

    @property
    def _listens(self) -> bool:
        """Whether messages may be handled in synchronous code, at a safe point."""
        return self.is_live and not (self._in_callback or self._port.isHeld)

    @property
    def _in_callback(self) -> bool:
        return self._running.in_callback or in_async_callback()

    def _advance(self, point: SafePoint, is_asked: bool) -> Advance:
        """Return which tasks may advance at a safe point; `is_asked`: in `wait_for` and such."""
        # IPython compiles the lines of a cell one by one: those without an await are no coroutine.
        is_atomic = point.in_coroutine or self._outputs.is_async
        if point.frame is None or not self._running.is_in_cell or is_atomic:
            return Advance.NONE
        return Advance.ALL if is_asked else Advance.CALLBACKS

    @property
    def cannot_wait(self) -> str:
        """Why no message can be handled in the middle of this code; empty if it can."""
        if self._in_callback:
            return "this is a comm callback"
        if self._port.isHeld:
            return "this is in quiet()"
        if any_frame(sys._getframe(), _imports):
            return "this is in an import"
        if not can_run_sync() and not self._clock.hasInbox:
            return "the browser has no JSPI, or JavaScript has called this code"
        return ""

    @property
    def mode(self) -> str:
        """When messages are handled while a cell runs."""
        if not self.is_live:
            return "messages are handled at each await; in synchronous code it is turned off"
        if HAS_JSPI and self._running.can_suspend:
            when = f"and every {ACTIVE_MS} to {CALM_MS} ms in between"
        elif self._clock.hasInbox:
            when = "and in between, by memory that is shared with the page"
        elif HAS_JSPI:
            when = "only: the kernel runs its cells so that they cannot be suspended"
        else:
            when = "only: the browser has no JSPI, and the page shares no memory with the kernel"
        return f"messages are handled at each await {when}"

    def wait_for_message(self, seconds: float | None) -> None:
        """Wait until a message has been handled, or not for long; not where `cannot_wait`."""
        poll = _POLL_S if seconds is None else min(seconds, _POLL_S)
        frame = caller(sys._getframe())
        point = self._points.find(frame)
        # A library that waits may hold a lock that a task wants.
        advance = self._advance(point, True) if point.frame is frame else Advance.NONE
        self._waiting += 1
        try:
            if not can_run_sync() or not self.suspender.turn(poll, advance):
                self._nap(poll)
                self._read_mail()
        finally:
            self._waiting -= 1
        if self.stopper.is_asked():
            self.stopper.stop(frame)

    def release(self) -> None:
        """End a `quiet` block: what has waited for it is handled now, or soon."""
        self._port.release()
        frame = caller(sys._getframe())
        if self._listens and self._points.find(frame).frame is frame:
            # Messages that came before are in the port; later ones are found by the clock.
            self.suspender.aside(self._port.look)
        self._clock.hurry()

    def _handled(self) -> None:
        """Wake the code that waits for a message, and look for messages more often."""
        self._turns = 0
        if self._waiting:
            self._clock.wake()

    def sleep(self, seconds: float, /) -> None:
        """Sleep; messages are handled meanwhile."""
        left = float(seconds + 0.0)  # of a str that is a TypeError, as it was
        if not left >= 0:
            raise ValueError("sleep length must be a non-negative number")
        end = time.monotonic() + left
        frame = sys._getframe().f_back
        while left >= 0:
            point = self._points.find(frame)
            can_suspend = self._listens and point.frame is frame and can_run_sync()
            if can_suspend and self.suspender.turn(left, self._advance(point, False)):
                if self.stopper.is_asked():
                    self.stopper.stop_in(frame)
            else:  # in pieces, to look for messages in between
                self._nap(min(left, _NAP_S))
                self._on_signal(SIGNAL, frame)
            left = end - time.monotonic()

    def _nap(self, seconds: float) -> None:
        if not self._clock.nap(seconds * 1000):
            self._sleep(seconds)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        with suppress(RecursionError):  # the user's code may have used up the stack
            self._look(frame)

    def _look(self, frame: FrameType | None) -> None:
        """Stop, or handle messages, or arrange that they are handled soon."""
        if self.suspender.is_changing:
            self._clock.hurry()
            return
        if self.stopper.is_asked():
            self.stopper.stop_in(frame)
            return
        if self._listens:
            point = self._points.find(frame)
            if point.frame is not None and point.frame is not frame:
                self._resume.arm(point.frame)
            elif point.frame is not None and self._handle(point):
                if self.stopper.is_asked():
                    self.stopper.stop_in(frame)
                return
        if self._clock.stuck():
            self.stopper.stop_in(frame)

    def _on_resume(self, frame: FrameType) -> None:
        """Handle messages where control has returned to the user's code; Stop comes later."""
        with suppress(RecursionError):
            if self._listens and not self.stopper.is_asked():
                point = self._points.find(frame)
                if point.frame is frame:
                    self._handle(point)

    def _handle(self, point: SafePoint) -> bool:
        """Handle the messages that have arrived, at a safe point; return whether it could."""
        if can_run_sync():
            self._turns += 1
            if not self._has_comms():
                self._clock.interval = WITHOUT_COMMS_MS
            else:
                self._clock.interval = ACTIVE_MS if self._turns < CALM_AFTER_TURNS else CALM_MS
            return self.suspender.turn(0, self._advance(point, False))
        self._read_mail()
        return False

    def _read_mail(self) -> None:
        self.suspender.aside(self._port.look)


def _imports(frame: FrameType) -> bool:
    return frame.f_code.co_filename == _IMPORT
