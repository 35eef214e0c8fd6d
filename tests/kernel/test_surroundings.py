from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from lite_comms import Transport
from lite_comms._install.install import transport_for
from lite_comms._kernel.surroundings import Surroundings, surroundings


def shell_with(kernel: Any) -> Any:
    return types.SimpleNamespace(kernel=kernel)


def kernel_of(module: str) -> Any:
    """Make a kernel whose class, or a base of it, is of a module."""
    base = type("Kernel", (), {"__module__": module})
    return type("Subclass", (base,), {"__module__": "user_code"})()


@pytest.fixture
def in_shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have IPython say that this is its shell."""

    def set_shell(shell: Any) -> Any:
        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        return shell

    return set_shell


def test_a_process_without_ipython_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)

    assert surroundings() == Surroundings("none")
    assert "IPython" not in sys.modules


def test_ipython_without_a_shell_is_no_kernel(in_shell: Any) -> None:
    in_shell(None)

    assert surroundings() == Surroundings("none")


def test_a_shell_in_a_terminal_is_no_kernel(in_shell: Any) -> None:
    shell = in_shell(types.SimpleNamespace())

    assert surroundings() == Surroundings("none", shell)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("pyodide_kernel.kernel", "jupyterlite"),
        ("ipykernel.ipkernel", "server"),
        ("other_kernel", "none"),
        ("ipykernelish", "none"),
    ],
)
def test_a_kernel_is_known_by_the_package_of_its_class(
    module: str, kind: Any, in_shell: Any
) -> None:
    kernel = kernel_of(module)
    shell = in_shell(shell_with(kernel))

    assert surroundings() == Surroundings(kind, shell, kernel)


def test_without_a_kernel_nobody_listens() -> None:
    transport = transport_for(Surroundings("none"))

    assert (type(transport), transport.name) == (Transport, "none")
