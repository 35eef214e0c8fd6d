"""lite_comms in force in a real ipykernel, and out of it; a page in memory and a trace there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from conftest import ROOT

from .conftest import ECHO, comms, open_from_page, text
from .kernels import ServerKernel

pytestmark = pytest.mark.server

# In force, and out of it ----------------------------------------------------------------


def test_status_says_server(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms; s = lite_comms.status(); print(s.kernel, s.transport)"
    )

    shown = text(received, "stdout")
    assert "active, transport server\n" in shown
    assert "  why      a server kernel: messages take ipykernel's own path\n" in shown
    assert shown.endswith("server server\n")


def test_comms_of_before_go_on_and_what_was_opened_stays_after_the_undo(
    kernel: ServerKernel,
) -> None:
    kernel.run(
        "import lite_comms, comm, ipykernel.comm\n"
        "lite_comms.uninstall()\n"
        "old = comm.create_comm(target_name='old', comm_id='old')\n"
        "older = ipykernel.comm.Comm('older', comm_id='older', show_warning=False)\n"
        "assert type(old).__module__ == type(older).__module__ == 'ipykernel.comm.comm'\n"
        "for known in old, older:\n"
        "    known.on_msg(lambda msg, known=known: known.send(msg['content']['data']))\n"
        "_ = lite_comms.install()\n"
        "new = comm.create_comm('new', comm_id='new')\n"
        "new.on_msg(lambda msg: new.send(msg['content']['data']))\n"
    )

    def echo(comm_id: str) -> list[tuple[str, dict[str, Any]]]:
        return comms(kernel.tell("comm_msg", {"comm_id": comm_id, "data": comm_id}))

    expected = [
        [("comm_msg", {"comm_id": comm_id, "data": comm_id})] for comm_id in ("old", "older", "new")
    ]
    assert [echo("old"), echo("older"), echo("new")] == expected
    kernel.run("lite_comms.uninstall()")
    assert [echo("old"), echo("older"), echo("new")] == expected


SNAPSHOT = """
import sys, types
import comm, ipykernel.comm.comm
import lite_comms

def everything():
    kernel = get_ipython().kernel
    owners = {
        name: vars(module)
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType)
        and not name.startswith("lite_comms") and name != "__main__"
    }
    owners["DummyComm"] = vars(comm.DummyComm)
    owners["BaseComm"] = vars(ipykernel.comm.comm.BaseComm)
    owners["kernel"] = {"comm_manager": kernel.comm_manager}
    taken = {
        f"{owner}.{name}": id(value)
        for owner, names in owners.items()
        for name, value in names.items()
    }
    for name in ("comm_open", "comm_msg", "comm_close"):
        taken[f"handlers.{name}"] = id(kernel.shell_handlers[name].__self__)
    return taken

def compare():  # in one statement: IPython changes sys.excepthook with each
    lite_comms.uninstall()
    before = everything()
    lite_comms.install()
    during = everything()
    lite_comms.uninstall()
    after = everything()
    print(sorted(name for name in before.keys() | after if before.get(name) != after.get(name)))
    print(*sorted(name for name in before if during[name] != before[name]))

