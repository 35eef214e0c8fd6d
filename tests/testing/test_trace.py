"""What a trace records, on the transport for tests; the others are in the tests of those."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from comm import get_comm_manager
from comm.base_comm import BaseComm

import lite_comms
from lite_comms import Comm, EncodeError, MemoryTransport, Trace, TracedMessage, Transport

START = datetime(2026, 1, 1, tzinfo=UTC)


def brief(trace: Trace) -> list[tuple[str, str, Any]]:
    return [(message.direction, message.msg_type, message.data) for message in trace]


def echo(comm: BaseComm, msg: dict[str, Any]) -> None:
    @comm.on_msg
    def _(msg: dict[str, Any]) -> None:
        comm.send({"echo": msg["content"]["data"]})


def test_the_messages_of_both_ends_are_recorded_in_order(memory: MemoryTransport) -> None:
    get_comm_manager().register_target("echo", echo)
    with lite_comms.trace() as trace:
        comm = memory.new_comm("echo", {"first": 1})
        comm.send("hello")
        memory.deliver()
        comm.close()
        memory.deliver()

    assert brief(trace) == [
        ("page_to_kernel", "comm_open", {"first": 1}),
        ("page_to_kernel", "comm_msg", "hello"),
        ("kernel_to_page", "comm_msg", {"echo": "hello"}),
        ("page_to_kernel", "comm_close", {}),
    ]
    assert {message.comm_id for message in trace} == {comm.comm_id}
    assert [message.target_name for message in trace] == ["echo"] * 4
    assert trace[2].parent_id == trace[1].msg_id != ""


def test_a_message_is_recorded_with_all_that_it_has(memory: MemoryTransport) -> None:
    data = {"none": None, "nan": float("nan"), "many": [1]}
    buffer = bytearray(b"ab")
    with lite_comms.trace() as trace:
        comm = Comm("plot", data, {"m": 1}, [buffer], comm_id="1", target_module="./plot.js")
        data["many"] = buffer[0] = 0

    (message,) = trace
    assert message._replace(time=START) == TracedMessage(
        time=START,
        direction="kernel_to_page",
        msg_type="comm_open",
        msg_id="",
        parent_id=None,
        comm_id=comm.comm_id,
        target_name="plot",
        target_module="./plot.js",
        data={"none": None, "nan": "nan", "many": [1]},
        metadata={"m": 1},
        buffers=(b"ab",),
        nbytes=len('{"none":null,"nan":"nan","many":[1]}') + 2,
    )
    assert timedelta(0) <= datetime.now(UTC) - message.time < timedelta(minutes=1)


def test_what_a_callback_changes_later_is_recorded_as_it_came(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    comm.on_msg(lambda msg: msg["content"]["data"].clear())
    memory.deliver()
    with lite_comms.trace() as trace:
        memory.comms[comm.comm_id].send({"a": [1]}, {"m": 1}, [b"xy"], attachments=["a file"])
        memory.deliver()

    (message,) = trace
    assert (message.data, message.metadata, message.buffers) == ({"a": [1]}, {"m": 1}, (b"xy",))
    assert message.cut  # what is attached is not recorded


def test_a_message_as_deep_as_can_be_sent_is_recorded(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    got: list[Any] = []
    comm.on_msg(lambda msg: got.append(msg["content"]["data"]))
    memory.deliver()
    deep: list[Any] = []
    for _ in range(498):
        deep = [deep]
    with lite_comms.trace() as trace:
        comm.send(deep)
        memory.comms[comm.comm_id].send(deep, {"m": deep})
        memory.deliver()

    assert [message.data for message in trace] == [deep, deep]
    assert (got, trace[1].metadata) == ([deep], {"m": deep})


def test_a_message_that_is_refused_is_not_recorded(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    with lite_comms.trace() as trace, pytest.raises(EncodeError):
        comm.send({"no": object()})

    assert trace == []


def test_the_newest_value_is_recorded_as_it_leaves(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    comm.send_latest(0)
    memory.deliver()
    with lite_comms.trace() as trace:
        for i in range(3):
            comm.send_latest(i)
        memory.deliver()

    assert [data for _, _, data in brief(trace)][-1] == 2


def test_traces_nest_and_overlap(memory: MemoryTransport) -> None:
    comm = Comm("plot")
    first, second = lite_comms.trace(), lite_comms.trace()
    outer = first.__enter__()
    comm.send(1)
    inner = second.__enter__()
    comm.send(2)
    first.__exit__(None, None, None)
    comm.send(3)
    second.__exit__(None, None, None)
    comm.send(4)

    assert [message.data for message in outer] == [1, 2]
    assert [message.data for message in inner] == [2, 3]


def test_nothing_is_replaced_but_within_a_block(memory: MemoryTransport) -> None:
    manager = lite_comms._install.install.installed_manager()
    replaced = "send", "_handle", "use"

    def own() -> list[str]:
        return [name for name in replaced for o in (manager, memory) if name in vars(o)]

    assert own() == []
    with lite_comms.trace(), lite_comms.trace():
        assert own() == [*replaced]
    assert own() == []


def test_a_transport_that_comes_within_the_block_is_recorded() -> None:
    with lite_comms.trace() as trace:
        with MemoryTransport() as first:
            Comm("plot", 1)
            lite_comms.install(first)
            with MemoryTransport():
                Comm("plot", 2)
            Comm("plot", 3)
        with pytest.warns(lite_comms.CommWarning, match="is discarded"):
            Comm("plot", 4)

    assert [data for _, _, data in brief(trace)] == [1, 2, 3, 4]
    assert "send" not in vars(first)
    assert type(lite_comms._install.install.current_transport()) is Transport


def test_a_trace_is_saved_as_lines_of_json(memory: MemoryTransport, tmp_path: Path) -> None:
    with lite_comms.trace() as trace:
        comm = Comm("plot", {"a": "ä"}, buffers=[b"\x00\xff"], comm_id="1")
        memory.deliver()
        memory.comms[comm.comm_id].send("\ud800", attachments=[1])
        memory.deliver()
    trace.save(tmp_path / "trace.jsonl")

    text = (tmp_path / "trace.jsonl").read_text("utf-8")
    head, first, second = map(json.loads, text.splitlines())
    assert head == {"lite_comms": lite_comms.__version__, "format": 1}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", first.pop("time"))
    assert first == {
        "direction": "kernel_to_page",
        "msg_type": "comm_open",
        "msg_id": "",
        "parent_id": None,
        "comm_id": "1",
        "target_name": "plot",
        "target_module": None,
        "data": {"a": "ä"},
        "metadata": {},
        "buffers": ["AP8="],
        "nbytes": len('{"a":"ä"}'.encode()) + 2,
    }
    assert (second["data"], second["cut"]) == ("\ud800", True)


def test_an_iterator_is_read_once_for_the_page_and_the_trace(memory: MemoryTransport) -> None:
    with lite_comms.trace() as trace:
        comm = Comm("t", {"rows": iter([1, 2])})
        comm.send(map(str, range(2)), {"m": iter("ab")})
    memory.deliver()

    sent = [({"rows": [1, 2]}, {}), (["0", "1"], {"m": ["a", "b"]})]
    assert [(message.data, message.metadata) for message in trace] == sent
    assert [(msg["content"]["data"], msg["metadata"]) for msg in memory.received] == sent
