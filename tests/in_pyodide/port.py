"""A target that echoes, and what is asked of a kernel whose port is tested."""

from __future__ import annotations

import json

from .kernel import Kernel

# A target whose comms answer each message with what they heard, and print as well.
ECHO = """
from comm import get_comm_manager

def echo(comm, msg):
    comm.send({"opened": msg["content"]["data"]})

    @comm.on_msg
    def _(msg):
        print("heard")
        comm.send(msg["content"]["data"], msg["metadata"], msg["buffers"])

get_comm_manager().register_target("echo", echo)
"""
OPEN = "{comm_id: 'c', target_name: 'echo', data: {}}"


def status(kernel: Kernel) -> list[str]:
    return kernel.run("s = lite_comms.status(); print(s.transport)").splitlines()[-1:]


DIED = ["died", "RuntimeError: memory access out of bounds"]


def crash(kernel: Kernel, before: str = "") -> list[list[str]]:
    """Let Python suffer a fatal error; the beginnings of the frames that have come."""
    code = f"{before}\nimport ctypes\nctypes.string_at(0xfffffff0)"
    # Its promise may be kept, or not: Python is gone.
    kernel.page(
        f"page.ask('execute', {json.dumps({'code': code})}).catch(() => undefined);"
        "while (!page.frames.some(([type]) => type === 'died'))"
        "  await new Promise(resolve => setTimeout(resolve, 10));"
    )
    return [frame[:2] for frame in kernel.page("return page.frames")]
