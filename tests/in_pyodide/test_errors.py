"""What cells and callbacks raise: whose error it is, and what is shown of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import with_comm
from .doing import PAUSE, RUN, SEND, TARGET
from .kernel import Kernel, plain

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(open_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, with one comm that does what the page says."""
    return with_comm(open_kernel, TARGET, "do")


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


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): raise SystemExit",
        "def __str__(self): raise BaseException",
        "def _render_traceback_(self): raise SystemExit",
    ],
)
def test_an_error_that_cannot_be_shown_is_named_with_its_comm(kernel: Kernel, body: str) -> None:
    kernel.run(f"class Hostile(Exception):\n    {body}")
    kernel.page(f"{SEND} await send('raise Hostile')")
    ((error, _),) = kernel.errors()
    assert error["ename"] == "Hostile"
    assert "the on_msg callback of comm 'do'" in "\n".join(error["traceback"])


def test_an_error_whose_message_has_spoiled_its_header_is_shown(kernel: Kernel) -> None:
    kernel.run("""
def spoil(comm, msg):
    @comm.on_msg
    def _(msg):
        msg["header"] = None
        1 / 0

get_comm_manager().register_target("spoil", spoil)
""")
    kernel.page("await page.send('comm_open', {comm_id: 's', target_name: 'spoil', data: {}})")
    kernel.page("await page.send('comm_msg', {comm_id: 's', data: {}})")
    assert [error["ename"] for error, _ in kernel.errors()] == ["ZeroDivisionError"]


def test_a_magic_that_a_callback_gets_wrong_is_an_error_of_the_comm(kernel: Kernel) -> None:
    kernel.page(f"{SEND} await send(\"get_ipython().run_line_magic('nosuch', '')\")")
    ((error, _),) = kernel.errors()
    assert error["ename"] == "UsageError"
    assert "comm 'do' (c)" in error["traceback"][-1]


def test_an_error_after_the_undo_in_the_same_cell_has_its_traceback(kernel: Kernel) -> None:
    reply = kernel.page(f"{RUN} return run('import lite_comms; lite_comms.uninstall(); 1 / 0')")
    assert "1 / 0" in plain("\n".join(reply["traceback"]))
    kernel.run("lite_comms.install()")
    kernel.page("page.post('bye'); page.post('hello', 1, 'page', 'live'); await page.turn()")
