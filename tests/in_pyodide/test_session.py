"""Messages that code written for a server sends by hand, by the session of its kernel."""

from __future__ import annotations

import json

import pytest

from .conftest import NewKernel, with_comm
from .doing import TARGET, printed
from .kernel import Kernel
from .publishing import FIRST, first_cell, others

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(open_kernel: Kernel) -> Kernel:
    return with_comm(open_kernel, TARGET, "do")


def test_a_session_sends_any_message_to_the_page(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.page("page.frames.length = 0")
    kernel.run("""
send, iopub = kernel.session.send, kernel.iopub_socket
send(iopub, "stream", {"name": "stdout", "text": "one"}, parent=first)
msg = send(shell.display_pub.pub_socket, "display_data",
           content={"data": {"image/png": b"abc"}, "metadata": {}}, parent=first["header"],
           metadata={"m": None}, ident=b"topic", buffers=[b"xyz", bytearray(3)])
send(kernel.iopub_thread, kernel.session.msg("mine", {"n": float("nan")}))
kernel.iopub_thread.schedule(lambda: sys.stdout.session.send(sys.stdout.pub_thread, "status", {}))
print(f"{msg['header']['msg_type']} {msg['parent_header'] == first['header']}")
""")
    own = dict(printed(kernel))["display_data True"]
    assert own not in (first, None)
    came = [
        frame
        for frame in kernel.page(
            "await page.turn(); return page.frames.splice(0).map("
            "  frame => frame.map(it => ArrayBuffer.isView(it) ? [...it] : it)"
            ")"
        )
        if frame[0] == "comm"
    ]
    parents = [json.loads(frame[4]).get("msg_id") for frame in came]
    assert [[*map(json.loads, frame[2:4]), *frame[5:]] for frame in came] == [
        [{"name": "stdout", "text": "one"}, {}],
        [
            {"data": {"image/png": "YWJj"}, "metadata": {}},
            {"m": None},
            [*b"xyz"],
            [0, 0, 0],
        ],
        [{"n": "nan"}, {}],
        [{}, {}],
    ]
    assert parents == [first, first, own, own]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "kernel.session.send(None, 'stream', {})",
            "TypeError: stream must be kernel.iopub_socket: there is no other one in JupyterLite",
        ),
        (
            "kernel.session.send(kernel.iopub_socket, 'x', {'a': object()}, parent=first)",
            "EncodeError: a: object is not JSON",
        ),
        (
            "kernel.session.send(kernel.iopub_socket, 'x', {}, buffers=b'abc')",
            "BufferFormatError: x by session.send: buffers: a list of bytes-like objects is needed",
        ),
        (
            "kernel.session.send(kernel.iopub_socket, 'x', {}, parent={'header': {}})",
            "TypeError: parent['header']['msg_id'] must be a str, not NoneType",
        ),
        ("sys.stdout.set_parent({})", "TypeError: parent['header'] must be a dict, not NoneType"),
    ],
)
def test_what_cannot_be_sent_by_hand_is_an_error(kernel: Kernel, call: str, message: str) -> None:
    kernel.run(FIRST)
    said = kernel.run(f"""
import sys
try:
    {call}
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}")
""")
    assert said.startswith(message)


def test_on_jupyterlites_own_path_outputs_can_be_sent_by_hand(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        first = first_cell(kernel)
        said = kernel.run("""
import sys
send, iopub = kernel.session.send, kernel.iopub_socket
sys.stdout.set_parent(first)
print("of the first", end="")
sys.stdout.set_parent(kernel.get_parent())
send(iopub, "display_data", {"data": {"text/plain": "shown"}, "metadata": {}}, parent=first)
send(iopub, "display_data", {"data": {"text/plain": "own"}, "metadata": {}})
for msg_type in "error", "mine":
    try:
        send(iopub, msg_type, {}, parent=first)
    except Exception as error:
        print(type(error).__name__, error, file=sys.stderr)
""")
        assert said == "of the first"
        of_first, (_, own), *_ = printed(kernel)
        assert of_first == ("of the first", first)
        assert [(msg.content["data"], msg.parent_id) for msg in others(kernel)] == [
            ({"text/plain": "shown"}, first),
            ({"text/plain": "own"}, own),
        ]
        assert kernel.shown("stderr").splitlines() == [
            f"TransportError a message of type {msg_type!r} cannot be sent on JupyterLite's own "
            "path, which carries streams and displays, without metadata and buffers, only"
            for msg_type in ("error", "mine")
        ]
