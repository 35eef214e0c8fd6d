"""What the page shows of outputs: under which message, in which widget, and of which errors."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, expect

from pages import Notebook, said

# A comm whose kernel's end runs what the page sends; `printed` tells what came back for it.
SETUP = """
import asyncio, time
import ipywidgets as widgets
from IPython.display import clear_output, display
from comm import get_comm_manager

def do(comm, msg):
    @comm.on_msg
    def _(msg):
        exec(msg["content"]["data"], globals())

get_comm_manager().register_target("do", do)
"""
OPEN = """
const comm = Jupyter.notebook.kernel.comm_manager.new_comm('do');
window.send = code => new Promise(resolve => {
  const heard = [];
  comm.send(code, {iopub: {
    output: ({header, content}) => heard.push(content.text ?? content.ename ?? header.msg_type),
    status: msg => msg.content.execution_state === 'idle' && resolve(heard.join(''))
  }});
});
"""


def set_up(notebook: Notebook) -> None:
    notebook.python(SETUP)
    notebook.javascript(OPEN)


def captured(output: Locator) -> Locator:
    """What an Output widget shows."""
    return output.locator(".widget-output .jp-OutputArea-output")


def test_the_page_hears_a_callbacks_output_as_the_answer_to_its_message(notebook: Notebook) -> None:
    set_up(notebook)
    page = notebook.page
    assert page.evaluate("send(\"print('hello'); display(1)\")") == "hello\ndisplay_data"
    with notebook.watch.error("the on_msg callback of comm 'do'.*ZeroDivisionError"):
        assert page.evaluate("send('1 / 0')") == "ZeroDivisionError"
    # While a cell runs: of each its own.
    number = notebook.start(
        "for i in range(4):\n    print(f'cell {i}')\n    end = time.time() + 0.3\n"
        "    while time.time() < end: pass"
    )
    expect(notebook.cells.nth(number)).to_contain_text("cell 0")
    assert page.evaluate("send(\"print('between')\")") == "between\n"
    assert notebook.ended(number).split("\n") == ["cell 0", "cell 1", "cell 2", "cell 3"]


def test_an_error_of_a_cell_is_shown_once_and_under_its_name(notebook: Notebook) -> None:
    area = notebook.run("print('before')\n1 / 0")
    expect(area.locator(".jp-OutputArea-output")).to_have_count(2)
    expect(area).to_contain_text("ZeroDivisionError: division by zero")


def test_output_widgets_capture_prints_displays_and_errors(notebook: Notebook) -> None:
    set_up(notebook)
    area = notebook.run(
        """
out = widgets.Output()
display(out)
with out:
    print('captured')
    display('displayed')
    1 / 0
print('outside')
"""
    )
    failed = re.compile("ZeroDivisionError: division by zero")
    expect(captured(area)).to_have_text(["captured", "'displayed'", failed])
    outputs = "[(o['output_type'], o.get('ename')) for o in out.outputs]"
    assert notebook.python(outputs) == (
        "[('stream', None), ('display_data', None), ('error', 'ZeroDivisionError')]"
    )
    # The cell itself has not failed.
    expect(area.first.locator("> .jp-OutputArea-child")).to_have_count(2)
    expect(area.first).to_contain_text("outside")
    notebook.python("with out:\n    clear_output()\n    print('new')")
    expect(captured(area)).to_have_text(["new"])


def test_output_widgets_capture_in_callbacks_tasks_and_one_another(notebook: Notebook) -> None:
    set_up(notebook)
    area = notebook.run(
        """
outer, inner = widgets.Output(), widgets.Output()
display(outer, inner)

@outer.capture()
def loud(text):
    print(text)
    if text == 'fails':
        raise LookupError(text)

async def later():
    with outer:
        await asyncio.sleep(0.1)
        print('of a task')

with outer:
    print('a')
    with inner:
        print('b')
    print('c')
"""
    )
    first, second = (area.locator(".jupyter-widgets.widget-output").nth(i) for i in range(2))
    expect(first).to_contain_text("a\nc")
    expect(second).to_have_text("b")
    page = notebook.page
    assert page.evaluate("send(\"loud('of a callback')\")") == ""
    expect(first).to_contain_text("of a callback")
    assert page.evaluate("send(\"loud('fails')\")") == ""
    expect(first).to_contain_text("LookupError: fails")
    notebook.python("task = asyncio.create_task(later()); await asyncio.sleep(0.3)")
    expect(first).to_contain_text("of a task")
    # While a cell runs, in its middle.
    number = notebook.start("end = time.time() + 1.5\nwhile time.time() < end: pass\n'ended'")
    page.wait_for_timeout(300)
    assert page.evaluate("send(\"loud('meanwhile')\")") == ""
    expect(first).to_contain_text("meanwhile")
    assert notebook.ended(number) == "'ended'"


def test_a_task_prints_in_the_cell_that_has_started_it(notebook: Notebook) -> None:
    number = notebook.start(
        "import asyncio\n"
        "async def tell():\n"
        "    for i in range(3):\n"
        "        await asyncio.sleep(0.2)\n"
        "        print('tick', i)\n"
        "task = asyncio.create_task(tell())"
    )
    notebook.ended(number)
    notebook.python("print('another')\nawait asyncio.sleep(1)")
    area = notebook.cells.nth(number).locator(".jp-OutputArea")
    expect(area).to_have_text("tick 0\ntick 1\ntick 2")


def test_an_async_callback_is_heard_until_its_end(notebook: Notebook) -> None:
    set_up(notebook)
    notebook.python(
        """
def target(comm, msg):
    @comm.on_msg
    async def _(msg):
        print('begins')
        await asyncio.sleep(0.2)
        print('ends')
        raise LookupError('late')

get_comm_manager().register_target('slow', target)
"""
    )
    with notebook.watch.error("the on_msg callback of comm 'slow'.*LookupError: late"):
        page = notebook.javascript(
            """
            const comm = Jupyter.notebook.kernel.comm_manager.new_comm('slow');
            let heard = '';
            const output = ({content}) => { heard += content.text ?? content.traceback.join(' '); };
            const status = ({content}) => say([content.execution_state, heard]);
            comm.send(1, {iopub: {output, status}});
            """
        )
        expect(said(page)).to_have_count(2)
    busy, idle = (json.loads(line) for line in said(page).all_inner_texts())
    assert busy == ["busy", ""]
    assert idle[0] == "idle"
    assert re.fullmatch(
        r"begins\nends\n.*LookupError.*late.* the on_msg callback of comm 'slow' \(.*\) raised",
        idle[1],
        re.DOTALL,
    )


def test_a_redirection_that_a_task_ends_in_the_middle_of_a_cell_is_ended(
    notebook: Notebook,
) -> None:
    notebook.python(
        """import asyncio, contextlib, io, lite_comms
async def redirect():
    with contextlib.redirect_stdout(io.StringIO()):
        await asyncio.sleep(3)
task = asyncio.create_task(redirect())
await asyncio.sleep(0)"""
    )
    shown = notebook.python("lite_comms.wait_for(task.done)\nprint('seen', task.done())")
    assert shown == "seen True"
    assert notebook.python("print('next')") == "next"
