"""What the tests of this folder share: a kernel with lite_comms, and what a page receives of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .kernels import Received, ServerKernel


@pytest.fixture(scope="package")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerKernel]:
    with ServerKernel(tmp_path_factory.mktemp("ipython")) as kernel:
        yield kernel


@pytest.fixture
def kernel(process: ServerKernel) -> ServerKernel:
    """A kernel with lite_comms installed, and no comms and targets."""
    process.run(
        "import lite_comms; _ = lite_comms.uninstall(); import comm\n"
        "comm.get_comm_manager().comms.clear(); comm.get_comm_manager().targets.clear()\n"
        "_ = lite_comms.install()"
    )
    return process


def comms(received: list[Received]) -> list[tuple[str, dict[str, Any]]]:
    """Pick type and content of the comm messages."""
    return [
        (msg.msg_type, json.loads(msg.content))
        for msg in received
        if msg.msg_type.startswith("comm_")
    ]


def text(received: list[Received], stream: str) -> str:
    """Join what was printed."""
    contents = [json.loads(msg.content) for msg in received if msg.msg_type == "stream"]
    return "".join(content["text"] for content in contents if content["name"] == stream)


def errors(received: list[Received]) -> list[dict[str, Any]]:
    """The exceptions that were shown."""
    return [json.loads(msg.content) for msg in received if msg.msg_type == "error"]


ECHO = """
def target_func(comm, open_msg):
    @comm.on_msg
    def _recv(msg):
        comm.send({'echo': msg['content']['data']}, msg['metadata'], msg['buffers'])

    comm.send({'foo': 5})

get_ipython().kernel.comm_manager.register_target('my_comm_target', target_func)
"""


def open_from_page(kernel: ServerKernel, target: str = "my_comm_target") -> list[Received]:
    return kernel.tell("comm_open", {"comm_id": "1", "target_name": target, "data": {"foo": 6}})
