"""Meets the page: waits for its half of lite_comms, and brings it to a page that lacks it.

One of the modules that talk to the worker.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pyodide.ffi import can_run_sync

from lite_comms._live.suspend import suspend

from .channel import Bring, Channel, Event, Problem

# How long the page may take to say that its half is there, to ask for it, and to start it: some
# pages are slow.
_ANSWER_S = 0.05
_BRING_S = 3.0
_START_S = 10.0


class Meeting:
    """Has the page say hello.

    Parameters
    ----------
    shell : pyodide_kernel.interpreter.Interpreter
        The kernel's shell.
    channel : callable
        Returns the state of the port.
    follow : callable
        Called with what has happened, an event of ``channel.py``.
    """

    def __init__(
        self, shell: Any, channel: Callable[[], Channel], follow: Callable[[Event], object]
    ) -> None:
        self._shell = shell
        self._channel = channel
        self._follow = follow
        self._give_up: Any = None  # ends bringing the page its half

    def meet(self, port: Any) -> str:
        """Wait for the page's half, by the port of ``port.js``; if the page lacks it, bring it.

        Returns
        -------
        str
            Why the page's half does not answer, or an empty text.
        """
        can_wait = can_run_sync()
        if can_wait:
            # One that has answered before does it again, even if it is slow now.
            _wait(port, _BRING_S if self._channel().page else _ANSWER_S)
        channel = self._channel()
        if channel.state == "waiting" and not channel.page and self._bring() and can_wait:
            is_answered = _wait(port, _BRING_S)
            if not is_answered and getattr(self._give_up, "isGiven", False):
                _wait(port, _START_S)
        channel = self._channel()
        return channel.why if can_wait and channel.state == "waiting" else ""

    def _bring(self) -> bool:
        """Bring the page its half, if this wheel has it."""
        with suppress(ImportError):  # the wheel that comes with a site's extension
            from .page import bring, can_bring

            if can_bring():
                self.end()
                self._follow(Bring())
                self._give_up = bring(self._shell, self._on_problem)
                return True
        return False

    def _on_problem(self, problem: str) -> None:
        self._give_up = None
        self._follow(Problem(problem))

    def end(self) -> None:
        """Stop bringing the page its half."""
        if self._give_up is not None:
            self._give_up()
            self._give_up = None


def _wait(port: Any, seconds: float) -> bool:
    """Wait for the page; return whether it has answered."""
    return bool(suspend(port.answer(seconds * 1000).promise))
