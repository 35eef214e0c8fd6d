"""The names by which code written for a server chooses the cell of its output."""

from __future__ import annotations

import json

import pytest

from .conftest import NewKernel, with_comm
from .doing import PAUSE, SEND, TARGET, printed
from .kernel import Kernel
from .publishing import FIRST, first_cell, frames, others

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(open_kernel: Kernel) -> Kernel:
    """A kernel whose port is open; the message of its first cell is `first`."""
    return with_comm(open_kernel, TARGET, "do")


def test_the_old_parent_header_of_the_kernel_is_the_message_itself(kernel: Kernel) -> None:
    assert kernel.run("""
import copy
kernel = get_ipython().kernel
q = kernel._parent_header
print(isinstance(q, dict), q is kernel.get_parent(), copy.deepcopy(q) == q)
print(q["content"]["code"].splitlines()[1], q["metadata"])
print(getattr(kernel, "_parent_header") is q, sorted(kernel._parent_ident))
""").splitlines() == ["True True True", "import copy {}", "True ['control', 'shell']"]


@pytest.mark.parametrize(("last", "results"), [("Shown()", []), ("1 + 1", ["execute_result"])])
def test_what_has_shown_itself_has_no_result(kernel: Kernel, last: str, results: list[str]) -> None:
    kernel.run(f"class Shown:\n    def _ipython_display_(self): pass\n{last}")
    said = [msg.msg_type for msg in others(kernel)] + [kind for kind, _, _ in frames(kernel)]
    assert said == results


