"""A recording of the page's messages is played to kernel code."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comm import get_comm_manager

import lite_comms
from lite_comms import Comm, MemoryTransport, Trace

pytestmark = pytest.mark.skipif(
    sys.platform == "emscripten", reason="the wheel that kernels load does not include it"
)

HEAD = '{"lite_comms": "0.0", "format": 1}'
LINE: dict[str, Any] = {
    "time": "2026-01-02T03:04:05.678Z",
    "direction": "page_to_kernel",
    "msg_type": "comm_msg",
    "msg_id": "m",
    "parent_id": None,
    "comm_id": "1",
    "target_name": "plot",
    "target_module": None,
    "data": 7,
    "metadata": {},
    "buffers": ["AQI="],
    "nbytes": 3,
}


def line(**fields: Any) -> str:
    return json.dumps({**LINE, **fields})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in LINE.items() if key != name})


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


DIRECTIONS = "'kernel_to_page' or 'page_to_kernel'"
TYPES = "'comm_open' or 'comm_msg' or 'comm_close'"
ID = "a text that is not empty and has no lone surrogates"
BUFFERS = "a list of texts in base64"


def adder() -> list[Any]:
    """A kernel's code: two comms of one target, and one that the page opens."""
    heard: list[Any] = []

    def listen(name: str, comm: Comm) -> None:
        @comm.on_msg
        def _(msg: dict[str, Any]) -> None:
            heard.append((name, msg["content"]["data"], *map(bytes, msg["buffers"])))

        comm.on_close(lambda msg: heard.append((name, "closed", msg["content"]["data"])))

    def sums(comm: Any, msg: dict[str, Any]) -> None:
        comm.on_request(lambda msg: sum(msg["content"]["data"]))
        listen(f"sum {msg['content']['data']}", comm)

    get_comm_manager().register_target("sum", sums)
    listen("a", Comm("plot", "a"))
    listen("b", Comm("plot", "b"))
    return heard


def play(code: Callable[[], object], *lines: str) -> None:
    """Run kernel code, and replay to it."""
    with MemoryTransport():
        kept = code()  # a comm that nothing holds would close
        lite_comms.replay([HEAD, *lines])
    del kept


def recorded() -> tuple[Trace, list[Any]]:
    """A session in which the page speaks to all of them."""
    with MemoryTransport() as page, lite_comms.trace() as trace:
        page.register_target("plot", lambda comm, msg: comm.send(msg["content"]["data"] * 2))
        heard = adder()
        page.deliver()
        b, a = sorted(page.comms.values(), key=lambda comm: comm.comm_id)
        a.send({"to": "one"}, buffers=[b"\x01\x02"])
        opened = page.new_comm("sum", "x")
        assert opened.request([1, 2])["content"]["data"] == 3
        opened.send("more")
        b.close("bye")
        page.deliver()
    return trace, heard


def test_kernel_code_hears_what_it_heard(tmp_path: Path) -> None:
    trace, heard = recorded()
    trace.save(tmp_path / "trace.jsonl")
    assert len(heard) == 5

    file = tmp_path / "trace.jsonl"
    for recording in (file, str(file), trace.lines(), trace):
        with MemoryTransport():
            again = adder()
            run = lite_comms.replay(recording)
        assert again == heard
        said = [message for message in trace if message.msg_type != "comm_open"]
        assert [(m.direction, m.data) for m in run if m.msg_type != "comm_open"] == [
            (m.direction, m.data) for m in said
        ]


def test_a_part_of_a_trace_is_replayed() -> None:
    trace, heard = recorded()
    part = [message for message in trace if message.target_name == "sum"]
    with MemoryTransport():
        again = adder()
        lite_comms.replay(part)
    assert again == [item for item in heard if item[0] == "sum x"]


