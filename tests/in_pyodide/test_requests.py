"""Requests and streams in JupyterLite's own worker, over the port and by the stock transport."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import NewKernel, with_comm
from .kernel import Kernel, Message

pytestmark = pytest.mark.pyodide

TARGET = """
import asyncio, lite_comms
from comm import get_comm_manager

def target(comm, msg):
    global opened
    opened = comm

    @comm.on_request
    def answer(msg):
        data = msg["content"]["data"]
        if data == "raise":
            raise LookupError("no such row")
        if data == "all":
            return lite_comms.Reply([data], metadata=msg["metadata"], buffers=msg["buffers"])
        return later(data) if data in ("later", "never") else data

async def later(data):
    try:
        await asyncio.sleep(0.01 if data == "later" else 60)
        return data
    except asyncio.CancelledError:
        print("cancelled")
        raise

get_comm_manager().register_target("target", target)
"""

# What the page says, and the next frame with a mark that the kernel has posted.
PAGE = """
const send = (data, mark, metadata = {}, buffers = []) =>
  page.send('comm_msg', {comm_id: 'c', data}, {metadata: {...metadata, lite_comms: mark}, buffers});
const next = async kind => {
  for (;;) {
    const frame = page.frames.shift();
    const mark = frame?.[0] === 'comm' ? JSON.parse(frame[3]).lite_comms : undefined;
    if (mark?.[kind]) {
      return mark[kind];
    }
    await new Promise(resolve => setTimeout(resolve, 1));
  }
};
const run = code => page.ask('execute', {code, silent: false, store_history: true});
"""


@pytest.fixture(scope="module")
def _kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel(jspi=True) as kernel:
        kernel.open_port("live", memory=0)
        yield kernel


@pytest.fixture
def port(_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, and which has the comm "c"."""
    return with_comm(_kernel, TARGET, "target")


@pytest.fixture
def stock(kernel: Kernel) -> Kernel:
    """A kernel whose page has no port, and which has the comm "c"."""
    kernel.run(TARGET)
    kernel.tell("comm_open", "{comm_id: 'c', target_name: 'target', data: {}}")
    return kernel


def frames(kernel: Kernel, javascript: str) -> list[list[Any]]:
    """Run code on the page; what the kernel has posted of comms, without the parents."""
    posted: list[list[Any]] = kernel.page(PAGE + javascript + "return page.frames.splice(0)")
    return [
        [frame[0], *map(json.loads, frame[2:4]), *frame[5:]] if frame[0] == "comm" else frame[:1]
        for frame in posted
        if frame[0] in ("comm", "ack")
    ]


def of(data: Any, **metadata: Any) -> list[Any]:
    """The frame of a message of the comm."""
    return ["comm", {"data": data, "comm_id": "c"}, metadata]


# Over the port ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 0, [1, None], "text"])
def test_the_page_asks_and_the_answer_is_any_json_value(value: Any, port: Kernel) -> None:
    posted = frames(port, f"await send({json.dumps(value)}, {{request: 'a'}});")

    assert posted == [of(value, lite_comms={"reply": "a"}), ["ack"]]


def test_metadata_and_buffers_go_both_ways(port: Kernel) -> None:
    posted = frames(
        port, "await send('all', {request: 'a'}, {m: 1}, [new Uint8Array([1, 255]).buffer]);"
    )

    assert posted == [
        [*of(["all"], m=1, lite_comms={"reply": "a"}), "Uint8Array 01ff"],
        ["ack"],
    ]


def test_an_exception_is_the_answer(port: Kernel) -> None:
    answer, ack = frames(port, "await send('raise', {request: 'a'});")

    traceback = answer[2]["lite_comms"]["error"].pop("traceback")
    error = {"ename": "LookupError", "evalue": "no such row"}
    assert [answer, ack] == [of({}, lite_comms={"reply": "a", "error": error}), ["ack"]]
    assert (traceback[0], traceback[-1]) == (
        "Traceback (most recent call last):",
        "LookupError: no such row",
    )
    assert [msg for msg in port.received if msg.msg_type == "error"] == []


def test_a_request_counts_as_handled_when_its_answer_has_been_sent(port: Kernel) -> None:
    posted = frames(port, "await send('later', {request: 'a'});")

    assert posted == [of("later", lite_comms={"reply": "a"}), ["ack"]]


def test_a_cancel_cancels_the_handler(port: Kernel) -> None:
    posted = frames(
        port,
        "const asked = send('never', {request: 'a'}); await send({}, {cancel: 'a'}); await asked;",
    )

    assert posted == [["ack"], ["ack"]]
    assert port.shown("stdout") == "cancelled\n"


@pytest.mark.parametrize("ask", ["await opened.arequest", "opened.request"])
def test_a_cell_asks_and_the_page_answers(ask: str, port: Kernel) -> None:
    code = f"for n in range(3):\n    print(({ask}(n))['content']['data'])"
    port.page(
        f"{PAGE} const cell = run({json.dumps(code)});"
        "for (const data of [null, 1, [2]]) { send(data, {reply: await next('request')}); }"
        "await cell"
    )

    assert port.shown("stdout") == "None\n1\n[2]\n"


