"""A comm that collects what it hears, and cells that run while JavaScript does."""

from __future__ import annotations

import json
from typing import Any

from .doing import PAUSE
from .kernel import Kernel

TARGET = """
import lite_comms, time
from comm import get_comm_manager

heard = []
depth = worst = 0

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        global depth, worst
        depth += 1
        worst = max(worst, depth)
        heard.append(msg["content"]["data"])
        if heard[-1] == "quietly":
            with lite_comms.quiet():
                end = time.time() + 0.3
                while time.time() < end:
                    pass
        if heard[-1] == "for ever":
            while True:
                pass
        depth -= 1

get_comm_manager().register_target("collect", collect)
"""
# Without messages it comes to an end by itself.
LOOP = "end = time.time() + 20\nwhile len(heard) < {n} and time.time() < end: pass\n"
SEND = "const send = (data, more) => page.share('comm_msg', {comm_id: 'c', data}, more);"


def during(kernel: Kernel, cell: str, javascript: str = "") -> dict[str, Any]:
    """Run a cell, and JavaScript while it runs; the cell's reply."""
    reply: dict[str, Any] = kernel.page(
        f"{SEND}{PAUSE} const cell = page.ask('execute', {{code: {json.dumps(cell)}}});"
        f"await pause(200); {javascript}; return cell;"
    )
    return reply
