"""Lets messages be handled in the middle of synchronous code, and lets Stop interrupt it.

One of the modules that talk to the worker. Pyodide reads the interrupt buffer for
a signal every few dozen steps of Python; ``signals.js`` answers by a clock. What
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
from asyncio import CancelledError, Handle
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import can_run_sync, run_sync
from pyodide.webloop import WebLoop

from lite_comms._kernel.code import is_ours, runs_user_code
from lite_comms._kernel.replace import Replacements
from lite_comms._outputs.outputs import Outputs, error_content

from .safe_points import ResumeWatch, SafePoint, SafePoints
from .tasks import Advance, TaskGate, in_async_callback

# Of the numbers that Python knows the one that is used least.
_SIGNAL = signal.NSIG - 1

# How often the event loop turns: each time takes half a millisecond. While messages come, that is
# for about a second after the last one; when none come; and when there is no comm, for Stop only.
_ACTIVE_MS = 15
_CALM_MS = 40
_WITHOUT_COMMS_MS = 100
_CALM_AFTER_TURNS = 70

# How long `time.sleep` blocks the worker at a time, where the event loop must not turn.
_NAP_S = 0.05

# Pyodide asks for a signal every 50 steps or so; if it has not by then, it does not ask at all.
_PROOF_STEPS = 20_000

# A timer of the browser ends before it has begun when it is to take longer than 24 days.
_LONGEST_S = 3600

# How many more calls must be possible where a callback is called on top of the user's.
_ROOM = 200

# What is waited for may also come true without a message.
_POLL_S = 0.02

HAS_JSPI = hasattr(js.WebAssembly, "Suspending")

_IMPORT = "<frozen importlib._bootstrap>"


class Signals:
    """What makes synchronous code live, and stops it.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    outputs : Outputs
        Runs the cells.
    port : JsProxy
        The worker's end of the port, ``port.js``.
    has_comms : callable
        Tells whether a comm is open.
    on_stopped : callable
        Called with the number of a Stop when it is done with.
    on_suspend : callable
        Called when code is suspended in the middle, so that no cell may begin.
    """

    def __init__(
        self,
        shell: Any,
        outputs: Outputs,
        port: Any,
        has_comms: Callable[[], bool],
        on_stopped: Callable[[int], None],
        on_suspend: Callable[[], None],
    ) -> None:
        self._shell = shell
        self._outputs = outputs
        self._port = port
        self._has_comms = has_comms
        self._on_stopped = on_stopped
        self._on_suspend = on_suspend
        self._js = _clock(port)
        self._is_stopped = self._js.isStopped
        self._turn_js = self._js.turn
        self.is_live = True  # as the user wants it
        self.in_callback = False
        self._is_changing = False  # what belongs to the cell is set aside, or put back
        self._waiting = 0
        self._turns = 0  # since the last message
        self.cell: asyncio.Task[Any] | None = None  # the task that runs one
        self._points = SafePoints(shell.user_ns)
        self._resume = ResumeWatch(self._on_resume)
        self._gate = TaskGate(WebLoop.call_later, asyncio.get_running_loop())
        self._replaced = Replacements()

    @staticmethod
    def missing() -> str:
        """Try out what this module needs of Pyodide.

        Returns
        -------
        str
            What is missing, for `status`; empty if nothing is.
        """
        seen: list[object] = []
        replaced = Replacements()
        clock = _clock(None)
        known = signal.signal(_SIGNAL, lambda *_: seen.append(None))
        try:
            clock.start()
            for _ in range(_PROOF_STEPS):
                if seen:
                    break
            else:
                return "Pyodide does not look for signals where lite_comms has put them"
            seen.clear()
            replaced.set(WebLoop, "call_later", lambda *args, **_: seen.append(args))
            asyncio.get_running_loop().call_soon(lambda: None)
            if not seen:
                return "Pyodide's event loop does not schedule callbacks by call_later"
        except Exception as error:
            return f"Pyodide's signals cannot be taken over: {error!r}"
        finally:
            replaced.undo()
            clock.end()
            signal.signal(_SIGNAL, known or signal.SIG_DFL)
        return ""

    def start(self) -> None:
        """Take over Pyodide's signals. After an error everything is as it was."""
        try:
            signal.signal(_SIGNAL, self._on_signal)
            # Pyodide's own, on top of the original, lets the event loop turn whenever it can.
            self._sleep = getattr(time.sleep, "__wrapped__", time.sleep)
            gate = self._gate

            def call_later(loop: WebLoop, *args: Any, **keys: Any) -> Handle:
                """Schedule a callback; it is held back while it must not run."""
                return gate.call_later(loop, *args, **keys)

            self._replaced.set(time, "sleep", self.sleep)
            self._replaced.set(WebLoop, "call_later", call_later)
            self._resume.start()
            self._js.start()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Revert what `start` has replaced."""
        self._js.end()
        self._resume.end()
        self._replaced.undo()
        signal.signal(_SIGNAL, signal.SIG_DFL)

    def set_live(self, on: bool) -> None:
        """Handle messages within synchronous code, or look for Stop only."""
        self.is_live = on
        self._js.listens = on
        self._js.interval = _WITHOUT_COMMS_MS

    def watch(self, places: tuple[Any, ...]) -> None:
        """Learn where a Stop is seen while the event loop does not turn."""
        self._js.watch(*places)

    def interrupt(self, number: int) -> None:
        """Stop what runs; the page tells it, so the event loop has turned."""
        self._js.interrupt(number)
        if not self._is_stopped() or self._cancelled_cell():
            return
        if not self.runs_cell and not self._js.isWaiting:
            self._done()  # nothing runs
        # Otherwise what sleeps has been woken, and raises.

    @property
    def runs_cell(self) -> bool:
        """Whether a cell has not come to its end."""
        return self.cell is not None and not self.cell.done()

    @property
    def is_suspended(self) -> bool:
        """Whether some code is suspended in the middle, so that no cell may begin."""
        return self._gate.is_closed

    def _cancelled_cell(self) -> bool:
        """Cancel the cell, if it awaits something; a second Stop is for what keeps it waiting."""
        cell = self.cell
        if cell is None or getattr(cell, "_fut_waiter", None) is None or cell.cancelling():
            return False
        self._done()
        cell.cancel()
        return True

    @property
    def _listens(self) -> bool:
        """Whether messages may be handled in synchronous code, at a safe point."""
        return self.is_live and not (self.in_callback or self._port.isHeld or in_async_callback())

    def _advance(self, point: SafePoint, is_asked: bool) -> Advance:
        """Tell which tasks may advance at a safe point; `is_asked` by `wait_for` and the like."""
        is_cell = self.cell is not None and _current_task() is self.cell
        # IPython compiles the lines of a cell one by one: those without an await are no coroutine.
        is_atomic = point.in_coroutine or self._outputs.is_async
        if point.frame is None or not is_cell or is_atomic:
            return Advance.NONE
        return Advance.ALL if is_asked else Advance.CALLBACKS

    @property
    def cannot_wait(self) -> str:
        """Why no message can be handled in the middle of this code; empty if it can."""
        if self.in_callback:
            return "this is a comm callback"
        if self._port.isHeld:
            return "this is in quiet()"
        if _any(sys._getframe(), _imports):
            return "this is in an import"
        if not can_run_sync() and not self._js.hasInbox:
            return "the browser has no JSPI, or JavaScript has called this code"
        return ""

    @property
    def mode(self) -> str:
        """When messages are handled while a cell runs."""
        if not self.is_live:
            return "messages are handled at each await; in synchronous code it is turned off"
        if HAS_JSPI:
            when = f"and every {_ACTIVE_MS} to {_CALM_MS} ms in between"
        elif self._js.hasInbox:
            when = "and in between, by memory that is shared with the page"
        else:
            when = "only: the browser has no JSPI, and the page shares no memory with the kernel"
        return f"messages are handled at each await {when}"

    def wait_for_message(self, seconds: float | None) -> None:
        """Wait until a message has been handled, or not for long."""
        poll = _POLL_S if seconds is None else min(seconds, _POLL_S)
        frame = _caller(sys._getframe())
        point = self._points.find(frame)
        # A library that waits may hold a lock that a task wants.
        advance = self._advance(point, True) if point.frame is frame else Advance.NONE
        can_suspend = can_run_sync() and not self.in_callback and not self._port.isHeld
        self._waiting += 1
        try:
            if not can_suspend or not self._turn(poll, advance):
                self._nap(poll)
                self._read_mail()
        finally:
            self._waiting -= 1
        if self._is_stopped():
            self._stop(frame)

    def release(self) -> None:
        """End a `quiet` block: what has waited for it is handled now, or soon."""
        self._port.release()
        frame = _caller(sys._getframe())
        if self._listens and self._points.find(frame).frame is frame:
            # Messages that came before are in the port; later ones are found by the clock.
            self._aside(self._port.look)
        self._js.hurry()

    def _aside(self, f: Callable[..., object], *args: Any) -> None:
        """Call a function outside of what the cell has replaced; Stop waits for the changes."""
        self._is_changing = True
        try:
            self._outputs.aside(self._between_changes, f, args)
        finally:
            self._is_changing = False

    def _between_changes(self, f: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._is_changing = False
        try:
            f(*args)
        finally:
            self._is_changing = True

    def handled(self) -> None:
        """Wake who waits for a message, and expect more."""
        self._turns = 0
        if self._waiting:
            self._js.wake()

    def _turn(self, seconds: float, advance: Advance) -> bool:
        """Let the event loop turn, for so long or until a Stop; returns whether it could."""
        self._gate.suspend(advance)
        if advance is not Advance.ALL:
            self._on_suspend()
        try:
            self._aside(suspend, self._turn_js(min(seconds, _LONGEST_S) * 1000).promise)
        except BaseException as error:
            self._js.wake()
            if isinstance(error, SystemError):
                return False  # in what a promise calls, Pyodide says that it can, and cannot
            raise
        finally:
            self._gate.resume(advance)
        return True

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
            if can_suspend and self._turn(left, self._advance(point, False)):
                if self._is_stopped():
                    self._stop_in(frame)
            else:  # in pieces: in between it is seen what has come
                self._nap(min(left, _NAP_S))
                self._on_signal(_SIGNAL, frame)
            left = end - time.monotonic()

    def _nap(self, seconds: float) -> None:
        if not self._js.nap(seconds * 1000):
            self._sleep(seconds)

    @runs_user_code
    async def run(self, run: Callable[[str], Awaitable[Any]], code: str) -> Any:
        """Run a cell, and know that it runs."""
        self.cell = asyncio.current_task()
        try:
            return await run(code)
        except (KeyboardInterrupt, CancelledError) as error:
            # Outside of the user's code, which IPython guards.
            self._shell.showtraceback()
            # That keeps nothing where someone else shows exceptions.
            shown = self._shell._last_traceback or error_content(type(error), error, [])
            return {"status": "error", "payload": [], **shown}
        finally:
            self.cell = None
            self._done()

    def _done(self) -> None:
        """Tell the page of the Stops so far: they had their effect, or nothing to stop."""
        if self._is_stopped():
            self._on_stopped(self._js.stopped())

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        with suppress(RecursionError):  # so deep in the user's code there may be no room for it
            self._look(frame)

    def _look(self, frame: FrameType | None) -> None:
        """Stop, or handle messages, or see to it that they are handled soon."""
        if self._is_changing:
            self._js.hurry()
            return
        if self._is_stopped():
            self._stop_in(frame)
            return
        if self._listens:
            point = self._points.find(frame)
            if point.frame is not None and point.frame is not frame:
                self._resume.arm(point.frame)
            elif point.frame is not None and self._handle(point):
                if self._is_stopped():
                    self._stop_in(frame)
                return
        if self._js.stuck():
            self._stop_in(frame)

    def _on_resume(self, frame: FrameType) -> None:
        """Handle messages where control has returned to the user's code; Stop comes later."""
        with suppress(RecursionError):
            if self._listens and not self._is_stopped():
                point = self._points.find(frame)
                if point.frame is frame:
                    self._handle(point)

    def _handle(self, point: SafePoint) -> bool:
        """Handle the messages that have come, at a safe point; returns whether that could be."""
        if can_run_sync():
            self._turns += 1
            if not self._has_comms():
                self._js.interval = _WITHOUT_COMMS_MS
            else:
                self._js.interval = _ACTIVE_MS if self._turns < _CALM_AFTER_TURNS else _CALM_MS
            return self._turn(0, self._advance(point, False))
        if _depth(point.frame) < sys.getrecursionlimit() - _ROOM:
            self._read_mail()
        return False

    def _read_mail(self) -> None:
        self._aside(self._port.look)

    def _stop_in(self, frame: FrameType | None) -> None:
        """Stop, if it is the user's code that runs; ours is let finish what it does."""
        if is_ours(frame):
            self._js.hurry()  # a loop that calls us again and again has to be met outside
        else:
            self._stop(frame)

    def _stop(self, frame: FrameType | None) -> None:
        if not self.in_callback and self._cancelled_cell():
            return
        if self._runs_user_code(frame):
            self._done()
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                handler(signal.SIGINT, frame)

    def _runs_user_code(self, frame: FrameType | None) -> bool:
        if self.in_callback:
            return True
        names = self._shell.user_ns
        if _any(frame, lambda each: each.f_globals is names):
            return True
        return not self.runs_cell and _current_task() is not None


