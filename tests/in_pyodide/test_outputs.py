"""Each output under the message that caused it, in JupyterLite's own worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import NewKernel, with_comm
from .kernel import Kernel, plain

pytestmark = pytest.mark.pyodide

# Comms that do in Python what the page says.
TARGET = """
import asyncio
from comm import get_comm_manager

def do(comm, msg):
    @comm.on_msg
    def _(msg):
        exec(msg["content"]["data"], globals())

get_comm_manager().register_target("do", do)

async def later(text, seconds=0.05):
    await asyncio.sleep(seconds)
    print(text)
"""
SEND = "const send = data => page.send('comm_msg', {comm_id: 'c', data});"
PAUSE = "const pause = ms => new Promise(resolve => setTimeout(resolve, ms));"
# Runs a cell; the id of its request, and the reply.
RUN = "const run = code => page.ask('execute', {code, silent: false, store_history: true});"

# Of a message, as a server kernel has it.
KEYS = ["buffers", "content", "header", "metadata", "msg_id", "msg_type", "parent_header"]


@pytest.fixture(scope="module")
def _kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel() as kernel:
        kernel.open_port("live")
        yield kernel


@pytest.fixture(scope="module")
def _jspi_kernel(new_kernel: NewKernel) -> Iterator[Kernel]:
    with new_kernel(jspi=True) as kernel:
        kernel.open_port("live")
        yield kernel


@pytest.fixture
def kernel(_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, with one comm."""
    return with_comm(_kernel, TARGET, "do")


@pytest.fixture(params=["_kernel", "_jspi_kernel"], ids=["shared_memory", "jspi"])
def live_kernel(request: pytest.FixtureRequest) -> Kernel:
    """The same, once for each way in which callbacks come into the middle of a cell."""
    return with_comm(request.getfixturevalue(request.param), TARGET, "do")


def printed(kernel: Kernel) -> list[tuple[str, str | None]]:
    """What has been printed, with the id of its parent."""
    streams = [msg for msg in kernel.received if msg.msg_type == "stream"]
    return [(msg.content["text"], msg.parent_id) for msg in streams if msg.content["text"].strip()]


def test_a_callback_prints_under_its_message_and_a_task_under_that_which_started_it(
    kernel: Kernel,
) -> None:
    kernel.run("task = asyncio.create_task(later('of the first cell', 0.5))")
    sent = kernel.page(f"""
        {SEND} {PAUSE} {RUN}
        const ids = [await send("print('at once'); asyncio.create_task(later('later'))")];
        await run("print('of the second cell')");
        ids.push(await send("print('again')"));
        await pause(800);
        return ids;
        """)
    said = dict(printed(kernel))
    assert list(said) == ["at once", "of the second cell", "again", "later", "of the first cell"]
    assert said["at once"] == said["later"] == sent[0]
    assert said["again"] == sent[1]
    assert said["of the first cell"] not in (*sent, said["of the second cell"], None)


def test_what_a_cell_prints_while_a_callback_comes_in_between_is_its_own(kernel: Kernel) -> None:
    sent = kernel.page(f"""
        {SEND} {PAUSE} {RUN}
        const cell = run(
          "for i in range(4):\\n    print(f'cell {{i}}')\\n    await asyncio.sleep(0.05)"
        );
        await pause(60);
        const id = await send("print('callback')");
        await cell;
        return id;
        """)
    said = dict(printed(kernel))
    cell = {said[f"cell {i}"] for i in range(4)}
    assert (len(cell), said["callback"]) == (1, sent)
    assert sent not in cell


def test_comm_messages_have_the_parent_of_what_has_sent_them(kernel: Kernel) -> None:
    sent = kernel.page(
        f"""
        {SEND} {PAUSE}
        const sends = "get_comm_manager().comms['c'].send({{'n': 1}})";
        const ids = [await send(sends)];
        ids.push(await send(
          `async def f():\\n  await asyncio.sleep(0.05)\\n  ${{sends}}\\n`
            + "task = asyncio.create_task(f())"
        ));
        ids.push(await send("1"));
        await pause(200);
        return ids;
        """.replace("        task", "task")
    )
    frames: list[Any] = kernel.page("return page.frames.splice(0)")
    parents = [json.loads(frame[4])["msg_id"] for frame in frames if frame[0] == "comm"]
    assert parents == sent[:2]


def test_get_parent_is_the_message_as_on_a_server(kernel: Kernel) -> None:
    kernel.run("""
parents = []
def keep():
    parents.append(get_ipython().kernel.get_parent())
keep()
""")
    sent = kernel.page(f"{SEND} return send('keep()')")
    assert kernel.run("""
cell, callback = parents
print([sorted(parent) for parent in parents])
print(cell["header"]["msg_type"], "keep()" in cell["content"]["code"])
print(callback["header"]["msg_type"], type(callback["header"]["date"]).__name__)
print(callback["content"], get_ipython().kernel.get_parent("control"))
print(callback["header"]["msg_id"])
print(get_ipython().kernel.get_parent("shell") is get_ipython().kernel.get_parent())
""").splitlines() == [
        str([KEYS, KEYS]),
        "execute_request True",
        "comm_msg datetime",
        "{'comm_id': 'c', 'data': 'keep()'} {}",
        sent,
        "True",
    ]


