"""Requests and streams in a real ipykernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .kernels import Received, ServerKernel

pytestmark = pytest.mark.server

TARGET = """
import asyncio
import lite_comms
from comm import get_comm_manager

_ = lite_comms.install()

def target(comm, msg):
    global opened
    opened = comm

    @comm.on_request
    def _(msg):
        data = msg["content"]["data"]
        if data == "raise":
            raise LookupError("no such row")
        if data == "all":
            return lite_comms.Reply([data], metadata=msg["metadata"], buffers=msg["buffers"])
        return later(data) if data in ("later", "never") else data

async def later(data):
    try:
        await asyncio.sleep(0.01 if data == "later" else 60)
        print("now")
        return data
    except asyncio.CancelledError:
        print("cancelled")
        raise

get_comm_manager().register_target("target", target)
"""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerKernel]:
    with ServerKernel(tmp_path_factory.mktemp("ipython")) as kernel:
        kernel.run(TARGET)
        yield kernel


@pytest.fixture
def kernel(process: ServerKernel) -> ServerKernel:
    """A kernel with a comm "1", which the page has opened."""
    process.tell("comm_close", {"comm_id": "1", "data": {}})
    process.tell("comm_open", {"comm_id": "1", "target_name": "target", "data": {}})
    return process


def send(kernel: ServerKernel, data: Any, mark: Any, **keys: Any) -> list[Received]:
    metadata = {**keys.pop("metadata", {}), "lite_comms": mark}
    return kernel.tell("comm_msg", {"comm_id": "1", "data": data}, metadata, **keys)


def collect(kernel: ServerKernel, received: list[Received], *wanted: str) -> list[Received]:
    """Wait until messages of these types have come, which are in no order: text is sent late."""
    received = [*received]
    while not {*wanted} <= {msg.msg_type for msg in received}:
        received.append(kernel._next())
    return [next(msg for msg in received if msg.msg_type == msg_type) for msg_type in wanted]


def printed(msg: Received) -> str:
    return str(json.loads(msg.content)["text"])


def answers(received: list[Received]) -> list[tuple[Any, Any]]:
    """Pick metadata and data of the comm messages."""
    return [(json.loads(msg.metadata), msg.data) for msg in received if msg.msg_type == "comm_msg"]


@pytest.mark.parametrize("value", [None, 0, [1, None], "text", {"a": None}])
def test_the_page_asks_and_the_answer_is_any_json_value(value: Any, kernel: ServerKernel) -> None:
    received = send(kernel, value, {"request": "a"})

    assert answers(received) == [({"lite_comms": {"reply": "a"}}, value)]


def test_metadata_and_buffers_go_both_ways(kernel: ServerKernel) -> None:
    received = send(kernel, "all", {"request": "a"}, metadata={"m": 1}, buffers=[b"abc"])

    assert answers(received) == [({"m": 1, "lite_comms": {"reply": "a"}}, ["all"])]
    assert received[0].buffers == [b"abc"]


def test_an_exception_is_the_answer(kernel: ServerKernel) -> None:
    ((metadata, data),) = answers(send(kernel, "raise", {"request": "a"}))

    traceback = metadata["lite_comms"]["error"].pop("traceback")
    assert (metadata, data) == (
        {
            "lite_comms": {
                "reply": "a",
                "error": {"ename": "LookupError", "evalue": "no such row"},
            }
        },
        {},
    )
    assert (traceback[0], traceback[-1]) == (
        "Traceback (most recent call last):",
        "LookupError: no such row",
    )


def test_an_async_handler_answers_later_and_its_output_is_of_the_request(
    kernel: ServerKernel,
) -> None:
    received = send(kernel, "later", {"request": "a"})
    text, answer = collect(kernel, received, "stream", "comm_msg")

    assert answers([answer]) == [({"lite_comms": {"reply": "a"}}, "later")]
    assert printed(text) == "now\n"
    assert text.parent_id == answer.parent_id != ""


def test_a_cancel_cancels_the_handler(kernel: ServerKernel) -> None:
    send(kernel, "never", {"request": "a"})
    (text,) = collect(kernel, send(kernel, {}, {"cancel": "a"}), "stream")

    assert printed(text) == "cancelled\n"
    assert answers(send(kernel, "next", {"request": "b"})) == [
        ({"lite_comms": {"reply": "b"}}, "next")
    ]


def test_a_task_of_the_kernel_asks_and_the_page_answers(kernel: ServerKernel) -> None:
    received = kernel.run(
        "async def ask():\n"
        "    for _ in range(2):\n"
        "        try:\n"
        "            reply = await opened.arequest({'n': 1}, timeout_s=60)\n"
        "            print(reply['content']['data'])\n"
        "        except lite_comms.RequestError as error:\n"
        "            print(error)\n"
        "task = asyncio.create_task(ask())\n"
        "await asyncio.sleep(0)"
    )
    ((metadata, data),) = answers(received)
    request_id = metadata["lite_comms"]["request"]
    assert (metadata, data) == ({"lite_comms": {"request": request_id}}, {"n": 1})

    received = send(kernel, None, {"reply": request_id})
    text, again = collect(kernel, received, "stream", "comm_msg")
    assert printed(text) == "None\n"

    request_id = json.loads(again.metadata)["lite_comms"]["request"]
    error = {"ename": "RangeError", "evalue": "too much", "traceback": []}
    received = send(kernel, {}, {"reply": request_id, "error": error})
    (text,) = collect(kernel, received, "stream")
    assert printed(text) == "arequest of <Comm 'target' 1 open>: RangeError: too much\n"


def test_a_synchronous_request_is_refused_and_not_sent(kernel: ServerKernel) -> None:
    received = kernel.run(
        "try:\n    opened.request()\nexcept RuntimeError as error:\n    print(error)"
    )

    (text,) = collect(kernel, received, "stream")
    assert printed(text) == (
        "request of <Comm 'target' 1 open>: its answer cannot be waited for here: on a server "
        "kernel messages wait for the end of the cell; await arequest in a task instead\n"
    )
    assert answers(received) == []


def test_of_many_values_in_a_cell_the_last_one_arrives_after_it(kernel: ServerKernel) -> None:
    received = kernel.run("for n in range(1000):\n    opened.send_latest(n)")
    early = [msg.data for msg in received if msg.msg_type == "comm_msg"]
    if early[-1] != 999:
        (last,) = collect(kernel, [], "comm_msg")
        assert (last.data, last.parent_id) == (999, received[0].parent_id)

    assert early[0] == 0
    assert len(early) < 100


def test_a_thread_sends_its_last_value(kernel: ServerKernel) -> None:
    received = kernel.run(
        "import threading\n"
        "def work():\n"
        "    for n in range(1000):\n"
        "        opened.send_latest(n)\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "await asyncio.sleep(0.1)"
    )

    assert [msg.data for msg in received if msg.msg_type == "comm_msg"][-1] == 999
