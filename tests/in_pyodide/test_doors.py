"""The doors to comms in JupyterLite's kernel, and their undo."""

from __future__ import annotations

import pytest

from .kernel import Kernel

pytestmark = pytest.mark.pyodide

STOCK = "import lite_comms\nlite_comms.uninstall()"
INSTALL = "lite_comms.install()"


def test_every_door_of_the_kernel_leads_to_lite_comms(kernel: Kernel) -> None:
    kernel.run("""
import comm, ipykernel.comm, lite_comms, pyodide_kernel.comm

manager = get_ipython().kernel.comm_manager
assert type(manager) is lite_comms.CommManager
for getter in (
    comm.get_comm_manager, pyodide_kernel.comm.get_comm_manager, ipykernel.comm.get_comm_manager,
    ipykernel.comm.CommManager,
):
    assert getter() is manager
for maker in (ipykernel.comm.Comm, ipykernel.Comm, pyodide_kernel.comm.Comm):
    assert maker is lite_comms.Comm
assert type(comm.create_comm(target_name="t")) is lite_comms.Comm
""")


def test_names_that_were_imported_before_lead_to_lite_comms(kernel: Kernel) -> None:
    kernel.run(STOCK)
    kernel.run("""
from comm import create_comm, get_comm_manager
from ipykernel.comm import Comm as EarlyComm
""")

    kernel.run(INSTALL)

    kernel.run("""
assert type(create_comm(target_name="t")) is lite_comms.Comm
assert get_comm_manager() is get_ipython().kernel.comm_manager
assert EarlyComm is lite_comms.Comm
""")


def test_comms_and_targets_of_the_kernels_own_manager_stay(kernel: Kernel) -> None:
    kernel.run(STOCK)
    kernel.run("""
import comm, ipykernel.comm

class Mine(ipykernel.comm.Comm):
    pass

heard = []
old = Mine("old", comm_id="old")
old.on_msg(lambda msg: heard.append(msg["content"]["data"]))
comm.get_comm_manager().register_target("early", lambda comm, msg: heard.append(msg["content"]))
""")

    kernel.run(
        f"{INSTALL}\nold.send({{'none': None}})\nlate = Mine('late', {{'n': 2**60}}, comm_id='l')"
    )
    sent = [(msg.content["comm_id"], msg.content["data"]) for msg in kernel.comm_messages()]
    kernel.tell("comm_msg", "{comm_id: 'old', data: {a: null}}")
    kernel.tell("comm_open", "{comm_id: 'e', target_name: 'early', data: null}")

    assert sent == [("old", {"none": None}), ("l", {"n": 1152921504606847000})]
    assert kernel.run("print(heard)") == (
        "[{'a': None}, {'comm_id': 'e', 'target_name': 'early', 'data': None}]\n"
    )


def test_comms_and_targets_stay_after_the_undo(kernel: Kernel) -> None:
    kernel.run("""
import comm

new = comm.create_comm(target_name="new", comm_id="new")
comm.get_comm_manager().register_target("kept", print)
""")

    kernel.run(STOCK)

    kernel.run("""
manager = get_ipython().kernel.comm_manager
assert type(manager) is not lite_comms.CommManager
assert manager is comm.get_comm_manager()
assert (manager.comms["new"], manager.targets["kept"]) == (new, print)
""")


def test_the_undo_is_exact(kernel: Kernel) -> None:
    kernel.run(STOCK)
    kernel.run("""
import sys
from types import ModuleType

shell = get_ipython()
holders = {
    "kernel": shell.kernel,
    "PyodideKernel": type(shell.kernel),
    "shell": shell,
    "DummyComm": sys.modules["comm"].DummyComm,
    "kernel's Comm": sys.modules["pyodide_kernel.comm"].Comm,
    "Interpreter": type(shell),
    "LiteStream": type(sys.stdout),
    "LiteDisplayHook": type(shell.displayhook),
    "LiteDisplayPublisher": type(shell.display_pub),
}

def everything():
    modules = {f"module {name}": module for name, module in sys.modules.items()}
    return {
        (owner, name): id(value)
        for owner, holder in (holders | modules).items()
        if hasattr(holder, "__dict__")
        for name, value in vars(holder).items()
        if not owner.startswith(("module __main__", "module lite_comms", "module jupyter_ui_poll"))
        and (owner, name) != ("module sys", "excepthook")  # IPython's, new for each statement
    } | {
        ("kernel", "comm_manager"): id(shell.kernel.comm_manager),
        ("sys.modules", "jupyter_ui_poll"): id(sys.modules.get("jupyter_ui_poll")),
    }

before = everything()
lite_comms.install()
between = everything()
lite_comms.uninstall()
after = everything()
""")

    printed = kernel.run("""
print(before == after)
for owner, name in sorted(key for key in between if between[key] != before.get(key)):
    print(owner, name)
""")

    undone, *changed = printed.splitlines()
    own = "parent_header register_hook reset_thread_parent session set_parent set_thread_parent"
    names = [*own.split(), "unregister_hook"]
    assert undone == "True"
    assert changed == [
        "DummyComm publish_msg",
        "Interpreter parent_header",
        *sorted(f"LiteDisplayHook {name}" for name in [*names, "pub_socket", "finish_displayhook"]),
        *sorted(f"LiteDisplayPublisher {name}" for name in [*names, "pub_socket"]),
        *sorted(f"LiteStream {name}" for name in [*names, "pub_thread"]),
        "PyodideKernel _parent_header",
        "kernel _parent_ident",
        "kernel comm_info",
        "kernel comm_manager",
        "kernel get_parent",
        "kernel iopub_socket",
        "kernel iopub_thread",
        "kernel run",
        "kernel session",
        "kernel set_parent",
        "kernel's Comm publish_msg",
        "module comm _comm_manager",
        "module comm create_comm",
        "module comm get_comm_manager",
        "module ipykernel Comm",
        "module ipykernel CommManager",
        "module ipykernel.comm Comm",
        "module ipykernel.comm CommManager",
        "module ipykernel.comm get_comm_manager",
        "module pyodide_kernel.comm Comm",
        "module pyodide_kernel.comm get_comm_manager",
        "module pyodide_kernel.kernel get_comm_manager",
        "shell _showtraceback",
        "shell get_parent",
        "shell reset_thread_parent",
        "shell run_cell",
        "shell run_cell_async",
        "shell set_parent",
        "shell set_thread_parent",
        "sys.modules jupyter_ui_poll",
    ]


def test_the_kernels_own_comms_work_after_the_undo(kernel: Kernel) -> None:
    kernel.run(STOCK)

    kernel.run("import comm\nstock = comm.create_comm(target_name='t', data={'a': 1}, comm_id='s')")

    assert [(msg.msg_type, msg.content["data"]) for msg in kernel.comm_messages()] == [
        ("comm_open", {"a": 1})
    ]
    assert kernel.run("print(type(stock).__module__)") == "pyodide_kernel.comm\n"


def test_status_names_the_kernel_and_the_transport(kernel: Kernel) -> None:
    printed = kernel.run("import lite_comms\nlite_comms.status()")

    assert printed == (
        f"lite_comms {kernel.run('print(lite_comms.__version__)').strip()}: "
        "active, transport stock\n"
        "  why      JupyterLite's own comm path: the page's half of lite_comms has not answered; "
        "messages from the page wait while a cell runs\n"
        "  live     messages wait for the end of the cell\n"
        "  kernel   jupyterlite\n"
        "  comms    0 open\n"
        "  targets  none\n"
    )