def test_what_javascript_calls_says_it_under_the_latest_cell(kernel: Kernel) -> None:
    kernel.run("""
import js
from pyodide.ffi import create_once_callable
js.setTimeout(create_once_callable(lambda: print("by a timer")), 200)
print("cell")
""")
    ((_, cell),) = printed(kernel)
    # Neither a message nor a request of another kind takes its place.
    kernel.page(f"{SEND} {PAUSE} await send('1'); await page.turn(); await pause(400)")
    assert printed(kernel) == [("by a timer", cell)]


def test_an_error_of_a_cell_is_told_once_with_its_own_name(kernel: Kernel) -> None:
    reply = kernel.page(f"{RUN} return run('1 / 0')")
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")
    # JupyterLite's own, which the page recognizes: it is the same.
    (stock,) = [msg for msg in kernel.received if msg.msg_type == "execute_error"]
    ((error, parent),) = kernel.errors()
    assert {key: stock.content[key] for key in error} == error
    assert stock.parent_id == parent


@pytest.mark.parametrize(
    "code",
    [
        "1 / 0",
        "await asyncio.sleep(0); 1 / 0",
        "def f(:",
        "  x = 1\n y = 2",
        "raise SystemExit(3)",
        "class Odd(Exception):\n    def __str__(self): return chr(0xd800)\nraise Odd",
    ],
)
def test_a_cell_that_fails_says_so(kernel: Kernel, code: str) -> None:
    reply = kernel.page(f"{RUN} return run({json.dumps(code)})")
    errors = [error for error, _ in kernel.errors()]
    assert reply["status"] == "error"
    assert [{key: reply[key] for key in errors[0]}] == errors


@pytest.mark.parametrize(
    ("code", "ename"),
    [
        ("raise ExceptionGroup('two', [ValueError(1), KeyError(2)])", "ExceptionGroup"),
        ("%nosuchmagic", "UsageError"),
    ],
)
def test_a_cell_whose_error_ipython_prints_as_text_has_failed(
    kernel: Kernel, code: str, ename: str
) -> None:
    reply = kernel.page(f"{RUN} return run({json.dumps(code)})")
    assert (reply["status"], reply["ename"], reply["traceback"]) == ("error", ename, [])
    assert ename in kernel.shown("stderr")
    assert kernel.errors() == []


def test_a_cell_has_its_own_error_also_when_a_hook_fails_after_it(kernel: Kernel) -> None:
    kernel.run("""
def hook():
    raise LookupError("of the hook")
get_ipython().events.register("post_execute", hook)
""")
    reply = kernel.page(f"{RUN} return run('1 / 0')")
    kernel.page(
        f"{RUN} await run('get_ipython().events.unregister(`post_execute`, hook)'"
        ".replaceAll('`', '\"'))"
    )
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")


def test_a_group_of_exceptions_of_a_callback_is_an_error_message(kernel: Kernel) -> None:
    kernel.page(f"{SEND} await send(\"raise ExceptionGroup('two', [ValueError(1)])\")")
    ((error, _),) = kernel.errors()
    assert error["ename"] == "ExceptionGroup"
    assert "the on_msg callback of comm 'do' (c) raised" in "".join(error["traceback"])


def test_an_exception_that_is_raised_again_names_one_comm(kernel: Kernel) -> None:
    kernel.run("same = LookupError('the same')")
    kernel.page(f"{SEND} await send('raise same'); await send('raise same')")
    assert len(kernel.errors()) == 2
    assert kernel.run("print(same.__notes__)") == "[]\n"


def test_what_a_callback_raises_when_it_is_cancelled_is_shown_once(kernel: Kernel) -> None:
    kernel.page(f"{SEND} await send('raise asyncio.CancelledError')")
    assert [error["ename"] for error, _ in kernel.errors()] == ["CancelledError"]


def test_a_redirection_that_a_task_ends_during_a_cell_is_ended(kernel: Kernel) -> None:
    kernel.page("page.watch(65536); await page.turn()")
    kernel.run("""
import contextlib, io, sys, time
redirection = contextlib.redirect_stdout(io.StringIO())
real = sys.stdout
redirection.__enter__()
""")
    kernel.page(f"""
        {PAUSE} {RUN}
        const cell = run(`
done = False
end = time.time() + 20
while not done and time.time() < end:
    pass
`);
        await pause(300);
        const code = "redirection.__exit__(None, None, None); done = True";
        await page.share('comm_msg', {{comm_id: 'c', data: code}});
        await cell;
        """)
    assert kernel.run("print(sys.stdout is real)") == "True\n"


