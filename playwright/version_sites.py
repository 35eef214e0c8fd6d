"""Sites of several versions of JupyterLite, built of what package registries have; see versions.py.

What is installed stays in ``.cache/versions``; to install a version anew, delete its folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache/versions"

CORE_FILES = ("pyodide*.js", "pyodide*.mjs", "pyodide*.wasm", "python_stdlib.zip")
# What a kernel takes from Pyodide's own packages, and what from an index.
LOCKED = ("ipython", "jedi", "micropip", "sqlite3", "ssl")
INDEXED = ("comm", "ipywidgets", "jupyterlab-widgets")
PURE = ("--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none")


def run(cwd: Path, *command: str | Path) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        command, cwd=cwd, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-5000:]}")
    return done.stdout


def install(home: Path, core: str, kernel: str) -> str:
    """Make an environment, and a folder to build sites of; returns Pyodide's version."""
    python = home / "venv/bin/python"
    ready = home / "ready"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        run(home, sys.executable, "-m", "venv", "venv")
        pip = (python, "-m", "pip", "install", "--quiet")
        run(home, *pip, f"jupyterlite-core=={core}", "jupyter-server", "ipywidgets", "pkginfo")
        # One may ask for a core that is not published yet.
        run(home, *pip, "--no-deps", f"jupyterlite-pyodide-kernel=={kernel}")
        code = "from jupyterlite_pyodide_kernel import constants; print(constants.PYODIDE_VERSION)"
        pyodide = run(home, python, "-c", code).strip()
        fill(home / "lite", pyodide)
        ready.write_text(pyodide, "utf-8")
    return ready.read_text("utf-8")


def fill(lite: Path, version: str) -> None:
    """Fill a folder to build sites of, whose pages ask no other host."""
    files, pypi, pyodide = lite / "files", lite / "pypi", lite / "static/pyodide"
    for folder in (files, pypi, pyodide):
        folder.mkdir(parents=True)
    shutil.copy(HERE / "files/empty.ipynb", files)
    config = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"exposeAppInBrowser": True}}
    (lite / "jupyter-lite.json").write_text(json.dumps(config), "utf-8")
    with TemporaryDirectory() as folder:
        packed = run(Path(folder), "npm", "pack", "--silent", f"pyodide@{version}").split()[-1]
        shutil.unpack_archive(Path(folder, packed), folder)
        package = Path(folder, "package")
        for pattern in CORE_FILES:
            for path in package.glob(pattern):
                shutil.copy(path, pyodide)
        lock = json.loads((package / "pyodide-lock.json").read_text("utf-8"))
    lock["packages"] = dict(needed(lock["packages"], LOCKED))
    pure = [
        f"{name}=={entry['version']}"
        for name, entry in lock["packages"].items()
        if entry["file_name"].endswith("-none-any.whl")
    ]
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *PURE)
    run(pyodide, *pip, *pure)
    run(pypi, *pip, *INDEXED)
    for name, entry in lock["packages"].items():
        if not (pyodide / entry["file_name"]).exists():
            entry["file_name"] = write_stub(pyodide, name)
            entry["package_type"] = "package"
        wheel = (pyodide / entry["file_name"]).read_bytes()
        entry["sha256"] = hashlib.sha256(wheel).hexdigest()
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")


def needed(packages: dict[str, dict], names: tuple[str, ...]) -> Iterator[tuple[str, dict]]:
    """Find packages of Pyodide, those of them that this version has, with what they need."""
    found: set[str] = set()
    wanted = list(names)
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in packages and name not in found:
            found.add(name)
            wanted += packages[name]["depends"]
            yield name, packages[name]


def write_stub(folder: Path, name: str) -> str:
    """Write a wheel in the place of one that no package registry has; returns its name.

    It is a compiled part of the standard library. IPython imports names of sqlite3, but makes no
    use of them in these kernels.
    """
    wheel = f"{name}-1.0.0-py3-none-any.whl"
    info = f"{name}-1.0.0.dist-info"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / wheel, "w") as archive:
        for file, text in files.items():
            archive.writestr(f"{info}/{file}", text)
        if name == "sqlite3":
            code = "def __getattr__(name):\n    return type(name, (Exception,), {})\n"
            archive.writestr("sqlite3.py", code)
    return wheel


def build(home: Path, wheel: Path, *, extension: bool) -> Path:
    """Build a site: with the extension, or with the wheel on the index that kernels ask."""
    pip = (home / "venv/bin/python", "-m", "pip")
    lite = home / "lite"
    site = home / ("extension" if extension else "stock")
    run(home, *pip, "uninstall", "--quiet", "--yes", "lite-comms")
    for old in (site, lite / ".cache"):
        shutil.rmtree(old, ignore_errors=True)
    for path in (lite / ".jupyterlite.doit.db", *lite.glob("pypi/lite_comms-*")):
        path.unlink(missing_ok=True)
    if extension:
        run(home, *pip, "install", "--quiet", "--no-deps", wheel)
    else:
        shutil.copy(wheel, lite / "pypi")
    options = ("--output-dir", site, "--contents", "files", "--no-sourcemaps")
    run(lite, home / "venv/bin/jupyter", "lite", "build", *options)
    return site
