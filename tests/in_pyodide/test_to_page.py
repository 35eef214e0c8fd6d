"""From the kernel to the page, by the stock transport in JupyterLite's own worker."""

from __future__ import annotations

import pytest

from .kernel import Kernel, Message

pytestmark = pytest.mark.pyodide


def test_the_page_receives_the_three_messages_of_a_comm(kernel: Kernel) -> None:
    kernel.run("""
from lite_comms import Comm

with Comm("target", {"a": None}, {"m": 1}, [b"ab"], "c1") as comm:
    comm.send({"b": [2**60, {1}]}, {"n": (1, 2)}, [bytearray(b"cd"), memoryview(b"")])
""")

    messages = kernel.comm_messages()
    cell = messages[0].parent_id
    assert cell is not None
    assert messages == [
        Message(
            "comm_open",
            {"data": {"a": None}, "comm_id": "c1", "target_name": "target", "target_module": None},
            {"m": 1},
            (b"ab",),
            cell,
        ),
        Message(
            "comm_msg",
            {"data": {"b": [1152921504606847000, [1]]}, "comm_id": "c1"},
            {"n": [1, 2]},
            (b"cd", b""),
            cell,
        ),
        Message("comm_close", {"data": {}, "comm_id": "c1"}, {}, (), cell),
    ]


def test_what_is_refused_sends_nothing_and_names_the_place(kernel: Kernel) -> None:
    kernel.run("from lite_comms import Comm\ncomm = Comm('target', comm_id='c1')")

    printed = kernel.run("""
for arguments in (
    {"data": {"rows": [{"when": object}]}},
    {"metadata": {"m": object}},
    {"buffers": [1]},
):
    try:
        comm.send(**arguments)
    except Exception as error:
        print(type(error).__name__, *str(error).split(": ")[1:3], sep=": ")
""")

    assert printed.splitlines() == [
        "EncodeError: data.rows[0].when: type is not JSON serializable",
        "EncodeError: metadata.m: type is not JSON serializable",
        "BufferFormatError: buffers[0]: int does not support the buffer protocol",
    ]
    assert kernel.comm_messages() == []


def test_a_buffer_is_the_senders_own_again_after_the_send(kernel: Kernel) -> None:
    kernel.run("""
from lite_comms import Comm

buffer = bytearray(b"before")
comm = Comm("target", buffers=[buffer])
buffer[:] = b"after!"
buffer.extend(b" and longer")
""")

    assert [msg.buffers for msg in kernel.comm_messages()] == [(b"before",)]


def test_a_buffer_of_many_bytes_and_any_shape_arrives_whole(kernel: Kernel) -> None:
    kernel.run("""
from lite_comms import Comm

many = bytes(range(256)) * 4096
Comm("target", buffers=[many, memoryview(many).cast("I", (512, 512)), memoryview(b"abcd")[::-2]])
""")

    many = bytes(range(256)) * 4096
    assert kernel.comm_messages()[0].buffers == (many, many, b"db")


def test_a_message_that_javascript_rejects_is_shown(kernel: Kernel) -> None:
    kernel.run("""
from lite_comms import Comm
from pyodide.code import run_js

comm = Comm("target")
shell = get_ipython()
send_comm = shell.send_comm
shell.send_comm = run_js("() => Promise.reject(new Error('no page'))")
comm.send({})
""")
    shown = kernel.shown("stderr")
    kernel.run("shell.send_comm = send_comm")

    assert shown == "lite_comms: a comm message did not reach the page: Error: no page\n"


def test_a_thousand_messages_each_way_leave_nothing_alive(kernel: Kernel) -> None:
    printed = kernel.run("""
import gc, pyodide_js
from comm import get_comm_manager
from lite_comms import Comm
from pyodide.code import run_js

comm = Comm("target", comm_id="c")
comm.on_msg(lambda msg: comm.send(msg["content"]["data"], msg["metadata"], msg["buffers"]))
message = run_js('''() => ({
  header: {}, parent_header: {}, metadata: {m: null},
  content: {comm_id: "c", data: {a: [null, {b: "c"}]}}, buffers: [new DataView(new ArrayBuffer(9))]
})''')

def echo(times):
    for _ in range(times):
        get_comm_manager().comm_msg(None, None, message().to_py())

def alive():
    gc.collect()
    return pyodide_js._module._hiwire_num_refs(), len(gc.get_objects())

echo(10)
before = alive()
echo(1000)
after = alive()
print([round((now - then) / 1000) for now, then in zip(after, before)])
""")

    assert len(kernel.comm_messages()) == 1 + 10 + 1000
    assert printed == "[0, 0]\n"  # of each kind, per message
