"""Imports run one way: each module knows only those that stand before it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lite_comms

PACKAGE = Path(lite_comms.__file__).parent

# In the order in which they may import one another, step by step.
STEPS = (
    ("_version", "_errors", "_replace", "_kernel"),
    ("_message", "_codec", "_frames"),
    ("_aside", "_outputs"),
    ("_safe_points", "_tasks", "_signals"),
    ("_transport", "_page", "_stock", "_port", "_server"),
    ("_active", "_inbox", "_comm", "_manager", "_live", "_ui_poll"),
    ("_status", "_install", "_start"),
    ("_memory", "__init__"),
)
ORDER = [module for step in STEPS for module in step]


def imports(source: str) -> set[str]:
    """List the modules of the package that one of its modules imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {
        name.removeprefix("lite_comms.").partition(".")[0]
        for name in found
        if name in ORDER or name.partition(".")[0] == "lite_comms"
    }


def test_each_module_has_its_place() -> None:
    assert sorted(ORDER) == sorted(path.stem for path in PACKAGE.glob("*.py"))


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_those_before_it(module: str) -> None:
    allowed = ORDER[: ORDER.index(module)]

    back = imports((PACKAGE / f"{module}.py").read_text("utf-8")) - {*allowed}

    assert back == set()


@pytest.mark.parametrize(
    "source",
    [
        "from ._comm import Comm",
        "from . import _comm",
        "def f():\n    from ._comm import Comm",
        "if TYPE_CHECKING:\n    from ._comm import Comm",
        "import lite_comms._comm",
        "from lite_comms._comm import Comm",
    ],
)
def test_an_import_is_found_wherever_it_stands(source: str) -> None:
    assert imports(source) == {"_comm"}


def test_an_import_of_the_package_itself_is_found() -> None:
    assert imports("import lite_comms") == {"lite_comms"}
