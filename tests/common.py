"""What tests of several rooms use."""

from __future__ import annotations

import sys
from typing import Any

import pytest

has_loops = pytest.mark.skipif(sys.platform == "emscripten", reason="Pyodide has one loop, its own")


def data(msg: dict[str, Any]) -> Any:
    return msg["content"]["data"]
