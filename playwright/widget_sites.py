"""A site with the wheels and the extensions of widget packages; see widget_packages.py.

What is downloaded stays in ``.cache/widgets``; to have newer versions, delete that folder.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from version_sites import run

HERE = Path(__file__).parent
ROOT = HERE.parent
CACHE = ROOT / ".cache/widgets"

# What the kernel's Pyodide can load: pure wheels, and those that are built for it.
LOADABLE = (
    *("--only-binary=:all:", "--python-version=3.14", "--implementation=cp"),
    *("--abi=cp314", "--abi=none", "--platform=any", "--platform=pyemscripten_2026_0_wasm32"),
)


def download(requirement: str) -> Path | None:
    """Find a wheel that Pyodide can load, in the cache or by pip; None if there is none."""
    CACHE.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[-_.]+", "[-_.]", re.split(r"[=<>~]", requirement)[0])
    found = sorted(CACHE.glob(f"{name}-[0-9]*.whl", case_sensitive=False))
    if not found:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", CACHE)
        subprocess.run((*pip, *LOADABLE, requirement), check=False, capture_output=True)
        found = sorted(CACHE.glob(f"{name}-[0-9]*.whl", case_sensitive=False))
    if not found and requirement == "markupsafe":
        found = [without_compiled_parts(requirement)]
    return found[-1] if found else None


def without_compiled_parts(requirement: str) -> Path:
    """Make a pure wheel of one that is for this machine, and works without its compiled parts."""
    folder = CACHE / "compiled"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder)
    run(ROOT, *pip, "--only-binary=:all:", requirement)
    (wheel,) = folder.glob("*.whl")
    name, version, _ = wheel.name.split("-", 2)
    pure = CACHE / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(pure, "w") as new:
        for file in old.namelist():
            if not file.endswith((".so", ".pyd", "/RECORD")):
                content = old.read(file)
                if file.endswith("/WHEEL"):
                    content = re.sub(rb"(?m)^Tag: .*\n", b"", content) + b"Tag: py3-none-any\n"
                new.writestr(file, content)
        new.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return pure


def build(folder: Path, wheels: Iterable[Path]) -> Path:
    """Build a site that has lite_comms and the packages of these wheels, and asks no other host."""
    wheels = sorted(set(wheels))
    for name in ("static", "constraints-site.txt"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(HERE / "files", folder / "files")
    (folder / "pypi").mkdir()
    for wheel in wheels:
        shutil.copy(wheel, folder / "pypi")
    config = json.loads((ROOT / "jupyter_lite_config.json").read_text("utf-8"))
    config["LiteBuildConfig"] |= {
        "contents": ["files"],
        "output_dir": "_site",
        "federated_extensions": [f"{wheel}" for wheel in wheels if has_extension(wheel)],
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    run(
        folder,
        Path(sys.executable).with_name("jupyter"),
        "lite",
        "build",
        "--config",
        "config.json",
    )
    return folder / "_site"


def has_extension(wheel: Path) -> bool:
    """Tell whether a wheel brings an extension of JupyterLab."""
    with zipfile.ZipFile(wheel) as archive:
        return any("/labextensions/" in name for name in archive.namelist())


def version(site: Path, package: str) -> str:
    """Find the version of a package that a site has."""
    name = re.sub(r"[-_.]+", "[-_.]", package)
    (wheel,) = site.rglob(f"{name}-[0-9]*.whl", case_sensitive=False)
    return wheel.name.split("-")[1]
