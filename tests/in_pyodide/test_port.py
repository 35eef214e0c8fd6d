"""The port, in JupyterLite's own worker: hello, comm frames both ways, waiting, bye."""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import groupby
from statistics import median

import pytest

from .conftest import HELLO, VERSION, NewKernel, frames, opened_anew
from .kernel import Kernel

pytestmark = pytest.mark.pyodide

# A target whose comms answer each message with what they heard, and print as well.
ECHO = """
from comm import get_comm_manager

def echo(comm, msg):
    comm.send({"opened": msg["content"]["data"]})

    @comm.on_msg
    def _(msg):
        print("heard")
        comm.send(msg["content"]["data"], msg["metadata"], msg["buffers"])

get_comm_manager().register_target("echo", echo)
"""
OPEN = "{comm_id: 'c', target_name: 'echo', data: {}}"


@pytest.fixture
def kernel(port_kernel: Kernel) -> Kernel:
    return opened_anew(port_kernel)


def status(kernel: Kernel) -> list[str]:
    return kernel.run("s = lite_comms.status(); print(s.transport)").splitlines()[-1:]


DIED = ["died", "RuntimeError: memory access out of bounds"]


def crash(kernel: Kernel, before: str = "") -> list[list[str]]:
    """Let Python suffer a fatal error; the beginnings of the frames that have come."""
    code = f"{before}\nimport ctypes\nctypes.string_at(0xfffffff0)"
    # Its promise may be kept, or not: Python is gone.
    kernel.page(
        f"page.ask('execute', {json.dumps({'code': code})}).catch(() => undefined);"
        "while (!page.frames.some(([type]) => type === 'died'))"
        "  await new Promise(resolve => setTimeout(resolve, 10));"
    )
    return [frame[:2] for frame in kernel.page("return page.frames")]


@pytest.mark.parametrize(
    ("kernel_version", "is_isolated", "is_said"),
    [("0.8.6", True, False), ("0.9.0a1", False, False), ("0.9.0a1", True, True)],
)
def test_a_kernel_whose_outputs_have_their_own_channel_says_so(
    port_kernel: Kernel, kernel_version: str, is_isolated: bool, is_said: bool
) -> None:
    port_kernel.run(
        "import js, pyodide_kernel; before = pyodide_kernel.__version__\n"
        f"pyodide_kernel.__version__, js.crossOriginIsolated = {kernel_version!r}, {is_isolated}"
    )
    try:
        why = opened_anew(port_kernel).run("print(lite_comms.status().why)")
        assert ("outputs take a channel of their own" in why) == is_said
    finally:
        port_kernel.run("pyodide_kernel.__version__ = before; del js.crossOriginIsolated")


