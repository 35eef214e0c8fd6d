"""Inside the kernel: runs tests of CPython while comm messages come.

unittest's own runner would be a library below every test, and nothing would ever be interrupted.
Here the test methods are called by code that counts as the user's, as the tests themselves do.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import logging
import logging.handlers
import queue
import re
import sys
import time
import unittest
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any
from weakref import WeakSet

from comm import get_comm_manager

import lite_comms

# In Pyodide these would skip themselves, but most of what they test needs neither.
NEEDS_THREADS = ("test.test_queue",)
NEEDS_SOCKETS = ("test.test_asyncio", "test.test_asyncio.test_queues", "test.test_contextlib_async")

# By the class that defines them. None of them blocks for ever: without threads, to start one fails.
LEFT_OUT = {
    "test.test_asyncio.test_queues.QueuePutTests.test_blocking_put_wait": (
        "has 10 ms for a first step; in Pyodide's loop a timer that is late overtakes a ready task"
    ),
    "test.test_contextlib_async.TestBaseExitStack": "runs an event loop inside the one that runs",
    "test.test_logging.FormatterTest.test_issue_89047": "sleeps 2,500 times",
    "test.test_logging.TimedRotatingFileHandlerTest.test_rollover": "sleeps for a second",
    "test.test_queue.BaseSimpleQueueTest.test_references": "collects garbage for 4 seconds",
}

# Lines that take longer, of tests and of what they test: a test of a millisecond is hardly ever
# interrupted, and one that loops would never end. Only while it is live.
LINE_S = 0.0004
SLOW_LINES = 30
SLOW_MODULES = ("queue", "asyncio.queues", "contextlib", "logging", "logging.handlers")
TEST_TIMEOUT_S = 10
_TOOL_ID = 5

_running: str | None = None  # the module that is under test, while synchronous code of a test runs
_slowed = 0  # lines of that test
_queues: WeakSet[Any] = WeakSet()  # those of the tests


class Stress:
    """The tests of one module, and a comm whose callback uses that module, too.

    Attributes
    ----------
    outcomes : dict
        For each test, all that it has come to.
    received : list of int
        The messages, as they were handled.
    inside : int
        How many of them interrupted synchronous code of a test.
    overtaken : int
        How many steps of a coroutine, from one await to the next, a task has run in.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases = list(_cases(name))
        self.outcomes: dict[str, set[str]] = {}
        self.rounds = 0
        self.received: list[int] = []
        self.inside = 0
        self.answered = 0
        self.ticks = 0
        self.overtaken = 0
        # What the callback and the runner share, as a callback and a cell do.
        self.queue: queue.Queue[str] = queue.Queue()
        self.async_queue: asyncio.Queue[int] = asyncio.Queue()
        self.put: Counter[str] = Counter()
        # The tests of logging disable what getLogger returns.
        self.log = logging.Logger("stress", logging.INFO)  # noqa: LOG001
        self.handler = _Lines()
        self.log.addHandler(self.handler)
        get_comm_manager().register_target("stress", self._open)

    def run(self, seconds: float, live: bool) -> None:
        """Run the tests that are no coroutines, again and again, as a synchronous cell does."""
        for key, case, method in self._begin(seconds, live):
            with _Outcome(self, key, case):
                case.setUp()
                method()

    async def run_async(self, seconds: float, live: bool) -> None:
        """Run all tests, again and again, as a cell with ``await`` does."""
        ticking = asyncio.create_task(self._tick())
        for key, case, method in self._begin(seconds, live):
            with _Outcome(self, key, case):
                case.setUp()
                if isinstance(case, unittest.IsolatedAsyncioTestCase):
                    await case.asyncSetUp()
                result = method()
                if inspect.iscoroutine(result):
                    async with asyncio.timeout(TEST_TIMEOUT_S):
                        await _Steps(result, self)
        ticking.cancel()

    async def _tick(self) -> None:
        while True:
            self.ticks += 1
            await asyncio.sleep(0)

    def report(self) -> str:
        """What has come of it, as JSON."""
        shared = Counter(self.queue.get_nowait() for _ in range(self.queue.qsize()))
        return json.dumps(
            {
                "outcomes": {key: sorted(found) for key, found in self.outcomes.items()},
                "rounds": self.rounds,
                "received": self.received,
                "inside": self.inside,
                "answered": self.answered,
                "overtaken": self.overtaken,
                "async_queue": [
                    self.async_queue.get_nowait() for _ in range(self.async_queue.qsize())
                ],
                "is_shared_whole": shared == self.put == Counter(self.handler.lines),
            }
        )

    def _begin(
        self, seconds: float, live: bool
    ) -> Iterator[tuple[str, Any, Callable[[], Coroutine[Any, Any, None] | None]]]:
        global _running, _slowed
        lite_comms.live(live)
        end = time.monotonic() + seconds
        while not self.rounds or time.monotonic() < end:
            self.rounds += 1
            for cls, method in self.cases:
                self.note("test")
                case = cls(method)
                _running, _slowed = self.name, 0 if live else SLOW_LINES
                yield f"{cls.__name__}.{method}", case, getattr(case, method)
        lite_comms.live()

    def note(self, by: str) -> None:
        """Use what is shared."""
        self.put[by] += 1
        self.queue.put(by)
        self.log.info(by)

    def _open(self, comm: Any, msg: Any) -> None:
        comm.on_msg(self._on_msg)

    def _on_msg(self, msg: dict[str, Any]) -> Coroutine[Any, Any, None] | None:
        n: int = msg["content"]["data"]
        self.inside += _running is not None
        self.received.append(n)
        self.note("callback")
        # Reading a queue is harmless at any time, and takes its lock.
        for each in list(_queues):
            assert each.qsize() >= 0
        mine: queue.Queue[int] = queue.Queue(1)
        mine.put(n, timeout=1)
        with contextlib.ExitStack() as stack:
            stack.callback(mine.task_done)
            with contextlib.suppress(queue.Full):
                mine.put_nowait(n)
            assert mine.get() == n
        logging.getLogger(f"stress.{n % 10}").isEnabledFor(n)
        self.async_queue.put_nowait(n)
        return self._answer(n) if n % 2 else None

    async def _answer(self, n: int) -> None:
        mine: asyncio.Queue[int] = asyncio.Queue(1)
        async with _closing(mine):
            await mine.put(n)
            await asyncio.sleep(0)
            assert await mine.get() == n
        self.answered += 1


