"""Stops what runs, when the user has pressed Stop.

A cell that awaits something is cancelled. In synchronous code the user's SIGINT handler is
called, which raises KeyboardInterrupt by default.
"""

from __future__ import annotations

import signal
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from lite_comms._kernel.code import any_frame, is_ours, runs_user_code
from lite_comms._kernel.running import Running, current_task
from lite_comms._kernel.tracebacks import error_content


class Stopper:
    """Stops what runs.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    running : Running
        What runs.
    clock : JsProxy
        The clock, which counts how often Stop was pressed.
    on_stopped : callable
        Called with the number of a Stop when it has had its effect, or nothing to stop.
    """

    def __init__(
        self,
        shell: Any,
        running: Running,
        clock: Any,
        on_stopped: Callable[[int], None],
    ) -> None:
        self._shell = shell
        self._user_ns = shell.user_ns
        self._running = running
        self._clock = clock
        self._on_stopped = on_stopped
        # Looked up once: it is asked at each signal.
        self.is_asked: Callable[[], bool] = clock.isStopped

    @runs_user_code
    async def run(self, run: Callable[[str], Awaitable[Any]], code: str) -> Any:
        """Run a cell so that Stop ends it."""
        try:
            return await run(code)
        except (KeyboardInterrupt, CancelledError) as error:
            # Outside of the user's code, which IPython guards.
            self._shell.showtraceback()
            # That keeps nothing where someone else shows exceptions.
            shown = self._shell._last_traceback or error_content(type(error), error, [])
            return {"status": "error", "payload": [], **shown}
        finally:
            self.done()

    def interrupt(self, number: int) -> None:
        """Handle an interrupt of the page, which comes when the event loop turns."""
        self._clock.interrupt(number)
        if not self.is_asked() or self._cancel_cell():
            return
        if not self._running.has_cell and not self._clock.isWaiting:
            self.done()  # nothing runs
        # Otherwise what sleeps has been woken, and raises.

    def _cancel_cell(self) -> bool:
        """Cancel the cell if it awaits something; a second Stop goes to what keeps it waiting."""
        cell = self._running.cell
        if cell is None or getattr(cell, "_fut_waiter", None) is None or cell.cancelling():
            return False
        self.done()
        cell.cancel()
        return True

    def done(self) -> None:
        """Report the Stops so far as dealt with: they had their effect, or nothing to stop."""
        if self.is_asked():
            self._on_stopped(self._clock.stopped())

    def stop_in(self, frame: FrameType | None) -> None:
        """Stop if the frame runs the user's code; ours finishes what it does first."""
        if is_ours(frame):
            # Soon, so that it also stops a loop that does little else than call us.
            self._clock.hurry()
        else:
            self.stop(frame)

    def stop(self, frame: FrameType | None) -> None:
        """Stop what runs in a frame."""
        if not self._running.in_callback and self._cancel_cell():
            return
        if self._runs_user_code(frame):
            self.done()
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                handler(signal.SIGINT, frame)

    def _runs_user_code(self, frame: FrameType | None) -> bool:
        if self._running.in_callback:
            return True
        names = self._user_ns
        if any_frame(frame, lambda each: each.f_globals is names):
            return True
        return not self._running.has_cell and current_task() is not None