def test_the_first_frame_is_a_hello(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        assert frames(kernel) == [
            ["hello", VERSION, version("lite-comms"), "begun", "attachments", "interrupt", "inbox"],
        ]
        kernel.run("import lite_comms")
        assert status(kernel) == ["stock"]
        kernel.page(f"{HELLO}; await page.turn()")
        assert status(kernel) == ["port"]


def test_a_cell_that_begins_is_told_to_a_page_that_waits_for_it(kernel: Kernel) -> None:
    kernel.run("lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("lite_comms.install()")
    kernel.page("page.post('hello', 1, 'page', 'begun'); await page.turn()")
    frames(kernel)
    printed = kernel.run("print(get_ipython().kernel.get_parent()['header']['msg_id'])")
    assert frames(kernel) == [["begun", printed.strip()]]


# Pyodide is told of the buffer, and does not look into it.
BLIND = """
import pyodide_js
from pyodide.code import run_js
lite_comms.uninstall()
see = run_js('''pyodide => {
  const {setInterruptBuffer} = pyodide;
  pyodide.setInterruptBuffer = () => undefined;
  return () => { pyodide.setInterruptBuffer = setInterruptBuffer; };
}''')(pyodide_js)
"""
OTHER_LOOP = """
import sys
from pyodide.webloop import WebLoop
lite_comms.uninstall()
call_soon = WebLoop.call_soon
WebLoop.call_soon = lambda *args, **keys: (
    None if sys._getframe(1).f_code.co_name == "missing" else call_soon(*args, **keys)
)
"""


@pytest.mark.parametrize(
    ("sabotage", "undo", "reason"),
    [
        (BLIND, "see()", "Pyodide does not look for signals where lite_comms has put them"),
        (
            OTHER_LOOP,
            "WebLoop.call_soon = call_soon",
            "Pyodide's event loop does not schedule callbacks by call_later",
        ),
    ],
)
def test_a_kernel_says_that_it_can_be_interrupted_once_it_can(
    kernel: Kernel, sabotage: str, undo: str, reason: str
) -> None:
    kernel.run(f"{sabotage}\nlite_comms.install()")
    try:
        kernel.page("page.post('bye'); await page.turn()")
        hello = frames(kernel)[-1]
        assert (hello[0], hello[3:]) == ("hello", ["begun", "attachments"])
        kernel.page(f"{HELLO}; await page.turn()")
        printed = kernel.run("s = lite_comms.status()")
        assert "transport port" in printed
        assert f"not in synchronous code, and Stop is JupyterLite's own: {reason}" in printed
        frames(kernel)
        kernel.page("page.post('interrupt', 1); await page.turn()")
        assert frames(kernel) == [["error", f"interrupt 1 cannot be handled: {reason}", 0]]
    finally:
        kernel.run(undo)
    # The next cell tries it out once more.
    assert "Stop is JupyterLite's own" not in kernel.run("s = lite_comms.status()")
    ((*hello, _),) = frames(kernel)
    assert hello == ["hello", VERSION, version("lite-comms"), "begun", "attachments", "interrupt"]
    kernel.page("page.post('interrupt', 1); await page.turn()")
    assert frames(kernel) == [["interrupted", 1]]


def test_if_taking_over_the_signals_fails_nothing_is_left_behind(kernel: Kernel) -> None:
    kernel.run("""
import time
from lite_comms._live import signals
lite_comms.uninstall()
sleep, call_later, start = time.sleep, signals.WebLoop.call_later, signals.ResumeWatch.start
def fail(self):
    raise OSError("no more tools")
signals.ResumeWatch.start = fail
lite_comms.install()
""")
    # The uninstall has given back what the tests before had installed.
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("sleep, call_later = time.sleep, signals.WebLoop.call_later")
    kernel.page(f"{HELLO}; await page.turn()")
    printed = kernel.run("signals.ResumeWatch.start = start; s = lite_comms.status()")
    assert "Pyodide's signals cannot be taken over: OSError('no more tools')" in printed
    printed = kernel.run("print(time.sleep is sleep, signals.WebLoop.call_later is call_later)")
    assert printed == "True True\n"


def test_another_version_of_the_page_leaves_the_stock_path(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.page("page.post('hello', 99, 'page'); await page.turn()")
        printed = kernel.run("import lite_comms; s = lite_comms.status()")
        assert "transport stock" in printed
        assert (
            "with protocol 1; restart the kernel and run %pip install lite-comms==page" in printed
        )
        assert crash(kernel)[-1] == DIED
        assert not kernel.page("return page.isClosed")


def test_a_comm_of_the_kernel_goes_over_the_port_with_its_parent(kernel: Kernel) -> None:
    kernel.run("""
with lite_comms.Comm("t", {"a": None}, {"m": 1}, [b"ab"], "c1") as comm:
    comm.send({"b": 2**60, "c": {1}})
""")
    assert kernel.comm_messages() == []
    got = frames(kernel)
    assert [frame[:4] + frame[5:] for frame in got] == [
        [
            "comm",
            "comm_open",
            '{"data": {"a": null}, "comm_id": "c1", "target_name": "t", "target_module": null}',
            '{"m": 1}',
            "Uint8Array 6162",
        ],
        [
            "comm",
            "comm_msg",
            '{"data": {"b": 1152921504606846976, "c": [1]}, "comm_id": "c1"}',
            "{}",
        ],
        ["comm", "comm_close", '{"data": {}, "comm_id": "c1"}', "{}"],
    ]
    parents = [json.loads(frame[4]) for frame in got]
    assert parents[0]["msg_type"] == "execute_request"
    assert parents[1:] == [parents[0]] * 2


def test_an_echo_is_exact_and_acknowledged_after_it(kernel: Kernel) -> None:
    kernel.run(ECHO)
    message = kernel.page(
        f"""
        await page.send('comm_open', {OPEN});
        const buffers = [new Uint8Array([1, 2]).buffer, new ArrayBuffer(0)];
        return page.send('comm_msg', {{comm_id: 'c', data: {{x: [2.0, null, 'é']}}}}, {{
          metadata: {{m: 1}}, buffers}});
        """
    )
    opened, first_ack, answer, second_ack = frames(kernel)
    assert json.loads(opened[2]) == {"data": {"opened": {}}, "comm_id": "c"}
    assert answer[:4] + answer[5:] == [
        "comm",
        "comm_msg",
        '{"data": {"x": [2, null, "é"]}, "comm_id": "c"}',
        '{"m": 1}',
        "Uint8Array 0102",
        "Uint8Array ",
    ]
    assert json.loads(answer[4])["msg_id"] == message
    assert [first_ack[0], second_ack[0]] == ["ack", "ack"]


def test_what_a_callback_prints_has_the_message_as_its_parent(kernel: Kernel) -> None:
    kernel.run(ECHO)
    message = kernel.page(
        f"""
        await page.send('comm_open', {OPEN});
        return page.send('comm_msg', {{comm_id: 'c', data: {{}}}});
        """
    )
    assert kernel.shown("stdout") == "heard\n"
    assert {msg.parent_id for msg in kernel.received} == {message}


def test_a_message_is_handled_while_a_cell_awaits_and_the_cell_keeps_its_parent(
    kernel: Kernel,
) -> None:
    kernel.run(ECHO)
    message = kernel.page(
        f"""
        const cell = page.ask('execute', {{code: `
import asyncio
go = asyncio.Event()
get_comm_manager().register_target("go", lambda comm, msg: go.set())
print("before")
lite_comms.Comm("started")
await go.wait()
print("after")
`}});
        while (!page.frames.length) {{
          await new Promise(resolve => setTimeout(resolve, 5));
        }}
        await page.send('comm_open', {OPEN});
        const heard = await page.send('comm_msg', {{comm_id: 'c', data: {{}}}});
        await page.send('comm_open', {{comm_id: 'd', target_name: 'go', data: {{}}}});
        await cell;
        return heard;
        """
    )
    printed = [
        (parent == message, "".join(msg.content["text"] for msg in messages))
        for parent, messages in groupby(kernel.received, lambda msg: msg.parent_id)
    ]
    assert printed == [(False, "before\n"), (True, "heard\n"), (False, "after\n")]
    assert len({msg.parent_id for msg in kernel.received}) == 2


def test_an_open_waits_with_its_messages_until_the_target_is_registered(kernel: Kernel) -> None:
    handled = kernel.page(
        f"""
        const done = [];
        const open = page.send('comm_open', {OPEN}, {{mayWait: true}}).then(
          () => done.push('open'));
        const message = page.send('comm_msg', {{comm_id: 'c', data: {{n: 1}}}}).then(
          () => done.push('message'));
        await page.turn();
        const before = [...done];
        await page.ask('execute', {{code: {json.dumps(ECHO)}}});
        await Promise.all([open, message]);
        return [before, done];
        """
    )
    assert handled == [[], ["open", "message"]]
    sent = [json.loads(frame[2])["data"] for frame in frames(kernel) if frame[0] == "comm"]
    assert sent == [{"opened": {}}, {"n": 1}]


def test_an_open_for_a_target_of_lite_comms_does_not_wait(kernel: Kernel) -> None:
    kernel.page(
        """
        const content = {comm_id: 'c', target_name: 'lite_comms.status', data: {}};
        await page.send('comm_open', content, {mayWait: true});
        """
    )
    assert [frame[1] for frame in frames(kernel) if frame[0] == "comm"] == ["comm_close"]


def test_comms_that_wait_are_handled_once_when_one_lets_the_others_pass(kernel: Kernel) -> None:
    # The target stands for one that lets the event loop turn, where the page's idle comes in.
    kernel.run("""
from comm import get_comm_manager

opened = []

def late(comm, msg):
    opened.append(comm.comm_id)
    get_comm_manager().transport._incoming.receive("idle")
""")
    kernel.page(
        """
        const handled = ['c', 'd', 'e'].map(comm_id =>
          page.send('comm_open', {comm_id, target_name: 'late', data: {}}, {mayWait: true}));
        await page.ask('execute', {code: "get_comm_manager().targets['late'] = late"});
        page.post('idle');
        await Promise.all(handled);
        """
    )
    assert {frame[0] for frame in frames(kernel)} == {"ack"}
    assert kernel.run("print(sorted(opened))") == "['c', 'd', 'e']\n"


def test_an_open_that_waits_in_vain_is_closed_when_the_kernel_is_idle(kernel: Kernel) -> None:
    kernel.page(
        f"""
        const open = page.send('comm_open', {OPEN}, {{mayWait: true}});
        await page.turn();
        page.post('idle');
        await open;
        """
    )
    assert [frame[1] for frame in frames(kernel) if frame[0] == "comm"] == ["comm_close"]


def test_an_open_that_need_not_wait_is_closed_at_once(kernel: Kernel) -> None:
    kernel.page(f"await page.send('comm_open', {OPEN})")
    assert [frame[1] for frame in frames(kernel) if frame[0] == "comm"] == ["comm_close"]


def test_an_answer_to_an_earlier_hello_does_not_open_the_port(kernel: Kernel) -> None:
    kernel.run("""
import lite_comms
lite_comms.uninstall()
lite_comms.install(page=False)
lite_comms.uninstall()
lite_comms.install(page=False)
""")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello", "bye", "hello"]
    opened = "import lite_comms; print(lite_comms.status().transport, end='')"
    for answer, transport in (
        ("'bye'", "stock"),
        ("'hello', 1, 'page'", "stock"),
        ("'bye'", "stock"),
        ("'hello', 1, 'page'", "port"),
    ):
        kernel.page(f"page.post({answer}); await page.turn()")
        assert kernel.run(opened).endswith(transport)


def test_a_page_that_came_after_the_bye_opens_the_port_at_the_next_install(kernel: Kernel) -> None:
    kernel.run("lite_comms.uninstall()")
    kernel.page("page.post('hello', 1, 'page', 'injected', 'asks'); await page.turn()")
    kernel.run("lite_comms.install(page=False)")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello"]
    kernel.page(f"{HELLO}; await page.turn()")
    assert status(kernel) == ["port"]


def test_a_bye_that_answers_none_is_passed_over(kernel: Kernel) -> None:
    kernel.page("page.post('bye'); await page.turn()")
    kernel.run("lite_comms.uninstall(); lite_comms.install(page=False)")
    kernel.page(f"page.post('bye'); {HELLO}; await page.turn()")
    assert status(kernel) == ["port"]


def test_errors_of_the_page_without_end_are_counted_and_not_all_shown(kernel: Kernel) -> None:
    kernel.page(
        "for (let i = 0; i < 150; i++) { page.post('error', 'no sense', 0); } await page.turn()"
    )
    lines = kernel.shown("stderr").splitlines()
    first = ["lite_comms: the page cannot use a frame: no sense"] * 5
    assert lines == [*first, f"{first[0]} (10 so far)", f"{first[0]} (100 so far)"]


def test_a_callback_that_raises_is_shown_and_acknowledged(kernel: Kernel) -> None:
    kernel.run("""
def target(comm, msg):
    @comm.on_msg
    def _(msg):
        raise SystemExit(msg["content"]["data"])

get_comm_manager = __import__("comm").get_comm_manager
get_comm_manager().register_target("echo", target)
""")
    sent = kernel.page(f"""
        await page.send('comm_open', {OPEN});
        return page.send('comm_msg', {{comm_id: 'c', data: 'stop'}});
        """)
    ((error, parent),) = kernel.errors()
    assert (error["ename"], error["evalue"], parent) == ("SystemExit", "stop", sent)
    assert error["traceback"][-1].endswith("the on_msg callback of comm 'echo' (c) raised")


def test_a_comm_that_nobody_holds_is_closed_on_the_page(kernel: Kernel) -> None:
    kernel.run("""
import gc, lite_comms
comm = lite_comms.Comm("t", comm_id="held")
get_comm_manager = __import__("comm").get_comm_manager
del comm
gc.collect()
print(list(get_comm_manager().comms))
get_comm_manager().unregister_comm(get_comm_manager().get_comm("held"))
gc.collect()
""")
    assert kernel.shown("stdout") == "['held']\n"
    opened, closed = frames(kernel)
    assert [opened[1], closed[1]] == ["comm_open", "comm_close"]
    assert json.loads(closed[2])["comm_id"] == "held"
    kernel.page("await page.send('comm_msg', {comm_id: 'held', data: 'crossed'})")
    assert [frame[0] for frame in frames(kernel)] == ["ack"]


def test_a_close_in_a_callback_and_an_error_in_on_close_leave_nothing_half_open(
    kernel: Kernel,
) -> None:
    kernel.run("""
def target(comm, msg):
    comm.on_close(lambda msg: comm.close() or 1 / 0)

    @comm.on_msg
    def _(msg):
        comm.close("first")
        comm.close("second")
        raise LookupError("after it")

get_comm_manager = __import__("comm").get_comm_manager
get_comm_manager().register_target("echo", target)
""")
    kernel.page(f"""
        await page.send('comm_open', {OPEN});
        await page.send('comm_msg', {{comm_id: 'c', data: {{}}}});
        await page.send('comm_msg', {{comm_id: 'c', data: 'crossed'}});
        await page.send('comm_open', {OPEN});
        await page.send('comm_close', {{comm_id: 'c', data: {{}}}});
        await page.send('comm_close', {{comm_id: 'c', data: 'again'}});
        """)
    errors = [error["ename"] for error, _ in kernel.errors()]
    assert errors == ["LookupError", "ZeroDivisionError"]
    closed = [json.loads(frame[2])["data"] for frame in frames(kernel) if frame[0] == "comm"]
    assert closed == ["first"]
    assert kernel.run("print(get_comm_manager().comms)") == "{}\n"


def test_bye_is_said_and_what_comes_before_the_pages_is_handled(kernel: Kernel) -> None:
    kernel.run(ECHO)
    kernel.page(f"await page.send('comm_open', {OPEN})")
    frames(kernel)
    kernel.run("lite_comms.uninstall()")
    assert frames(kernel) == [["bye"]]
    kernel.page("await page.send('comm_msg', {comm_id: 'c', data: {n: 1}})")
    (answer,) = kernel.comm_messages()
    assert answer.content == {"comm_id": "c", "data": {"n": 1}}
    kernel.page("page.post('bye'); await page.turn()")
    kernel.page("page.post('idle'); page.post('nonsense')")
    assert [frame[0] for frame in frames(kernel)] == ["ack"]


def test_a_hello_that_has_no_answer_yet_is_taken_back(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.run("import lite_comms\nlite_comms.uninstall()")
        assert [frame[0] for frame in frames(kernel)] == ["hello", "bye"]
        # The page's hello and what it sends cross with the bye: it is handled.
        kernel.run(ECHO)
        kernel.page(f"{HELLO}; await page.send('comm_open', {OPEN}); page.post('bye')")
        assert [msg.msg_type for msg in kernel.comm_messages()] == ["comm_msg"]
        assert status(kernel) == ["None"]


def test_out_and_in_again_in_one_cell_ends_open(kernel: Kernel) -> None:
    kernel.run("lite_comms.uninstall(); lite_comms.install(); lite_comms.uninstall()")
    kernel.run("lite_comms.install()")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello", "bye", "hello"]
    kernel.page(f"page.post('bye'); {HELLO}; page.post('bye'); {HELLO}; await page.turn()")
    assert status(kernel) == ["port"]
    kernel.run(ECHO)
    kernel.page(f"await page.send('comm_open', {OPEN})")
    assert [frame[0] for frame in frames(kernel)] == ["comm", "ack"]


def test_another_transport_takes_its_place_and_gives_it_back(kernel: Kernel) -> None:
    kernel.run("with lite_comms.MemoryTransport(): lite_comms.Comm('t')")
    assert [frame[0] for frame in frames(kernel)] == ["bye", "hello"]
    kernel.page(f"page.post('bye'); {HELLO}; await page.turn()")
    assert status(kernel) == ["port"]


def test_a_target_that_raises_system_exit_closes_its_comm(kernel: Kernel) -> None:
    kernel.run(
        "def leave(comm, msg): raise SystemExit('now')\n"
        "__import__('comm').get_comm_manager().register_target('echo', leave)"
    )
    kernel.page(f"await page.send('comm_open', {OPEN})")
    error, closed, ack = frames(kernel)
    assert (error[1], closed[1], ack[0]) == ("error", "comm_close", "ack")
    assert json.loads(closed[3]) == {"lite_comms": {"ename": "SystemExit", "evalue": "now"}}


def test_a_thousand_messages_each_way_leave_nothing_alive(kernel: Kernel) -> None:
    kernel.run("""
import gc, pyodide_js
from comm import get_comm_manager

def echo(comm, msg):
    comm.on_msg(lambda msg: comm.send(msg["content"]["data"], buffers=msg["buffers"]))

get_comm_manager().register_target("echo", echo)

def alive():
    gc.collect()
    return pyodide_js._module._hiwire_num_refs(), len(gc.get_objects())
""")

    def burst(times: int) -> None:
        kernel.page(
            f"""
            for (let i = 0; i < {times}; i++) {{
              await page.send(
                'comm_msg', {{comm_id: 'c', data: {{}}}}, {{buffers: [new ArrayBuffer(8)]}});
            }}
            """
        )

    kernel.page(f"await page.send('comm_open', {OPEN})")
    burst(1000)
    kernel.run("seen = [alive()]")
    for _ in range(3):
        burst(1000)
        kernel.run("seen.append(alive())")
    printed = kernel.run(
        "for a, b in zip(seen, seen[1:]): print(*(after - before for before, after in zip(a, b)))"
    )
    growths = [tuple(map(int, line.split())) for line in printed.splitlines()]
    assert len(growths) == 3
    # What is leaked grows in each round. What other tests left in this kernel goes in one of them:
    # when JavaScript's own collector runs, nobody can say.
    proxies, objects = (median(grown) for grown in zip(*growths, strict=True))
    assert abs(proxies) < 10, printed
    assert abs(objects) < 100, printed


def test_a_fatal_error_of_python_is_told_after_all_that_was_sent(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.page(f"{HELLO}; await page.turn(); page.frames.length = 0")
        before = "import lite_comms\nlite_comms.Comm('t', comm_id='c')"
        assert crash(kernel, before) == [["comm", "comm_open"], DIED]
        assert kernel.page("return page.isClosed")


def test_pyodide_has_its_own_hook_back_when_the_port_is_closed(kernel: Kernel) -> None:
    get = "import pyodide_js; print('post(' in str(pyodide_js._api.on_fatal.toString()))"
    assert kernel.run(get) == "True\n"
    kernel.run("lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn()")
    assert kernel.run(get) == "False\n"
