"""Live: messages are handled while a cell runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from collecting import COLLECT, LOOP, OPEN
from pages import Notebook, Tab
from serve import serving


def test_messages_are_handled_in_a_synchronous_loop(collecting: Notebook) -> None:
    number = collecting.start(f"{LOOP.format(n=3)}heard, time.time() < end")
    collecting.page.evaluate("(async () => { send(1); await pause(100); send(2); send(3); })()")
    assert collecting.ended(number) == "([1, 2, 3], True)"


def test_what_comes_in_a_loop_before_the_callback_is_there_is_not_lost(notebook: Notebook) -> None:
    notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('early', comm => {
          [1, 2, 3].forEach(n => comm.send(n));
          comm.close();
        });
        """
    )
    notebook.python(
        """import time
from lite_comms import Comm
heard = []
comm = Comm('early')
end = time.time() + 0.7
while time.time() < end:
    pass
comm.on_msg(lambda msg: heard.append(msg['content']['data']))
comm.on_close(lambda msg: heard.append('closed'))"""
    )
    assert notebook.python("heard") == "[1, 2, 3, 'closed']"


def test_a_slider_steers_a_loop(notebook: Notebook) -> None:
    notebook.python("import ipywidgets, time\nslider = ipywidgets.IntSlider()\nslider")
    number = notebook.start(
        "end = time.time() + 30\nwhile slider.value < 5 and time.time() < end: pass\nslider.value"
    )
    handle = notebook.root.locator(".jupyter-widgets .noUi-handle").last
    handle.focus()
    for _ in range(5):
        notebook.page.keyboard.press("ArrowRight")
    assert notebook.ended(number) == "5"


def test_messages_come_in_loops_and_sleeps_and_no_task_advances(
    collecting: Notebook,
) -> None:
    number = collecting.running("""
ticks = 0
async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1

task = asyncio.ensure_future(tick())
enough = time.time() + 0.5
end = enough + 20
while time.time() < enough or not heard and time.time() < end:
    pass
in_loop, ticks = ticks, 0
print('sleeps', flush=True)
while len(heard) < 2 and time.time() < end:
    time.sleep(0.5)
task.cancel()
in_loop, ticks, heard
""")
    collecting.page.evaluate("send(1)")
    expect(collecting.cells.nth(number).locator(".jp-OutputArea")).to_contain_text("sleeps")
    collecting.page.evaluate("send(2)")
    assert collecting.ended(number).endswith("\n(0, 0, [1, 2])")


def test_a_storm_is_handled_in_order_and_never_nested(collecting: Notebook) -> None:
    number = collecting.start(f"{LOOP.format(n=500)}heard == list(range(500)), worst")
    collecting.page.evaluate(
        "(async () => { for (let n = 0; n < 500; n++) { send(n, 0.003); await pause(2); } })()"
    )
    assert collecting.ended(number) == "(True, 1)"


def test_what_runs_is_not_disturbed(collecting: Notebook) -> None:
    number = collecting.start("""
def numbers():
    for n in range(2000):
        try:
            if n % 3 == 0:
                raise LookupError(n)
        except LookupError as error:
            yield error.args[0]
        finally:
            sorted(range(200), key=lambda i: -i)

async def later():
    for n in numbers():
        if n % 100 == 0:
            await asyncio.sleep(0)
        yield n

end = time.time() + 20
while not heard:
    await asyncio.sleep(0.01)
while True:
    total = [n async for n in later()]
    again = {n: [*map(str, range(n % 5))] for n in numbers()}
    if len(heard) > 10 or time.time() > end:
        break
total == [*range(0, 2000, 3)], len(again), worst, len(heard) > 10
""")
    collecting.page.evaluate(
        "(async () => { for (let n = 0; n < 100; n++) { send(n, 0.001); await pause(5); } })()"
    )
    assert collecting.ended(number) == "(True, 667, 1, True)"


