"""What is known of the cell and the callback that run."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest

from lite_comms._kernel.running import Running
from tests.common import has_loops


def raises(error: BaseException) -> NoReturn:
    raise error


def test_a_callback_runs_while_it_is_called_and_no_longer() -> None:
    running = Running()

    seen = running.call_back(lambda: running.in_callback, raises)

    assert (seen, running.in_callback) == (True, False)


def test_an_exception_is_handed_over() -> None:
    running = Running()
    errors: list[BaseException] = []
    error = LookupError("mine")

    assert running.call_back(lambda: raises(error), errors.append) is None
    assert (errors, running.in_callback) == ([error], False)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_stop_in_a_callback_ends_that_callback_alone(error: BaseException) -> None:
    assert Running().call_back(lambda: raises(error), raises) is None


def test_who_waits_is_told_after_each_callback() -> None:
    running = Running()
    told: list[bool] = []
    running.on_handled = lambda: told.append(running.in_callback)

    running.call_back(lambda: None, raises)
    running.call_back(lambda: raises(LookupError()), lambda error: None)

    assert told == [False, False]


@has_loops
def test_a_cell_runs_until_its_task_is_done() -> None:
    running = Running()

    async def cell() -> tuple[bool, bool]:
        running.cell = asyncio.current_task()
        return running.has_cell, running.is_in_cell

    async def main() -> tuple[bool, bool]:
        seen = await asyncio.ensure_future(cell())
        assert not running.has_cell
        return seen

    assert asyncio.run(main()) == (True, True)
    assert not running.is_in_cell


def test_without_a_cell_none_runs() -> None:
    running = Running()

    assert (running.has_cell, running.is_in_cell) == (False, False)
