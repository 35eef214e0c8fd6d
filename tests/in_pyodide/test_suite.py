"""The tests that CPython passes are passed again inside a real Pyodide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import JSPI
from .distribution import ROOT, Distribution
from .node import Node

pytestmark = pytest.mark.pyodide

# A file that is marked as a whole asks for more than WebAssembly has.
FILES = [
    file.relative_to(ROOT).as_posix()
    for file in sorted(ROOT.glob("tests/*/test_*.py"))
    if "\npytestmark = " not in file.read_text("utf-8")
]


@pytest.fixture(scope="module", params=JSPI)
def pyodide(
    distribution: Distribution,
    wheel: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Node]:
    """A Pyodide without a kernel, with pytest and lite_comms."""
    log = tmp_path_factory.mktemp("suite") / "log.txt"
    packages = ["pytest", "comm", "ipython", "ipywidgets", "anywidget", "tzdata", wheel]
    options = {
        "pyodide": distribution.pyodide,
        "lock": distribution.lock,
        "packages": packages,
        "root": ROOT,
    }
    suite = Path(__file__).with_name("suite.mjs")
    with Node(suite, log, options, jspi=request.param) as node:
        yield node


@pytest.mark.parametrize("file", FILES)
def test_suite_passes_in_pyodide(pyodide: Node, file: str, subtests: pytest.Subtests) -> None:
    tests = pyodide.ask(file)["tests"]
    for test in tests:
        with subtests.test(test["test"]):
            if test["outcome"] == "failed":
                pytest.fail(test["text"], pytrace=False)
            if test["outcome"] == "skipped":
                pytest.skip(test["text"])
    assert tests, f"no test of {file} ran in Pyodide"
