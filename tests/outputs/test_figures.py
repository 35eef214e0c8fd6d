"""A callback in the middle of a cell has figures of its own: the real matplotlib."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import pytest

from lite_comms._outputs.aside import Aside

from .conftest import seen as called

pytestmark = pytest.mark.skipif(
    sys.platform == "emscripten", reason="the package index has no matplotlib for this Pyodide"
)


@pytest.fixture
def plt() -> Iterator[Any]:
    """Pyplot, without a figure."""
    before = mpl.rcParams["backend"]
    mpl.use("agg")
    pyplot = importlib.import_module("matplotlib.pyplot")
    pyplot.close("all")
    yield pyplot
    pyplot.close("all")
    mpl.use(before)


@pytest.fixture
def aside(plt: Any) -> Aside:
    """An Aside in a cell, which has one figure of before, number 1."""
    plt.figure()
    aside = Aside(SimpleNamespace(display_pub=None, displayhook=None))
    aside.cell_starts()
    return aside


def test_the_figure_of_a_callback_does_not_become_the_cells_current_one(
    aside: Aside, plt: Any
) -> None:
    mine = plt.figure()

    theirs = called(aside, plt.figure)

    assert plt.gcf() is mine
    assert theirs is not mine
    assert plt.fignum_exists(theirs.number)


def test_what_a_callback_plots_is_not_in_the_figure_of_the_cell(aside: Aside, plt: Any) -> None:
    before, mine = plt.gcf(), plt.figure()

    def plot() -> Any:
        plt.plot([1, 2])
        return plt.gcf()

    assert called(aside, plot) is before
    assert mine.axes == []
    assert plt.gcf() is mine


def test_a_callback_finds_its_own_figure_again(aside: Aside, plt: Any) -> None:
    mine = plt.figure()

    theirs = called(aside, lambda: plt.figure(2))

    assert (mine.number, theirs.number) == (2, 3)
    for _ in range(3):
        assert called(aside, lambda: (plt.gcf(), plt.figure(2), plt.get_fignums())) == (
            theirs,
            theirs,
            [1, 2],
        )
    assert plt.gcf() is mine is plt.figure(2)
    assert plt.get_fignums() == [1, 2, 3]


def test_a_callback_closes_its_own_figures_and_those_of_before_only(aside: Aside, plt: Any) -> None:
    mine = plt.figure()
    called(aside, plt.figure)

    called(aside, lambda: plt.close("all"))

    assert plt.get_fignums() == [mine.number]
    assert plt.gcf() is mine


def test_a_figure_that_the_cell_has_closed_is_closed_for_callbacks(aside: Aside, plt: Any) -> None:
    plt.close("all")
    assert called(aside, plt.get_fignums) == []


def test_a_figure_of_before_stays_where_it_was_in_the_order_of_the_cell(
    aside: Aside, plt: Any
) -> None:
    plt.figure()
    plt.figure(1)
    called(aside, plt.figure)
    assert plt.gcf().number == 1


def test_a_callback_in_the_middle_of_a_callback_leaves_it_its_current_figure(
    aside: Aside, plt: Any
) -> None:
    mine = plt.figure()

    def outer() -> tuple[Any, Any, Any]:
        figure = plt.figure()
        inner = called(aside, plt.figure)
        return figure, plt.gcf(), inner

    figure, current, inner = called(aside, outer)

    assert figure is current
    assert plt.gcf() is mine
    assert {figure.number, inner.number} < {*plt.get_fignums()}


def test_a_figure_of_a_cell_is_there_for_callbacks_after_it(aside: Aside, plt: Any) -> None:
    mine = plt.figure()
    aside.cell_ends()
    assert called(aside, plt.gcf) is mine


def test_a_callback_that_shows_its_figure_inline_does_not_show_that_of_the_cell(
    aside: Aside, plt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline = importlib.import_module("matplotlib_inline.backend_inline")
    shown: list[object] = []
    monkeypatch.setattr(inline, "display", lambda figure, metadata: shown.append(figure))
    plt.close("all")
    plt.switch_backend("module://matplotlib_inline.backend_inline")
    aside.cell_starts()
    plt.ion()
    mine = plt.figure()

    def show() -> Any:
        theirs = plt.figure()
        plt.show()
        return theirs

    theirs = called(aside, show)

    assert shown == [theirs]
    assert plt.gcf() is mine
    assert inline.show._to_draw == [mine]
    inline.flush_figures()
    assert shown == [theirs, mine]
    plt.ioff()
    plt.switch_backend("agg")


@pytest.fixture
def empty(plt: Any) -> Aside:
    """An Aside in a cell that has no figure."""
    aside = Aside(SimpleNamespace(display_pub=None, displayhook=None))
    aside.cell_starts()
    return aside


def test_the_figure_of_a_callback_is_not_the_first_one_of_a_cell(empty: Aside, plt: Any) -> None:
    theirs = called(empty, plt.figure)

    mine = plt.gcf()
    assert mine is not theirs
    assert called(empty, lambda: (plt.gcf(), plt.get_fignums())) == (theirs, [1])
    assert plt.gcf() is mine
    assert {mine.number, theirs.number} == {*plt.get_fignums()} == {1, 2}


def test_what_is_hidden_from_a_cell_without_a_figure_is_there_after_it(
    empty: Aside, plt: Any
) -> None:
    theirs = called(empty, plt.figure)

    assert plt.get_fignums() == []
    empty.cell_ends()
    assert plt.gcf() is theirs


def test_the_figure_of_a_cell_is_current_after_it_too(empty: Aside, plt: Any) -> None:
    theirs = called(empty, plt.figure)
    mine = plt.figure()

    empty.cell_ends()

    assert plt.gcf() is mine
    assert {mine.number, theirs.number} == {*plt.get_fignums()} == {1, 2}


def test_a_callback_in_the_middle_of_one_without_a_figure_hides_its_own(
    empty: Aside, plt: Any
) -> None:
    figures = called(empty, lambda: (called(empty, plt.figure), plt.get_fignums(), plt.gcf()))

    inner, found, outer = figures
    assert found == []
    assert inner is not outer
    assert plt.get_fignums() == []
    empty.cell_ends()
    assert plt.gcf() is outer
    assert plt.get_fignums() == [1, 2]


def test_without_matplotlib_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(importlib.import_module("sys").modules, "matplotlib._pylab_helpers", False)
    aside = Aside(SimpleNamespace(display_pub=None, displayhook=None))
    aside.cell_starts()
    assert called(aside, lambda: 1) == 1