def test_an_answer_of_the_page_reaches_the_request_that_the_kernel_sends_now() -> None:
    async def ask(play: Callable[[], object]) -> Any:
        comm = Comm("plot")
        asked = [asyncio.ensure_future(comm.arequest(i)) for i in range(2)]
        await asyncio.sleep(0)
        play()
        return [reply["content"]["data"] for reply in await asyncio.gather(*asked)]

    with MemoryTransport() as page, lite_comms.trace() as trace:
        page.register_target(
            "plot", lambda comm, msg: comm.on_request(lambda msg: msg["content"]["data"] + 10)
        )
        assert asyncio.run(ask(page.deliver)) == [10, 11]
    with MemoryTransport():
        assert asyncio.run(ask(lambda: lite_comms.replay(trace))) == [10, 11]

    with pytest.raises(LookupError, match=r"of the requests .* on comm 'plot' this run has 0 that"):
        play(lambda: Comm("plot"), *[*trace.lines()][1:])


def test_what_a_callback_raises_is_raised() -> None:
    def divide() -> Comm:
        comm = Comm("plot", comm_id="1")
        comm.on_msg(lambda msg: 1 / 0)
        return comm

    with pytest.raises(ZeroDivisionError):
        play(divide, line())


@pytest.mark.parametrize("count", [0, 2])
def test_a_comm_that_nothing_tells_of_is_named(count: int) -> None:
    with pytest.raises(LookupError) as caught:
        play(lambda: [Comm("plot") for _ in range(count)], line(comm_id="other"))

    assert str(caught.value) == (
        "the comm_msg of comm 'plot' (other) cannot be played: of the comms that the kernel opens "
        f"for target 'plot' this run has {count} that it can be for, and the recording 0, besides "
        "1 from before it"
    )


def test_the_one_comm_of_its_target_is_meant_where_the_recording_began_later() -> None:
    heard: list[Any] = []
    with MemoryTransport():
        Comm("plot").on_msg(lambda msg: heard.append(msg["content"]["data"]))
        lite_comms.replay([HEAD, line(comm_id="other")])
    assert heard == [7]


def test_a_comm_that_is_not_opened_or_is_closed_in_this_run_is_named() -> None:
    opening = line(direction="kernel_to_page", msg_type="comm_open", comm_id="old")
    for code, error in (
        (lambda: None, "this run has 0 that it can be for, and the recording 1"),
        (lambda: Comm("plot", comm_id="new").close(), "its comm is not open in this run"),
    ):
        with pytest.raises(LookupError, match=error):
            play(code, opening, line(comm_id="old"))


