"""A Pyodide with packages, as files: made once for its inputs, and kept in `.cache/`."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_core.paths import jupyter_path
from packaging.requirements import Requirement
from pyodide_lock.uv_pip_compile import PyLockError, UvPipCompile

ROOT = Path(__file__).parents[2]
PYODIDE = ROOT / "frontend/node_modules/pyodide"
CACHE = ROOT / ".cache/pyodide-tests"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
CONSTRAINTS = ROOT / "constraints-site.txt"

# Where an explicit wheel stands for a package of PyPI, this one wins; the
# other widgetsnbextension of the kernel is for ipywidgets 7.
_NOT_WANTED = "widgetsnbextension-3"


@dataclass(frozen=True)
class Distribution:
    """The files that a Pyodide starts from.

    Parameters
    ----------
    pyodide : Path
        ``pyodide.mjs``, of the npm package.
    lock : Path
        A ``pyodide-lock.json`` that lists `packages`, with the wheels beside it.
    packages : tuple of str
        The names in the lock.
    worker : Path
        The worker that JupyterLite's Pyodide kernel runs in, as it ships.
    """

    pyodide: Path
    lock: Path
    packages: tuple[str, ...]
    worker: Path


def distribution() -> Distribution:
    """Find the distribution of the present inputs, or make it (the network is needed then)."""
    if not PYODIDE.is_dir():
        raise FileNotFoundError(f"{PYODIDE} is missing; run `npm ci` in frontend/, or `make setup`")
    kernel = _kernel_extension()
    wheels = sorted(
        wheel for wheel in kernel.glob("pypi/*.whl") if not wheel.name.startswith(_NOT_WANTED)
    )
    base = json.loads((PYODIDE / "pyodide-lock.json").read_text("utf-8")) | {"packages": {}}
    lock = _lock(base, wheels)
    names = json.loads(lock.read_text("utf-8"))["packages"]
    (worker,) = kernel.glob("comlink.worker.*.js")
    return Distribution(PYODIDE / "pyodide.mjs", lock, tuple(names), worker)


def _kernel_extension() -> Path:
    name = "@jupyterlite/pyodide-kernel-extension"
    for folder in jupyter_path("labextensions"):
        static = Path(folder, name, "static")
        if static.is_dir():
            return static
    raise FileNotFoundError(
        f"the JupyterLab extension {name} is not installed; run `make setup`, "
        "or install jupyterlite-pyodide-kernel"
    )


def _lock(base: dict[str, object], wheels: list[Path]) -> Path:
    inputs = hashlib.sha256(json.dumps(base, sort_keys=True).encode())
    for file in (Path(__file__), REQUIREMENTS, CONSTRAINTS, *wheels):
        inputs.update(file.name.encode() + file.read_bytes())
    made = CACHE / inputs.hexdigest()[:16]
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as scratch:
            folder = Path(scratch, "made")
            folder.mkdir()
            _solve(base, wheels, folder)
            # Another process of the tests may have been quicker.
            if not made.exists():
                folder.rename(made)
    return made / "pyodide-lock.json"


def _solve(base: dict[str, object], wheels: list[Path], folder: Path) -> None:
    start = folder / "base-lock.json"
    start.write_text(json.dumps(base), "utf-8")
    compile_ = UvPipCompile(
        input_path=start,
        output_path=folder / "pyodide-lock.json",
        wheel_dir=folder / "wheels",
        specs=_lines(REQUIREMENTS),
        constraints=_lines(CONSTRAINTS),
        wheels=wheels,
        excludes=["jupyterlab-widgets"],
        extra_uv_args=["--no-python-downloads", f"--python={sys.executable}"],
    )
    try:
        compile_.update()
    except (PyLockError, OSError) as error:
        raise RuntimeError(
            "the packages for Pyodide could not be had (PyPI must be reachable the first time, "
            f"and after a change of {REQUIREMENTS.name} or {CONSTRAINTS.name}): {error}"
        ) from error


def _lines(file: Path) -> list[str]:
    lines: Iterable[str] = file.read_text("utf-8").splitlines()
    return [str(Requirement(line)) for line in lines if line and not line.startswith("#")]
