"""What a cell has replaced is not there for a callback in the middle of it."""

from __future__ import annotations

import contextlib
import decimal
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from types import SimpleNamespace
from typing import Any

import pytest

from lite_comms._outputs.aside import Aside
from lite_comms._outputs.attributes import Attribute

PRIVATE: Any = warnings


@pytest.fixture
def shell() -> SimpleNamespace:
    """As much of a shell as is asked for."""
    return SimpleNamespace(display_pub=io.StringIO(), displayhook=lambda value: None)


@pytest.fixture
def aside(shell: SimpleNamespace) -> Iterator[Aside]:
    """An Aside at the start of a cell; afterwards everything is as before."""
    before = sys.stdout, sys.stderr, sys.displayhook
    with warnings.catch_warnings():
        # Not that of pytest, which collects them.
        PRIVATE._showwarnmsg_impl = lambda msg: print("warning:", msg.message, file=sys.stderr)
        aside = Aside(shell)
        aside.cell_starts()
        yield aside
    sys.stdout, sys.stderr, sys.displayhook = before


def seen[T](aside: Aside, look: Callable[[], T]) -> T:
    """What a callback sees."""
    found: list[T] = []
    aside.call(lambda: found.append(look()))
    return found[0]


def test_what_was_added_is_forgotten(aside: Aside) -> None:
    one = SimpleNamespace(hooks=SimpleNamespace(of="before"))
    aside.add(Attribute(one, "hooks"))
    one.hooks = SimpleNamespace(of="the cell's")
    assert seen(aside, lambda: one.hooks.of) == "before"

    aside.forget_added()

    assert seen(aside, lambda: one.hooks.of) == "the cell's"


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


class Output:
    """As much of ipywidgets' class as matters, as it is written there."""

    def __init__(self, get_parent_id: Callable[[], str]) -> None:
        self.msg_id = ""
        self.counter = 0
        self.get_parent_id = get_parent_id

    def __enter__(self) -> None:
        self.msg_id = self.get_parent_id()
        self.counter += 1

    def __exit__(self, *error: object) -> bool:
        self.counter -= 1
        if self.counter == 0:
            self.msg_id = ""
        return True


class Widgets:
    """An Aside with a class of outputs, and the id of the message that has caused what runs."""

    def __init__(self, shell: SimpleNamespace) -> None:
        self.parent_id: ContextVar[str] = ContextVar("parent_id", default="cell")
        self.aside = Aside(shell, self.parent_id.get)

        class Wrapped(Output):
            pass

        self.output = Wrapped
        for name, method in self.aside.captures.methods(Output).items():
            setattr(Wrapped, name, method)

    def out(self) -> Output:
        return self.output(self.parent_id.get)

    def call_back(self, f: Callable[..., object], *args: object) -> None:
        """Call a function because of a message."""

        def callback() -> None:
            self.parent_id.set("callback")
            f(*args)

        self.aside.call(callback)


@pytest.fixture
def widgets(shell: SimpleNamespace) -> Widgets:
    return Widgets(shell)


def test_an_output_that_a_callback_has_used_captures_the_cell_again(widgets: Widgets) -> None:
    out = widgets.out()
    within: list[str] = []

    def callback() -> None:
        with out:
            within.append(out.msg_id)

    with out:
        widgets.call_back(callback)
        assert out.msg_id == "cell"

    assert within == ["callback"]
    assert out.msg_id == ""


def test_outputs_in_one_another_capture_the_cell_again(widgets: Widgets) -> None:
    outer, inner, other = widgets.out(), widgets.out(), widgets.out()

    def callback() -> None:
        with inner, outer, other:
            assert {out.msg_id for out in (inner, outer, other)} == {"callback"}

    with outer, inner:
        with outer:
            widgets.call_back(callback)
        ids = [out.msg_id for out in (outer, inner, other)]

    assert ids == ["cell", "cell", ""]
    assert [out.msg_id for out in (outer, inner, other)] == ["", "", ""]


def test_an_output_captures_the_cell_again_whatever_a_callback_raises(widgets: Widgets) -> None:
    out = widgets.out()

    def stops() -> None:
        out.__enter__()
        raise KeyboardInterrupt

    with out:
        with pytest.raises(KeyboardInterrupt):
            widgets.call_back(stops)
        assert out.msg_id == "cell"


def test_an_output_that_an_async_callback_stays_in_is_the_cells_and_then_its(
    widgets: Widgets,
) -> None:
    out = widgets.out()
    with out:
        widgets.call_back(out.__enter__)
        assert out.msg_id == "cell"
    assert out.msg_id == "callback"

    widgets.call_back(out.__exit__, None, None, None)
    assert out.msg_id == ""


def test_an_output_that_a_callback_leaves_at_an_await_of_the_cell_is_the_cells(
    widgets: Widgets,
) -> None:
    out = widgets.out()
    context = copy_context()
    context.run(widgets.parent_id.set, "callback")
    with out:
        context.run(out.__enter__)
        assert out.msg_id == "callback"
        context.run(out.__exit__, None, None, None)
        assert out.msg_id == "cell"


def test_an_output_may_be_left_in_another_cell_than_it_was_entered_in(widgets: Widgets) -> None:
    out = widgets.out()
    out.__enter__()
    widgets.parent_id.set("the next cell")
    out.__exit__(None, None, None)

    assert out.msg_id == ""
    assert widgets.aside.captures.current() == []
