"""Lets messages be handled in the middle of Python code, and Stop stop it.

One of the modules that talk to the worker. Pyodide asks the interrupt buffer for
a signal every few dozen steps of Python; ``_signals.js`` answers by a clock.
What happens then is decided here:

=====================================  =========================================
Stop was pressed                       the user's SIGINT handler is called; by
                                       default that is a KeyboardInterrupt
the code can be suspended (JSPI)       the event loop turns once: messages are
                                       handled, tasks advance
it cannot, or must not (`hold`, an     it is only looked whether Stop was
import, a comm callback)               pressed
=====================================  =========================================

Replaced while it is on: ``time.sleep``, and what runs a cell.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import can_run_sync, run_sync

from . import _ui_poll
from ._errors import is_kept_whole, is_ours, runs_user_code
from ._outputs import Outputs, error_content
from ._replace import Replacements

if TYPE_CHECKING:
    from ._manager import CommManager

# Of the numbers that Python knows the one that is used least.
_SIGNAL = signal.NSIG - 1

# How often the event loop turns: each time takes half a millisecond. While messages come, that is
# for about a second after the last one; when none come; and when there is no comm, for Stop only.
_ACTIVE_MS = 15
_CALM_MS = 40
_WITHOUT_COMMS_MS = 100
_CALM_AFTER_TURNS = 70

# How long the event loop is kept from what is asleep in it, where it cannot turn.
_NAP_S = 0.05

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
    manager : CommManager
        Tells whether there are comms.
    port : JsProxy
        The worker's end of the port, ``_port.js``.
    on_stopped : callable
        Called with the number of a Stop when it is done with.
    """

    def __init__(
        self,
        shell: Any,
        outputs: Outputs,
        manager: CommManager,
        port: Any,
        on_stopped: Callable[[int], None],
    ) -> None:
        self._shell = shell
        self._outputs = outputs
        self._manager = manager
        self._port = port
        self._on_stopped = on_stopped
        source = Path(__file__).with_name("_signals.js").read_text("utf-8")
        self._js = run_js(source)(pyodide_js, port, _SIGNAL)
        self._is_stopped = self._js.isStopped
        self._turn_js = self._js.turn
        self.is_live = True  # as the user wants it
        self.in_callback = False
        self._waiting = 0
        self._turns = 0  # since the last message
        self.cell: asyncio.Task[Any] | None = None  # the task that runs one
        self._replaced = Replacements()

    def start(self) -> None:
        """Take over Pyodide's signals."""
        signal.signal(_SIGNAL, self._on_signal)
        # Pyodide's own, on top of the original, lets the event loop turn whenever it can.
        self._sleep = getattr(time.sleep, "__wrapped__", time.sleep)
        self._replaced.set(time, "sleep", self.sleep)
        self._replaced.set(self._outputs, "runner", self.run)
        sys.modules.setdefault("jupyter_ui_poll", _ui_poll)
        self._js.start()

    def end(self) -> None:
        """Give everything back."""
        self._js.end()
        self._replaced.undo()
        if sys.modules.get("jupyter_ui_poll") is _ui_poll:
            del sys.modules["jupyter_ui_poll"]
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

    def _cancelled_cell(self) -> bool:
        """Cancel the cell, if it awaits something; a second Stop is for what keeps it waiting."""
        cell = self.cell
        if cell is None or getattr(cell, "_fut_waiter", None) is None or cell.cancelling():
            return False
        self._done()
        cell.cancel()
        return True

    @property
    def _can_suspend(self) -> bool:
        """Whether the event loop can turn in the middle of this code."""
        return not self.in_callback and can_run_sync() and not self._port.isHeld

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
        self._waiting += 1
        try:
            if not self._can_suspend or not self._turn(poll):
                self._nap(poll)
                self._read_mail()
        finally:
            self._waiting -= 1
        if self._is_stopped():
            self._stop(_caller(sys._getframe()))

    def handled(self) -> None:
        """Wake who waits for a message, and expect more."""
        self._turns = 0
        if self._waiting:
            self._js.wake()

    def _turn(self, seconds: float = 0) -> bool:
        """Let the event loop turn, for so long or until a Stop; returns whether it could."""
        try:
            self._outputs.aside(run_sync, self._turn_js(min(seconds, _LONGEST_S) * 1000))
        except BaseException as error:
            self._js.wake()
            if isinstance(error, SystemError):
                return False  # in what a promise calls, Pyodide says that it can, and cannot
            raise
        return True

    def sleep(self, seconds: float, /) -> None:
        """Sleep; messages are handled meanwhile."""
        left = float(seconds + 0.0)  # of a str that is a TypeError, as it was
        if not left >= 0:
            raise ValueError("sleep length must be a non-negative number")
        end = time.monotonic() + left
        frame = sys._getframe().f_back
        while left >= 0:
            if self._lets_in(frame) and self._can_suspend and self._turn(left):
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
        """Stop, or let the event loop turn, or read what is in the shared memory."""
        if self._is_stopped():
            self._stop_in(frame)
            return
        lets_in = self._lets_in(frame)
        if lets_in and self._can_suspend:
            self._turns += 1
            if not self._manager.comms:
                self._js.interval = _WITHOUT_COMMS_MS
            else:
                self._js.interval = _ACTIVE_MS if self._turns < _CALM_AFTER_TURNS else _CALM_MS
            if self._turn() and self._is_stopped():
                self._stop_in(frame)
        elif self._js.stuck():
            self._stop_in(frame)
        elif lets_in and _depth(frame) < sys.getrecursionlimit() - _ROOM:
            self._read_mail()

    def _read_mail(self) -> None:
        self._outputs.aside(self._port.look)

    def _lets_in(self, frame: FrameType | None) -> bool:
        """Whether messages may be handled, and tasks advance, in the middle of this code."""
        # Not within a send, for one: what a callback sends then would come before it.
        return self.is_live and not _any(frame, _is_kept_whole)

    def _stop_in(self, frame: FrameType | None) -> None:
        """Stop, if it is the user's code that runs; what is ours is left to come to its end."""
        if not is_ours(frame):
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
        return not self.runs_cell and _in_task()


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


def _is_kept_whole(frame: FrameType) -> bool:
    return _imports(frame) or is_kept_whole(frame)


def _in_task() -> bool:
    with suppress(RuntimeError):  # JavaScript has called, without a loop
        return asyncio.current_task() is not None
    return False
