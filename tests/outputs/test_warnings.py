"""How a cell treats warnings is not how a callback in the middle of it does."""

from __future__ import annotations

import contextlib
import io
import warnings

import pytest

from lite_comms._outputs.aside import Aside

from .conftest import seen


def warned(aside: Aside, message: str = "the message") -> list[str]:
    """What a callback's warning does: is it shown, or raised?"""

    def warn() -> list[str]:
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            try:
                warnings.warn(message, UserWarning, stacklevel=1)
            except UserWarning:
                return ["raised"]
        return ["shown"] if shown.getvalue() == f"warning: {message}\n" else []

    return seen(aside, warn)


def test_warnings_that_are_errors_in_a_block_of_the_cell_are_none_in_a_callback(
    aside: Aside,
) -> None:
    warnings.simplefilter("always")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine = warnings.filters

        assert warned(aside) == ["shown"]
        assert warnings.filters is mine
        with pytest.raises(UserWarning, match="of the cell"):
            warnings.warn("of the cell", UserWarning, stacklevel=1)


def test_warnings_that_the_cell_records_are_its_own(aside: Aside) -> None:
    warnings.simplefilter("always")
    with warnings.catch_warnings(record=True) as log:
        warnings.warn("first", UserWarning, stacklevel=1)
        shown = warned(aside)
        warnings.warn("second", UserWarning, stacklevel=1)

    assert shown == ["shown"]
    assert [str(each.message) for each in log] == ["first", "second"]


def test_a_function_that_the_cell_shows_warnings_with_is_its_own(aside: Aside) -> None:
    warnings.simplefilter("always")
    with warnings.catch_warnings():
        mine: list[object] = []
        warnings.showwarning = lambda *args, **keys: mine.append(args)

        assert warned(aside) == ["shown"]
        assert mine == []


def test_a_filter_that_a_callback_sets_for_good_stays(aside: Aside) -> None:
    warnings.simplefilter("always")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aside.call(warnings.simplefilter, "error")
        warnings.warn("ignored", UserWarning, stacklevel=1)
        assert warned(aside) == ["raised"]
    with pytest.raises(UserWarning, match="after the block"):
        warnings.warn("after the block", UserWarning, stacklevel=1)


def test_a_filter_that_a_callback_sets_for_good_holds_for_a_cell_that_has_none(
    aside: Aside,
) -> None:
    warnings.simplefilter("always")
    aside.call(warnings.simplefilter, "error")

    with pytest.raises(UserWarning, match="at once"):
        warnings.warn("at once", UserWarning, stacklevel=1)


def test_a_callback_that_catches_warnings_for_a_block_changes_nothing_for_the_cell(
    aside: Aside,
) -> None:
    def callback() -> None:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("ignore")

    before = warnings.filters[:]
    aside.call(callback)
    assert warnings.filters == before

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine = warnings.filters
        aside.call(callback)
        assert warnings.filters is mine
    assert warnings.filters == before


def test_a_block_of_warnings_that_a_task_ends_is_ended(aside: Aside) -> None:
    before = warnings.filters
    block = warnings.catch_warnings()  # of a task, at an await of the cell
    block.__enter__()

    aside.call(block.__exit__, None, None, None)

    assert warnings.filters is before


def test_a_block_of_warnings_of_a_task_goes_on_from_one_turn_to_the_next(aside: Aside) -> None:
    warnings.simplefilter("always")
    before = warnings.filters[:]
    block = warnings.catch_warnings(action="error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aside.call(block.__enter__)
        warnings.warn("ignored", UserWarning, stacklevel=1)
        assert warned(aside) == ["raised"]
    aside.call(block.__exit__, None, None, None)

    assert warnings.filters == before


def test_a_warning_is_shown_once_in_a_cell_that_is_interrupted_often(aside: Aside) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as shown, warnings.catch_warnings():
        warnings.simplefilter("default")
        for _ in range(3):
            warnings.warn("the same", UserWarning, stacklevel=1)
            aside.call(int)

    assert shown.getvalue() == "warning: the same\n"


def test_a_warning_that_a_callback_has_shown_is_still_an_error_in_the_cell(aside: Aside) -> None:
    def f() -> None:
        warnings.warn("from here", UserWarning, stacklevel=1)

    warnings.simplefilter("default")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.redirect_stderr(io.StringIO()):
            aside.call(f)
        with pytest.raises(UserWarning, match="from here"):
            f()
