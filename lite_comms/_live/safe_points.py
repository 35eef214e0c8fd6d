"""Decides where in synchronous code a message may be handled.

A callback that runs in the middle of a library finds the library half way through
a change: a queue with its lock held, a counter that does not match its list. So a
message is handled only where the innermost Python frame is the user's own code,
and every frame below it is one of these:

================  ==============================================================
the user's own    cells, modules from the user's files, strings given to ``exec``
transparent       code that only calls the user's and keeps nothing half changed
                  meanwhile: the kernel, the event loop, contextlib (`_TRANSPARENT`)
================  ==============================================================

Anything else is a library. While one runs, a message waits until control returns
to the user's code, and `ResumeWatch` notices when that happens.

Pure Python: nothing in here knows about the worker.
"""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import CodeType, FrameType
from typing import Any, NamedTuple

from lite_comms._kernel.code import is_kept_whole, is_ours

# Modules that may stand between two frames of the user's. Each was read for state that a callback
# could find half changed: none of them holds a lock, or a container, across the call.
_TRANSPARENT = frozenset(
    {
        "IPython.core.async_helpers",
        "IPython.core.interactiveshell",
        "IPython.core.magics.execution",  # %time, %run, %%capture; %timeit adds timeit
        "IPython.utils.py3compat",  # execfile, for %run
        "_pyodide._base",
        "asyncio.events",
        "asyncio.runners",
        "asyncio.tasks",  # wait_for, between two coroutines
        "contextlib",
        "pyodide.code",
        "pyodide.webloop",
        "pyodide_kernel.kernel",
    }
)


def _folder(path: str) -> str:
    # It ends with the separator, or /lib/python3.14 would match /lib/python3.14-notes, too. What
    # Pyodide says of its paths begins with two slashes, where the names of its files have one.
    root = os.sep if path.startswith(os.sep) else ""
    return f"{root}{path.strip(os.sep)}{os.sep}"


_LIBRARY_FOLDERS = tuple(
    {
        _folder(path)
        for path in (
            os.path.dirname(os.__file__),  # noqa: PTH120 (it may be in a zip file)
            *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        )
    }
)

_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

# How many calls deep callbacks can go on top of the user's code. Near the limit of recursion what
# lite_comms itself calls could fail half way.
_ROOM = 200

# 0, 1, 2 and 5 are reserved for debuggers, coverage, profilers and optimizers.
_TOOL_IDS = (4, 3)


class _Kind(Enum):
    USER = "user"
    TRANSPARENT = "transparent"
    LIBRARY = "library"


class SafePoint(NamedTuple):
    """Where a message may be handled.

    Attributes
    ----------
    frame : frame or None
        The innermost frame in which it may be: now, if it is the frame that was
        asked about, and otherwise when control returns to it. None if only after
        all of this code has returned, or if too little of the stack is left there.
    in_coroutine : bool
        Whether a coroutine of the user's is among the frames, so that asyncio
        promises it that no other task runs before its next await.
    """

    frame: FrameType | None
    in_coroutine: bool


class SafePoints:
    """Finds safe points.

    Parameters
    ----------
    user_ns : dict
        The namespace of the cells.
    """

    def __init__(self, user_ns: dict[str, Any]) -> None:
        self._user_ns = user_ns
        self._kinds: dict[str, _Kind] = {}  # by file

    def find(self, frame: FrameType | None) -> SafePoint:
        """Find the innermost frame in which a message may be handled.

        Parameters
        ----------
        frame : frame or None
            The frame that runs.
        """
        found = None
        in_coroutine = False
        depth = 0  # that of the frame that is found
        while frame is not None:
            kind = self._kind(frame)
            if kind is _Kind.USER:
                if found is None:
                    found, depth = frame, 0
                in_coroutine = in_coroutine or frame.f_code.co_flags & _COROUTINE != 0
            elif kind is _Kind.LIBRARY:
                found, in_coroutine = None, False
            depth += 1
            frame = frame.f_back
        has_room = depth < sys.getrecursionlimit() - _ROOM
        return SafePoint(found if has_room else None, in_coroutine)

    def _kind(self, frame: FrameType) -> _Kind:
        if frame.f_globals is self._user_ns:
            return _Kind.USER
        if is_ours(frame):
            return _Kind.LIBRARY if is_kept_whole(frame) else _Kind.TRANSPARENT
        file = frame.f_code.co_filename
        if file.startswith("<"):
            # Generated code runs in the namespace of the module that has made it, under its name;
            # a plain exec(code, {}) of the user's has none.
            is_named = "__name__" in frame.f_globals
            return _Kind.LIBRARY if is_named else _Kind.USER
        kind = self._kinds.get(file)
        if kind is None:
            kind = self._kinds[file] = _kind_of_file(file, frame.f_globals.get("__name__"))
        return kind


def _kind_of_file(file: str, module_name: object) -> _Kind:
    if not file.startswith(_LIBRARY_FOLDERS):
        return _Kind.USER
    return _Kind.TRANSPARENT if module_name in _TRANSPARENT else _Kind.LIBRARY


class ResumeWatch:
    """Calls a function when control returns to the user's code.

    Uses ``sys.monitoring`` on one code object at a time, so that all other code
    runs at full speed; to start and stop it takes a few microseconds.

    Parameters
    ----------
    on_resume : callable
        Called once after each `arm`, with the frame, before its next instruction.
        This may be a point where Python itself would never raise
        KeyboardInterrupt, as between ``__enter__`` and the block of a ``with``:
        the function must not raise.
    """

    def __init__(self, on_resume: Callable[[FrameType], None]) -> None:
        self._on_resume = on_resume
        self._tool_id: int | None = None
        self._armed: CodeType | None = None

    def start(self) -> None:
        """Reserve a tool id; if a debugger and others have taken all, `arm` does nothing."""
        for tool_id in _TOOL_IDS:
            with suppress(ValueError):
                sys.monitoring.use_tool_id(tool_id, "lite_comms")
                self._tool_id = tool_id
                events = sys.monitoring.events
                sys.monitoring.register_callback(tool_id, events.INSTRUCTION, self._resumed)
                return

    def end(self) -> None:
        """Give the tool id back."""
        if self._tool_id is not None:
            self.disarm()
            sys.monitoring.free_tool_id(self._tool_id)
            self._tool_id = None

    def arm(self, frame: FrameType) -> None:
        """Watch for the next instruction of the code in a frame."""
        if self._tool_id is not None and self._armed is not frame.f_code:
            self.disarm()
            self._armed = frame.f_code
            self._watch(self._armed, sys.monitoring.events.INSTRUCTION)

    def disarm(self) -> None:
        """Stop watching."""
        if self._armed is not None:
            self._watch(self._armed, 0)
            self._armed = None

    def _watch(self, code: CodeType, events: int) -> None:
        if self._tool_id is not None:
            try:
                sys.monitoring.set_local_events(self._tool_id, code, events)
            except ValueError:  # someone has given our id back
                self._tool_id = None

    def _resumed(self, code: CodeType, offset: int) -> None:
        self.disarm()
        self._on_resume(sys._getframe(1))
