from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from lite_comms._kernel.tracebacks import MOST_FRAMES, format_error, is_deep


def down(n: int) -> None:
    if n == 0:
        raise ValueError("at the end")
    up(n - 1)


def up(n: int) -> None:
    if n == 0:
        raise ValueError("at the end")
    down(n - 1)


def caught(f: Callable[[], object]) -> Exception:
    with pytest.raises((ValueError, KeyError)) as info:
        f()
    return info.value


def test_a_deep_traceback_is_folded() -> None:
    error = caught(lambda: down(600))
    assert is_deep(error, error.__traceback__)
    lines = "".join(format_error(error, error.__traceback__)).splitlines()
    # Each frame takes up to three lines.
    assert 60 < len(lines) < 110
    frames = sum(1 for _ in traceback.walk_tb(error.__traceback__))
    assert f"  ... {frames - 30} frames are not shown ..." in lines
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: at the end"


def test_others_are_shown_as_python_does() -> None:
    error = caught(lambda: down(MOST_FRAMES // 2))
    assert not is_deep(error, error.__traceback__)
    assert format_error(error, error.__traceback__) == traceback.format_exception(error)


def explicit() -> None:
    try:
        down(600)
    except ValueError as error:
        raise KeyError("mine") from error


def implicit() -> None:
    try:
        down(600)
    finally:
        raise KeyError("mine")


@pytest.mark.parametrize("wrap", [explicit, implicit])
def test_what_has_led_to_an_exception_counts_and_is_folded_too(wrap: Callable[[], None]) -> None:
    error = caught(wrap)
    assert is_deep(error, error.__traceback__)
    text = "".join(format_error(error, error.__traceback__))
    assert text.count("frames are not shown") == 1
    assert text.endswith("KeyError: 'mine'\n")


def chain(n: int) -> None:
    try:
        if n == 0:
            down(2)
        chain(n - 1)
    except ValueError as error:
        raise ValueError(f"number {n}") from error


def test_of_a_long_chain_the_last_exceptions_are_shown() -> None:
    error = caught(lambda: chain(60))
    assert is_deep(error, error.__traceback__)
    text = "".join(format_error(error, error.__traceback__))
    # All of chain(0) to chain(60), and that of down.
    assert text.startswith("... 42 earlier exceptions are not shown ...\n\nTraceback")
    assert text.count("The above exception was the direct cause") == 19
    assert text.endswith("ValueError: number 60\n")
    short = caught(lambda: chain(5))
    assert not is_deep(short, short.__traceback__)
    assert format_error(short, short.__traceback__) == traceback.format_exception(short)


def test_those_of_a_group_are_folded() -> None:
    error = ExceptionGroup("both", [ValueError("a"), caught(lambda: down(600))])
    assert "".join(format_error(error, None)).count("frames are not shown") == 1


def test_causes_in_a_circle_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert not is_deep(first, None)
    assert "ValueError: a" in "".join(format_error(first, None))
