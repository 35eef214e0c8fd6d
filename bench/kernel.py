"""The kernel's half of the benchmark: one work per comm target; run in the kernel of each side.

In Pyodide the same work is also done over the bare Worker, with nothing between
`postMessage` and Python but JSON and one copy per buffer: the floor.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any

from comm import get_comm_manager

# Made beforehand: what is measured is the way, not the making.
PIECE = bytes(range(250)) * 40_000

# As short as a text can be made.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

sliders: list[Any] = []

# Whether a cell does.
computing = False
# What a library that is written in Python works on: a call takes a few milliseconds.
TREE = [{"id": i, "name": f"row {i}", "values": [i, i * 0.5, None, True]} for i in range(100)]
# A kernel that is not live would never hear that it is enough.
COMPUTE_AT_MOST_S = 60


def echo(send: Any, data: Any, buffers: list[Any]) -> None:
    """Send back what came."""
    send(data, buffers)


def flood(send: Any, data: Any, buffers: list[Any]) -> None:
    """Send so many messages, each with a piece of binary data if that is asked for."""
    pieces = [PIECE] if data["pieces"] else []
    for i in range(int(data["n"])):
        send({"i": i}, pieces)


def count(send: Any, data: Any, buffers: list[Any]) -> None:
    """Answer to the last of many messages."""
    if data["last"]:
        send({"i": data["i"], "nbytes": sum(memoryview(buffer).nbytes for buffer in buffers)}, [])


def compute(in_library: bool = False) -> None:
    """Compute in a loop, as a cell, until `delay` says that it is enough."""
    global computing
    computing, end = True, time.time() + COMPUTE_AT_MOST_S
    while computing and time.time() < end:
        if in_library:
            json.dumps(TREE, indent=1)  # with an indent it is all Python
    computing = False


def delay(send: Any, data: Any, buffers: list[Any]) -> None:
    """Send back what came, and whether a cell computes meanwhile; after the last it is enough."""
    global computing
    send({**data, "computing": computing}, buffers)
    if data["last"]:
        computing = False


def slider(send: Any, data: Any, buffers: list[Any]) -> None:
    """Make a slider whose callback writes what it got, and when, into a label."""
    import ipywidgets

    source, label = ipywidgets.IntSlider(max=1_000_000), ipywidgets.Label()
    handled = 0

    def moved(change: Any) -> None:
        nonlocal handled
        handled += 1
        label.value = json.dumps([change.new, handled, time.time() * 1000])

    source.observe(moved, "value")
    sliders[:] = [source, label]
    send({"slider": source.model_id, "label": label.model_id}, [])


def memory(send: Any, data: Any, buffers: list[Any]) -> None:
    """Say what the kernel holds."""
    import pyodide_js

    gc.collect()
    objects, heap = len(gc.get_objects()), pyodide_js._module.HEAPU8.byteLength
    send({"objects": objects, "heap": heap}, [])


WORKS = {work.__name__: work for work in (echo, flood, count, delay, slider, memory)}


def over_comms(name: str) -> None:
    """Let a comm target do a work."""

    def opened(comm: Any, msg: Any) -> None:
        def send(data: Any, buffers: list[Any]) -> None:
            comm.send(data, buffers=buffers)

        def received(msg: Any) -> None:
            WORKS[name](send, msg["content"]["data"], msg["buffers"])

        comm.on_msg(received)

    get_comm_manager().register_target(name, opened)


def over_worker() -> None:
    """Do all works over the bare Worker."""
    from pyodide.code import run_js
    from pyodide.ffi import create_proxy, to_js

    post = run_js("""(...frame) => {
      const buffers = frame.filter(ArrayBuffer.isView).map(view => view.buffer);
      self.postMessage({floor: frame}, buffers);
    }""")

    def received(name: str, text: str, *buffers: Any) -> None:
        def send(data: Any, buffers: list[Any]) -> None:
            post(name, encode(data), *map(to_js, buffers))

        WORKS[name](send, json.loads(text), [buffer.to_memoryview() for buffer in buffers])

    run_js("""received => self.addEventListener('message', ({data}) => {
      if (data?.floor) {
        received(...data.floor);
      }
    })""")(create_proxy(received))


for name in WORKS:
    over_comms(name)
get_comm_manager().register_target("quiet", lambda comm, msg: None)
if sys.platform == "emscripten":
    over_worker()
