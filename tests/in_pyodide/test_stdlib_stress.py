"""The standard library's own tests come to the same end while messages interrupt them.

Each module's tests run in a kernel with 50 messages a second, with ``live(False)`` and live. The
callback uses the same modules, as it could on a server; see `stress.py`.
"""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import MOUNT, RESET, NewKernel
from .kernel import Kernel, plain

pytestmark = pytest.mark.pyodide

# CPython's own; another version than that of Pyodide will do, since it is compared with itself.
TESTS = Path(sysconfig.get_path("stdlib"), "test")
FOLDER = "/cpython/test"

# How it is run; how many tests are ok at least; how many messages interrupt them at least.
MODULES = {
    "test.test_queue": ("s.run({})", 50, 50),
    "test.test_asyncio.test_queues": ("await s.run_async({})", 50, 20),
    "test.test_contextlib": ("s.run({})", 80, 50),
    "test.test_contextlib_async": ("await s.run_async({})", 30, 20),
    "test.test_logging": ("s.run({})", 180, 50),
}

LIVE_S = 2.5
EVERY_MS = 20
# Longer than a run takes on a slow machine: by then something waits for a lock for ever.
HANGS_MS = 30_000


@pytest.fixture(scope="module")
def kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    missing = [name for name in MODULES if not _file(name).exists()]
    if missing:
        pytest.skip(f"this Python comes without its own tests: no {', '.join(missing)} in {TESTS}")
    with new_kernel(jspi=True) as kernel:
        kernel.open_port("live", memory=0)
        kernel.run(
            f"{MOUNT}pyodide_js.mountNodeFS({FOLDER!r}, {str(TESTS)!r})\n"
            f"sys.path.append({str(Path(FOLDER).parent)!r})\n"
            f"from tests.in_pyodide import stress\nstress.load({FOLDER!r})"
        )
        yield kernel


def _file(name: str) -> Path:
    return TESTS.parent.joinpath(*name.split(".")).with_suffix(".py")


def stressed(kernel: Kernel, name: str, run: str) -> dict[str, Any]:
    """Run a module's tests while messages come; the report."""
    kernel.run(f"{RESET}s = stress.Stress({name!r})")
    request = json.dumps({"code": run})
    reply, sent = kernel.page(
        "await page.send('comm_open', {comm_id: 'c', target_name: 'stress', data: {}});"
        "page.frames.length = 0;"
        "let n = 0; let last; let stop;"
        "const timer = setInterval("
        f"  () => last = page.send('comm_msg', {{comm_id: 'c', data: n++}}), {EVERY_MS});"
        f"const hangs = setTimeout(() => stop = setInterval(page.stop, 100), {HANGS_MS});"
        f"const reply = await page.ask('execute', {request});"
        "clearInterval(timer); clearTimeout(hangs); clearInterval(stop); await last;"
        "return [reply, n];"
    )
    assert reply["status"] == "ok", plain("\n".join(reply["traceback"]))
    assert kernel.errors() == []
    report: dict[str, Any] = json.loads(kernel.run("print(s.report())"))
    # Whatever was interrupted, each message is handled, in order, and the callback's work is whole.
    assert report["received"] == report["async_queue"] == list(range(sent))
    assert report["answered"] == sent // 2
    assert report["is_shared_whole"]
    assert report["overtaken"] == 0
    return report


@pytest.mark.parametrize("name", MODULES)
def test_messages_in_between_make_no_difference(kernel: Kernel, name: str) -> None:
    run, least_ok, least_inside = MODULES[name]
    off = stressed(kernel, name, run.format("0, live=False"))
    on = stressed(kernel, name, run.format(f"{LIVE_S}, live=True"))

    assert on["outcomes"] == off["outcomes"]
    assert list(off["outcomes"].values()).count(["ok"]) >= least_ok
    assert off["inside"] == 0
    assert on["inside"] >= least_inside
