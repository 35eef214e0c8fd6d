"""Messages in running code, and Stop, in a browser that cannot suspend Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collecting import COLLECT, OPEN
from pages import Notebook, Tab, text
from serve import serving
from test_stop import STOPPED

NewTab = Callable[[str], Tab]


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "isolated"])
def without_jspi(
    request: pytest.FixtureRequest, site_copy: Callable[..., Path], new_shared_tab: NewTab
) -> Iterator[Notebook]:
    """A notebook in a browser without JSPI, on either kind of host."""
    folder = site_copy()
    for name in ("pyodide.mjs", "pyodide.asm.mjs"):
        module = folder / "static/pyodide" / name
        module.write_text(f"delete WebAssembly.Suspending;{module.read_text('utf-8')}", "utf-8")
    with serving(folder, isolated=request.param) as url:
        notebook = new_shared_tab(url).notebook()
        notebook.python(COLLECT)
        notebook.javascript(OPEN)
        yield notebook


def test_without_jspi_an_isolated_page_is_live(without_jspi: Notebook) -> None:
    isolated = without_jspi.page.evaluate("crossOriginIsolated")
    printed = without_jspi.python("lite_comms.status();")
    assert ("memory that is shared" if isolated else "has no JSPI") in printed
    without_jspi.python("heard.clear()")
    seconds = 20 if isolated else 2
    number = without_jspi.running(
        f"end = time.time() + {seconds}\n"
        "while len(heard) < 4 and time.time() < end: time.sleep(0.01)\nlen(heard)"
    )
    without_jspi.page.evaluate("[1, 2, 3, 4].forEach(n => send(n))")
    assert without_jspi.ended(number).split() == ["runs", "4" if isolated else "0"]
    assert without_jspi.python("heard") == "[1, 2, 3, 4]"


@pytest.mark.parametrize("code", STOPPED)
def test_without_jspi_stop_works(without_jspi: Notebook, code: str) -> None:
    if "wait_for" in code and not without_jspi.page.evaluate("crossOriginIsolated"):
        assert "the browser has no JSPI" in without_jspi.python(code)
        return
    number = without_jspi.running(code)
    without_jspi.stop()
    shown = without_jspi.ended(number)
    assert re.search(rf"^({STOPPED[code]})(:|$)", shown, re.MULTILINE), shown
    assert text(without_jspi.run("1 + 1")) == "2"
