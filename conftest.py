"""What is built once for all tests: the distributions, and a site that is not this one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
# Build environments and fresh environments take the versions that everything is tested with.
# pip splits the variable at spaces: a URL has none.
PINNED = {**os.environ, "PIP_CONSTRAINT": (ROOT / "constraints.txt").as_uri()}


@dataclass(frozen=True)
class Distributions:
    """What a release publishes."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist of this folder, and the wheel built from that sdist, as a release makes them."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--outdir", str(out), str(ROOT), cwd=out)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def foreign_site(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site built as docs/site.md says: in an empty folder, the wheel installed, no settings."""
    home = tmp_path_factory.mktemp("foreign")
    _run(sys.executable, "-m", "venv", "venv", cwd=home)
    bin_dir = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
    wheel = f"{distributions.wheel}[site]"
    _run(str(bin_dir / "python"), "-m", "pip", "install", "--quiet", wheel, cwd=home)
    site = home / "site"
    site.mkdir()
    _run(str(bin_dir / "jupyter"), "lite", "build", cwd=site)
    return site / "_output"


def _run(*command: str, cwd: Path) -> None:
    """Run a command; what it printed is shown if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=PINNED, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} failed:\n{done.stdout.decode(errors='replace')}")
