"""A callback in the middle of a cell: neither sees the redirections and captures of the other."""

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


@pytest.fixture(params=["open_kernel", "open_jspi_kernel"], ids=["shared_memory", "jspi"])
def live_kernel(request: pytest.FixtureRequest) -> Kernel:
    """The same, once for each way in which callbacks come into the middle of a cell."""
    return with_comm(request.getfixturevalue(request.param), TARGET, "do")


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


def captured_ids(kernel: Kernel) -> list[str]:
    """Take the ids that outputs of ipywidgets have told the page."""
    frames: list[Any] = kernel.page("return page.frames.splice(0)")
    updates = [json.loads(frame[2])["data"].get("state", {}) for frame in frames if "comm" in frame]
    return [state["msg_id"] for state in updates if set(state) == {"msg_id"}]


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
