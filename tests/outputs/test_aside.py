"""What a cell has replaced is not there for a callback in the middle of it."""

from __future__ import annotations

import contextlib
import decimal
import io
import sys
import warnings
from contextvars import ContextVar, copy_context
from types import SimpleNamespace

import pytest

from lite_comms._outputs.aside import Aside
from lite_comms._outputs.attributes import Attribute

from .conftest import PRIVATE, seen


def test_what_was_added_is_forgotten(aside: Aside) -> None:
    one = SimpleNamespace(hooks=SimpleNamespace(of="before"))
    aside.add(Attribute(one, "hooks"))
    one.hooks = SimpleNamespace(of="the cell's")
    assert seen(aside, lambda: one.hooks.of) == "before"

    aside.forget_added()

    assert seen(aside, lambda: one.hooks.of) == "the cell's"


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_the_cell_has_redirected_is_the_real_one_for_a_callback(
    aside: Aside, name: str
) -> None:
    real = io.StringIO()
    setattr(sys, name, real)
    aside.cell_starts()
    setattr(sys, name, mine := io.StringIO())

    aside.call(lambda: print("callback", file=getattr(sys, name)))

    assert real.getvalue() == "callback\n"
    assert getattr(sys, name) is mine


def test_a_display_publisher_that_the_cell_has_replaced_is_the_real_one_for_a_callback(
    aside: Aside, shell: SimpleNamespace
) -> None:
    real = shell.display_pub
    shell.display_pub = mine = io.StringIO()

    aside.call(lambda: shell.display_pub.write("callback"))

    assert real.getvalue() == "callback"
    assert shell.display_pub is mine
    assert mine.getvalue() == ""


def test_a_display_hook_that_the_cell_has_replaced_is_the_shells_for_a_callback(
    aside: Aside, shell: SimpleNamespace
) -> None:
    shown: list[object] = []
    shell.displayhook = shown.append
    aside.cell_starts()
    sys.displayhook = shell.displayhook  # as IPython does it for each cell
    captured: list[object] = []
    sys.displayhook = captured.append

    aside.call(lambda: sys.displayhook(1))
    sys.displayhook(2)

    assert (shown, captured) == ([1], [2])


def test_the_display_hook_is_the_plain_one_again_after_the_cell(aside: Aside) -> None:
    aside.cell_ends()

    assert seen(aside, lambda: sys.displayhook) is sys.displayhook


def test_a_callback_that_redirects_for_a_block_changes_nothing_for_the_cell(
    aside: Aside, shell: SimpleNamespace
) -> None:
    sys.stdout = mine = io.StringIO()

    def callback() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            print("callback")

    aside.call(callback)

    assert sys.stdout is mine
    assert mine.getvalue() == ""


def test_what_a_callback_redirects_for_good_stays(aside: Aside) -> None:
    new = io.StringIO()

    aside.call(setattr, sys, "stdout", new)

    assert sys.stdout is new
    assert seen(aside, lambda: sys.stdout) is new


def test_what_a_callback_redirects_for_good_waits_for_the_end_of_the_cells_block(
    aside: Aside,
) -> None:
    new = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as mine:
        aside.call(setattr, sys, "stdout", new)
        print("cell")
        aside.call(print, "callback")
    aside.cell_ends()

    assert (mine.getvalue(), new.getvalue()) == ("cell\n", "callback\n")
    assert sys.stdout is new


def test_a_block_of_the_cell_that_a_callback_ends_is_ended(aside: Aside) -> None:
    real = sys.stdout
    block = contextlib.redirect_stdout(io.StringIO())
    block.__enter__()

    aside.call(block.__exit__, None, None, None)

    assert sys.stdout is real


def test_a_task_and_the_cell_may_redirect_at_the_same_time(aside: Aside) -> None:
    real = sys.stdout
    of_task, of_cell = io.StringIO(), io.StringIO()
    task = contextlib.redirect_stdout(of_task)
    with contextlib.redirect_stdout(of_cell):
        aside.call(task.__enter__)
        print("cell")
        aside.call(print, "task")
    aside.call(task.__exit__, None, None, None)

    assert (of_cell.getvalue(), of_task.getvalue()) == ("cell\n", "task\n")
    assert sys.stdout is real


def test_what_a_task_puts_back_is_the_real_one_for_the_next_cell(aside: Aside) -> None:
    real = sys.stdout
    task = contextlib.redirect_stdout(io.StringIO())
    with contextlib.redirect_stdout(io.StringIO()):
        aside.call(task.__enter__)
    aside.cell_ends()
    task.__exit__(None, None, None)
    aside.cell_starts()

    assert sys.stdout is real


def test_a_task_that_is_interrupted_itself_has_its_own_back(aside: Aside) -> None:
    of_cell, of_task, other = io.StringIO(), io.StringIO(), io.StringIO()

    def task() -> None:
        with contextlib.redirect_stdout(of_task):
            aside.call(setattr, sys, "stdout", other)
            print("task")

    with contextlib.redirect_stdout(of_cell):
        aside.call(task)
        print("cell")
    aside.cell_ends()

    assert (of_cell.getvalue(), of_task.getvalue()) == ("cell\n", "task\n")
    assert sys.stdout is other


def test_what_is_redirected_for_good_further_in_does_not_end_the_cells_block(aside: Aside) -> None:
    new = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as mine:
        aside.call(aside.call, setattr, sys, "stdout", new)
        assert sys.stdout is mine
    aside.cell_ends()

    assert sys.stdout is new


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_the_cell_has_its_own_back_whatever_a_callback_raises(
    aside: Aside, error: type[BaseException]
) -> None:
    def callback() -> None:
        decimal.setcontext(decimal.Context(prec=3))
        raise error

    sys.stdout = mine = io.StringIO()
    with warnings.catch_warnings(), decimal.localcontext(prec=5):
        filters, show = warnings.filters, PRIVATE._showwarnmsg
        with pytest.raises(error):
            aside.call(callback)
        assert (warnings.filters, PRIVATE._showwarnmsg) == (filters, show)
        assert decimal.getcontext().prec == 5
    assert sys.stdout is mine


def test_a_callback_has_not_the_context_of_the_cell_nor_the_cell_the_callbacks(
    shell: SimpleNamespace,
) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    variable.set("the loop's")
    aside = Aside(shell)
    variable.set("the cell's")

    def callback() -> str:
        before = variable.get()
        variable.set("the callback's")
        return before

    with decimal.localcontext(prec=5):
        assert seen(aside, lambda: decimal.getcontext().prec) == 28
    assert [seen(aside, callback) for _ in range(2)] == ["the loop's"] * 2
    assert variable.get() == "the cell's"


def test_callbacks_run_in_a_copy_of_the_context_that_is_given(shell: SimpleNamespace) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    given = copy_context()
    given.run(variable.set, "given")

    aside = Aside(shell, context=given)
    assert seen(aside, variable.get) == "given"
    aside.call(variable.set, "lost")
    assert given[variable] == "given"

    aside.context = copy_context()
    assert seen(aside, variable.get) == "nobody's"