def _caller(frame: FrameType | None) -> FrameType | None:
    while is_ours(frame):
        assert frame is not None
        frame = frame.f_back
    return frame


def _depth(frame: FrameType | None) -> int:
    depth = 0
    while frame is not None:
        depth += 1
        frame = frame.f_back
    return depth


def _any(frame: FrameType | None, is_so: Callable[[FrameType], bool]) -> bool:
    """Tell whether it is so of a frame, or of one that it is called from."""
    while frame is not None:
        if is_so(frame):
            return True
        frame = frame.f_back
    return False


def _imports(frame: FrameType) -> bool:
    return frame.f_code.co_filename == _IMPORT


def _current_task() -> asyncio.Task[Any] | None:
    with suppress(RuntimeError):  # JavaScript has called, without a loop
        return asyncio.current_task()
    return None


def suspend(promise: Any) -> None:
    """Suspend Python until a promise of JavaScript is kept.

    ``run_sync`` would wrap it in a task, by ``asyncio.ensure_future``. That is for coroutines; here
    it would take half a millisecond, and the task would be held back with all others.
    """
    known = asyncio.ensure_future

    def itself(awaitable: Any) -> Any:
        setattr(asyncio, "ensure_future", known)  # noqa: B010 (mypy: it is overloaded)
        return awaitable

    setattr(asyncio, "ensure_future", itself)  # noqa: B010
    try:
        run_sync(promise)
    finally:
        if asyncio.ensure_future is itself:
            setattr(asyncio, "ensure_future", known)  # noqa: B010


def _clock(port: Any) -> Any:
    """Make the clock of ``signals.js``."""
    source = Path(__file__).with_name("signals.js").read_text("utf-8")
    return run_js(source)(pyodide_js, port, _SIGNAL)
