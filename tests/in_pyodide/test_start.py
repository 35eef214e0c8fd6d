"""How lite_comms comes into force in a new kernel, with the extension's wheel and without."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import NewKernel
from .distribution import Distribution
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

# What a user sees of a session: the first cell of each kernel.
SESSION = """print(sorted(globals()), In, get_ipython().execution_count)"""

# A startup file of the site's own, that runs after the one of lite_comms.
OPENS_EARLY = """
try:
    __import__("lite_comms").Comm("early", comm_id="early")
except Exception as error:
    __import__("builtins").early = error
"""


def wheel_of_a_startup_file(folder: Path, code: str) -> Path:
    name = "early_startup-1.0"
    wheel = folder / f"{name}-py3-none-any.whl"
    info = f"{name}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.data/data/etc/ipython/startup/50-early.py", code)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: early-startup\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture(scope="module")
def started(new_kernel: NewKernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A new kernel of a site with the extension; its first cell has not run yet."""
    early = wheel_of_a_startup_file(tmp_path_factory.mktemp("started"), OPENS_EARLY)
    with new_kernel(early) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def stock(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A new kernel of a site without lite_comms."""
    with Kernel(distribution, [], tmp_path_factory.mktemp("stock") / "log.txt") as kernel:
        yield kernel


@pytest.fixture(scope="module")
def first_cells(started: Kernel, stock: Kernel) -> tuple[str, str]:
    """What the session looks like to the first cell, with lite_comms and without."""
    return started.run(SESSION), stock.run(SESSION)


def test_the_session_is_that_of_a_kernel_without_lite_comms(first_cells: tuple[str, str]) -> None:
    with_it, without = first_cells

    assert with_it == without


def test_lite_comms_is_in_force_before_the_first_cell(
    started: Kernel, first_cells: tuple[str, str]
) -> None:
    assert "'early'" not in first_cells[0]
    assert started.run("from comm import create_comm\nprint(create_comm(comm_id='c'))") == (
        "<Comm 'comm' c open>\n"
    )


def test_a_send_before_the_kernel_has_a_client_is_an_error(started: Kernel) -> None:
    printed = started.run("""
import builtins
print(type(builtins.early).__name__, builtins.early)
print("early" in get_ipython().kernel.comm_manager.comms)
""")

    error, registered = printed.splitlines()
    assert registered == "False"
    assert error == (
        "TransportError comm_open of comm early: the kernel has no client yet; "
        "open comms from a cell, not from a startup file"
    )


def test_an_extension_puts_it_in_force_on_a_site_without_it(stock: Kernel, wheel: Path) -> None:
    stock.run(f"""
import comm
from comm import create_comm

before = create_comm(target_name="t", comm_id="before")
import pyodide_js
await pyodide_js.loadPackage({str(wheel)!r})
""")

    stock.run(
        "%load_ext lite_comms\nbefore.send({'a': None})\nafter = create_comm(comm_id='after')"
    )
    sent = [
        (msg.msg_type, msg.content["comm_id"], msg.content["data"]) for msg in stock.comm_messages()
    ]
    stock.run("%unload_ext lite_comms")

    assert sent == [("comm_msg", "before", {"a": None}), ("comm_open", "after", {})]
    assert stock.run("print(type(create_comm()).__module__)") == "pyodide_kernel.comm\n"