def test_a_message_that_was_cut_is_not_played_and_none_before_it() -> None:
    heard: list[Any] = []

    def listen() -> Comm:
        comm = Comm("plot", comm_id="1")
        comm.on_msg(heard.append)
        return comm

    with pytest.raises(ValueError, match="a part of it was not recorded"):
        play(listen, line(), line(cut=True))
    assert heard == []

    # What the kernel has sent is not played.
    play(listen, line(direction="kernel_to_page", cut=True), "", line())
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["nonsense"], "line 1: Expecting value"),
        (["[]"], "line 1: it is not an object"),
        (["{}"], "line 1: format must be 1, not None"),
        ([HEAD, "[]"], "line 2: it is not an object"),
        ([HEAD, "null"], "line 2: it is not an object"),
        ([HEAD, "[" * 200_000 + "]" * 200_000], "line 2: maximum recursion depth exceeded"),
        (['{"format": 2}'], "line 1: format must be 1, not 2"),
        (['{"format": true}'], "line 1: format must be 1, not True"),
        (["\n", HEAD, "\n", line(time="soon")], "line 4: time must be a time in ISO 8601"),
        ([HEAD, line(time=5)], "line 2: time must be a time in ISO 8601, not 5"),
        ([HEAD, line(direction=None)], f"line 2: direction must be {DIRECTIONS}, not None"),
        ([HEAD, line(direction="up")], f"line 2: direction must be {DIRECTIONS}, not 'up'"),
        ([HEAD, line(msg_type=["x"])], f"line 2: msg_type must be {TYPES}, not ['x']"),
        ([HEAD, line(msg_type="execute_request")], f"line 2: msg_type must be {TYPES}, not"),
        ([HEAD, line(), line(comm_id=None)], f"line 3: comm_id must be {ID}, not None"),
        ([HEAD, line(comm_id="", msg_type="comm_open")], f"line 2: comm_id must be {ID}, not ''"),
        ([HEAD, line(comm_id="\ud800")], f"line 2: comm_id must be {ID}, not '\\ud800'"),
        ([HEAD, without("msg_id")], "line 2: msg_id is missing"),
        ([HEAD, line(), without("data")], "line 3: data is missing"),
        ([HEAD, line(data=nested(500))], "line 2: data must be a value of JSON of less than 500 l"),
        ([HEAD, line(metadata={"m": nested(500)})], "line 2: metadata must be an object of JSON"),
        ([HEAD, line(metadata=[])], "line 2: metadata must be an object of JSON"),
        ([HEAD, line(buffers="AQI=")], f"line 2: buffers must be {BUFFERS}, not 'AQI='"),
        ([HEAD, line(buffers="")], f"line 2: buffers must be {BUFFERS}, not ''"),
        ([HEAD, line(buffers=["!"])], f"line 2: buffers must be {BUFFERS}, not ['!']"),
        ([HEAD, line(buffers=[5])], f"line 2: buffers must be {BUFFERS}, not [5]"),
        ([HEAD, line(nbytes="x")], "line 2: nbytes must be a whole number, not 'x'"),
        ([HEAD, line(nbytes=True)], "line 2: nbytes must be a whole number, not True"),
        ([HEAD, line(cut=1)], "line 2: cut must be true or false, not 1"),
        ([HEAD, line(cut="true")], "line 2: cut must be true or false, not 'true'"),
        ([], "there are none, and no first line that names the format"),
        (["", "\n"], "there are none, and no first line that names the format"),
    ],
)
def test_a_line_that_is_not_valid_is_named_and_none_is_played(lines: list[str], error: str) -> None:
    heard: list[Any] = []
    with MemoryTransport():
        Comm("plot", comm_id="1").on_msg(heard.append)
        with pytest.raises(ValueError, match=re.escape(error)):
            lite_comms.replay(lines)
    assert heard == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("direction", "up"), ("data", nested(500)), ("data", {1, 2}), ("buffers", [5]), ("cut", 1)],
)
def test_a_message_of_a_trace_that_is_not_valid_is_named(field: str, value: Any) -> None:
    trace, _ = recorded()
    bad = trace[-1]._replace(**{field: value})
    with MemoryTransport():
        again = adder()
        error = f"recorded comm messages, message {len(trace)}: {field} must be "
        with pytest.raises(ValueError, match=error):
            lite_comms.replay([*trace[:-1], bad])
    assert again == []


def test_what_is_as_deep_as_can_be_sent_is_played() -> None:
    heard: list[Any] = []
    deep = {"data": nested(499), "metadata": {"m": nested(499)}}
    with MemoryTransport():
        Comm("plot", comm_id="1").on_msg(heard.append)
        lite_comms.replay([HEAD, line(**deep)])
    assert [(msg["content"]["data"], msg["metadata"]) for msg in heard] == [tuple(deep.values())]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_as_editors_write_it(tmp_path: Path, encoding: str, end: str) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_bytes(end.join([HEAD, line(data="ä"), "", line(data=2), ""]).encode(encoding))
    heard: list[Any] = []
    with MemoryTransport():
        Comm("plot", comm_id="1").on_msg(lambda msg: heard.append(msg["content"]["data"]))
        lite_comms.replay(file)
    assert heard == ["ä", 2]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"{HEAD}\n".encode("utf-16"), "line 1: 'utf-8' codec can't decode byte"),
        (f"{HEAD}\nä".encode("latin-1"), "line 2: 'utf-8' codec can't decode byte"),
        (b"", "there are none, and no first line"),
    ],
)
def test_a_file_that_is_no_recording_says_why(tmp_path: Path, text: bytes, error: str) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_bytes(text)
    with MemoryTransport(), pytest.raises(ValueError, match=error):
        lite_comms.replay(file)


@pytest.mark.parametrize("what", [None, 5, b"{}", [5], [HEAD, 5], [{"format": 1}]])
def test_what_is_no_recording_is_refused(what: Any) -> None:
    error = f"takes a path, lines of text, or TracedMessages, not {re.escape(repr(what)[:12])}"
    with MemoryTransport(), pytest.raises(TypeError, match=error):
        lite_comms.replay(what)


def test_without_a_page_in_memory_nothing_is_played() -> None:
    with pytest.raises(RuntimeError, match="in the block of a MemoryTransport"):
        lite_comms.replay([HEAD])
