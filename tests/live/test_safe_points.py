"""Where a message may be handled: frames of real code, with the file names it has in a kernel."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, cast

import pytest

from lite_comms._kernel.code import runs_user_code
from lite_comms._live import safe_points
from lite_comms._live.safe_points import ResumeWatch, SafePoint, SafePoints

SITE_PACKAGES = Path(pytest.__file__).parents[1]
CALL = "def call(f):\n    return f()\n"


@dataclass(eq=False)
class Frame:
    """A frame without those of pytest below it."""

    f_code: CodeType
    f_globals: dict[str, Any]
    f_back: Frame | None

    @classmethod
    def copy(cls, frame: FrameType) -> Frame:
        """Copy a frame and those below it, down to the cell's."""
        assert frame.f_back is not None
        is_cell = frame.f_back.f_code is Cell.run.__code__
        return cls(frame.f_code, frame.f_globals, None if is_cell else cls.copy(frame.f_back))


@dataclass
class Cell:
    """A cell that calls ``look()`` once, and what that has found."""

    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    looked: list[tuple[Frame, SafePoint]] = field(default_factory=list)

    def __post_init__(self) -> None:
        points = SafePoints(self.names)

        def look() -> None:
            frame = Frame.copy(sys._getframe(1))
            self.looked.append((frame, points.find(cast("FrameType", frame))))

        self.names |= {
            "contextlib": contextlib,
            "functools": functools,
            "json": json,
            "kept_whole": Comms.kept_whole,
            "look": look,
            "runs_user_code": Comms.runs_user_code,
        }
        for name, file in (
            ("library", SITE_PACKAGES / "library.py"),
            ("own", Path.home() / "own.py"),
        ):
            made: dict[str, Any] = {"__name__": name, "look": look}
            exec(compile(CALL + "def work(): look()\n", str(file), "exec"), made)
            self.names |= {name: made["call"], f"{name}_work": made["work"]}

    def run(self, source: str) -> None:
        exec(compile(source, "<ipython-input-1-abc>", "exec"), self.names)

    @property
    def where(self) -> str:
        """Say where a message may be handled: now, when control is back in a function, or never."""
        ((frame, point),) = self.looked
        if point.frame is None:
            return "never"
        is_now = cast("object", point.frame) is frame
        return "now" if is_now else f"back in {point.frame.f_code.co_name}"


class Comms:
    """Functions that stand in the folder of lite_comms."""

    @staticmethod
    def kept_whole(f: Any) -> Any:
        return _in_lite_comms(CALL)["call"](f)

    @staticmethod
    def runs_user_code(f: Any) -> Any:
        return runs_user_code(_in_lite_comms(CALL)["call"])(f)


def _in_lite_comms(source: str) -> dict[str, Any]:
    import lite_comms

    file = Path(lite_comms.__file__).with_name("_made_up.py")
    names: dict[str, Any] = {"__name__": "lite_comms._made_up"}
    exec(compile(source, str(file), "exec"), names)
    return names


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("look()", "now"),
        ("def f(): look()\nf()", "now"),
        ("class A:\n    def __init__(self): look()\nA()", "now"),
        ("sorted([1], key=lambda n: look())", "now"),
        ("exec('look()', {'look': look})", "now"),
        ("own(lambda: look())", "now"),
        ("own_work()", "now"),
        ("@contextlib.contextmanager\ndef f():\n    look()\n    yield\nwith f(): pass", "now"),
        ("@functools.singledispatch\ndef f(n): look()\nf(1)", "back in <module>"),
        # A library, alone and in between.
        ("library_work()", "back in <module>"),
        ("def f(): library_work()\nf()", "back in f"),
        ("own(library_work)", "back in call"),
        ("library(lambda: look())", "back in <module>"),
        ("library(own_work)", "back in <module>"),
        ("json.dumps({0}, default=lambda _: look())", "back in <module>"),
        ("exec('look()', {'__name__': 'library', 'look': look})", "back in <module>"),
    ],
)
def test_a_message_is_handled_in_the_users_own_code_only(source: str, expected: str) -> None:
    cell = Cell()
    cell.run(source)
    assert cell.where == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("kept_whole", "back in kept_whole"), ("runs_user_code", "now")]
)
def test_of_lite_comms_only_what_runs_user_code_is_transparent(name: str, expected: str) -> None:
    cell = Cell()
    function = getattr(Comms, name)
    # The function of this test is a file of the user's; the one that it calls is of lite_comms.
    cell.names["run"] = function
    cell.run("run(lambda: look())")
    assert cell.where == expected