def test_a_traceback_that_is_only_shown_is_no_error_of_the_cell(kernel: Kernel) -> None:
    reply = kernel.page(
        RUN + "return run(`try:\n    1 / 0\nexcept Exception:\n    get_ipython().showtraceback()\n"
        "print('after')`)"
    )
    assert reply["status"] == "ok"
    assert kernel.shown("stdout") == "after\n"
    ((error, _),) = kernel.errors()
    assert error["ename"] == "ZeroDivisionError"


def test_an_error_of_a_callback_is_not_the_cells(kernel: Kernel) -> None:
    result = kernel.page(f"""
        {SEND} {PAUSE} {RUN}
        const cell = run("await asyncio.sleep(0.2)");
        await pause(50);
        const id = await send("{{}}['key']");
        return {{id, reply: await cell}};
        """)
    assert result["reply"]["status"] == "ok"
    ((error, parent),) = kernel.errors()
    assert (error["ename"], parent) == ("KeyError", result["id"])
    assert error["traceback"][-1].endswith("the on_msg callback of comm 'do' (c) raised")


def test_an_async_callback_is_awaited_and_acknowledged_at_its_end(kernel: Kernel) -> None:
    kernel.run("""
said = []
def target(comm, msg):
    @comm.on_msg
    async def _(msg):
        said.append(f"begin {msg['content']['data']}")
        print("begin")
        await asyncio.sleep(0.1)
        print("end")
        said.append(f"end {msg['content']['data']}")
        if msg["content"]["data"] == 2:
            raise LookupError("late")
get_comm_manager().register_target("slow", target)
""")
    result = kernel.page("""
        await page.send('comm_open', {comm_id: 's', target_name: 'slow', data: {}});
        const since = performance.now();
        const ids = await Promise.all([1, 2].map(data =>
          page.send('comm_msg', {comm_id: 's', data})));
        return {ids, took: performance.now() - since};
        """)
    assert printed(kernel) == [
        ("begin", result["ids"][0]),
        ("begin", result["ids"][1]),
        ("end", result["ids"][0]),
        ("end", result["ids"][1]),
    ]
    assert result["took"] >= 99
    ((error, parent),) = kernel.errors()
    assert (error["ename"], error["evalue"], parent) == ("LookupError", "late", result["ids"][1])
    assert "lite_comms/" not in "".join(error["traceback"])
    assert kernel.run("print(said)") == "['begin 1', 'begin 2', 'end 1', 'end 2']\n"


def test_an_async_callback_that_ends_after_the_undo_is_acknowledged(kernel: Kernel) -> None:
    kernel.run("""
def target(comm, msg):
    @comm.on_msg
    async def _(msg):
        await asyncio.sleep(0.3)
get_comm_manager().register_target("slow", target)
""")
    ended = kernel.page(f"""
        {RUN} {PAUSE}
        await page.send('comm_open', {{comm_id: 's', target_name: 'slow', data: {{}}}});
        const sent = page.send('comm_msg', {{comm_id: 's', data: 1}});
        await run("import lite_comms; lite_comms.uninstall()");
        page.post('bye');
        return Promise.race([sent.then(() => 'acknowledged'), pause(5000)]);
        """)
    kernel.run("lite_comms.install()")
    kernel.open_port("live")
    assert ended == "acknowledged"


def test_an_async_target_that_fails_closes_its_comm(kernel: Kernel) -> None:
    kernel.run("""
async def target(comm, msg):
    await asyncio.sleep(0.01)
    raise LookupError("no")
get_comm_manager().register_target("fails", target)
""")
    kernel.page("await page.send('comm_open', {comm_id: 'f', target_name: 'fails', data: {}})")
    frames: list[Any] = kernel.page("return page.frames.filter(frame => frame[1] === 'comm_close')")
    ((_, _, content, metadata, _),) = frames
    assert json.loads(content)["comm_id"] == "f"
    assert json.loads(metadata) == {"lite_comms": {"ename": "LookupError", "evalue": "no"}}


@pytest.mark.parametrize(
    "code", ["1", "await asyncio.sleep(0)", "1 / 0", "await a_typo", "def f(:"]
)
def test_the_events_of_ipython_come_in_pairs(kernel: Kernel, code: str) -> None:
    kernel.run("""
fired = []
names = "pre_execute", "pre_run_cell", "post_execute", "post_run_cell"
listeners = {name: lambda *args, name=name: fired.append(name) for name in names}
for name, listener in listeners.items():
    get_ipython().events.register(name, listener)
""")
    kernel.run("fired.clear()")
    kernel.page(f"{RUN} await run({json.dumps(code)})")
    seen = kernel.run("""
print(fired[2:-2])  # the first two ended the cell that cleared, the last two began this one
for name, listener in listeners.items():
    get_ipython().events.unregister(name, listener)
""")
    assert seen == "['pre_execute', 'pre_run_cell', 'post_execute', 'post_run_cell']\n"


