"""Tries lite_comms on several versions of JupyterLite, and prints a table of what works there.

For each version a site is built without lite_comms, to which a notebook brings it, and one with the
extension. What is built stays in ``.cache/versions``; a version whose folder is there is not
installed again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, expect, sync_playwright

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent
sys.path += [str(ROOT), str(HERE)]

from chromium import launch_options  # noqa: E402
from pages import LOAD, Console, Notebook, Tab, said  # noqa: E402
from serve import serving  # noqa: E402
from watch import Watch  # noqa: E402

CACHE = ROOT / ".cache/versions"

# Of jupyterlite-core and of jupyterlite-pyodide-kernel.
VERSIONS = (
    ("0.6.4", "0.6.1"),
    ("0.7.6", "0.7.2"),
    ("0.8.6", "0.8.6"),
    ("0.8.6", "0.8.7"),
    ("0.9.0a2", "0.9.0a1"),
)

PYODIDE = "pyodide.js pyodide.mjs pyodide.asm.js pyodide.asm.mjs pyodide.asm.wasm python_stdlib.zip"
# What a kernel loads from Pyodide's own distribution, and what it asks an index for.
LOCKED = ("micropip", "packaging", "ipython", "jedi", "ssl", "sqlite3", "typing-extensions")
INDEXED = ("comm", "ipywidgets", "jupyterlab-widgets")
PURE = ("--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none")

STATUS = "import lite_comms\nlite_comms.status();"
ECHO = """
import time
from comm import get_comm_manager
heard = []

def echo(comm, msg):
    global last
    last = comm
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        if heard[-1] == "hello":
            comm.send("hello to you")

get_comm_manager().register_target("echo", echo)
"""
ECHO_PAGE = """
const comm = Jupyter.notebook.kernel.comm_manager.new_comm('echo');
comm.on_msg(msg => msg.content.data === 'ask' ? comm.send('answer') : say(msg.content.data));
comm.send('hello');
"""
ASK = """
last.send("ask")
end = time.time() + 10
while "answer" not in heard and time.time() < end: pass
print("answer" in heard)
"""
# Without a call, and with an end.
LONG = "for _ in range(3 * 10**8): pass\nprint('was not stopped')"
STOP = """app => setTimeout(() => {
  jupyterapp.commands.execute(`${app}:interrupt-kernel`);
}, 1500)"""
SLIDER = "%pip install -q ipywidgets\nimport ipywidgets\nslider = ipywidgets.IntSlider()\nslider"


class Unexpected(Exception):
    """Something is not as it should be; the message says what was seen."""


@dataclass
class Version:
    """A version of JupyterLite, and where its sites are."""

    core: str
    kernel: str
    pyodide: str = ""
    remarks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.core} + {self.kernel}"

    @property
    def home(self) -> Path:
        return CACHE / f"{self.core}+{self.kernel}"

    def install(self) -> None:
        """Make the environment, and the folder of which the sites are made."""
        python = self.home / "venv/bin/python"
        ready = self.home / "ready"
        if not ready.exists():
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(parents=True)
            run(sys.executable, "-m", "venv", "venv", cwd=self.home)
            pip = (str(python), "-m", "pip", "install", "--quiet")
            core = f"jupyterlite-core=={self.core}"
            run(*pip, core, "jupyter-server", "ipywidgets", "pkginfo", cwd=self.home)
            # A kernel may ask for a core that is not published yet.
            kernel = f"jupyterlite-pyodide-kernel=={self.kernel}"
            run(*pip, "--no-deps", kernel, cwd=self.home)
        constants = "jupyterlite_pyodide_kernel.constants"
        code = f"import {constants} as known; print(known.PYODIDE_VERSION)"
        self.pyodide = run(str(python), "-c", code, cwd=self.home).strip()
        if not ready.exists():
            fill(self.home / "lite", self.pyodide)
            ready.touch()

    def build(self, wheel: Path, *, extension: bool) -> Path:
        """Build a site: with the extension, or with the wheel on the index of its kernels."""
        pip = (str(self.home / "venv/bin/python"), "-m", "pip")
        lite = self.home / "lite"
        run(*pip, "uninstall", "--quiet", "--yes", "lite-comms", cwd=self.home)
        for old in lite.glob("pypi/lite_comms-*"):
            old.unlink()
        if extension:
            run(*pip, "install", "--quiet", "--no-deps", str(wheel), cwd=self.home)
        else:
            shutil.copy(wheel, lite / "pypi")
        site = self.home / ("extension" if extension else "stock")
        for old in (site, lite / ".cache"):
            shutil.rmtree(old, ignore_errors=True)
        (lite / ".jupyterlite.doit.db").unlink(missing_ok=True)
        options = ("--output-dir", str(site), "--contents", "files", "--no-sourcemaps")
        run(str(self.home / "venv/bin/jupyter"), "lite", "build", *options, cwd=lite)
        return site


def run(*command: str, cwd: Path) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        command, cwd=cwd, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-5000:]}")
    return done.stdout


def fill(lite: Path, version: str) -> None:
    """Fill a folder of which a site is made that asks no other host for Pyodide and packages."""
    pyodide, pypi = lite / "static/pyodide", lite / "pypi"
    for folder in (pyodide, pypi, lite / "files"):
        folder.mkdir(parents=True)
    shutil.copy(HERE / "files/empty.ipynb", lite / "files")
    expose = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"exposeAppInBrowser": True}}
    (lite / "jupyter-lite.json").write_text(json.dumps(expose), "utf-8")
    with TemporaryDirectory() as folder:
        packed = run("npm", "pack", "--silent", f"pyodide@{version}", cwd=Path(folder)).split()[-1]
        shutil.unpack_archive(Path(folder, packed), folder)
        package = Path(folder, "package")
        for name in PYODIDE.split():
            if (package / name).exists():
                shutil.copy(package / name, pyodide)
        lock = json.loads((package / "pyodide-lock.json").read_text("utf-8"))
    packages, wanted = {}, list(LOCKED)
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name not in packages and (entry := lock["packages"].get(name)):
            packages[name] = entry
            wanted += entry["depends"]
    lock["packages"] = packages
    download(pyodide, [f"{name}=={entry['version']}" for name, entry in packages.items() if entry["file_name"].endswith("none-any.whl")])
    for name, entry in packages.items():
        wheel = pyodide / entry["file_name"]
        if not wheel.exists():
            # It is compiled, and no registry has it. An empty one lets the kernel start.
            entry |= {"file_name": f"{name}-1.0.0-py3-none-any.whl", "package_type": "package", "imports": []}
            wheel = pyodide / entry["file_name"]
            write_empty(wheel, name)
        entry["sha256"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")
    download(pypi, list(INDEXED))


def download(folder: Path, requirements: list[str]) -> None:
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *PURE)
    run(*pip, "--dest", ".", *requirements, cwd=folder)


def write_empty(wheel: Path, name: str) -> None:
    info = f"{name}-1.0.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
