"""The parent header that a kernel has: who reads it, who sets it, and until when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import with_comm
from .doing import PAUSE, SEND, TARGET, printed
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

# Of a message, as a server kernel has it.
KEYS = ["buffers", "content", "header", "metadata", "msg_id", "msg_type", "parent_header"]


@pytest.fixture
def kernel(open_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, with one comm that does what the page says."""
    return with_comm(open_kernel, TARGET, "do")


def test_get_parent_is_the_message_as_on_a_server(kernel: Kernel) -> None:
    kernel.run("""
parents = []
def keep():
    parents.append(get_ipython().kernel.get_parent())
keep()
""")
    sent = kernel.page(f"{SEND} return send('keep()')")
    assert kernel.run("""
cell, callback = parents
print([sorted(parent) for parent in parents])
print(cell["header"]["msg_type"], "keep()" in cell["content"]["code"])
print(callback["header"]["msg_type"], type(callback["header"]["date"]).__name__)
print(callback["content"], get_ipython().kernel.get_parent("control"))
print(callback["header"]["msg_id"])
print(get_ipython().kernel.get_parent("shell") is get_ipython().kernel.get_parent())
""").splitlines() == [
        str([KEYS, KEYS]),
        "execute_request True",
        "comm_msg datetime",
        "{'comm_id': 'c', 'data': 'keep()'} {}",
        sent,
        "True",
    ]


def test_code_may_put_back_the_parent_that_it_has_read(kernel: Kernel) -> None:
    kernel.run("""
kernel = get_ipython().kernel
parent = kernel._parent_header
kernel._parent_header = parent
print(kernel._parent_header["header"]["msg_id"] == parent["header"]["msg_id"])
""")
    ((same, first),) = printed(kernel)
    kernel.run("print('next')")
    ((_, second),) = printed(kernel)
    assert same == "True"
    assert None not in {first, second}
    assert first != second


def test_a_task_says_something_under_the_cell_whose_parent_it_sets(kernel: Kernel) -> None:
    kernel.run("""
first = get_ipython().get_parent()
print("first")
""")
    ((_, first),) = printed(kernel)
    kernel.run("""
async def f():
    get_ipython().set_parent(first)
    await asyncio.sleep(0.05)
    print("task")
    display("task")
    get_comm_manager().comms["c"].send("task")
    try:
        1 / 0
    except ZeroDivisionError:
        get_ipython().showtraceback()
task = asyncio.create_task(f())
await task
print("second")
print(get_ipython().get_parent() is get_ipython().kernel.get_parent())
""")
    said = dict(printed(kernel))
    (display,) = [msg for msg in kernel.received if msg.msg_type == "display_data"]
    assert said["task"] == display.parent_id == first
    assert said["second"] not in (first, None)
    assert said["True"] == said["second"]
    ((error, parent),) = kernel.errors()
    assert (error["ename"], parent) == ("ZeroDivisionError", first)
    frames: list[Any] = kernel.page("return page.frames.splice(0)")
    (comm,) = [json.loads(frame[4]) for frame in frames if frame[0] == "comm"]
    assert comm["msg_id"] == first


def test_a_cell_may_set_another_parent_and_its_own_again(kernel: Kernel) -> None:
    kernel.run("""
first = get_ipython().kernel.get_parent()
print("first")
""")
    ((_, first),) = printed(kernel)
    kernel.run("""
kernel = get_ipython().kernel
own = kernel.get_parent()
kernel.set_parent([b"ident"], first)
print("of the first")
kernel.set_parent([b"ident"], own, channel="shell")
print("own")
kernel.set_parent([], first, "control")
print("own again")
""")
    said = dict(printed(kernel))
    assert said["of the first"] == first
    assert said["own"] == said["own again"]
    assert said["own"] not in (first, None)
    kernel.run("print('next')")
    assert printed(kernel)[0][1] not in (first, said["own"], None)


