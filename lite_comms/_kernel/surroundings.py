"""Which kernel this is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Surroundings:
    """The kernel that this process is.

    Parameters
    ----------
    kind : {'jupyterlite', 'server', 'none'}
        JupyterLite's Pyodide kernel, an ipykernel, or neither.
    shell : object
        IPython's shell, if there is one.
    kernel : object
        The kernel object, if there is one.
    """

    kind: Literal["jupyterlite", "server", "none"]
    shell: Any = None
    kernel: Any = None


def find_shell() -> Any:
    """Return IPython's shell, or None; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def surroundings() -> Surroundings:
    """Find out which kernel this process is."""
    shell = find_shell()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return Surroundings("none", shell)
    bases = {base.__module__.partition(".")[0] for base in type(kernel).__mro__}
    if "pyodide_kernel" in bases:
        return Surroundings("jupyterlite", shell, kernel)
    if "ipykernel" in bases:
        return Surroundings("server", shell, kernel)
    return Surroundings("none", shell, kernel)
