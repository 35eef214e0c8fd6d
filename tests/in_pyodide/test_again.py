"""The port closes and opens again while messages come; lite_comms is imported again."""

from __future__ import annotations

import pytest

from .conftest import HELLO, NewKernel, frames, opened_anew, with_comm
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

TARGET = """
heard = []

def collect(comm, msg):
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))

from comm import get_comm_manager
get_comm_manager().register_target("collect", collect)
"""
SEND = "page.send('comm_msg', {comm_id: 'c', data: %s});"


def test_a_hello_does_not_overtake_the_bye_before_it(port_kernel: Kernel) -> None:
    kernel = with_comm(opened_anew(port_kernel), TARGET, "collect")
    kernel.run("with lite_comms.MemoryTransport(): pass")
    # Each is answered at once, in its order, behind messages that are on their way.
    sent = "".join(SEND % number for number in range(3))
    kernel.page(f"{sent} page.post('bye'); {HELLO}; await page.turn()")
    assert [frame[0] for frame in frames(kernel)][:2] == ["bye", "hello"]
    assert kernel.run("print(lite_comms.status().transport, heard)").splitlines()[-1] == (
        "port [0, 1, 2]"
    )


def test_no_message_is_handled_twice_when_lite_comms_is_imported_anew(
    new_kernel: NewKernel,
) -> None:
    with new_kernel() as kernel:
        kernel.page(f"{HELLO}; await page.turn()")
        kernel.run(
            "import sys\n"
            "for name in [*sys.modules]:\n"
            "    if name.startswith('lite_comms'): del sys.modules[name]\n"
            "import lite_comms\n"
            "_ = lite_comms.install()"
        )
        kernel.page(f"{HELLO}; await page.turn()")
        with_comm(kernel, TARGET, "collect")
        kernel.page("".join(f"await {SEND % number}" for number in range(3)))
        acknowledged = [
            number for kind, *numbers in frames(kernel) if kind == "ack" for number in numbers
        ]
        assert len(acknowledged) == 3 == len({*acknowledged})
        assert kernel.run("print(lite_comms.status().transport, heard)").splitlines()[-1] == (
            "port [0, 1, 2]"
        )
