"""Folders are rooms: imports lead to those before, never in a circle; nothing grows too large."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import lite_comms

PACKAGE = Path(lite_comms.__file__).parent

# A room may import those that stand before it. A message comes from the page through the
# transports to the comms, and goes back the same way.
ROOMS = (
    "_wire",
    "_files",
    "_kernel",
    "_outputs",
    "_live",
    "_transports",
    "_requests",
    "_streams",
    "_comms",
    "_install",
    "_testing",
    "__init__",
    "offline_site",
)
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FOLDERS = sorted({path.parent.relative_to(PACKAGE).as_posix() for path in MODULES.values()} - {"."})
MOST_FILES = 8
MOST_LINES = 300


def room(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def imports(source: str, package: str) -> Iterator[str]:
    """Find the modules of lite_comms that a module of a package imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            modules = [f"{base}.{alias.name}" for alias in node.names]
            names = [module if module in MODULES else base for module in modules]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == "lite_comms")


def imports_of(module: str) -> set[str]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return {*imports(path.read_text("utf-8"), package)}


def test_each_folder_is_a_room() -> None:
    # A kernel's wheel lacks what only the machine needs that builds a site.
    assert {room(module) for module in MODULES} | {"offline_site"} == {*ROOMS}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_no_room_behind_its_own(module: str) -> None:
    allowed = ROOMS[: ROOMS.index(room(module)) + 1]

    back = {name for name in imports_of(module) if room(name) not in allowed}

    assert back == set()


def test_no_imports_run_in_a_circle() -> None:
    order = TopologicalSorter({module: imports_of(module) for module in MODULES}).static_order()

    assert {*order} == {*MODULES}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_room_says_what_it_is_for_and_hands_nothing_on(name: str) -> None:
    (statement,) = ast.parse((PACKAGE / name / "__init__.py").read_text("utf-8")).body

    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_room_has_few_files(name: str) -> None:
    files = [path.name for path in (PACKAGE / name).iterdir() if path.suffix in {".js", ".py"}]

    assert len(files) <= MOST_FILES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_not_long(module: str) -> None:
    lines = MODULES[module].read_text("utf-8").splitlines()

    assert len(lines) <= MOST_LINES


@pytest.mark.parametrize(
    "source",
    [
        "from lite_comms._comms.comm import Comm",
        "from lite_comms._comms import comm",
        "from .comm import Comm",
        "from . import comm",
        "from .._comms import comm",
        "import lite_comms._comms.comm",
        "def f():\n    from lite_comms._comms.comm import Comm",
        "if TYPE_CHECKING:\n    from lite_comms._comms.comm import Comm",
    ],
)
def test_an_import_is_found_wherever_it_stands(source: str) -> None:
    assert [*imports(source, "lite_comms._comms")] == ["lite_comms._comms.comm"]


@pytest.mark.parametrize("source", ["import lite_comms", "from lite_comms import Comm"])
def test_an_import_of_the_public_names_is_found(source: str) -> None:
    assert [*imports(source, "lite_comms._comms")] == ["lite_comms"]