def test_the_events_of_a_callback_come_in_pairs_around_its_call(kernel: Kernel) -> None:
    kernel.run("""
fired = []
def target(comm, msg):
    @comm.on_msg
    def _(msg):
        fired.append(msg["content"]["data"])
        if msg["content"]["data"] == "fails":
            1 / 0
        if msg["content"]["data"] == "awaits":
            async def f():
                await asyncio.sleep(0.01)
                fired.append("ends")
            return f()
get_comm_manager().register_target("target", target)
listeners = {name: lambda name=name: fired.append(name) for name in ("pre_execute", "post_execute")}
for name, listener in listeners.items():
    get_ipython().events.register(name, listener)
""")
    kernel.page("await page.send('comm_open', {comm_id: 't', target_name: 'target', data: {}})")
    kernel.run("fired.clear()")
    for data in ("fails", "awaits", "works"):
        kernel.page(f"await page.send('comm_msg', {{comm_id: 't', data: '{data}'}})")
    pre, post = "pre_execute", "post_execute"
    seen = kernel.run("""
print(fired)
for name, listener in listeners.items():
    get_ipython().events.unregister(name, listener)
""")
    assert kernel.errors()
    assert seen == (
        str([post, pre, "fails", post, pre, "awaits", post, "ends", pre, "works", post, pre]) + "\n"
    )


def test_the_events_of_a_cell_are_not_those_of_what_it_runs_itself(kernel: Kernel) -> None:
    kernel.run("""
fired = []
names = ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell")
listeners = {name: lambda *_, name=name: fired.append(name) for name in names}
for name, listener in listeners.items():
    get_ipython().events.register(name, listener)
""")
    # As ipykernel does it, who calls run_cell_async fires what comes after it.
    kernel.run("""
fired.clear()
async def inner():
    result = await get_ipython().run_cell_async("2", transformed_cell="2")
    get_ipython().events.trigger("post_execute")
    get_ipython().events.trigger("post_run_cell", result)
await inner()
""")
    assert (
        kernel.run("print(fired)")
        == str(
            ["pre_execute", "pre_run_cell"]
            + 2 * (["post_execute", "post_run_cell"])
            + ["pre_execute", "pre_run_cell"]
        )
        + "\n"
    )
    kernel.run("fired.clear()\ntask = asyncio.create_task(inner())")
    kernel.run("await task")
    seen = kernel.run("""
print([fired.count(name) for name in names])
for name, listener in listeners.items():
    get_ipython().events.unregister(name, listener)
""")
    # Three cells, the first and the last of them seen in part, and what the task has run.
    assert seen == "[3, 3, 3, 3]\n"


def test_a_cell_that_fails_is_an_error_whatever_its_hooks_run(kernel: Kernel) -> None:
    reply = kernel.page(f"""
        {RUN}
        return run(`
ip = get_ipython()
def hook(result):
    ip.events.unregister("post_run_cell", hook)
    ip.run_cell("1", silent=True, store_history=False)
ip.events.register("post_run_cell", hook)
1 / 0
`);
        """)
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")


def test_a_message_that_comes_before_the_callback_is_handled_when_there_is_one(
    kernel: Kernel,
) -> None:
    kernel.run("""
heard = []
def note(msg):
    is_parent = get_ipython().kernel.get_parent()["msg_id"] == msg["msg_id"]
    heard.append([is_parent, msg["content"]["data"]])
async def late(comm, msg):
    await asyncio.sleep(0.1)
    comm.on_msg(note)
    comm.on_close(note)
get_comm_manager().register_target("late", late)
""")
    kernel.page(f"""
        {PAUSE}
        page.send('comm_open', {{comm_id: 'l', target_name: 'late', data: {{}}}});
        page.send('comm_msg', {{comm_id: 'l', data: 1}});
        page.send('comm_msg', {{comm_id: 'l', data: 2}});
        page.send('comm_close', {{comm_id: 'l', data: 3}});
        await pause(300);
        """)
    assert kernel.run("print(heard)") == "[[True, 1], [True, 2], [True, 3]]\n"
    kernel.page(f"""
        {PAUSE} {RUN}
        const cell = run(`
heard.clear()
from lite_comms import Comm
comm = Comm("page", comm_id="p")
await asyncio.sleep(0.2)
comm.on_msg(note)
`);
        await pause(100);
        page.send('comm_msg', {{comm_id: 'p', data: 1}});
        await cell;
        await page.send('comm_msg', {{comm_id: 'p', data: 2}});
        """)
    assert kernel.run("print(heard)") == "[[True, 1], [True, 2]]\n"


