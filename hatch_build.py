"""Builds what the wheel carries: the page's half, and the kernel's wheel inside it.

Two wheels have this project's name and version. The one that pip installs on a
build machine has the JupyterLab extension; the small one inside the extension
has only what a kernel in the browser runs, and a startup file that installs it.
The small one exists only there, beside its own index, so that no index lists both.
"""

from __future__ import annotations

import ast
import bz2
import io
import json
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilder, WheelBuilderConfig
from jupyterlite_pyodide_kernel.addons.piplite import write_wheel_index

NODE_MAJOR = 20

SOURCES = {".js", ".py"}

# Each is the package's own: what a wheel says is imported, and what that unpacks.
INIT = "__init__.py"

# The base classes of exported ones, which have public methods.
BASES = {
    "_comms.receiving",
    "_comms.registry",
    "_requests.answering",
    "_requests.asking",
    "_requests.requesting",
    "_streams.pulling",
    "_streams.streaming",
}

# For a server kernel, for a page that lacks the extension, for tests, and for who builds a site.
ONLY_ON_HOSTS = {
    "_transports/server.py",
    "_transports/port/page.py",
    "_testing/player/__init__.py",
    "_testing/player/matches.py",
    "_testing/player/playing.py",
    "_testing/player/reading.py",
    "offline_site.py",
}


def build_kernel_wheel(root: str, folder: Path) -> Path:
    """Build the wheel that a kernel in the browser loads, and return its path."""
    config = tomllib.loads(Path(root, "pyproject.toml").read_text("utf-8"))
    for key in ("optional-dependencies", "keywords", "classifiers"):
        del config["project"][key]
    config["project"]["dynamic"] = ["version"]
    del config["tool"]["hatch"]["metadata"]
    config["project"]["license-files"] = []  # the extension around it has the text
    folder.mkdir(parents=True)
    package = Path(root, "lite_comms")
    public = public_modules(Path(package, INIT).read_text("utf-8"))
    modules = {}
    for source in sorted(package.rglob("*.*")):
        name = source.relative_to(package).as_posix()
        if source.suffix not in SOURCES or name in ONLY_ON_HOSTS:
            continue
        text = source.read_text("utf-8")
        if source.suffix == ".py":
            lean = without_notes(text, is_package=name == INIT, is_public=name in public)
        else:
            lean = re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE)
        modules[name] = lean
    modules[INIT] = modules.pop(INIT)  # the last one: see kernel_unpack.py
    with TemporaryDirectory() as copy:
        packed = bz2.compress(json.dumps(modules, ensure_ascii=False).encode())
        Path(copy, "modules.json.bz2").write_bytes(packed)
        shutil.copy(Path(root, "kernel_unpack.py"), Path(copy, INIT))
        config["tool"]["hatch"]["build"]["targets"]["wheel"] = {
            "exclude": ["*"],
            "force-include": {copy: "lite_comms"},
            "shared-data": {"kernel_startup.py": "etc/ipython/startup/00-lite-comms.py"},
        }
        return Path(next(WheelBuilder(root, config=config).build(directory=str(folder))))


def public_modules(init: str) -> set[str]:
    """Find the files of the modules that ``help()`` on an exported name reads."""
    imports = [node for node in ast.walk(ast.parse(init)) if isinstance(node, ast.ImportFrom)]
    modules = {node.module for node in imports if node.level and node.module} | BASES
    return {f"{module.replace('.', '/')}.py" for module in modules}


def without_notes(source: str, *, is_package: bool, is_public: bool) -> str:
    """Blank what only a reader of the repository needs: a kernel fetches it at every start.

    These are comments and docstrings. Of those of the package itself and of the public classes
    and functions of public modules the part before the first section stays, for ``help()``.
    Every line stays where it is, so that tracebacks point at the repository's lines.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            note = node.body[0]
            is_kept = (
                is_package
                if isinstance(node, ast.Module)
                else is_public and not node.name.startswith("_")
            )
            if ast.get_docstring(node) is not None and note.end_lineno is not None:
                first, end = note.lineno - 1, note.end_lineno
                kept = before_sections(lines[first:end]) if is_kept else ['""']
                kept[0] = " " * note.col_offset + kept[0].lstrip()
                lines[first:end] = kept + [""] * (end - first - len(kept))
    return "\n".join(lines) + "\n"


def before_sections(note: list[str]) -> list[str]:
    """Return the lines of a docstring without its sections, which an underline begins."""
    for i, line in enumerate(note):
        if re.fullmatch(" *-{3,}", line):
            text = "\n".join(note[: i - 1]).rstrip()
            return f'{text}"""'.split("\n")
    return note


class ExtensionBuildHook(BuildHookInterface[WheelBuilderConfig]):
    """Called by hatchling before it makes the wheel, also an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the extension into ``build/labextension``."""
        labextension = Path(self.root, "build/labextension")
        _build_frontend(Path(self.root, "frontend"), labextension)
        wheel_dir = labextension / "static/pypi"
        build_kernel_wheel(self.root, wheel_dir)
        write_wheel_index(wheel_dir)
        if version == "standard":
            # For kernels whose page lacks the extension. Where it is, they need no such thing.
            script = Path(self.root, "build/page.js")
            packed = script.with_suffix(".js.bz2")
            packed.write_bytes(bz2.compress(script.read_bytes()))
            build_data["force_include"][str(packed)] = f"lite_comms/_transports/port/{packed.name}"


def _build_frontend(frontend: Path, labextension: Path) -> None:
    npm = _find_npm()
    lock = frontend / "package-lock.json"
    installed = frontend / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run(frontend, npm, "ci", "--no-audit", "--no-fund")
    # The names of its files carry hashes: a new build would leave the old ones behind.
    shutil.rmtree(labextension, ignore_errors=True)
    _run(frontend, npm, "run", "build")


def _find_npm() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    wanted = f"Building lite-comms from source needs Node.js {NODE_MAJOR} or newer with npm"
    if node is None or npm is None:
        sys.exit(f"{wanted}; {'npm' if node else 'node'} was not found.")
    found = subprocess.check_output([node, "--version"], text=True).strip()
    major = re.match(r"v(\d+)\.", found)
    if major is None or int(major[1]) < NODE_MAJOR:
        sys.exit(f"{wanted}; {node} is {found}.")
    return npm


def _run(folder: Path, *command: str) -> None:
    if subprocess.run(command, cwd=folder, check=False).returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}")
