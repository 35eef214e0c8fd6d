"""What the tests in Pyodide share: the distribution, the wheel, a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from hatch_build import build_kernel_wheel

from .distribution import ROOT, Distribution, distribution
from .kernel import Kernel

# West of Greenwich, with summer time: an offset of the wrong sign is seen.
ZONE = "America/New_York"

# Chromium can suspend Python, by JSPI; other browsers cannot.
JSPI = [pytest.param(True, id="JSPI"), pytest.param(False, id="no JSPI")]

# The tests can be imported in the kernel: Node.js shares its files.
MOUNT = f"""
import sys, pyodide_js
pyodide_js.mountNodeFS("/project", {str(ROOT)!r})
sys.path.append("/project")
sys.dont_write_bytecode = True
"""

VERSION = 1
HELLO = f"page.post('hello', {VERSION}, 'page')"

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


class NewKernel(Protocol):
    """The type of the fixture `new_kernel`."""

    def __call__(self, *more: Path, jspi: bool = False, **env: str) -> Kernel: ...


@pytest.fixture(scope="session")
def new_kernel(
    distribution: Distribution, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> NewKernel:
    """Starts a kernel that loads the wheel of lite_comms, and more wheels; use it with ``with``."""

    def new(*more: Path, jspi: bool = False, **env: str) -> Kernel:
        log = tmp_path_factory.mktemp("kernel") / "log.txt"
        return Kernel(distribution, [wheel, *more], log, jspi=jspi, **env)

    return new


@pytest.fixture(scope="session", params=JSPI)
def running_kernel(new_kernel: NewKernel, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """The kernel that most tests share; one in which Python can be suspended, and one without."""
    with new_kernel(jspi=request.param, TZ=ZONE) as kernel:
        kernel.run(MOUNT)
        yield kernel


@pytest.fixture(scope="session")
def open_kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    """A kernel whose port is open."""
    with new_kernel() as kernel:
        kernel.open_port("live")
        yield kernel


@pytest.fixture(scope="session")
def open_jspi_kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    """A kernel whose port is open, in which Python can be suspended."""
    with new_kernel(jspi=True) as kernel:
        kernel.open_port("live")
        yield kernel


@pytest.fixture(scope="session")
def memory_kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    """A kernel whose port is open, and which shares memory with its page."""
    with new_kernel() as kernel:
        kernel.open_port("live", memory=4096)
        yield kernel


@pytest.fixture(scope="session")
def stoppable_jspi_kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    """A kernel in which Python can be suspended, and which shares memory with its page for Stop."""
    with new_kernel(jspi=True) as kernel:
        kernel.open_port("live", memory=0)
        yield kernel


@pytest.fixture(scope="session")
def port_kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    """A kernel whose port is opened anew for each test, by `opened_anew`."""
    with new_kernel() as kernel:
        yield kernel


def opened_anew(kernel: Kernel) -> Kernel:
    """Close and open the port of a kernel; no frames are left in ``page.frames``."""
    kernel.run("import lite_comms; lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn(); page.frames.length = 0")
    kernel.run(RESET)
    kernel.page(f"{HELLO}; await page.turn()")
    kernel.page("page.frames.length = 0")
    return kernel


def frames(kernel: Kernel) -> list[list[Any]]:
    """Take what has come over the port."""
    taken: list[list[Any]] = kernel.page("await page.turn(); return page.frames.splice(0)")
    return taken


def with_comm(kernel: Kernel, code: str, target: str) -> Kernel:
    """Reset a kernel whose port is open, run code, and open a comm from the page.

    The comm's id is ``c``; the code registers its target. No frames are left in ``page.frames``.
    """
    kernel.run(RESET + code)
    kernel.page(
        f"await page.send('comm_open', {{comm_id: 'c', target_name: '{target}', data: {{}}}});"
        "page.frames.length = 0"
    )
    return kernel


@pytest.fixture
def kernel(running_kernel: Kernel) -> Kernel:
    """The shared kernel, with lite_comms installed, without comms and targets."""
    running_kernel.run(RESET)
    return running_kernel
