"""How long a message's way is, in calls of Python functions: the same number on any machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .conftest import NewKernel
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

# Of a small message without buffers or metadata, once what is kept has been made. Both are what it
# took when they were written: who makes the way longer has to say why.
SEND_CALLS = 10
RECEIVE_CALLS = 30

COUNT = """
import json, sys
from comm import create_comm, get_comm_manager

calls = []

def count(frame, event, arg):
    if event == "call":
        calls.append(frame.f_code.co_qualname)

def send():
    comm = create_comm("way")
    comm.send({"n": 0})
    calls.clear()
    sys.setprofile(count)
    comm.send({"n": 1})
    sys.setprofile(None)
    return calls

def way(comm, msg):
    # From the end of one callback to the beginning of the next one.
    @comm.on_msg
    def _(msg):
        if msg["content"]["data"] == "begin":
            calls.clear()
            sys.setprofile(count)
        else:
            sys.setprofile(None)

get_comm_manager().register_target("way", way)
"""


@pytest.fixture(scope="module")
def kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel() as kernel:
        kernel.open_port()
        kernel.run(COUNT)
        yield kernel


def test_a_send_calls_few_functions(kernel: Kernel) -> None:
    calls: list[str] = json.loads(kernel.run("print(json.dumps(send()))"))
    assert len(calls) <= SEND_CALLS, "\n".join(calls)


def test_a_message_is_received_by_few_functions(kernel: Kernel) -> None:
    kernel.page(
        "const post = (id, msg_type, content) => page.post("
        "  'comm', id,"
        "  JSON.stringify({header: {msg_id: `${id}`, msg_type}, metadata: {}, content}), false"
        ");"
        "post(1, 'comm_open', {comm_id: 'way', target_name: 'way', data: {}});"
        "for (const [i, data] of ['warm', 'begin', 'end'].entries()) {"
        "  post(i + 2, 'comm_msg', {comm_id: 'way', data});"
        "}"
        "await page.turn()"
    )
    calls: list[str] = json.loads(kernel.run("print(json.dumps(calls))"))
    # On a slow machine the clock looks for messages meanwhile: that is no part of the way.
    if "Signals._on_signal" in calls:
        begin = calls.index("Signals._on_signal")
        del calls[begin : calls.index("suppress.__exit__", begin) + 1]
    assert len(calls) <= RECEIVE_CALLS, "\n".join(calls)
