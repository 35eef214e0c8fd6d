"""What the tests in Pyodide share: the distribution, the wheel, a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hatch_build import build_kernel_wheel

from .distribution import ROOT, Distribution, distribution
from .kernel import Kernel

# West of Greenwich, with summer time: an offset of the wrong sign is seen.
ZONE = "America/New_York"

# The tests can be imported in the kernel: Node.js shares its files.
MOUNT = f"""
import sys, pyodide_js
pyodide_js.mountNodeFS("/project", {str(ROOT)!r})
sys.path.append("/project")
sys.dont_write_bytecode = True
"""

RESET = """
import lite_comms
lite_comms.install()
_manager = get_ipython().kernel.comm_manager
for _comm in list(_manager.comms.values()):
    _comm.close()
_manager.targets.clear()
del _manager
"""


@pytest.fixture(scope="session", name="distribution")
def _distribution() -> Distribution:
    """Pyodide and its packages, as files."""
    return distribution()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel's wheel of lite_comms."""
    return build_kernel_wheel(str(ROOT), tmp_path_factory.mktemp("wheel") / "kernel")


@pytest.fixture(scope="session")
def running_kernel(
    distribution: Distribution, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    """The kernel that most tests share."""
    log = tmp_path_factory.mktemp("kernel") / "log.txt"
    with Kernel(distribution, [wheel], log, TZ=ZONE) as kernel:
        kernel.run(MOUNT)
        yield kernel


@pytest.fixture
def kernel(running_kernel: Kernel) -> Kernel:
    """The shared kernel, with lite_comms in force, without comms and targets."""
    running_kernel.run(RESET)
    return running_kernel
