"""What `live/isolation.ts` of the page mends in JupyterLite's Pyodide kernel is still as it was."""

from __future__ import annotations

import importlib.metadata
import re

import pytest


def test_the_kernel_extension_takes_what_wait_async_gives_for_a_promise() -> None:
    pytest.importorskip("jupyterlite_pyodide_kernel")  # a site's builder, which Pyodide has not
    files = importlib.metadata.files("jupyterlite-pyodide-kernel") or []
    page_scripts = [
        file.read_text("utf-8")
        for file in files
        if file.match("static/*.js") and not file.match("*.worker.*")
    ]
    (script,) = (text for text in page_scripts if "waitAsync" in text)
    # Else the kernel extension waits in another way, and lite-comms:isolation may be dropped.
    assert re.search(r"\bwaitAsync:\w+}=Atomics\b", script)
    assert re.search(r"\(\w+,\w+\)\.value\.then\(", script)
