"""Stands in for the package jupyter_ui_poll, which needs threads and a server kernel.

Code that was written for it runs unchanged: in a JupyterLite kernel, ``from jupyter_ui_poll
import ui_events`` imports this module.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from lite_comms._comms.active import active_manager
from lite_comms._transports.base import not_awaitable

__all__ = ["run_ui_poll_loop", "ui_events", "with_ui_events"]


def _poll(n: int = 1) -> None:
    """Let messages be handled; at least those that have arrived."""
    active_manager().transport.turn(0)


async def _apoll(n: int = 1) -> None:
    """Let messages be handled; at least those that have arrived."""
    await asyncio.sleep(0)


class ui_events:  # noqa: N801 (a function there, of which only the use matters)
    """A context manager whose value, called, lets messages be handled."""

    def __enter__(self) -> Callable[..., None]:
        return _poll

    def __exit__(self, *error: object) -> None:
        return None

    async def __aenter__(self) -> Callable[..., Any]:
        return _apoll

    async def __aexit__(self, *error: object) -> None:
        return None


class with_ui_events[T]:  # noqa: N801
    """What an iterable yields, while messages are handled in between."""

    def __init__(self, its: Iterable[T] | AsyncIterable[T], n: int = 1) -> None:
        if not isinstance(its, (Iterable, AsyncIterable)):
            raise TypeError("Expect Iterable[T]|AsyncIterable[T]")
        self._its = its

    def __iter__(self) -> Iterator[T]:
        if not isinstance(self._its, Iterable):
            raise TypeError("an async iterable takes `async for`")
        for item in self._its:
            _poll()
            yield item

    async def __aiter__(self) -> AsyncIterator[T]:
        if isinstance(self._its, Iterable):
            for item in self._its:
                await _apoll()
                yield item
        else:
            async for item in self._its:
                await _apoll()
                yield item


def run_ui_poll_loop[T](f: Callable[[], T | None], sleep: float = 0.02, n: int = 1) -> T:
    """Call a function again and again, until it returns something else than None."""
    while True:
        if sleep is not None:
            time.sleep(sleep)
        _poll()
        answer = not_awaitable(f(), "run_ui_poll_loop")
        if answer is not None:
            return answer