compare()
"""


def test_the_undo_is_exact_in_a_real_kernel(kernel: ServerKernel) -> None:
    undone, replaced = text(kernel.run(SNAPSHOT), "stdout").splitlines()

    assert undone == "[]"
    assert {
        "comm.create_comm",
        "comm.get_comm_manager",
        "ipykernel.comm.Comm",
        "ipykernel.comm.CommManager",
        "BaseComm.publish_msg",
        "kernel.comm_manager",
        "handlers.comm_open",
        "handlers.comm_msg",
        "handlers.comm_close",
    } <= set(replaced.split())


def test_load_ext_and_unload_ext_do_the_same(kernel: ServerKernel) -> None:
    received = kernel.run(
        "lite_comms.uninstall()\n"
        "%load_ext lite_comms\n"
        "print(type(get_ipython().kernel.comm_manager).__module__)\n"
        "%unload_ext lite_comms\n"
        "print(type(get_ipython().kernel.comm_manager).__module__)\n"
    )

    assert text(received, "stdout") == "lite_comms._comms.manager\nipykernel.comm.manager\n"


def test_it_is_installed_by_the_first_comm(kernel: ServerKernel) -> None:
    received = kernel.run(
        "lite_comms.uninstall()\n"
        "comm = lite_comms.Comm('plot', {'a': 1})\n"
        "print(lite_comms.status().installed)"
    )

    assert [content["data"] for _, content in comms(received)] == [{"a": 1}]
    assert text(received, "stdout").endswith("True\n")


def test_expose_works_also_while_the_kernels_own_manager_is_in_force(
    kernel: ServerKernel,
) -> None:
    received = kernel.run(
        "_ = lite_comms.uninstall()\n"
        "comm.get_comm_manager().register_target('sum', print)\n"
        "lite_comms.expose('sum')"
    )

    (opened, content), (closed, _) = comms(received)
    assert (opened, closed) == ("comm_open", "comm_close")
    assert (content["target_name"], content["data"]) == (
        "lite_comms.exposed",
        {"targets": ["sum"]},
    )


def test_a_memory_transport_stands_in_for_the_page_for_a_while(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import lite_comms\n"
        "with lite_comms.MemoryTransport() as page:\n"
        "    lite_comms.Comm('plot', 'in memory')\n"
        "    page.deliver()\n"
        "lite_comms.Comm('plot', 'for real')\n"
        "print([msg['content']['data'] for msg in page.received])"
    )

    assert [content["data"] for _, content in comms(received)] == ["for real"]
    assert text(received, "stdout") == "['in memory']\n"


def test_a_trace_records_what_goes_over_a_server(kernel: ServerKernel) -> None:
    kernel.run(ECHO)
    kernel.run("block = lite_comms.trace(); messages = block.__enter__()")
    open_from_page(kernel)
    kernel.tell("comm_msg", {"comm_id": "1", "data": [None]}, buffers=[b"ab"])
    shown = kernel.run(
        "block.__exit__(None, None, None)\n"
        "for m in messages: print([m.direction, m.msg_type, m.target_name, m.data, m.buffers])\n"
        "print([m.parent_id for m in messages[1::2]] == [m.msg_id for m in messages[::2]])"
    )

    assert text(shown, "stdout").splitlines() == [
        "['page_to_kernel', 'comm_open', 'my_comm_target', {'foo': 6}, ()]",
        "['kernel_to_page', 'comm_msg', 'my_comm_target', {'foo': 5}, ()]",
        "['page_to_kernel', 'comm_msg', 'my_comm_target', [None], (b'ab',)]",
        "['kernel_to_page', 'comm_msg', 'my_comm_target', {'echo': [None]}, (b'ab',)]",
        "True",
    ]


def test_null_is_null_on_a_server_in_a_trace_as_well(kernel: ServerKernel) -> None:
    kernel.run(
        "import lite_comms\n"
        "from comm import get_comm_manager\n"
        "def nothing(comm, msg): comm.on_request(lambda msg: None)\n"
        "get_comm_manager().register_target('nothing', nothing)\n"
        "block = lite_comms.trace(); messages = block.__enter__()"
    )
    kernel.tell("comm_open", {"comm_id": "n", "target_name": "nothing", "data": {}})
    asked = kernel.tell("comm_msg", {"comm_id": "n", "data": {}}, {"lite_comms": {"request": "1"}})
    shown = kernel.run("block.__exit__(None, None, None)\nprint(messages[-1].data)")
    assert [received.data for received in asked if received.msg_type == "comm_msg"] == [None]
    assert text(shown, "stdout") == "None\n"


# In a process that is no kernel, beside ipykernel -----------------------------------------

IMPORTED_LATE = """
from lite_comms import MemoryTransport, install, status

with MemoryTransport() as page:
    page.register_target("greeter", lambda comm, msg: comm.send({"hello": msg["content"]["data"]}))
    from ipykernel.comm import Comm
    comm = Comm("greeter", "you", show_warning=False)
    comm.on_msg(lambda msg: print(msg["content"]["data"]))
    page.deliver()
    import ipykernel.ipkernel
    bypassed = status().bypassed
    Comm("greeter", "again")
    install()
    from comm import create_comm
    create_comm("greeter", "and again")
    page.deliver()
    print(bypassed, status().bypassed)
print(page.received[-1]["content"]["data"], len(page.received))
"""


def test_ipykernel_may_be_imported_after_a_page_in_memory_is_in_force() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED_LATE], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "{'hello': 'you'}"
    assert lines[-2:] == [
        "('comm.create_comm', 'comm.get_comm_manager') ()",
        "and again 3",
    ]
