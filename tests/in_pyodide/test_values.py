"""What arrives in JupyterLite equals what a server kernel delivers, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.server.kernels import Received, ServerKernel
from tests.server.test_same_values import HEAR, SEND_ALL, sent_records
from tests.values.case import Case, Record
from tests.values.table import CASES, EXPLAINED, PAGE_VALUES

from .conftest import ZONE
from .kernel import Kernel, Message

pytestmark = [pytest.mark.pyodide, pytest.mark.server]

# NumPy and pandas are not on PyPI for Pyodide. What the codec makes of them is
# compared in CPython; nothing of that depends on the machine.
HERE = [case for case in CASES if case.needs is None]

IN_JUPYTERLITE = {
    "minus zero": "JupyterLite writes the message as JSON again: JSON.stringify(-0) is 0",
    "an int that is no finite double": "as above: JSON.stringify(Infinity) is null",
    "date of year 1 beside nan": "strftime fills %Y up with zeros there, and not with glibc",
}
NOT_THE_SAME = {**EXPLAINED, **IN_JUPYTERLITE}


def as_received(msg: Message) -> Received:
    content, metadata = json.dumps(msg.content), json.dumps(msg.metadata)
    return Received(msg.msg_type, str(msg.parent_id), metadata, content, list(msg.buffers))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerKernel]:
    with ServerKernel(tmp_path_factory.mktemp("ipython"), TZ=ZONE) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def on_server(server: ServerKernel) -> dict[str, Record]:
    return sent_records(server.run(SEND_ALL))


@pytest.fixture(scope="module")
def in_pyodide(running_kernel: Kernel) -> dict[str, Record]:
    running_kernel.run(SEND_ALL)
    return sent_records(map(as_received, running_kernel.received))


@pytest.mark.parametrize(
    "case", [case for case in HERE if case.name not in NOT_THE_SAME], ids=lambda case: case.name
)
def test_a_value_arrives_in_jupyterlite_as_from_a_server_kernel(
    case: Case, on_server: dict[str, Record], in_pyodide: dict[str, Record]
) -> None:
    assert in_pyodide[case.name] == on_server[case.name]


def test_in_jupyterlite_too_the_explained_differences_are_those_that_exist(
    on_server: dict[str, Record], in_pyodide: dict[str, Record]
) -> None:
    names = {case.name for case in HERE}
    different = {name for name in names if in_pyodide[name] != on_server[name]}

    assert different == names & set(NOT_THE_SAME)


@pytest.fixture(scope="module")
def heard(server: ServerKernel, running_kernel: Kernel) -> tuple[Kernel, ServerKernel]:
    """Both kernels, each with a comm that answers by the repr of what it hears."""
    server.run(HEAR)
    server.tell("comm_open", {"comm_id": "c", "target_name": "hear", "data": {}})
    running_kernel.run(HEAR)
    running_kernel.tell("comm_open", "{comm_id: 'c', target_name: 'hear', data: {}}")
    return running_kernel, server


@pytest.mark.parametrize("name", PAGE_VALUES)
def test_a_value_of_the_page_arrives_in_jupyterlite_as_in_a_server_kernel(
    name: str, heard: tuple[Kernel, ServerKernel]
) -> None:
    kernel, server = heard
    content = f"{{comm_id: 'c', data: {PAGE_VALUES[name]}}}"
    text = kernel.page(f"return JSON.stringify({content})")
    (there,) = server.tell("comm_msg", text.encode())

    kernel.tell("comm_msg", content)

    assert [msg.content["data"] for msg in kernel.comm_messages()] == [there.data]
