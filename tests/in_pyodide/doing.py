"""A comm that does in the kernel what the page says, and what the page is told of it."""

from __future__ import annotations

from .kernel import Kernel

# Its target.
TARGET = """
import asyncio
from comm import get_comm_manager

def do(comm, msg):
    @comm.on_msg
    def _(msg):
        exec(msg["content"]["data"], globals())

get_comm_manager().register_target("do", do)

async def later(text, seconds=0.05):
    await asyncio.sleep(seconds)
    print(text)
"""
SEND = "const send = data => page.send('comm_msg', {comm_id: 'c', data});"
PAUSE = "const pause = ms => new Promise(resolve => setTimeout(resolve, ms));"
# Runs a cell; the id of its request, and the reply.
RUN = "const run = code => page.ask('execute', {code, silent: false, store_history: true});"


def printed(kernel: Kernel) -> list[tuple[str, str | None]]:
    """What has been printed, with the id of its parent."""
    streams = [msg for msg in kernel.received if msg.msg_type == "stream"]
    return [(msg.content["text"], msg.parent_id) for msg in streams if msg.content["text"].strip()]