def test_a_parent_that_javascript_calls_have_set_holds_until_the_next_cell(kernel: Kernel) -> None:
    kernel.run("""
import js
from pyodide.ffi import create_once_callable
first = get_ipython().get_parent()
def soon(f, ms=50):
    js.setTimeout(create_once_callable(f), ms)
print("first")
""")
    ((_, first),) = printed(kernel)
    kernel.run("""
print("second")
def f():
    get_ipython().set_parent(first)
    print("by a timer")
    soon(lambda: print("and another"))
soon(f)
""")
    ((_, second),) = printed(kernel)
    kernel.page(f"{PAUSE} await pause(300)")
    assert printed(kernel) == [("by a timer", first), ("and another", first)]
    kernel.run("print('third')\nsoon(lambda: print('by its timer'))")
    ((_, third),) = printed(kernel)
    kernel.page(f"{PAUSE} await pause(200)")
    assert printed(kernel) == [("by its timer", third)]
    assert len({first, second, third, None}) == 4


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ("None", "parent must be a message, a dict, not NoneType"),
        ("{}", "parent['header'] must be a dict, not NoneType"),
        ("{'header': 'x'}", "parent['header'] must be a dict, not str"),
        ("{'header': {}}", "parent['header']['msg_id'] must be a str, not NoneType"),
        (
            "{'header': {'msg_id': 'x', 'date': 1j}}",
            "cannot be sent: parent['header'].date: complex is not JSON serializable: 1j",
        ),
        (
            "{'header': {'msg_id': 'x', 'a': DEEP}}",
            "cannot be sent: parent['header']: nested too deeply to be sent: more than 500 levels",
        ),
    ],
)
def test_what_is_no_message_cannot_be_the_parent(kernel: Kernel, parent: str, message: str) -> None:
    said = kernel.run(f"""
DEEP = []
for _ in range(3000):
    DEEP = [DEEP]
for set_parent in get_ipython().set_parent, lambda it: get_ipython().kernel.set_parent([], it):
    try:
        set_parent({parent})
    except TypeError as error:
        print(error)
""")
    assert said == 2 * f"{message}\n"
    assert len({parent for _, parent in printed(kernel)} - {None}) == 1


def test_the_id_of_a_parent_may_be_changed_in_place(kernel: Kernel) -> None:
    kernel.run("""
print("before")
header = get_ipython().kernel.get_parent()["header"]
own, header["msg_id"] = header["msg_id"], "another"
print("changed")
header["msg_id"] = own
print("after")
""")
    said = dict(printed(kernel))
    assert said["changed"] == "another"
    assert said["before"] == said["after"]


@pytest.mark.parametrize(
    "change",
    ['parent["header"].update(x=object())', 'parent["header"].clear()', "parent.clear()"],
)
def test_a_parent_that_is_spoiled_in_place_is_the_cell_still(kernel: Kernel, change: str) -> None:
    kernel.run(f"""
print("before")
parent = get_ipython().kernel.get_parent()
{change}
print("after")
""")
    said = dict(printed(kernel))
    assert said["before"] == said["after"]
    assert kernel.run("print(1)") == "1\n"


def test_a_helper_may_set_the_old_parent_header_and_put_it_back(kernel: Kernel) -> None:
    kernel.run("first = get_ipython().kernel.get_parent()\nprint('first')")
    ((_, first),) = printed(kernel)
    kernel.run("""
import unittest.mock
kernel = get_ipython().kernel
print("own")
with unittest.mock.patch.object(kernel, "_parent_header", first):
    print("patched")
print("own again")
name = "_parent_header".lower()
def put(value):
    setattr(kernel, name, value)
put(first)
print("set")
print(kernel.get_parent() is first)
""")
    said = dict(printed(kernel))
    assert said["patched"] == said["set"] == said["True"] == first
    assert said["own"] == said["own again"]
    assert said["own"] not in (first, None)
    kernel.run("print('next')")
    assert printed(kernel)[0][1] not in (first, said["own"], None)
