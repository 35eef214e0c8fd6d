"""Frames that the kernel refuses, and the answers of those that it cannot use."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import frames, opened_anew
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

COLLECT = """
from comm import get_comm_manager

heard = []

def collect(comm, msg):
    comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))

get_comm_manager().register_target("collect", collect)
"""
OPEN = "{comm_id: 'c', target_name: 'collect', data: {}}"


@pytest.fixture
def kernel(port_kernel: Kernel) -> Kernel:
    return opened_anew(port_kernel)


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("'nonsense'", ["error", "unknown frame type 'nonsense'", 0]),
        ("'comm', 5, 3, false", ["error", "message of a frame 'comm' must be str, not int", 5]),
        ("'comm', 6, '{', false", ["error", "a comm message cannot be read: ", 6]),
        ("'comm', 7, '{\"header\":{}}', false", ["error", "a comm message cannot be read: ", 7]),
        ("'comm', 8, '[]', false", ["error", "a comm message cannot be read: ", 8]),
        ("'interrupt'", ["error", "number of a frame 'interrupt' must be int", 0]),
        ("'watch', 'blob:a'", ["error", "places of a frame 'watch' must be shared memory", 0]),
        *(
            (f"'watch', {place}", ["error", "places of a frame 'watch' must be shared memory", 0])
            for place in (
                "{}",
                "new Map()",
                "new Map([['buffer', new SharedArrayBuffer(16)]])",
                "new ArrayBuffer(16)",
                "new SharedArrayBuffer(16)",
                "new Int32Array(4)",
                "[1, 2]",
                "{length: 4, byteLength: 16, buffer: {byteLength: 16}}",
                "null",
            )
        ),
        (
            (
                "'watch', {constructor: {name: 'Int32Array'}, "
                "buffer: {constructor: {name: 'SharedArrayBuffer'}}}"
            ),
            ["error", "TypeError: shared memory must be an Int32Array", 0],
        ),
        ("'comm', 9, '{\"header\":null}', false", ["error", "a comm message cannot be read: ", 9]),
        (
            (
                "'comm', 10, JSON.stringify({header: {msg_id: '1', msg_type: 'comm_msg'},"
                "content: {}, metadata: [1]}), false"
            ),
            ["error", "a comm message cannot be read: TypeError('its metadata is no object')", 10],
        ),
        ("'attach', 11, 5", ["error", "attachments of a frame 'attach' must be objects", 0]),
        ("'comm', 12n, '{}', false", ["error", "the id of a comm message must count from 1", 0]),
        ("'interrupt', NaN", ["error", "number of a frame 'interrupt' must be int", 0]),
        ("", ["error", "unknown frame type ", 0]),
        ("{}", ["error", "unknown frame type ", 0]),
    ],
)
def test_a_frame_that_cannot_be_used_is_answered(
    kernel: Kernel, frame: str, answer: list[Any]
) -> None:
    kernel.page(f"page.post({frame})")
    ((kind, reason, message),) = frames(kernel)
    assert [kind, reason[: len(answer[1])], message] == answer
    # Python looks at the clock, and the kernel lives.
    assert kernel.run("print(sum(range(100_000)), end='')") == "4999950000"


@pytest.mark.parametrize("wrap", ["a => ({a})", "a => [a]"])
def test_deep_data_is_refused_and_its_neighbours_are_handled(kernel: Kernel, wrap: str) -> None:
    kernel.run(COLLECT)
    kernel.page(
        f"""
        const text = (msg_type, content, metadata = {{}}) =>
          JSON.stringify({{header: {{msg_id: '1', msg_type}}, metadata, content}});
        const nested = depth => Array(depth).fill().reduce({wrap}, 1);
        const say = (id, data, metadata) =>
          page.post('comm', id, text('comm_msg', {{comm_id: 'd', data}}, metadata), false);
        const open = {{comm_id: 'd', target_name: 'collect', data: 0}};
        page.post('comm', 1, text('comm_open', open), false);
        say(2, 'before');
        say(3, nested(4000));
        say(4, 'between');
        say(5, 0, {{a: nested(4000)}});
        const opened = {{comm_id: 'e', target_name: 'collect', data: nested(4000)}};
        page.post('comm', 6, text('comm_open', opened), false);
        say(7, nested(499));
        say(8, 'after');
        // A burst may take more than one turn.
        const isOver = () => page.frames.some(([type, ...of]) => type === 'ack' && of.includes(8));
        for (let i = 0; i < 100 && !isOver(); i++) await page.turn();
        """
    )
    answers = frames(kernel)
    reason = "a {} of comm {} cannot be handled: it is nested more than 500 levels deep"
    assert sorted(frame[1:] for frame in answers if frame[0] == "error") == [
        [reason.format("comm_msg", "d"), 3],
        [reason.format("comm_msg", "d"), 5],
        [reason.format("comm_open", "e"), 6],
    ]
    assert sorted(i for frame in answers if frame[0] == "ack" for i in frame[1:]) == [1, 2, 4, 7, 8]
    shown = kernel.run("print([v if type(v) is str else 'deep' for v in heard], end='')")
    assert shown == "['before', 'between', 'deep', 'after']"


def test_a_refused_frame_changes_nothing(kernel: Kernel) -> None:
    kernel.page("""
        page.post('comm', 2 ** 52, '{', false);
        page.post('interrupt', 2 ** 52);
        const small = new Int32Array(new SharedArrayBuffer(8));
        small[0] = 3;
        page.post('watch', small);
        await page.turn();
        """)
    assert [frame[2] for frame in frames(kernel)] == [2**52, 0, 0]
    # Messages and Stop work as before.
    sent = kernel.page(f"return page.send('comm_open', {OPEN})")
    assert sent is not None
    assert "ack" in [frame[0] for frame in frames(kernel)]
    kernel.page("page.post('interrupt', 1); await page.turn()")
    assert frames(kernel) == [["interrupted", 1]]