@pytest.mark.parametrize("ask", ["await opened.arequest", "opened.request"])
def test_an_error_of_the_page_is_raised(ask: str, port: Kernel) -> None:
    code = (
        f"try:\n    {ask}()\n"
        "except lite_comms.RequestError as error:\n"
        "    print(error.ename, error.evalue, error.traceback)"
    )
    port.page(
        f"{PAGE} const cell = run({json.dumps(code)});"
        "const error = {ename: 'RangeError', evalue: 'too much', traceback: ['at f']};"
        "await send({}, {reply: await next('request'), error}); await cell"
    )

    assert port.shown("stdout") == "RangeError too much ['at f']\n"


@pytest.mark.parametrize("ask", ["await opened.arequest()", "opened.request()"])
def test_stop_ends_a_request_and_tells_the_page(ask: str, port: Kernel) -> None:
    reply, asked, cancelled = port.page(
        f"{PAGE} const cell = run({json.dumps(ask)}); const asked = await next('request');"
        "page.stop(); return [await cell, asked, await next('cancel')]"
    )

    assert reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert cancelled == asked


def test_a_handler_may_ask_back_while_a_cell_waits(port: Kernel) -> None:
    port.run(
        "@opened.on_request\n"
        "async def _(msg):\n"
        "    return (await opened.arequest('back'))['content']['data']"
    )
    posted = frames(
        port,
        'const cell = run(\'print(opened.request()["content"]["data"])\');'
        "const id = await next('request'); const asked = send({}, {request: 'a'});"
        "await send('b', {reply: await next('request')}); await asked;"
        "await send('done', {reply: id}); await cell;",
    )

    assert [frame for frame in posted if frame[0] == "comm"] == [of("b", lite_comms={"reply": "a"})]
    assert port.shown("stdout") == "done\n"


def test_in_a_loop_10_000_times_a_second_only_the_newest_goes_and_it_is_cheap(
    port: Kernel,
) -> None:
    printed = port.run(
        "import time\n"
        "n, spent, begin = 0, 0, time.perf_counter()\n"
        "while (now := time.perf_counter()) < begin + 1:\n"
        "    if n < (now - begin) * 10_000:\n"
        "        opened.send_latest({'n': n})\n"
        "        spent += time.perf_counter() - now\n"
        "        n += 1\n"
        "print(n, spent)"
    )
    calls, spent = printed.split()
    received = [frame[1]["data"]["n"] for frame in frames(port, "") if frame[0] == "comm"]

    assert int(calls) > 1000
    assert len(received) < 100
    assert received == sorted(received)
    assert received[-1] == int(calls) - 1
    assert float(spent) < 0.5  # 0.1 on a quiet machine


def test_messages_are_received_in_a_loop(port: Kernel) -> None:
    code = "async for msg in opened:\n    print(msg['content']['data'])"
    port.page(
        f"{PAGE} const cell = run({json.dumps(code)}); await page.send('comm_msg',"
        "{comm_id: 'c', data: 1}); await page.send('comm_close', {comm_id: 'c', data: {}});"
        "await cell"
    )

    assert port.shown("stdout") == "1\n"


# By the stock transport ---------------------------------------------------------------------


def marked(kernel: Kernel) -> list[tuple[Any, Any, tuple[bytes, ...]]]:
    """Pick metadata, data and buffers of what the kernel has sent."""
    found: list[Message] = [msg for msg in kernel.comm_messages() if msg.msg_type == "comm_msg"]
    return [(msg.metadata, msg.content["data"], msg.buffers) for msg in found]


@pytest.mark.parametrize("value", [None, 0, [1, None], "text"])
def test_stock_the_page_asks_and_the_answer_is_any_json_value(value: Any, stock: Kernel) -> None:
    stock.tell(
        "comm_msg", f"{{comm_id: 'c', data: {json.dumps(value)}}}", "{lite_comms: {request: 'a'}}"
    )

    assert marked(stock) == [({"lite_comms": {"reply": "a"}}, value, ())]


def test_stock_an_async_handler_answers_later(stock: Kernel) -> None:
    stock.tell("comm_msg", "{comm_id: 'c', data: 'later'}", "{lite_comms: {request: 'a'}}")
    sent = marked(stock)
    stock.page("await new Promise(resolve => setTimeout(resolve, 100))")

    assert sent + marked(stock) == [({"lite_comms": {"reply": "a"}}, "later", ())]


def test_stock_a_task_asks_and_the_page_answers(stock: Kernel) -> None:
    stock.run(
        "async def ask():\n"
        "    global reply\n"
        "    reply = await opened.arequest({'n': 1})\n"
        "task = asyncio.create_task(ask())\n"
        "await asyncio.sleep(0)"
    )
    ((metadata, data, _),) = marked(stock)
    mark = json.dumps({"lite_comms": {"reply": metadata["lite_comms"]["request"]}})
    stock.tell("comm_msg", "{comm_id: 'c', data: null}", mark)

    assert data == {"n": 1}
    assert stock.run("await task\nprint(reply['content']['data'])") == "None\n"


def test_stock_of_many_values_the_last_one_arrives(stock: Kernel) -> None:
    stock.run("for n in range(100):\n    opened.send_latest(n)")
    sent = [data for _, data, _ in marked(stock)]
    stock.page("await new Promise(resolve => setTimeout(resolve, 100))")
    sent += [data for _, data, _ in marked(stock)]

    assert (sent[0], sent[-1], len(sent) < 50) == (0, 99, True)