@contextlib.asynccontextmanager
async def _closing(mine: asyncio.Queue[int]) -> Any:
    await asyncio.sleep(0)
    yield
    assert mine.empty()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class _Outcome:
    """Ends a test, and keeps what it has come to; Stop is let through."""

    def __init__(self, stress: Stress, key: str, case: Any) -> None:
        self._found = stress.outcomes.setdefault(key, set())
        self._case = case

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        global _running
        try:
            self._case.tearDown()
            self._case.doCleanups()
        except Exception as late:
            error = error or late
        _running = None
        self._found.add(_outcome(error))
        return error is None or isinstance(error, Exception)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, unittest.SkipTest):
        return "skipped"
    # Numbers are those of tasks, and addresses.
    first = re.sub(r"0x[0-9a-f]+|\d+", "#", str(error).partition("\n")[0])
    return f"{type(error).__name__}: {first}"


class _Steps:
    """Awaits a coroutine, and knows while it runs: then a message can only interrupt it."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], stress: Stress) -> None:
        self._coroutine = coroutine
        self._stress = stress

    def __await__(self) -> Generator[Any, Any, None]:
        global _running
        step: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            _running = self._stress.name
            ticks = self._stress.ticks
            try:
                awaited = step()
            except StopIteration:
                return
            finally:
                _running = None
                self._stress.overtaken += self._stress.ticks != ticks
            try:
                value = yield awaited
                step = partial(self._coroutine.send, value)
            except BaseException as error:
                step = partial(self._coroutine.throw, error)


def _cases(name: str) -> Iterator[tuple[type[Any], str]]:
    module = importlib.import_module(name)
    for cls in list(vars(module).values()):
        if not (isinstance(cls, type) and issubclass(cls, unittest.TestCase)):
            continue
        if cls.__module__ == name and not getattr(cls, "__unittest_skip__", False):
            for method in unittest.defaultTestLoader.getTestCaseNames(cls):
                definer = next(each.__name__ for each in cls.__mro__ if method in vars(each))
                names = {f"{name}.{definer}", f"{name}.{definer}.{method}"}
                if not names & LEFT_OUT.keys():
                    yield cls, method


def load(folder: str) -> None:
    """Import what would skip itself, and slow down the tests, in a folder, and what they test."""
    support = importlib.import_module("test.support")
    threads = importlib.import_module("test.support.threading_helper")
    support.has_socket_support = threads.can_start_thread = True  # type: ignore[attr-defined]
    for name in (*NEEDS_THREADS, *NEEDS_SOCKETS):
        importlib.import_module(name)
    support.has_socket_support = threads.can_start_thread = False  # type: ignore[attr-defined]

    tests: ModuleType = sys.modules["test.test_queue"]
    for cls in (tests.py_queue.Queue, tests.c_queue.Queue, asyncio.Queue):
        _remember(cls)

    files = {sys.modules[name].__file__ for name in SLOW_MODULES}

    def linger(code: CodeType, line: int) -> object:
        global _slowed
        if not (code.co_filename.startswith(folder) or code.co_filename in files):
            return sys.monitoring.DISABLE
        if _running is not None and _slowed < SLOW_LINES:
            _slowed += 1
            end = time.monotonic() + LINE_S
            while time.monotonic() < end:
                pass
        return None

    lines = sys.monitoring.events.LINE
    sys.monitoring.use_tool_id(_TOOL_ID, Path(__file__).stem)
    sys.monitoring.register_callback(_TOOL_ID, lines, linger)
    sys.monitoring.set_events(_TOOL_ID, lines)


def _remember(cls: Any) -> None:
    init = cls.__init__

    def __init__(self: Any, *args: Any, **keys: Any) -> None:  # noqa: N807
        init(self, *args, **keys)
        if _running is not None:
            _queues.add(self)

    cls.__init__ = __init__