def test_an_error_in_a_callback_does_not_land_in_the_cell(notebook: Notebook) -> None:
    notebook.python("""
import time
from comm import get_comm_manager
heard = []

def fail(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(1)
        print("of the callback")
        1 / 0

get_comm_manager().register_target('collect', fail)
""")
    notebook.javascript(OPEN)
    number = notebook.start(f"print('before')\n{LOOP.format(n=1)}print('after', len(heard))")
    with notebook.watch.error("ZeroDivisionError"):
        notebook.page.evaluate("pause(300).then(() => send(1))")
        assert notebook.ended(number) == "before\nafter 1"


def test_quiet_wait_for_and_receive(collecting: Notebook) -> None:
    number = collecting.running(
        "with lite_comms.quiet():\n"
        "    end = time.time() + 1\n"
        "    while time.time() < end: pass\n"
        "    await asyncio.sleep(0.2)\n"
        "    within = list(heard)\n"
        "lite_comms.wait_for(lambda: len(heard) == 2, timeout_s=20)\n"
        "within, heard"
    )
    collecting.page.evaluate("send(1); send(2)")
    assert collecting.ended(number).endswith("\n([], [1, 2])")
    number = collecting.start("lite_comms.wait_for(lambda: 3 in heard, timeout_s=20)")
    collecting.page.evaluate("pause(300).then(() => send(3))")
    assert collecting.ended(number) == "True"
    collecting.javascript(
        "Jupyter.notebook.kernel.comm_manager.register_target('double', comm => {"
        "  comm.on_msg(msg => setTimeout(() => comm.send(2 * msg.content.data), 20)); });"
    )
    answers = collecting.python(
        "comm = lite_comms.Comm('double')\nanswers = []\n"
        "for n in range(5):\n"
        "    comm.send(n)\n"
        "    answers.append(comm.receive(timeout_s=20)['content']['data'])\n"
        "comm.send(21)\n"
        "answers.append((await comm.areceive(timeout_s=20))['content']['data'])\n"
        "answers"
    )
    assert answers == "[0, 2, 4, 6, 8, 42]"


def test_in_quiet_and_in_an_import_nothing_else_runs_in_sleep_either(collecting: Notebook) -> None:
    number = collecting.start("""
import builtins, sys
ticks = 0
async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1

task = asyncio.ensure_future(tick())
await asyncio.sleep(0.1)
builtins.seen = lambda: (ticks, len(heard))
with open("sleeps_at_import.py", "w") as file:
    file.write("import time; before = seen(); time.sleep(0.7); after = seen()")
sys.path.insert(0, ".")
with lite_comms.quiet():
    before = seen()
    time.sleep(0.7)
    in_quiet = seen() == before
lite_comms.live(False)
before = seen()
time.sleep(0.7)
off = seen() == before
lite_comms.live()
import sleeps_at_import
in_import = sleeps_at_import.before == sleeps_at_import.after
del sys.modules["sleeps_at_import"]
task.cancel()
in_quiet, off, in_import
""")
    collecting.page.evaluate(
        "(async () => { for (let n = 0; n < 50; n++) { send(n); await pause(60); } })()"
    )
    assert collecting.ended(number) == "(True, True, True)"


def test_a_site_can_turn_it_off(
    new_tab: Callable[[str], Tab], site_copy: Callable[..., Path]
) -> None:
    settings = {"lite-comms:channel": {"live": False}}
    with serving(site_copy(litePluginSettings=settings)) as url:
        notebook = new_tab(url).notebook()
        notebook.python(COLLECT)
        notebook.javascript(OPEN)
        number = notebook.running("end = time.time() + 1\nwhile time.time() < end: pass\nheard")
        notebook.page.evaluate("send(1)")
        assert notebook.ended(number).split() == ["runs", "[]"]
        number = notebook.running("while True: pass")
        notebook.stop()
        assert "KeyboardInterrupt" in notebook.ended(number)