def test_a_module_is_never_interrupted_while_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = Cell()
    (tmp_path / "slow_import.py").write_text("import builtins\nbuiltins.look()\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("builtins.look", cell.names["look"], raising=False)
    cell.run("import slow_import")
    monkeypatch.delitem(sys.modules, "slow_import")
    assert cell.where == "back in <module>"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): look()\nf()", False),
        ("async def f(): look()\nf().send(None)", True),
        ("def g(): look()\nasync def f(): g()\nf().send(None)", True),
        ("async def f():\n    look()\n    yield\nf().asend(None).send(None)", True),
        # The one that a message waits for counts, not what is in a library above it.
        ("async def g(): look()\nlibrary(lambda: g().send(None))", False),
    ],
)
def test_it_is_known_whether_a_coroutine_of_the_users_runs(source: str, expected: bool) -> None:
    cell = Cell()
    with contextlib.suppress(StopIteration):
        cell.run(source)
    ((_, point),) = cell.looked
    assert point.in_coroutine is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(n): f(n - 1) if n else look()\nf(3)", "now"),
        ("def f(n): f(n - 1) if n else look()\nf(30)", "never"),
        # What counts is the room where the message waits for control to return to.
        ("def f(n): library(lambda: f(n - 1)) if n else look()\nf(30)", "back in f"),
    ],
)
def test_near_the_limit_of_recursion_messages_wait(
    source: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_points, "_ROOM", sys.getrecursionlimit() - 20)
    cell = Cell()
    cell.run(source)
    assert cell.where == expected


@pytest.fixture
def resumed() -> list[str]:
    """The functions in which the watch has called."""
    return []


@pytest.fixture
def watch(resumed: list[str]) -> Any:
    """A watch that has started."""
    made = ResumeWatch(lambda frame: resumed.append(frame.f_code.co_name))
    made.start()
    yield made
    made.end()


def test_the_watch_calls_once_when_control_is_back(watch: ResumeWatch, resumed: list[str]) -> None:
    def library() -> None:
        watch.arm(sys._getframe(1))
        resumed.append("library")

    def users() -> None:
        for _ in range(2):
            library()

    users()
    assert resumed == ["library", "users", "library", "users"]


def test_disarmed_and_ended_the_watch_does_not_call(watch: ResumeWatch, resumed: list[str]) -> None:
    def disarmed() -> None:
        watch.arm(sys._getframe())
        watch.disarm()

    def ended() -> None:
        watch.arm(sys._getframe())
        watch.end()

    disarmed()
    ended()
    # The instruction after `arm` is the first that it has seen.
    assert [name for name in resumed if name not in ("disarmed", "ended")] == []


def test_a_watch_that_gets_no_tool_id_does_nothing() -> None:
    watches = [ResumeWatch(lambda _: None) for _ in range(3)]
    for each in watches:
        each.start()
    try:
        watches[-1].arm(sys._getframe())
        assert watches[-1]._tool_id is None
        tools = [sys.monitoring.get_tool(number) for number in (3, 4)]
        assert tools == ["lite_comms", "lite_comms"]
    finally:
        for each in watches:
            each.end()
    assert [sys.monitoring.get_tool(number) for number in (3, 4)] == [None, None]