def test_an_async_callback_has_begun_before_the_next_message_is_handled(kernel: Kernel) -> None:
    kernel.run("""
heard = []
def target(comm, msg):
    @comm.on_msg
    async def _(msg):
        heard.append("begins")
        await asyncio.sleep(0.01)
        heard.append("ends")
    comm.on_close(lambda msg: heard.append("closed"))
get_comm_manager().register_target("target", target)
""")
    kernel.page(f"""
        {PAUSE}
        page.send('comm_open', {{comm_id: 't', target_name: 'target', data: {{}}}});
        page.send('comm_msg', {{comm_id: 't', data: 1}});
        page.send('comm_close', {{comm_id: 't', data: {{}}}});
        await pause(100);
        """)
    assert kernel.run("print(heard)") == "['begins', 'closed', 'ends']\n"


def test_a_callback_in_the_middle_of_a_cell_prints_past_its_redirection(kernel: Kernel) -> None:
    kernel.page("page.watch(65536); await page.turn()")
    reply = kernel.page(f"""
        {PAUSE} {RUN}
        const cell = run(`
import contextlib, io, time
done = False
with contextlib.redirect_stdout(io.StringIO()) as text:
    print("of the cell")
    end = time.time() + 20
    while not done and time.time() < end:
        pass
    print("and again")
print([text.getvalue(), done])
`);
        await pause(300);
        await page.share('comm_msg', {{comm_id: 'c', data: "print('mine'); done = True"}});
        return cell;
        """)
    assert reply["status"] == "ok"
    (mine, parent), (cells, parent_of_cell) = printed(kernel)
    assert mine == "mine"
    assert cells == str(["of the cell\nand again\n", True])
    assert None not in {parent, parent_of_cell}
    assert parent != parent_of_cell


def test_a_redirection_of_a_cell_that_a_callback_ends_is_ended(kernel: Kernel) -> None:
    kernel.page("page.watch(65536); await page.turn()")
    kernel.page(f"""
        {PAUSE} {RUN}
        const cell = run(`
import contextlib, io, time
redirection = contextlib.redirect_stdout(io.StringIO())
redirection.__enter__()
done = False
end = time.time() + 20
while not done and time.time() < end:
    pass
print("after")
`);
        await pause(300);
        const data = "redirection.__exit__(None, None, None); done = True";
        await page.share('comm_msg', {{comm_id: 'c', data}});
        await cell;
        """)
    assert [text for text, _ in printed(kernel)] == ["after"]
    assert kernel.run("print('next')") == "next\n"


def test_a_callback_that_stop_ends_in_the_middle_of_a_cell_is_not_the_cells_error(
    kernel: Kernel,
) -> None:
    kernel.page("page.watch(65536); await page.turn()")
    reply = kernel.page(f"""
        {PAUSE} {RUN}
        const tell = data => page.share('comm_msg', {{comm_id: 'c', data}});
        const cell = run(`
import time
done = False
end = time.time() + 20
while not done and time.time() < end:
    pass
`);
        await pause(300);
        tell('while True: pass');
        await pause(300);
        page.stop();
        tell('done = True');
        return cell;
        """)
    assert reply["status"] == "ok"
    assert [error["ename"] for error, _ in kernel.errors()] == ["KeyboardInterrupt"]


def test_an_error_whose_traceback_is_stopped_is_shown_without_it(kernel: Kernel) -> None:
    kernel.run("""
shell = get_ipython()
showtraceback = shell.showtraceback
def stopped(*args, **options):
    shell.showtraceback = showtraceback
    raise KeyboardInterrupt
shell.showtraceback = stopped
""")
    kernel.page(f"{SEND} await send('1 / 0')")
    ((error, _),) = kernel.errors()
    assert error["ename"] == "ZeroDivisionError"
    assert error["traceback"] == [
        "ZeroDivisionError: division by zero",
        "lite_comms: the on_msg callback of comm 'do' (c) raised",
    ]
    assert kernel.run("print('next')") == "next\n"


def test_an_error_that_takes_no_attributes_is_shown_with_its_comm(kernel: Kernel) -> None:
    kernel.run("""
import dataclasses
@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    x: int
async def fails(comm, msg):
    await asyncio.sleep(0)
    raise Frozen(4)
get_comm_manager().register_target("fails", fails)
""")
    kernel.page(f"{SEND} {PAUSE} await send('raise Frozen(3)'); await pause(50)")
    ((error, _),) = kernel.errors()
    assert error["ename"] == "Frozen"
    assert error["traceback"][-1] == "lite_comms: the on_msg callback of comm 'do' (c) raised"
    kernel.page("await page.send('comm_open', {comm_id: 'f', target_name: 'fails', data: {}})")
    assert [error["evalue"] for error, _ in kernel.errors()] == ["4"]
    assert kernel.run("print('f' in get_comm_manager().comms)") == "False\n"


