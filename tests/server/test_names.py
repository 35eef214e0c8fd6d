"""The names by which code chooses the cell of its output are those of a real ipykernel."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .kernels import Received, ServerKernel

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerKernel]:
    """A plain ipykernel; the message of its first cell is `first`."""
    with ServerKernel(tmp_path_factory.mktemp("ipython")) as kernel:
        kernel.run("""
import sys
from IPython.display import display, clear_output
shell, kernel = get_ipython(), get_ipython().kernel
first = shell.get_parent()
""")
        yield kernel


def run(kernel: ServerKernel, code: str) -> list[Received]:
    """What a cell says, without its input."""
    return [msg for msg in kernel.run(code) if msg.msg_type != "execute_input"]


def test_all_names_are_there(kernel: ServerKernel) -> None:
    (said,) = run(
        kernel,
        """
names = ("parent_header", "set_parent", "set_thread_parent", "reset_thread_parent",
         "register_hook", "unregister_hook", "session")
owners = (sys.stdout, *names, "pub_thread"), (shell.display_pub, *names, "pub_socket"), \\
    (shell.displayhook, *names, "pub_socket"), \\
    (shell, *names[:4], "get_parent"), \\
    (kernel, "session", "iopub_socket", "iopub_thread", "_parent_ident", "set_parent", "get_parent")
print([name for owner, *names in owners for name in names if not hasattr(owner, name)], end="")
""",
    )
    assert json.loads(said.content) == {"name": "stdout", "text": "[]"}


def test_messages_and_hooks_have_these_forms(kernel: ServerKernel) -> None:
    received = run(
        kernel,
        """
def hook(msg):
    seen.append((sorted(msg["content"]), msg["msg_type"], sorted(msg["parent_header"])[2]))
    msg["content"]["data"] = {"text/plain": "changed"}
    return msg
seen = []
own = kernel.get_parent()["header"]
shell.display_pub.register_hook(hook)
display("shown")
_ = shell.display_pub.unregister_hook(hook)
_ = kernel.session.send(kernel.iopub_socket, "mine", {"n": 1}, parent=own, metadata={"m": 2},
                    ident=b"t", buffers=[b"xyz"])
sys.stdout.set_parent(own)
print(seen, end="")
""",
    )
    display, mine, printed = received
    assert json.loads(display.content)["data"] == {"text/plain": "changed"}
    assert (mine.msg_type, json.loads(mine.metadata), mine.buffers) == ("mine", {"m": 2}, [b"xyz"])
    assert json.loads(printed.content)["text"] == str(
        [(["data", "metadata", "transient"], "display_data", "msg_type")]
    )


def test_a_changed_id_moves_what_follows(kernel: ServerKernel) -> None:
    said = run(
        kernel,
        """
header = kernel.get_parent()["header"]
own, header["msg_id"] = header["msg_id"], first["header"]["msg_id"]
print("changed", flush=True)
header["msg_id"] = own
print("after", flush=True)
""",
    )
    assert [json.loads(msg.content)["text"] for msg in said] == ["after\n"]