def test_a_cell_may_set_the_old_parent_header(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.run("""
own = kernel._parent_header
kernel._parent_header = first
print("of the first")
display("shown")
kernel._parent_header = own
print("own")
""")
    said = dict(printed(kernel))
    assert (said["of the first"], others(kernel)[0].parent_id) == (first, first)
    assert said["own"] not in (first, None)
    kernel.run("print('next')")
    assert printed(kernel)[0][1] not in (first, said["own"], None)


def test_an_id_that_is_changed_in_place_holds_for_all_that_follows(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.run("""
print("before")
header = kernel.get_parent()["header"]
own, header["msg_id"] = header["msg_id"], first["header"]["msg_id"]
print("changed")
display("shown")
get_comm_manager().comms["c"].send("changed")
header["msg_id"] = own
print("after")
get_comm_manager().comms["c"].send("after")
""")
    said = dict(printed(kernel))
    assert (said["changed"], others(kernel)[0].parent_id) == (first, first)
    assert said["before"] == said["after"] != first
    came = kernel.page("await page.turn(); return page.frames.splice(0)")
    assert [json.loads(frame[4])["msg_id"] for frame in came if frame[0] == "comm"] == [
        first,
        said["after"],
    ]


def test_a_callback_may_change_the_id_in_place_and_back(kernel: Kernel) -> None:
    first = first_cell(kernel)
    sent = kernel.page(f"""{SEND} return send(`
header = get_ipython().kernel.get_parent()['header']
own, header['msg_id'] = header['msg_id'], {first!r}
print('changed')
msg_comm = get_comm_manager().comms['c']
msg_comm.send('changed')
header['msg_id'] = own
print('after')
msg_comm.send('after')
`)""")
    said = dict(printed(kernel))
    assert said == {"changed": first, "after": sent}
    came = kernel.page("await page.turn(); return page.frames.splice(0)")
    changed, after = [frame[4] for frame in came if frame[0] == "comm"]
    assert json.loads(changed)["msg_id"] == first
    # The number of the message that is handled, or its header as text.
    assert isinstance(after, int) or json.loads(after)["msg_id"] == sent


def test_the_shells_parent_header_is_its_parent(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.run("""
own = shell.parent_header
print(own is kernel.get_parent())
shell.parent_header = first
print("of the first")
token = shell.set_thread_parent(own)
print("own")
shell.reset_thread_parent(token)
print("of the first again")
""")
    said = dict(printed(kernel))
    assert said["True"] == said["own"] != first
    assert said["of the first"] == said["of the first again"] == first


def test_a_header_alone_may_be_the_parent(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.run("shell.set_parent(first['header'])\nprint('of the first')")
    assert printed(kernel) == [("of the first", first)]


def test_a_stream_may_have_a_parent_of_its_own(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.run("""
import sys
own = sys.stdout.parent_header
sys.stdout.parent_header = first["header"]
print("of the first")
print("error", file=sys.stderr)
display("shown")
sys.stdout.set_parent(own)
print("own")
sys.stdout.set_parent(first)
kernel.set_parent(None, kernel.get_parent().copy())
print("own again")
""")
    own = others(kernel)[0].parent_id
    assert own not in (first, None)
    said = printed(kernel)
    # What comes over the port is not among these.
    assert said == [(text, own) for text in ("error", "own", "own again")]
    assert frames(kernel) == [
        ("stream", {"name": "stdout", "text": text}, first) for text in ("of the first", "\n")
    ]
    kernel.run("print('next')")
    assert printed(kernel)[0][1] not in (first, own, None)


def test_displays_and_results_may_have_parents_of_their_own(kernel: Kernel) -> None:
    first = first_cell(kernel)
    kernel.run("""
shell.display_pub.set_parent(first)
handle = display("one", display_id="d")
handle.update("two")
clear_output(wait=True)
shell.displayhook.set_parent(first)
"three"
""")
    assert others(kernel) == []
    came = frames(kernel)
    assert {parent for _, _, parent in came} == {first}
    assert [
        (kind, content.get("data", content), content.get("transient")) for kind, content, _ in came
    ] == [
        ("display_data", {"text/plain": "'one'"}, {"display_id": "d"}),
        ("update_display_data", {"text/plain": "'two'"}, {"display_id": "d"}),
        ("clear_output", {"wait": True}, None),
        ("execute_result", {"text/plain": "'three'"}, None),
    ]


def test_a_hook_sees_changes_and_drops_what_is_displayed(kernel: Kernel) -> None:
    kernel.run(FIRST)
    kernel.run("""
seen = []
def hook(msg):
    seen.append((msg["msg_type"], msg["header"]["msg_type"], msg["parent_header"]["msg_id"]))
    display("in the hook is not hooked")
    if "drop" in msg["content"]["data"]["text/plain"]:
        return None
    msg["content"]["data"]["text/plain"] = "changed"
    return msg
shell.display_pub.register_hook(hook)
display("change")
display("drop")
shell.display_pub.unregister_hook(hook), shell.display_pub.unregister_hook(hook)
""")
    texts = [msg.content["data"]["text/plain"] for msg in others(kernel)]
    assert texts == ["'in the hook is not hooked'"] * 2 + ["(True, False)"]
    ((kind, content, parent),) = frames(kernel)
    assert (kind, content["data"]["text/plain"]) == ("display_data", "changed")
    assert kernel.run("print(seen)") == f"{[('display_data', 'display_data', parent)] * 2}\n"


def test_a_hook_of_a_stream_and_of_results(kernel: Kernel) -> None:
    kernel.run("""
import sys
def shout(msg):
    msg["content"]["text"] = msg["content"]["text"].upper()
    return msg
sys.stdout.register_hook(shout)
_ = sys.stdout.write("quiet")
sys.stdout.unregister_hook(shout)
drop = lambda msg: None
get_ipython().displayhook.register_hook(drop)
1 + 1
""")
    assert [(kind, content["text"]) for kind, content, _ in frames(kernel)] == [("stream", "QUIET")]
    assert others(kernel) == []
    kernel.run(
        "shell = get_ipython(); shell.displayhook.unregister_hook(shell.displayhook.session)"
    )


def test_a_callback_does_not_display_through_a_hook_that_the_cell_has_for_a_block(
    open_jspi_kernel: Kernel,
) -> None:
    kernel = with_comm(open_jspi_kernel, TARGET, "do")
    kernel.run(FIRST)
    kernel.page(f"""{SEND} {PAUSE}
        const cell = page.ask('execute', {{code: `
import time
taken = []
def take(msg):
    taken.append(msg["content"]["data"]["text/plain"])
shell.display_pub.register_hook(take)
display("cell")
done = False
end = time.time() + 5
while not done and time.time() < end: pass
display("cell again")
_ = shell.display_pub.unregister_hook(take)
`, silent: false, store_history: true}});
        await pause(300);
        await send("display('callback'); done = True");
        await cell;
    """)
    shown = [msg.content["data"]["text/plain"] for msg in others(kernel)]
    assert shown == ["'callback'"]
    assert kernel.run("print(taken)") == "[\"'cell'\", \"'cell again'\"]\n"


def test_all_names_are_gone_after_the_undo(new_kernel: NewKernel) -> None:
    with new_kernel() as kernel:
        kernel.run(FIRST)
        assert kernel.run("""
import sys, lite_comms
kernel.set_parent(None, first)
sys.stdout.set_parent(kernel.get_parent())
shell.display_pub.register_hook(lambda msg: None)
lite_comms.uninstall()
names = "parent_header", "set_parent", "set_thread_parent", "register_hook", "session", "pub_socket"
for owner in sys.stdout, shell.display_pub, shell.displayhook:
    print(type(owner).__name__, [name for name in (*names, "pub_thread") if hasattr(owner, name)])
names = "session", "iopub_socket", "_parent_ident"
print([name for name in names if hasattr(kernel, name)])
names = "parent_header", "set_thread_parent", "set_parent"
print([name for name in names if hasattr(shell, name)])
print({type(sys.stdout).write.__module__, type(shell.display_pub).publish.__module__})
display("shown")
""").splitlines() == [
            "LiteStream []",
            "LiteDisplayPublisher []",
            "LiteDisplayHook []",
            "[]",
            "[]",
            "{'pyodide_kernel.display'}",
        ]
        assert len(others(kernel)) == 1
        kernel.run("lite_comms.install(page=False)\nprint('again')")
        assert [text for text, _ in printed(kernel)] == ["again"]
