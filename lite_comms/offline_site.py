"""Builds a JupyterLite site that makes no request to another host.

``python -m lite_comms.offline_site``, in the folder of the site. What it downloads comes from the
package indexes that pip and npm are set up for. Only the wheel for build machines has it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# The one file of settings that `jupyter lite` reads without being told to.
CONFIG = "jupyter_lite_config.json"

# What Pyodide consists of, besides the list of its packages.
_PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_LIST = "pyodide-lock.json"

# What every kernel of the site starts with.
_KERNEL = ("comm", "ipython", "jedi", "micropip")

# Widgets, and by what the page shows them.
_PAGE_PACKAGES = {"anywidget": "anywidget", "ipywidgets": "jupyterlab_widgets"}


class _NotReadyError(Exception):
    """Something that the user has to do first."""


def main(arguments: list[str] | None = None) -> None:
    """Build the site of the current folder, into ``_output`` or where its settings say.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line. Without it, those of this process.

    Raises
    ------
    SystemExit
        If something is missing; its message says what to do.
    """
    parser = argparse.ArgumentParser(prog="python -m lite_comms.offline_site", description=__doc__)
    parser.add_argument(
        "packages", nargs="*", help="what notebooks of the site import, such as ipywidgets"
    )
    packages = parser.parse_args(arguments).packages
    folder = Path.cwd()
    try:
        _check_tools()
        _check_page_packages(packages)
        output = _add_config(folder, packages)
        _add_pyodide(folder / "static/pyodide")
        _build(folder)
    except _NotReadyError as problem:
        sys.exit(f"lite_comms.offline_site: {problem}")
    print(f"The site is in {folder / output}. Try it: python -m http.server -d {output}")


def _check_tools() -> None:
    needed = ("jupyter-server", "jupyterlite-core", "jupyterlite-pyodide-kernel", "pyodide-lock")
    missing = [name for name in needed if not _is_installed(name)]
    if missing:
        raise _NotReadyError(f'{", ".join(missing)} is missing: pip install "lite-comms[site]"')


def _check_page_packages(packages: list[str]) -> None:
    names = {_name(package) for package in packages}
    for package, on_page in _PAGE_PACKAGES.items():
        if package in names and not _is_installed(on_page):
            raise _NotReadyError(
                f"the page could not show the widgets of {package}, because {on_page} is not "
                f"installed beside JupyterLite: pip install {package}"
            )


def _name(spec: str) -> str:
    """Return the name of a package as indexes compare it; a path or URL as it is."""
    found = re.fullmatch(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:[\[(<>=!~;@].*)?", spec)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else spec


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _add_pyodide(folder: Path) -> None:
    """Put Pyodide where JupyterLite's builder looks for it, unless it is there."""
    if all((folder / name).is_file() for name in (*_PYODIDE_FILES, _LIST)):
        return
    from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

    npm = shutil.which("npm")
    if npm is None:
        raise _NotReadyError(
            "npm is needed to download Pyodide; install Node.js, or put these files of Pyodide "
            f"{PYODIDE_VERSION} into {folder}: {', '.join((*_PYODIDE_FILES, _LIST))}"
        )
    print(f"Downloading Pyodide {PYODIDE_VERSION} into {folder}", flush=True)
    with TemporaryDirectory() as scratch:
        package = f"pyodide@{PYODIDE_VERSION}"
        _run([npm, "pack", "--silent", package], Path(scratch), "Pyodide cannot be downloaded")
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as files:
            files.extractall(scratch, filter="data")
        folder.mkdir(parents=True, exist_ok=True)
        unpacked = Path(scratch, "package")
        for name in _PYODIDE_FILES:
            shutil.copyfile(unpacked / name, folder / name)
        listing = json.loads((unpacked / _LIST).read_text("utf-8"))
    # Its packages are on a CDN. The builder adds those that it copies into the site.
    listing["packages"] = {}
    (folder / _LIST).write_text(json.dumps(listing), "utf-8")


def _add_config(folder: Path, packages: list[str]) -> str:
    """Have the builder copy the wheels of packages into the site; returns where it builds it."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text("utf-8")) if path.exists() else {}
        addon = _setting(config, "PyodideLockAddon", {})
        named = _setting(addon, "specs", [])
        output = _setting(_setting(config, "LiteBuildConfig", {}), "output_dir", "_output")
    except (ValueError, TypeError) as error:
        raise _NotReadyError(f"{path} cannot be used: {error}") from None
    if other := [spec for spec in named if not isinstance(spec, str)]:
        raise _NotReadyError(f"{path} cannot be used: specs must name packages, not {other[0]!r}")
    config["PyodideLockAddon"] = addon = {**addon, "enabled": True}
    # Of a package that is named again, as with another version, the last one counts.
    specs = {_name(spec): spec for spec in (*_KERNEL, *named, *packages)}
    addon["specs"] = sorted(specs.values())
    # They are for the page, and installed beside JupyterLite.
    addon.setdefault("excludes_extra", ["jupyterlab-widgets", "widgetsnbextension"])
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    return output


def _setting[T: (dict[str, Any], list[Any], str)](config: Any, name: str, default: T) -> T:
    """Return a setting of a JSON object."""
    if not isinstance(config, dict):
        raise TypeError(f"it must hold a JSON object, not {config!r}")
    value = config.get(name, default)
    if not isinstance(value, type(default)):
        kind = {dict: "an object", list: "a list", str: "a text"}[type(default)]
        raise TypeError(f"{name} must be {kind}, not {value!r}")
    return value


def _build(folder: Path) -> None:
    command = [sys.executable, "-m", "jupyterlite_core", "build"]
    print("Building the site", flush=True)
    _run(command, folder, "the site cannot be built")


def _run(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        print(done.stdout.decode(errors="replace"), file=sys.stderr)
        raise _NotReadyError(f"{what}: {' '.join(command)} failed")


if __name__ == "__main__":
    main()
