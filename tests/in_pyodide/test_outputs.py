"""Each output under the message that caused it, in JupyterLite's own worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import RESET
from .distribution import Distribution
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
OPEN = "await page.send('comm_open', {comm_id: 'c', target_name: 'do', data: {}});"
SEND = "const send = data => page.send('comm_msg', {comm_id: 'c', data});"
PAUSE = "const pause = ms => new Promise(resolve => setTimeout(resolve, ms));"
# Runs a cell; the id of its request, and the reply.
RUN = "const run = code => page.ask('execute', {code, silent: false, store_history: true});"

# Of a message, as a server kernel has it.
KEYS = ["buffers", "content", "header", "metadata", "msg_id", "msg_type", "parent_header"]


@pytest.fixture(scope="module")
def _kernel(
    distribution: Distribution, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    log = tmp_path_factory.mktemp("outputs") / "log.txt"
    with Kernel(distribution, [wheel], log) as kernel:
        kernel.page("page.post('hello', 1, 'page', 'live'); await page.turn()")
        yield kernel


@pytest.fixture
def kernel(_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, with one comm."""
    _kernel.run(RESET)
    _kernel.run(TARGET)
    _kernel.page(OPEN)
    _kernel.page("page.frames.length = 0")
    return _kernel


def printed(kernel: Kernel) -> list[tuple[str, str | None]]:
    """What has been printed, with the id of its parent."""
    streams = [msg for msg in kernel.received if msg.msg_type == "stream"]
    return [(msg.content["text"], msg.parent_id) for msg in streams if msg.content["text"].strip()]


def test_a_callback_prints_under_its_message_and_a_task_under_that_which_started_it(
    kernel: Kernel,
) -> None:
    kernel.run("task = asyncio.create_task(later('of the first cell', 0.1))")
    sent = kernel.page(f"""
        {SEND} {PAUSE} {RUN}
        const ids = [await send("print('at once'); asyncio.create_task(later('later'))")];
        await run("print('of the second cell')");
        ids.push(await send("print('again')"));
        await pause(300);
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
    kernel.page("page.post('hello', 1, 'page', 'live'); await page.turn()")
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
    kernel.page("page.post('hello', 1, 'page', 'live'); await page.turn()")


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
    kernel.page("page.post('hello', 1, 'page', 'live'); await page.turn()")
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
    kernel.page("page.post('hello', 1, 'page', 'live'); await page.turn()")
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
names = "run", "get_parent", "run_cell", "run_cell_async", "_showtraceback"
print([name for name in names for owner in (ip, ip.kernel) if name in vars(owner)])
""")
    assert left == "[]\n"
    kernel.run("lite_comms.install(); print('in its cell')")
    (parent,) = {msg.parent_id for msg in kernel.received}
    assert parent is not None
    kernel.run("lite_comms.uninstall()")
    reply = kernel.page(f"{RUN} return run('lite_comms.install(); 1 / 0')")
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")
    kernel.page("page.post('hello', 1, 'page', 'live'); await page.turn()")
    assert kernel.run("print(lite_comms.status().transport)").splitlines()[-1] == "port"
