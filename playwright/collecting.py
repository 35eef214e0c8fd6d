"""A target that collects what the page sends, and how the page opens a comm to it."""

from __future__ import annotations

# Collects what it hears, for a time that the message says.
COLLECT = """
import asyncio, time
import lite_comms
from comm import get_comm_manager

heard = []
depth = worst = 0

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        global depth, worst
        depth += 1
        worst = max(worst, depth)
        data = msg['content']['data']
        heard.append(data['n'])
        end = time.perf_counter() + data.get('s', 0)
        while time.perf_counter() < end:
            pass
        depth -= 1

get_comm_manager().register_target('collect', collect)
"""
OPEN = """
const comm = Jupyter.notebook.kernel.comm_manager.new_comm('collect');
window.send = (n, s = 0) => comm.send({n, s});
window.pause = ms => new Promise(resolve => setTimeout(resolve, ms));
"""

# Without messages it comes to an end by itself.
LOOP = "end = time.time() + 20\nwhile len(heard) < {n} and time.time() < end: pass\n"
