"""IPython's events: which of them cells and callbacks trigger, and in which order."""

from __future__ import annotations

import json

import pytest

from .conftest import with_comm
from .doing import RUN, TARGET
from .kernel import Kernel

pytestmark = pytest.mark.pyodide


@pytest.fixture
def kernel(open_kernel: Kernel) -> Kernel:
    """A kernel whose port is open, with one comm that does what the page says."""
    return with_comm(open_kernel, TARGET, "do")


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
