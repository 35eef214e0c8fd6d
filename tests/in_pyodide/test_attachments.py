"""What a message of the page has besides its buffers, in JupyterLite's own worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import RESET, NewKernel
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

# Keeps each message, as the callback gets it.
KEEP = """
import lite_comms
from comm import get_comm_manager

heard = []

def keep(comm, msg):
    comm.on_msg(heard.append)

get_comm_manager().register_target("keep", keep)

def kinds():
    return [
        [each.constructor.name for each in msg["attachments"]] if "attachments" in msg else None
        for msg in heard
    ]
"""
SEND = "await page.send('comm_msg', {comm_id: 'c', data: {}}, "


@pytest.fixture(scope="module")
def _kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel() as kernel:
        kernel.open_port()
        yield kernel


@pytest.fixture
def kernel(_kernel: Kernel) -> Kernel:
    _kernel.run(RESET + KEEP)
    _kernel.page("await page.send('comm_open', {comm_id: 'c', target_name: 'keep', data: {}})")
    return _kernel


def test_they_are_in_their_message_and_in_no_other(kernel: Kernel) -> None:
    kernel.page(
        f"{SEND} {{}});"
        f"{SEND} {{attachments: [new Blob(['a']), new MessageChannel().port1]}});"
        f"{SEND} {{attachments: []}});"
        f"{SEND} {{buffers: [new ArrayBuffer(1)]}})"
    )
    printed = kernel.run("print(kinds(), [len(msg['buffers']) for msg in heard])")
    assert printed == "[None, ['Blob', 'MessagePort'], [], None] [0, 0, 0, 1]\n"


def test_they_come_beside_buffers(kernel: Kernel) -> None:
    kernel.page(f"{SEND} {{attachments: [new Blob()], buffers: [new Uint8Array([1, 2]).buffer]}})")
    assert kernel.run("print(kinds(), bytes(heard[0]['buffers'][0]))") == (
        "[['Blob']] b'\\x01\\x02'\n"
    )


def test_a_message_that_is_kept_for_receive_keeps_them(kernel: Kernel) -> None:
    kernel.run("get_comm_manager().register_target('bare', lambda comm, msg: heard.append(comm))")
    kernel.page(
        "page.send('comm_open', {comm_id: 'e', target_name: 'bare', data: {}});"
        "const more = {attachments: [new Blob(['abc'])]};"
        "await page.send('comm_msg', {comm_id: 'e', data: {}}, more)"
    )
    assert kernel.run("print(heard[0].receive(timeout_s=1)['attachments'][0].size)") == "3\n"


def test_what_was_attached_to_a_message_that_does_not_come_is_dropped(kernel: Kernel) -> None:
    kernel.page(f"page.post('attach', 1000, new Blob()); {SEND} {{}})")
    assert kernel.run("print(kinds())") == "[None]\n"


def test_what_is_no_object_is_refused_and_the_message_handled(kernel: Kernel) -> None:
    kernel.page("page.frames.length = 0")
    kernel.page(f"{SEND} {{attachments: ['text']}})")
    assert kernel.page("return page.frames.filter(([type]) => type === 'error')") == [
        ["error", "attachments of a frame 'attach' must be objects of JavaScript", 0]
    ]
    assert kernel.run("print(kinds())") == "[None]\n"


def test_a_message_that_waits_for_its_target_keeps_them(kernel: Kernel) -> None:
    kernel.page(
        "const more = {mayWait: true, attachments: [new Blob(['ab'])]};"
        "page.send('comm_open', {comm_id: 'd', target_name: 'later', data: {}}, more);"
        "page.send('comm_msg', {comm_id: 'd', data: {}}, more); await page.turn()"
    )
    kernel.run("get_comm_manager().register_target('later', keep)")
    assert kernel.run("print(kinds(), heard[0]['attachments'][0].size)") == "[['Blob']] 2\n"


def test_a_port_speaks_to_the_page(kernel: Kernel) -> None:
    assert (
        kernel.page(
            "const {port1, port2} = new MessageChannel();"
            "const answer = new Promise(resolve => port1.once('message', resolve));"
            f"{SEND} {{attachments: [port2]}});"
            "page.ask('execute', {code: 'heard[0][\"attachments\"][0].postMessage(7)'});"
            "const value = await answer; port1.close(); return value"
        )
        == 7
    )


def test_a_blob_is_a_file(kernel: Kernel) -> None:
    kernel.page(f"{SEND} {{attachments: [new File(['one\\ntwo\\n'], 'lines.txt')]}})")
    printed = kernel.run(
        "with lite_comms.open_blob(heard[0]['attachments'][0]) as file:\n"
        "    print(file.readline(), file.tell(), file.seek(-2, 2), file.read(), file.read())"
    )
    assert printed == "b'one\\n' 4 6 b'o\\n' b''\n"


def test_a_large_blob_is_read_in_pieces_that_fit(kernel: Kernel) -> None:
    kernel.page(
        "const part = new Uint8Array(1 << 20).map((_, i) => i % 251);"
        f"{SEND} {{attachments: [new Blob(Array(40).fill(part))]}})"
    )
    printed = kernel.run(
        "part = bytes(i % 251 for i in range(1 << 20))\n"
        "with lite_comms.open_blob(heard[0]['attachments'][0]) as file:\n"
        "    print(file.read() == part * 40)\n"
        "    file.seek(5)\n"
        "    print(file.read(2 << 20) == (part * 3)[5:][: 2 << 20])"
    )
    assert printed == "True\nTrue\n"


def test_a_blob_that_cannot_be_read_is_an_os_error(kernel: Kernel) -> None:
    kernel.page(f"{SEND} {{attachments: [new Blob(['text'])]}})")
    printed = kernel.run(
        "from pyodide.code import run_js\n"
        "undo = run_js('''const {readAsArrayBuffer} = FileReaderSync.prototype;\n"
        "FileReaderSync.prototype.readAsArrayBuffer = () => {\n"
        "  throw new DOMException('it was changed', 'NotReadableError');\n"
        "};\n"
        "() => { FileReaderSync.prototype.readAsArrayBuffer = readAsArrayBuffer; }''')\n"
        "try:\n"
        "    lite_comms.open_blob(heard[0]['attachments'][0]).read()\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
        "finally:\n"
        "    undo()"
    )
    assert printed == "bytes 0 to 4 cannot be read: NotReadableError: it was changed\n"
