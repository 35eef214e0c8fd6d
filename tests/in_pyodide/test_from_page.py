"""From the page to the kernel, by the stock transport in JupyterLite's own worker."""

from __future__ import annotations

import json
import re

import pytest

from .kernel import Kernel, plain

pytestmark = pytest.mark.pyodide

# A target whose comms keep each message they hear in `heard`.
LISTEN = """
from comm import get_comm_manager

heard = []

def listen(comm, msg):
    heard.append(msg)
    comm.on_msg(heard.append)
    comm.on_close(heard.append)

get_comm_manager().register_target("listen", listen)
"""
OPEN = "{comm_id: 'c', target_name: 'listen', data: {first: null}}"


def listening(kernel: Kernel) -> Kernel:
    kernel.run(LISTEN)
    kernel.tell("comm_open", OPEN)
    return kernel


def test_a_message_of_the_page_has_the_fields_of_a_servers(kernel: Kernel) -> None:
    listening(kernel)
    kernel.tell("comm_msg", "{comm_id: 'c', data: {a: [1, 2.5, null]}}", "{m: null}")

    printed = kernel.run("""
import json

msg = heard[-1]
print(json.dumps([sorted(msg), msg["content"], msg["metadata"], msg["buffers"]]))
print(json.dumps([msg["header"]["msg_type"], msg["msg_type"], msg["parent_header"]]))
print(msg["msg_id"] == msg["header"]["msg_id"], type(msg["header"]["date"]).__name__)
print(msg["header"]["date"].tzinfo, msg["header"]["session"], type(msg["content"]).__name__)
""")

    fields, kinds, *rest = printed.splitlines()
    assert json.loads(fields) == [
        [
            "buffers",
            "content",
            "header",
            "metadata",
            "msg_id",
            "msg_type",
            "parent_header",
        ],
        {"comm_id": "c", "data": {"a": [1, 2.5, None]}},
        {"m": None},
        [],
    ]
    assert json.loads(kinds) == ["comm_msg", "comm_msg", {}]
    assert rest == ["True datetime", "UTC page dict"]


@pytest.mark.parametrize(
    ("javascript", "expected"),
    [
        ("new Uint8Array([1, 2, 255])", b"\x01\x02\xff"),
        ("new Uint8Array([1, 2, 3, 4]).buffer", b"\x01\x02\x03\x04"),
        ("new Float64Array([1])", b"\0\0\0\0\0\0\xf0?"),
        ("new ArrayBuffer(0)", b""),
    ],
)
def test_a_buffer_of_the_page_is_a_memoryview_of_bytes_that_can_be_written_to(
    kernel: Kernel, javascript: str, expected: bytes
) -> None:
    listening(kernel)

    kernel.tell(
        "comm_msg", "{comm_id: 'c', data: {}}", buffers=f"[new Uint8Array(3), {javascript}]"
    )

    printed = kernel.run("""
zeros, view = heard[-1]["buffers"]
print(type(view).__name__, view.format, view.ndim, view.readonly, zeros.nbytes, bytes(view).hex())
""")
    assert printed == f"memoryview B 1 False 3 {expected.hex()}\n"


def test_the_pages_own_buffer_is_usable_after_a_send(kernel: Kernel) -> None:
    listening(kernel)

    left = kernel.page("""
const buffer = new Uint8Array([1, 2, 3]);
await page.tell('comm_msg', {comm_id: 'c', data: {}}, {}, [buffer]);
buffer[0] = 9;
return Array.from(buffer);
""")

    assert left == [9, 2, 3]
    assert kernel.run("print(bytes(heard[-1]['buffers'][0]))") == "b'\\x01\\x02\\x03'\n"


def test_a_buffer_stays_after_its_message_is_gone(kernel: Kernel) -> None:
    listening(kernel)
    kernel.tell("comm_msg", "{comm_id: 'c', data: {}}", buffers="[new Uint8Array([1, 2, 3])]")

    kernel.run("kept = heard[-1]['buffers'][0]\nheard.clear()")
    kernel.tell("comm_msg", "{comm_id: 'c', data: {}}", buffers="[new Uint8Array([7, 7, 7])]")

    assert kernel.run("print(bytes(kept))") == "b'\\x01\\x02\\x03'\n"


def test_output_of_a_callback_belongs_to_the_message_of_the_page(kernel: Kernel) -> None:
    kernel.run("""
from comm import get_comm_manager

get_comm_manager().register_target("answer", lambda comm, msg: (print("opened"), comm.send({})))
""")

    kernel.tell("comm_open", "{comm_id: 'c', target_name: 'answer', data: {}}")

    parents = {msg.parent_id for msg in kernel.received}
    assert (len(parents), None in parents) == (1, False)
    assert (kernel.shown("stdout"), len(kernel.comm_messages())) == ("opened\n", 1)


def test_a_comm_for_a_missing_target_is_closed_with_the_reason(kernel: Kernel) -> None:
    kernel.tell("comm_open", "{comm_id: 'c', target_name: 'nowhere', data: {}}")

    why = "no comm target 'nowhere' is registered in the kernel (registered: none)"
    assert [(msg.msg_type, msg.content, msg.metadata) for msg in kernel.comm_messages()] == [
        (
            "comm_close",
            {"comm_id": "c", "data": {}},
            {"lite_comms": {"ename": "LookupError", "evalue": why}},
        )
    ]
    assert kernel.shown("stderr") == f"lite_comms: comm 'nowhere' (c) is closed: {why}\n"


def test_an_exception_in_a_callback_is_shown_and_the_comm_stays_open(kernel: Kernel) -> None:
    kernel.run("""
from comm import get_comm_manager

def fail(msg):
    raise KeyError("mine")

get_comm_manager().register_target("fail", lambda comm, msg: comm.on_msg(fail))
""")
    kernel.tell("comm_open", "{comm_id: 'c', target_name: 'fail', data: {}}")

    kernel.tell("comm_msg", "{comm_id: 'c', data: {}}")

    shown = kernel.shown("stderr")
    lines = plain(shown).splitlines()
    assert re.fullmatch(r"KeyError +Traceback \(most recent call last\)", lines[1])
    assert lines[-2:] == [
        "KeyError: 'mine'",
        "lite_comms: the on_msg callback of comm 'fail' (c) raised",
    ]
    assert "lite_comms/" not in shown
    assert kernel.comm_messages() == []
    assert kernel.page("return page.ask('commInfo', {})")["comms"] == {"c": {"target_name": "fail"}}


def test_the_comms_are_listed_with_and_without_a_target(kernel: Kernel) -> None:
    kernel.run(
        "from lite_comms import Comm\na = Comm('one', comm_id='a')\nb = Comm('two', comm_id='b')"
    )

    everything = kernel.page("return page.ask('commInfo', {})")
    of_one = kernel.page("return page.ask('commInfo', {target_name: 'two'})")

    assert everything == {
        "comms": {"a": {"target_name": "one"}, "b": {"target_name": "two"}},
        "status": "ok",
    }
    assert of_one == {"comms": {"b": {"target_name": "two"}}, "status": "ok"}
