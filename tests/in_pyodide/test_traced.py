"""What a trace records in JupyterLite's own worker: by the port, and on JupyterLite's own path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import NewKernel
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

BEGIN = """
import json
import lite_comms
from comm import create_comm, get_comm_manager

def echo(comm, msg):
    @comm.on_msg
    def _(msg):
        comm.send(msg["content"]["data"], buffers=msg["buffers"])

get_comm_manager().register_target("echo", echo)
block = lite_comms.trace()
messages = block.__enter__()
comm = create_comm("nobody", {"none": None}, buffers=[b"ab"])
parent = get_ipython().kernel.get_parent()["header"]["msg_id"]
"""
END = """
block.__exit__(None, None, None)
comm.send("not recorded")
print(json.dumps([parent, *({**m._asdict(), "time": "", "buffers": [b.hex() for b in m.buffers]}
                            for m in messages)]))
"""


def brief(message: dict[str, Any]) -> list[Any]:
    fields = "direction", "msg_type", "target_name", "data", "buffers"
    return [message[field] for field in fields]


def check(kernel: Kernel) -> None:
    parent, opened, *others = json.loads(kernel.run(END))
    assert brief(opened) == ["kernel_to_page", "comm_open", "nobody", {"none": None}, ["6162"]]
    assert opened["parent_id"] == parent
    assert [brief(message) for message in others] == [
        ["page_to_kernel", "comm_open", "echo", {"a": None}, []],
        ["page_to_kernel", "comm_msg", "echo", [1, None], ["0102"]],
        ["kernel_to_page", "comm_msg", "echo", [1, None], ["0102"]],
    ]
    asked, answered = others[1:]
    assert answered["parent_id"] == asked["msg_id"] != ""


def test_the_port_is_traced(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.open_port()
        kernel.run(BEGIN)
        kernel.page(
            "await page.send('comm_open', {comm_id: 'e', target_name: 'echo', data: {a: null}});"
            "const {buffer} = new Uint8Array([1, 2]);"
            "await page.send('comm_msg', {comm_id: 'e', data: [1, null]}, {buffers: [buffer]})"
        )
        check(kernel)


def test_a_kernel_says_that_it_has_no_replay(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        printed = kernel.run(
            "import lite_comms\n"
            "with lite_comms.MemoryTransport():\n"
            "    try: lite_comms.replay([])\n"
            "    except RuntimeError as error: print(error)"
        )
    assert printed.startswith("lite_comms.replay is not in the wheel that kernels of a site load")


def test_the_path_of_jupyterlite_is_traced(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.run(BEGIN)
        kernel.tell("comm_open", "{comm_id: 'e', target_name: 'echo', data: {a: null}}")
        kernel.tell(
            "comm_msg", "{comm_id: 'e', data: [1, null]}", buffers="[new Uint8Array([1, 2])]"
        )
        check(kernel)
