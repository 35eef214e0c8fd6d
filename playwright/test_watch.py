"""The watch itself: what the other tests rely on is seen wherever it happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pages import Notebook, Tab

ELSEWHERE = "http://elsewhere.invalid/"


@pytest.fixture(scope="module")
def watched(new_shared_tab: Callable[[str], Tab], plain: str) -> Notebook:
    return new_shared_tab(plain).notebook()


def problems(notebook: Notebook) -> str:
    return "\n".join(notebook.watch.problems())


def test_an_error_of_the_page_is_a_problem(watched: Notebook) -> None:
    with watched.page.expect_event("pageerror"):
        watched.page.evaluate("void setTimeout(() => { throw new Error('lost'); })")
    assert "page error: Error: lost" in problems(watched)


def test_an_error_in_the_console_is_a_problem_unless_it_was_expected(watched: Notebook) -> None:
    with watched.watch.error("expected"):
        watched.page.evaluate("console.error('this was expected')")
    assert problems(watched) == ""
    watched.page.evaluate("console.error('this was not')")
    assert "console error: this was not" in problems(watched)


def test_a_request_of_the_page_to_another_host_is_a_problem(watched: Notebook) -> None:
    watched.page.evaluate(f"fetch('{ELSEWHERE}').catch(() => 0)")
    assert f"request to another host: {ELSEWHERE}" in problems(watched)


def test_a_request_of_the_kernel_to_another_host_is_a_problem(watched: Notebook) -> None:
    watched.run(f"import js\ntry:\n    await js.fetch('{ELSEWHERE}')\nexcept Exception:\n    pass")
    assert f"request to another host: {ELSEWHERE}" in problems(watched)


def test_a_request_of_the_service_worker_to_another_host_is_a_problem(watched: Notebook) -> None:
    (worker,) = watched.page.context.service_workers
    worker.evaluate(f"fetch('{ELSEWHERE}').catch(() => 0)")
    assert f"request to another host: {ELSEWHERE}" in problems(watched)
