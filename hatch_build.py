"""Builds what the wheel carries: the page's half, and the kernel's wheel inside it.

Two wheels have this project's name and version. The one that pip installs on a
build machine has the JupyterLab extension; the small one inside the extension
has only what a kernel in the browser loads, and a startup file that puts it in
force. The small one exists only there, beside its own index, so that no index
lists both.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilder
from jupyterlite_pyodide_kernel.addons.piplite import write_wheel_index

NODE_MAJOR = 20


class ExtensionBuildHook(BuildHookInterface):
    """Called by hatchling before it makes the wheel, also an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the extension into ``build/labextension``."""
        labextension = Path(self.root, "build/labextension")
        self._build_frontend(labextension)
        self._build_kernel_wheel(labextension / "static/pypi")

    def _build_frontend(self, labextension: Path) -> None:
        frontend = Path(self.root, "frontend")
        npm = self._find_npm()
        lock = frontend / "package-lock.json"
        installed = frontend / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            self._run(frontend, npm, "ci", "--no-audit", "--no-fund")
        # The names of its files carry hashes: a new build would leave the old ones behind.
        shutil.rmtree(labextension, ignore_errors=True)
        self._run(frontend, npm, "run", "build")

    def _build_kernel_wheel(self, wheel_dir: Path) -> None:
        config = deepcopy(self.metadata.config)
        for key in ("readme", "optional-dependencies", "keywords", "classifiers"):
            del config["project"][key]
        # A name that cannot be imported: IPython puts the folder on sys.path while it runs the file.
        config["tool"]["hatch"]["build"]["targets"]["wheel"] = {
            "packages": ["lite_comms"],
            "shared-data": {"kernel_startup.py": "etc/ipython/startup/00-lite-comms.py"},
        }
        wheel_dir.mkdir(parents=True)
        builder = WheelBuilder(self.root, config=config)
        next(builder.build(directory=str(wheel_dir), versions=["standard"]))
        write_wheel_index(wheel_dir)

    def _find_npm(self) -> str:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            self.app.abort(
                f"Building lite-comms from source needs Node.js {NODE_MAJOR} or newer with npm; "
                f"{'node' if node is None else 'npm'} was not found. Install it, or a wheel."
            )
        found = subprocess.check_output([node, "--version"], text=True)
        major = re.match(r"v(\d+)\.", found)
        if major is None or int(major[1]) < NODE_MAJOR:
            self.app.abort(
                f"Building lite-comms from source needs Node.js {NODE_MAJOR} or newer; "
                f"{node} is {found.strip()}."
            )
        return npm

    def _run(self, folder: Path, *command: str) -> None:
        done = subprocess.run(command, cwd=folder, check=False)
        if done.returncode:
            self.app.abort(f"{' '.join(command)} failed in {folder}", done.returncode)