def test_a_magic_that_a_callback_gets_wrong_is_an_error_of_the_comm(kernel: Kernel) -> None:
    kernel.page(f"{SEND} await send(\"get_ipython().run_line_magic('nosuch', '')\")")
    ((error, _),) = kernel.errors()
    assert error["ename"] == "UsageError"
    assert "comm 'do' (c)" in error["traceback"][-1]


def test_code_may_put_back_the_parent_that_it_has_read(kernel: Kernel) -> None:
    kernel.run("""
kernel = get_ipython().kernel
parent = kernel._parent_header
kernel._parent_header = parent
print(kernel._parent_header["header"]["msg_id"] == parent["header"]["msg_id"])
""")
    ((same, first),) = printed(kernel)
    kernel.run("print('next')")
    ((_, second),) = printed(kernel)
    assert same == "True"
    assert None not in {first, second}
    assert first != second


def test_an_error_after_the_undo_in_the_same_cell_has_its_traceback(kernel: Kernel) -> None:
    reply = kernel.page(f"{RUN} return run('import lite_comms; lite_comms.uninstall(); 1 / 0')")
    assert "1 / 0" in plain("\n".join(reply["traceback"]))
    kernel.run("lite_comms.install()")
    kernel.page("page.post('bye'); page.post('hello', 1, 'page', 'live'); await page.turn()")


def test_functions_that_others_have_wrapped_outlive_the_undo(kernel: Kernel) -> None:
    kernel.run("""
import lite_comms
ip = get_ipython()
seen = []
def wrap(owner, name):
    before = getattr(owner, name)
    def wrapper(*args, **keys):
        seen.append(name)
        return before(*args, **keys)
    setattr(owner, name, wrapper)
wrapped = (ip.kernel, "run"), (ip, "run_cell"), (ip, "run_cell_async")
for owner, name in wrapped:
    wrap(owner, name)
lite_comms.uninstall()
lite_comms.install()
""")
    kernel.page("page.post('bye'); page.post('hello', 1, 'page', 'live'); await page.turn()")
    reply = kernel.page(f"{RUN} return run('seen.clear(); 1 / 0')")
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")
    assert len(kernel.errors()) == 1
    assert kernel.run("ip.run_cell('2'); print(sorted(set(seen)))").endswith(
        "['run', 'run_cell', 'run_cell_async']\n"
    )
    kernel.run("""
lite_comms.uninstall()
for owner, name in wrapped:
    delattr(owner, name)
lite_comms.install()
""")
    kernel.page("page.post('bye'); page.post('hello', 1, 'page', 'live'); await page.turn()")
    assert kernel.run("print(1)") == "1\n"


def test_stop_ends_a_callback_and_not_the_cell_that_awaits(kernel: Kernel) -> None:
    kernel.page("page.watch(65536); await page.turn()")
    reply = kernel.page(f"""
        {SEND} {PAUSE} {RUN}
        const cell = run('await asyncio.sleep(1)');
        await pause(100);
        const sent = send('while True: pass');
        await pause(200);
        page.stop();
        await sent;
        return cell;
        """)
    assert reply["status"] == "ok"
    assert [error["ename"] for error, _ in kernel.errors()] == ["KeyboardInterrupt"]


def test_a_callback_cannot_wait_for_another_message(kernel: Kernel) -> None:
    kernel.page(f"{SEND} await send('import lite_comms; lite_comms.wait_for(lambda: False)')")
    ((error, _),) = kernel.errors()
    assert error["evalue"] == "messages cannot be waited for here: this is a comm callback"


# A cell that computes until a callback has set `done`.
BUSY = """
import time
def busy():
    end = time.time() + 20
    while not done and time.time() < end:
        pass
    print("done" if done else "too late")
done = False
"""


def in_the_middle(kernel: Kernel, cell: str, callback: str) -> None:
    """Run a cell that calls `busy`, and in the middle of it a callback; neither may fail."""
    kernel.run(BUSY)
    kernel.page("page.watch(65536); await page.turn()")
    reply = kernel.page(f"""
        {PAUSE} {RUN}
        const cell = run({json.dumps(cell)});
        await pause(300);
        const data = {json.dumps(callback)} + "\\ndone = True";
        await page.share('comm_msg', {{comm_id: 'c', data}});
        return cell;
        """)
    received = kernel.received
    assert (reply["status"], kernel.errors()) == ("ok", [])
    kernel.received = received


