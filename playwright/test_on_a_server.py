"""JupyterLab on a Jupyter server: the same page code and the same notebook, with an ipykernel."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import RUNS, Notebook, Tab, said, text
from test_notebooks import FIRST_HEARD

pytestmark = pytest.mark.server

ROOT = Path(__file__).parent.parent


def test_the_classic_api_works_with_the_comms_of_an_ipykernel(
    on_server: Callable[..., Notebook],
) -> None:
    notebook = on_server()
    page = notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('t', (comm, msg) => {
          say(msg.content.data);
          comm.on_msg(msg => say(msg.content.data));
          comm.send('from the page', {}, {}, [new Uint8Array([1, 2, 3]).subarray(1)]);
        });
        """
    )
    notebook.python(
        """
from ipykernel.comm import Comm

comm = Comm('t', {'n': 1})
comm.on_msg(lambda msg: comm.send([msg['content']['data'], bytes(msg['buffers'][0]).hex()]))
"""
    )
    expect(said(page)).to_have_text(['{"n":1}', '["from the page","0203"]'])
    assert notebook.python("type(comm).__module__, 'lite_comms' in __import__('sys').modules") == (
        "('ipykernel.comm.comm', False)"
    )


def test_what_a_callback_of_an_ipykernel_says_is_in_its_cell(
    on_server: Callable[..., Notebook],
) -> None:
    notebook = on_server()
    area = notebook.run(
        "from ipywidgets import Button\n"
        "button = Button(description='Press')\n"
        "@button.on_click\n"
        "def clicked(button):\n    print('pressed')\n    1 / 0\n"
        "button"
    )
    area.get_by_role("button", name="Press").click()
    said_there = area.locator(".jp-RenderedText")
    expect(said_there).to_have_count(2)
    expect(said_there.first).to_have_text("pressed\n")
    expect(said_there.last).to_contain_text("ZeroDivisionError: division by zero")


def test_the_page_code_of_a_saved_notebook_finds_its_kernel_which_lives(
    on_server: Callable[..., Notebook],
) -> None:
    notebook = on_server()
    notebook.python(
        """
from ipykernel.comm import Comm

def count(comm, msg):
    global opened
    opened += 1
    comm.on_msg(lambda msg: comm.send([opened, msg['content']['data']]))

opened = 0
get_ipython().kernel.comm_manager.register_target('count', count)
"""
    )
    open_comm = """
    const comm = Jupyter.notebook.kernel.comm_manager.new_comm('count');
    comm.on_msg(msg => say(msg.content.data));
    comm.send('sent at once');
    """
    expect(said(notebook.javascript(open_comm))).to_have_text(['[1,"sent at once"]'])
    notebook.page.keyboard.press("Control+s")
    expect(notebook.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    notebook.page.reload()
    # The output's script runs anew, before JupyterLab has found the kernel.
    expect(said(notebook.root)).to_have_text(['[2,"sent at once"]'])


def test_the_first_notebook_of_the_introduction_runs_on_a_server(
    on_server: Callable[..., Notebook],
) -> None:
    name = "01-open-from-the-kernel.ipynb"
    content = json.loads((ROOT / "content" / name).read_text("utf-8"))
    content["cells"].insert(
        0,
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "install",
            "metadata": {},
            "outputs": [],
            "source": "import lite_comms\nlite_comms.install();",
        },
    )
    notebook = on_server(content, name)
    codes = [n for n, cell in enumerate(content["cells"]) if cell["cell_type"] == "code"]
    outputs = [notebook.run_cell(n) for n in codes]
    assert "active, transport server" in text(outputs[1])
    expect(outputs[2].get_by_role("listitem")).to_have_text(FIRST_HEARD)
    assert text(outputs[4]) == "[{'foo': 0}]"
    # What follows is jupyter_client's own warning of the nan.
    assert text(outputs[5]).splitlines()[0] == "data.rows[1].when"


def test_the_second_notebook_of_the_introduction_runs_on_a_plain_server(
    on_server: Callable[..., Notebook],
) -> None:
    name = "02-open-from-the-page.ipynb"
    content = json.loads((ROOT / "content" / name).read_text("utf-8"))
    notebook = on_server(content, name)
    codes = [n for n, cell in enumerate(content["cells"]) if cell["cell_type"] == "code"]
    outputs = [notebook.run_cell(n) for n in codes]
    expect(outputs[1].get_by_role("listitem")).to_have_text(
        ['{"hello":"page"}', '{"echo":{"foo":7}}']
    )
    expect(outputs[3].locator("output")).to_have_text("the square root of 2 is 1.4142")
    expect(outputs[4].get_by_role("listitem")).to_have_text(["closed: without a reason"])


def test_stop_shows_what_it_shows_in_the_browser(
    on_server: Callable[..., Notebook], new_tab: Callable[[str], Tab], plain: str
) -> None:
    def shown(notebook: Notebook, code: str) -> str:
        number = notebook.start(code)
        expect(notebook.cells.nth(number).locator(".jp-OutputArea")).to_contain_text("runs")
        notebook.stop()
        # The standard library of the two is not the same.
        own = re.sub(
            r"^File .*(?=^CancelledError)",
            "",
            notebook.ended(number),
            flags=re.MULTILINE | re.DOTALL,
        )
        return re.sub(r"\d+|-{20,}", "", own)

    there, here = on_server(), new_tab(plain).notebook()
    assert there.python("1 + 1") == here.python("1 + 1")  # both have started
    # Two lines at most before the one that is stopped: IPythons differ in how many they show.
    for code in (
        f"{RUNS}while True: pass",
        f"def f(_):\n    while True: pass\nf({RUNS.strip()})",
        f"import time; {RUNS}time.sleep(60)",
        f"import asyncio; {RUNS}await asyncio.sleep(5)",
    ):
        assert shown(here, code) == shown(there, code), code
