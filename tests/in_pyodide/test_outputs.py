"""Each output under the message that caused it, in JupyterLite's own worker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import with_comm
from .doing import PAUSE, RUN, SEND, TARGET, printed
from .kernel import Kernel

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(open_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, with one comm that does what the page says."""
    return with_comm(open_kernel, TARGET, "do")


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
