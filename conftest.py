"""What is built once for all tests, and which of them run in one process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent
# Build environments and fresh environments take the versions that everything is tested with.
# pip splits the variable at spaces: a URL has none.
PINNED = {**os.environ, "PIP_CONSTRAINT": (ROOT / "constraints.txt").as_uri()}

# Parameters that start a kernel, and folders and files that have one, which several files share.
SHARED = re.compile(
    r"\[(?:.*-)?(plain|isolated|loaded|JSPI|no JSPI)[]-]"
    r"|^tests/(server/|in_pyodide/test_(?:interleaving|live))"
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run in several processes, have those that share a kernel run in one."""
    from xdist.scheduler import LoadScopeScheduling

    def group(nodeid: str) -> str:
        shared = SHARED.search(nodeid)
        return shared[1] or shared[2] if shared else nodeid.partition("::")[0]

    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = group
    return scheduling


@dataclass(frozen=True)
class Distributions:
    """What a release publishes."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist of this folder, and the wheel built from that sdist, as a release makes them."""

    def make(out: Path) -> None:
        _run(sys.executable, "-m", "build", "--outdir", str(out), str(ROOT), cwd=out)

    out = _made_once("dist", tmp_path_factory, make)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def foreign_site(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site built as docs/site.md says: in an empty folder, the wheel installed, no settings."""

    def make(home: Path) -> None:
        _run(sys.executable, "-m", "venv", "venv", cwd=home)
        bin_dir = _bin_dir(home)
        wheel = f"{distributions.wheel}[site]"
        _run(str(bin_dir / "python"), "-m", "pip", "install", "--quiet", wheel, cwd=home)
        (home / "site").mkdir()
        _run(str(bin_dir / "jupyter"), "lite", "build", cwd=home / "site")

    return _made_once("foreign", tmp_path_factory, make) / "site/_output"


@pytest.fixture(scope="session")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, built with warnings as errors: a link that leads nowhere is one."""

    def make(folder: Path) -> None:
        options = ("--fail-on-warning", "--keep-going", "--quiet", "-d", str(folder / "doctrees"))
        _run(sys.executable, "-m", "sphinx", *options, "docs", str(folder / "html"), cwd=ROOT)

    return _made_once("documentation", tmp_path_factory, make) / "html"


@pytest.fixture(scope="session")
def offline_site(foreign_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that serves all that it needs, made in an empty folder as docs/site.md says."""

    def make(home: Path) -> None:
        python = str(_bin_dir(foreign_site.parent.parent) / "python")
        _run(python, "-m", "pip", "install", "--quiet", "ipywidgets", cwd=home)
        _run(python, "-m", "lite_comms.offline_site", "ipywidgets", cwd=home)

    return _made_once("offline", tmp_path_factory, make) / "_output"


def _bin_dir(home: Path) -> Path:
    return home / "venv" / ("Scripts" if os.name == "nt" else "bin")


def _made_once(name: str, factory: pytest.TempPathFactory, make: Callable[[Path], None]) -> Path:
    """Make a folder, in the first of the processes that need it; the others wait for it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with folder.with_suffix(".lock").open("a") as lock:
        flock(lock, LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            try:
                make(folder)
            except BaseException:
                shutil.rmtree(folder)
                raise
    return folder


def _run(*command: str, cwd: Path) -> None:
    """Run a command; what it printed is shown if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=PINNED, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} failed:\n{done.stdout.decode(errors='replace')}")
