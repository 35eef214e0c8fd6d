"""The package as a whole: its public names, its imports, its docstrings."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import lite_comms

PACKAGE = Path(lite_comms.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def imported(module: str) -> set[str]:
    """List the packages that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_public_names_are_these() -> None:
    assert lite_comms.__all__ == [
        "BufferFormatError",
        "ClosedError",
        "Comm",
        "CommError",
        "CommManager",
        "CommMessage",
        "CommWarning",
        "EncodeError",
        "MemoryTransport",
        "PageComm",
        "Reply",
        "RequestError",
        "Status",
        "Trace",
        "TracedMessage",
        "Transport",
        "TransportError",
        "__version__",
        "expose",
        "install",
        "live",
        "load_ipython_extension",
        "open_blob",
        "quiet",
        "replay",
        "show_callbacks",
        "status",
        "trace",
        "uninstall",
        "unload_ipython_extension",
        "wait_for",
    ]


def test_every_public_name_is_there_and_no_other() -> None:
    there = {
        name
        for name, value in vars(lite_comms).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    }

    assert there | {"__version__"} == set(lite_comms.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_only_a_few_modules_talk_to_the_worker(module: str) -> None:
    worker = imported(module) & {"js", "pyodide", "pyodide_js", "pyodide_kernel"}

    assert worker == {
        "_files/blob.py": {"js", "pyodide"},
        "_live/clock.py": {"pyodide", "pyodide_js"},
        "_live/signals.py": {"pyodide"},
        "_live/suspend.py": {"js", "pyodide"},
        "_outputs/parents.py": {"js"},
        "_transports/port/cells.py": {"pyodide"},
        "_transports/port/meeting.py": {"pyodide"},
        "_transports/port/page.py": {"pyodide"},
        "_transports/port/port.py": {"js", "pyodide", "pyodide_js"},
        "_transports/stock.py": {"js", "pyodide"},
    }.get(module, set())


@pytest.mark.parametrize("module", MODULES)
def test_comm_is_all_that_is_needed(module: str) -> None:
    of_kernels = {
        "_install/start.py": {"IPython"},
        "_files/blob.py": {"js", "pyodide"},
        "_live/clock.py": {"pyodide", "pyodide_js"},
        "_live/signals.py": {"pyodide"},
        "_live/suspend.py": {"js", "pyodide"},
        "_outputs/parents.py": {"js"},
        "_transports/port/cells.py": {"pyodide"},
        "_transports/port/meeting.py": {"pyodide"},
        "_transports/port/page.py": {"pyodide"},
        "_transports/port/port.py": {"js", "pyodide", "pyodide_js"},
        "_transports/server.py": {"ipykernel"},
        "_transports/stock.py": {"js", "pyodide"},
        "offline_site.py": {"jupyterlite_pyodide_kernel"},
    }

    needed = imported(module) - set(sys.stdlib_module_names) - {"comm", "lite_comms"}

    assert needed == of_kernels.get(module, set())


def test_the_version_is_that_of_the_installed_package() -> None:
    assert lite_comms.__version__ == importlib.metadata.version("lite-comms")


def test_the_package_holds_no_version_of_its_own() -> None:
    holding = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(rf"\b{re.escape(lite_comms.__version__)}\b", path.read_text("utf-8"))
    ]

    assert holding == []


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def public_functions() -> list[tuple[str, Any]]:
    """List the public functions, classes and methods that are written in the package."""
    found: list[tuple[str, Any]] = []
    for name in lite_comms.__all__:
        value = getattr(lite_comms, name)
        if inspect.isfunction(value):
            found.append((name, value))
        elif inspect.isclass(value):
            found.append((name, value))
            found += [
                (f"{name}.{method}", function)
                for method, function in vars(value).items()
                if inspect.isfunction(function) and not method.startswith("_")
            ]
    return found


@pytest.mark.parametrize(
    "function", [pytest.param(function, id=name) for name, function in public_functions()]
)
def test_a_public_docstring_says_what_it_is(function: Any) -> None:
    # A method of Transport that is implemented again is explained there.
    name = function.__name__
    doc = function.__doc__ or inspect.getdoc(getattr(lite_comms.Transport, name, None)) or ""
    summary = doc.strip().partition("\n")[0]

    assert re.fullmatch(r"\S.*[.:]", summary), f"{name}: {summary!r}"


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(function, id=name)
        for name, function in public_functions()
        if inspect.isfunction(function) and function.__doc__
    ],
)
def test_a_docstring_names_no_parameter_that_is_not_there(function: Any) -> None:
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\w+\n-+$|\Z)",
        inspect.getdoc(function) or "",
        re.DOTALL | re.MULTILINE,
    )
    named = [
        name.strip(" *")
        for line in re.findall(r"^(\S.*)$", section[1] if section else "", re.MULTILINE)
        for name in line.partition(" : ")[0].split(",")
    ]

    assert set(named) <= set(inspect.signature(function).parameters)
