"""Calls the user's callbacks, plain and async ones."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable

from lite_comms._kernel.code import forget_context, runs_user_code
from lite_comms._live.tasks import start_callback, when_done


def call(
    callback: Callable[[], object],
    fail: Callable[[BaseException], None],
    tasks: set[asyncio.Task[None]],
) -> asyncio.Task[None] | None:
    """Call the user's function; if its result is awaitable, await that in a task.

    Parameters
    ----------
    callback : callable
        Calls the user's function.
    fail : callable
        Called with the exception that it raises.
    tasks : set
        Keeps the task, which the event loop holds weakly.

    Returns
    -------
    asyncio.Task or None
        The task, if it is not done yet.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        If the function raises one, after `fail` has been called.
    """
    running = sys.exception()
    try:
        result = callback()
        if result is None or not inspect.isawaitable(result):
            return None
        loop = asyncio.get_running_loop()
        task = start_callback(_awaited(result, fail, running), loop)
    except BaseException as error:
        forget_context(error, running)
        fail(error)
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return None
    if task.done():
        return None
    tasks.add(task)
    when_done(task, tasks.discard)
    return task


@runs_user_code
async def _awaited(
    result: Awaitable[object],
    fail: Callable[[BaseException], None],
    running: BaseException | None,
) -> None:
    try:
        await result
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # also of Stop, which must not end the event loop
        forget_context(error, running)
        fail(error)
