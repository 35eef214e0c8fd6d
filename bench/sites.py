"""The sites that are compared: ours, and the same one without lite_comms.

The second one twice: as it is, and with a notebook that loads lite_comms. All are
copies of the site as `make site` builds it. Stock is made by taking out what the
extension added: its folder, its entry in the list of extensions, the index and the
lock entry of its wheel. Everything else, JupyterLite, its kernel, Pyodide and each
wheel, is the same file in all, so no difference of versions can be measured.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyterlite_pyodide_kernel.addons.piplite import write_wheel_index

KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
EXTENSION = "extensions/lite-comms"
NOTEBOOK = "bench.ipynb"

# Modules beside the extension, which only those download who import them.
ON_REQUEST = {"host.js", "lite-comms.js"}

# What stands in the scripts that come when the inspector is opened: its own, and its virtual lists.
OF_INSPECTOR = (b"lite-comms-Inspector-empty", b"measureElement")


# What a notebook runs to load lite_comms, and how long the page's half takes.
LOAD = """\
%pip install -q lite-comms
import time
start = time.perf_counter()
%load_ext lite_comms
load_ms = 1000 * (time.perf_counter() - start)
assert __import__("lite_comms").status().transport == "port"
"""


def write_notebook(folder: Path, kernel: str, source: str = "1 + 1") -> None:
    """Write the notebook that is opened: one cell, for a kernel of this name."""
    cell = {"cell_type": "code", "id": "first", "metadata": {}, "outputs": [], "source": source}
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    notebook = {
        "cells": [{**cell, "execution_count": None}],
        "metadata": {"kernelspec": spec},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / NOTEBOOK).write_text(json.dumps(notebook), "utf-8")


def copy_site(site: Path, folder: Path, *, stock: bool) -> Path:
    """Copy a site, with the notebook and with the application open to scripts."""
    shutil.copytree(site, folder)
    write_notebook(folder / "files", "python")
    _edit(folder / "api/contents/all.json", _list_notebook)
    config = folder / "jupyter-lite.json"
    _edit(config, lambda data: data["jupyter-config-data"].update(exposeAppInBrowser=True))
    if stock:
        make_stock(folder)
    return folder


def make_stock(site: Path) -> None:
    """Take lite_comms out of a copy of the site."""
    config = site / "jupyter-lite.json"
    shutil.rmtree(site / EXTENSION)
    _edit(config, _forget_extension)
    _edit(site / "static/pyodide-lock/pyodide-lock.json", _forget_wheel)
    if "lite-comms" in config.read_text("utf-8"):
        raise RuntimeError(f"{config} still names lite-comms: the site would not be stock")


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel that a package index would serve."""
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder))
    subprocess.run(build, cwd=root, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


def add_wheel(site: Path, wheel: Path) -> None:
    """Have ``%pip install`` find a wheel on the site, as elsewhere it does on PyPI."""
    folder = site / "pypi"
    folder.mkdir()
    shutil.copy(wheel, folder)
    write_wheel_index(folder)
    _edit(
        site / "jupyter-lite.json",
        lambda data: data["jupyter-config-data"]["litePluginSettings"][KERNEL][
            "pipliteUrls"
        ].append("./pypi/all.json"),
    )


def sizes(site: Path) -> dict[str, int]:
    """Measure, in bytes, what lite_comms adds to a site's download."""
    static = site / EXTENSION / "static"
    (wheel,) = static.glob("pypi/*.whl")
    page = inspector = 0
    for path in static.glob("*.js"):
        script = path.read_bytes()
        size = len(gzip.compress(script, 9))
        if any(word in script for word in OF_INSPECTOR):
            inspector += size
        elif path.name not in ON_REQUEST:
            page += size
    return {"wheel": wheel.stat().st_size, "page": page, "inspector": inspector}


def _edit(path: Path, change: Any) -> None:
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def _list_notebook(listing: Any) -> None:
    entry = {**listing["content"][0], "name": NOTEBOOK, "path": NOTEBOOK}
    listing["content"].append(entry)


def _forget_extension(config: Any) -> None:
    data = config["jupyter-config-data"]
    extensions = data["federated_extensions"]
    extensions[:] = [entry for entry in extensions if entry["name"] != "lite-comms"]
    for settings in data["litePluginSettings"].values():
        urls = settings.get("pipliteUrls", [])
        urls[:] = [url for url in urls if EXTENSION not in url]


def _forget_wheel(lock: Any) -> None:
    del lock["packages"]["lite-comms"]
