"""A first cell, and what a kernel says besides comm messages, over the port and without it."""

from __future__ import annotations

import json
from typing import Any

from .doing import printed
from .kernel import Kernel, Message

FIRST = """
import sys
from IPython.display import display, clear_output
shell, kernel = get_ipython(), get_ipython().kernel
first = shell.get_parent()
print("first")
"""


def first_cell(kernel: Kernel) -> str:
    """Run a first cell; the id of its request."""
    kernel.run(FIRST)
    ((_, first),) = printed(kernel)
    assert first is not None
    return first


def frames(kernel: Kernel) -> list[tuple[str, Any, str]]:
    """Take what has come over the port but comm messages: type, content, the parent's id."""
    came = kernel.page(
        "await page.turn();"
        "const isOutput = ([type, name]) => type === 'comm' && !name.startsWith('comm_');"
        "return page.frames.splice(0).filter(isOutput)"
    )
    parent = None
    found = []
    for _, msg_type, content, _, header, *_ in came:
        parent = header if isinstance(header, str) else parent
        assert parent is not None
        found.append((msg_type, json.loads(content), json.loads(parent).get("msg_id")))
    return found


def others(kernel: Kernel) -> list[Message]:
    """What the latest request has made the kernel say on JupyterLite's own path."""
    return [msg for msg in kernel.received if msg.msg_type in ("display_data", "execute_result")]
