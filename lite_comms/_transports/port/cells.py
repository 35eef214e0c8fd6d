"""What the port does for the cells: it runs them live if possible, and says when each begins.

One of the modules that talk to the worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pyodide.ffi import can_run_sync

from lite_comms._kernel.code import runs_user_code
from lite_comms._kernel.running import Running
from lite_comms._live.clock import missing
from lite_comms._live.signals import Signals
from lite_comms._live.suspend import HAS_JSPI
from lite_comms._outputs.outputs import Outputs
from lite_comms._wire.frames import VERSION, Begun, FrameError, Hello, Interrupted
from lite_comms._wire.version import __version__

from .channel import Channel
from .incoming import Incoming, Owner


class Cells:
    """Runs the cells.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    outputs : Outputs
        Runs the cells in JupyterLite's kernel.
    running : Running
        What runs.
    incoming : Incoming
        Handles what the page posts.
    owner : Owner
        The transport.

    Attributes
    ----------
    signals : Signals or None
        What makes a cell live; None while the port is not open, or if that is not possible.
    """

    def __init__(
        self, shell: Any, outputs: Outputs, running: Running, incoming: Incoming, owner: Owner
    ) -> None:
        self._shell = shell
        self._outputs = outputs
        self._running = running
        self._incoming = incoming
        self._owner = owner
        self._channel = Channel()
        self.signals: Signals | None = None
        self._not_live = ""  # why synchronous code cannot be interrupted
        self._is_unproved = False  # whether a later cell may show that it can be
        self._due: dict[str, Any] | None = None  # of a cell that has not begun
        self._wants_live = True

    def connect(self) -> None:
        """Run the cells from now on."""
        self._outputs.runner = self._run
        self._outputs.on_request = self._on_request
        self._outputs.on_begin = self._on_begin
        # A startup file comes before the first request, and its task is not to be stopped.
        self._running.cell = asyncio.current_task() if self._outputs.parents.current else None
        if self._running.cell is not None:
            self._running.can_suspend = can_run_sync()

    def prove(self) -> None:
        """Try out whether code can be interrupted.

        What cannot be done must not be promised: the page would answer Stop with it.
        """
        self._not_live = missing()
        self._is_unproved = self._not_live != ""

    def say_hello(self) -> None:
        """Tell the page what can be done."""
        can = () if self._not_live else ("interrupt",) if HAS_JSPI else ("interrupt", "inbox")
        self._owner.post_frame(Hello(VERSION, __version__, ("begun", "attachments", *can)))

    def follow(self, channel: Channel) -> None:
        """Follow the state of the port: while it is not open, no cell is live."""
        self._channel = channel
        if channel.state != "open" and self.signals is not None:
            self.signals.end()
            self.signals = None

    @property
    def live(self) -> str:
        """When messages are handled while a cell runs, and the port is open."""
        if self.signals is not None:
            return self.signals.mode
        return (
            "messages are handled at each await, not in synchronous code, and Stop is "
            f"JupyterLite's own: {self._not_live}"
        )

    def set_live(self, on: bool) -> None:
        """Handle messages within synchronous code, or not."""
        self._wants_live = on
        if self.signals is not None:
            self.signals.set_live(on)

    def interrupt(self, number: int) -> None:
        """Handle an interrupt of the page."""
        if self.signals is None:
            # Never "done": nothing was stopped.
            raise FrameError(f"interrupt {number} cannot be handled: {self._not_live}")
        self.signals.stopper.interrupt(number)

    def go_live(self) -> None:
        """Take over Pyodide's signals, if that is possible."""
        if self._not_live:
            return
        manager = self._incoming.manager
        try:
            signals = Signals(
                self._shell,
                self._outputs,
                self._incoming.port,
                self._running,
                lambda: bool(manager.comms),
                lambda number: self._owner.post_frame(Interrupted(number)),
                self._tell_due,
            )
            signals.start()
        except Exception as error:
            self._not_live = f"Pyodide's signals cannot be taken over: {error!r}"
            self._owner.show_error(f"lite_comms: {self._not_live}", error)
            return
        self.signals = signals
        signals.set_live(self._channel.page_is_live and self._wants_live)

    @runs_user_code
    async def _run(self, run: Callable[[str], Awaitable[Any]], code: str) -> Any:
        """Run a cell, live if possible."""
        self._running.cell = asyncio.current_task()
        if self._is_unproved and self._channel.state == "open":
            self._prove_again()
        signals = self.signals
        try:
            return await (run(code) if signals is None else signals.stopper.run(run, code))
        finally:
            self._running.cell = None

    def _prove_again(self) -> None:
        """Try out once more whether code can be interrupted; if so, go live and tell the page.

        Pyodide 314.0.4 looks for no signals in code that runs after an await, where lite_comms may
        have been installed.
        """
        self.prove()
        if not self._not_live:
            self.go_live()
            self.say_hello()

    def _on_request(self, request: dict[str, Any]) -> None:
        self._due = request
        if self.signals is not None and self.signals.suspender.is_suspended:
            self._tell_due()

    def _on_begin(self) -> None:
        self._running.can_suspend = can_run_sync()
        self._due = None
        self._tell_begun(self._outputs.parents.current)

    def _tell_due(self) -> None:
        """Have the page send what it keeps for a cell that cannot begin now.

        The suspended code may wait for just that, for example by `wait_for` in a task.
        """
        if self._due is not None:
            self._tell_begun(self._due)
            self._due = None

    def _tell_begun(self, request: dict[str, Any]) -> None:
        if self._channel.state == "open" and self._channel.page_waits and request:
            self._owner.post_frame(Begun(request["header"]["msg_id"]))