def test_a_callback_in_the_middle_of_a_cell_sees_nothing_of_its_blocks(live_kernel: Kernel) -> None:
    kernel = live_kernel
    kernel.run("""
import decimal, sys, warnings
from IPython.utils.capture import capture_output
def look():
    return [
        decimal.getcontext().prec,
        warnings.filters[0][0],
        sys.displayhook.__class__.__name__,
        get_ipython().display_pub.__class__.__name__,
    ]
outside = look()
""")
    in_the_middle(
        kernel,
        """
with decimal.localcontext(prec=5), warnings.catch_warnings(), capture_output() as captured:
    warnings.simplefilter("error")
    before = look()
    busy()
    42
    after = look()
print(before == after, before)
print(seen == outside, repr(captured.stdout))
""",
        """
seen = look()
warnings.warn("of the callback")
print("of the callback")
decimal.getcontext().prec = 3
warnings.simplefilter("ignore")
""",
    )
    assert kernel.shown("stdout") == (
        "of the callback\n"
        "True [5, 'error', 'CapturingDisplayHook', 'CapturingDisplayPublisher']\n"
        "True 'done\\n'\n"
    )
    assert "UserWarning: of the callback" in kernel.shown("stderr")
    # What it has set for good stays.
    assert kernel.run("print(warnings.filters.pop(0)[0])") == "ignore\n"


def test_code_that_a_callback_runs_shows_its_result_past_the_capture_of_the_cell(
    live_kernel: Kernel,
) -> None:
    kernel = live_kernel
    in_the_middle(
        kernel,
        """
from IPython.utils.capture import capture_output
with capture_output() as captured:
    busy()
print(captured.outputs)
""",
        "get_ipython().run_cell('6 * 7')",
    )
    (result,) = [msg for msg in kernel.received if msg.msg_type == "execute_result"]
    assert result.content["data"] == {"text/plain": "42"}
    ((shown, cell),) = printed(kernel)
    assert shown == "[]"
    assert None not in {result.parent_id, cell}
    assert result.parent_id != cell


def captured_ids(kernel: Kernel) -> list[str]:
    """Take the ids that outputs of ipywidgets have told the page."""
    frames: list[Any] = kernel.page("return page.frames.splice(0)")
    updates = [json.loads(frame[2])["data"].get("state", {}) for frame in frames if "comm" in frame]
    return [state["msg_id"] for state in updates if set(state) == {"msg_id"}]


def test_an_output_widget_that_a_callback_has_used_captures_the_cell_again(
    live_kernel: Kernel,
) -> None:
    kernel = live_kernel
    kernel.run("import ipywidgets")
    kernel.run("out = ipywidgets.Output()")
    kernel.page("page.frames.length = 0")
    in_the_middle(
        kernel,
        """
with out:
    busy()
    with out:
        print("again")
    print(out.msg_id == get_ipython().get_parent()["header"]["msg_id"])
print(repr(out.msg_id))
""",
        """
with out:
    print("callback")
with out:
    out.clear_output()
""",
    )
    said = printed(kernel)
    texts = [text for text, _ in said]
    assert texts == ["callback", "done", "again", "True", "''"]
    callback, cell = said[0][1], said[1][1]
    assert None not in {callback, cell}
    assert captured_ids(kernel) == [cell, callback, cell, callback, cell, ""]


def test_an_output_widget_captures_a_cell_that_awaits_again(kernel: Kernel) -> None:
    kernel.run("import ipywidgets")
    kernel.run("out = ipywidgets.Output()")
    kernel.page(f"""
        {SEND} {PAUSE} {RUN}
        const cell = run(`
with out:
    await asyncio.sleep(0.3)
    print(out.msg_id == get_ipython().get_parent()["header"]["msg_id"])
`);
        await pause(100);
        await send("with out: print('callback')");
        await cell;
        """)
    assert [text for text, _ in printed(kernel)] == ["callback", "True"]


def test_the_outputs_of_ipywidgets_are_as_they_were_after_the_undo(kernel: Kernel) -> None:
    kernel.run("import ipywidgets, lite_comms")
    assert kernel.run("""
Output = ipywidgets.Output
names = "__enter__", "__exit__"
print([vars(Output)[name].__module__ for name in names])
lite_comms.uninstall()
print([vars(Output)[name].__module__ for name in names])
lite_comms.install()
print([vars(Output)[name].__module__ for name in names])
""").splitlines() == [
        str(2 * [module])
        for module in (
            "lite_comms._outputs.captures",
            "ipywidgets.widgets.widget_output",
            "lite_comms._outputs.captures",
        )
    ]
    kernel.page("page.post('bye'); page.post('hello', 1, 'page', 'live'); await page.turn()")


def test_a_task_says_something_under_the_cell_whose_parent_it_sets(kernel: Kernel) -> None:
    kernel.run("""
first = get_ipython().get_parent()
print("first")
""")
    ((_, first),) = printed(kernel)
    kernel.run("""
async def f():
    get_ipython().set_parent(first)
    await asyncio.sleep(0.05)
    print("task")
    display("task")
    get_comm_manager().comms["c"].send("task")
    try:
        1 / 0
    except ZeroDivisionError:
        get_ipython().showtraceback()
task = asyncio.create_task(f())
await task
print("second")
print(get_ipython().get_parent() is get_ipython().kernel.get_parent())
""")
    said = dict(printed(kernel))
    (display,) = [msg for msg in kernel.received if msg.msg_type == "display_data"]
    assert said["task"] == display.parent_id == first
    assert said["second"] not in (first, None)
    assert said["True"] == said["second"]
    ((error, parent),) = kernel.errors()
    assert (error["ename"], parent) == ("ZeroDivisionError", first)
    frames: list[Any] = kernel.page("return page.frames.splice(0)")
    (comm,) = [json.loads(frame[4]) for frame in frames if frame[0] == "comm"]
    assert comm["msg_id"] == first


