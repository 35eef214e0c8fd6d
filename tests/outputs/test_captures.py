"""What ipywidgets.Output captures in the cell, and in a callback in the middle of it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from types import SimpleNamespace

import pytest

from lite_comms._outputs.aside import Aside


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
