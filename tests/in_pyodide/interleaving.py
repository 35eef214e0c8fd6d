"""A comm whose callback is replaced by each test, and cells that run while messages come."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

from .kernel import Kernel, plain

# `heard` is what has come, `on` what is called.
TARGET = """
import asyncio, contextlib, logging, queue, threading, time, warnings
import lite_comms
from comm import get_comm_manager

heard = []
on = None

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        return on() if on else None

get_comm_manager().register_target("collect", collect)

def is_over(n=20, seconds=20):
    # Ends a loop after some messages; by the time only if they do not come.
    return len(heard) >= n or time.monotonic() > start + seconds

def begin(callback=None):
    global on, start
    heard.clear()
    on = callback
    start = time.monotonic()
"""


def during(kernel: Kernel, cell: str, every_ms: int = 5) -> str:
    """Run a cell while a message comes every few milliseconds; what it prints."""
    request = json.dumps({"code": dedent(cell)})
    reply = kernel.page(
        "let n = 0;"
        "const timer = setInterval("
        f"  () => page.send('comm_msg', {{comm_id: 'c', data: n++}}), {every_ms});"
        f"const reply = await page.ask('execute', {request});"
        "clearInterval(timer); return reply;"
    )
    assert reply["status"] == "ok", plain("\n".join(reply["traceback"]))
    return kernel.shown("stdout")


def stops(kernel: Kernel, cell: str, after_ms: int = 500) -> dict[str, Any]:
    """Run a cell with one message, and press Stop; its reply."""
    request = json.dumps({"code": dedent(cell)})
    reply: dict[str, Any] = kernel.page(
        "const pause = ms => new Promise(resolve => setTimeout(resolve, ms));"
        f"const cell = page.ask('execute', {request}); await pause({after_ms});"
        "page.send('comm_msg', {comm_id: 'c', data: 'sent'}); await pause(500);"
        "page.stop(); return cell;"
    )
    return reply