def test_a_cell_may_set_another_parent_and_its_own_again(kernel: Kernel) -> None:
    kernel.run("""
first = get_ipython().kernel.get_parent()
print("first")
""")
    ((_, first),) = printed(kernel)
    kernel.run("""
kernel = get_ipython().kernel
own = kernel.get_parent()
kernel.set_parent([b"ident"], first)
print("of the first")
kernel.set_parent([b"ident"], own, channel="shell")
print("own")
kernel.set_parent([], first, "control")
print("own again")
""")
    said = dict(printed(kernel))
    assert said["of the first"] == first
    assert said["own"] == said["own again"]
    assert said["own"] not in (first, None)
    kernel.run("print('next')")
    assert printed(kernel)[0][1] not in (first, said["own"], None)


def test_a_parent_that_javascript_calls_have_set_holds_until_the_next_cell(kernel: Kernel) -> None:
    kernel.run("""
import js
from pyodide.ffi import create_once_callable
first = get_ipython().get_parent()
def soon(f, ms=50):
    js.setTimeout(create_once_callable(f), ms)
print("first")
""")
    ((_, first),) = printed(kernel)
    kernel.run("""
print("second")
def f():
    get_ipython().set_parent(first)
    print("by a timer")
    soon(lambda: print("and another"))
soon(f)
""")
    ((_, second),) = printed(kernel)
    kernel.page(f"{PAUSE} await pause(300)")
    assert printed(kernel) == [("by a timer", first), ("and another", first)]
    kernel.run("print('third')\nsoon(lambda: print('by its timer'))")
    ((_, third),) = printed(kernel)
    kernel.page(f"{PAUSE} await pause(200)")
    assert printed(kernel) == [("by its timer", third)]
    assert len({first, second, third, None}) == 4


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ("None", "parent must be a message, a dict, not NoneType"),
        ("{}", "parent['header'] must be a dict, not NoneType"),
        ("{'header': 'x'}", "parent['header'] must be a dict, not str"),
        ("{'header': {}}", "parent['header']['msg_id'] must be a str, not NoneType"),
        (
            "{'header': {'msg_id': 'x', 'date': 1j}}",
            "parent['header'] cannot be sent: a complex is no JSON",
        ),
    ],
)
def test_what_is_no_message_cannot_be_the_parent(kernel: Kernel, parent: str, message: str) -> None:
    said = kernel.run(f"""
for set_parent in get_ipython().set_parent, lambda it: get_ipython().kernel.set_parent([], it):
    try:
        set_parent({parent})
    except TypeError as error:
        print(error)
""")
    assert said == 2 * f"{message}\n"
    assert len({parent for _, parent in printed(kernel)} - {None}) == 1


def test_the_id_of_a_parent_may_be_changed_in_place(kernel: Kernel) -> None:
    kernel.run("""
print("before")
header = get_ipython().kernel.get_parent()["header"]
own, header["msg_id"] = header["msg_id"], "another"
print("changed")
header["msg_id"] = own
print("after")
""")
    said = dict(printed(kernel))
    assert said["changed"] == "another"
    assert said["before"] == said["after"]


def test_after_the_undo_the_kernel_is_as_it_was(kernel: Kernel) -> None:
    kernel.run("import lite_comms; lite_comms.uninstall()")
    kernel.page("page.post('bye'); await page.turn()")
    assert kernel.run("print('stock', '_parent_header' in vars(type(get_ipython().kernel)))") == (
        "stock False\n"
    )
    (parent,) = {msg.parent_id for msg in kernel.received}
    assert parent is not None
    left = kernel.run("""
ip = get_ipython()
names = "run", "get_parent", "set_parent", "run_cell", "run_cell_async", "_showtraceback"
print([name for name in names for owner in (ip, ip.kernel) if name in vars(owner)])
""")
    assert left == "[]\n"
    kernel.run("lite_comms.install(); print('in its cell')")
    (parent,) = {msg.parent_id for msg in kernel.received}
    assert parent is not None
    kernel.run("lite_comms.uninstall()")
    reply = kernel.page(f"{RUN} return run('lite_comms.install(); 1 / 0')")
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")
    kernel.page("page.post('bye'); page.post('hello', 1, 'page', 'live'); await page.turn()")
    assert kernel.run("print(lite_comms.status().transport)").splitlines()[-1] == "port"
