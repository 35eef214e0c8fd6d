"""The direct channel: comm messages go past the queue, in one order with all others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab, said
from serve import serving

NewTab = Callable[[str], Tab]

# Collects what it hears, and answers.
COLLECT = """
from comm import get_comm_manager

heard = []

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg['content']['data']['n'])
        comm.send({'n': heard[-1]})

get_comm_manager().register_target('collect', collect)
"""
OPEN = "const comm = Jupyter.notebook.kernel.comm_manager.new_comm('collect');"


def test_the_port_is_open_before_the_first_cell(notebook: Notebook) -> None:
    assert "transport port" in notebook.python("import lite_comms; lite_comms.status();")


def test_a_site_can_leave_out_the_channel(new_tab: NewTab, site_copy: Callable[..., Path]) -> None:
    with serving(site_copy(disabledExtensions=["lite-comms:channel"])) as url:
        notebook = new_tab(url).notebook()
        assert "transport stock" in notebook.python("import lite_comms; lite_comms.status();")
        notebook.python(COLLECT)
        page = notebook.javascript(f"{OPEN} comm.on_msg(() => say('heard')); comm.send({{n: 1}});")
        expect(said(page)).to_have_text(['"heard"'])


def test_messages_are_handled_while_a_cell_awaits(notebook: Notebook) -> None:
    notebook.python(COLLECT)
    page = notebook.javascript(
        f"{OPEN} comm.on_msg(msg => say(msg.content.data));"
        "window.send = n => comm.send({n}); say('here');"
    )
    expect(said(page)).to_have_text(['"here"'])
    number = notebook.start(
        "import asyncio\nwhile len(heard) < 5: await asyncio.sleep(0.01)\nheard",
    )
    notebook.page.evaluate("[1, 2, 3, 4, 5].forEach(n => send(n))")
    assert notebook.ended(number) == "[1, 2, 3, 4, 5]"
    expect(said(page)).to_have_text(['"here"', *(f'{{"n":{n}}}' for n in range(1, 6))])


def test_messages_that_wait_when_a_cell_raises_are_handled(notebook: Notebook) -> None:
    notebook.python(COLLECT)
    notebook.javascript(f"{OPEN} window.send = n => comm.send({{n}});")
    number = notebook.start(
        "import time\nend = time.time() + 1\nwhile time.time() < end: pass\n1 / 0",
    )
    notebook.page.evaluate("[1, 2, 3, 4, 5].forEach(n => send(n))")
    assert "ZeroDivisionError" in notebook.ended(number)
    assert notebook.python("heard") == "[1, 2, 3, 4, 5]"


def test_ten_thousand_messages_are_handled_once_each_in_their_order(notebook: Notebook) -> None:
    notebook.python(COLLECT)
    page = notebook.javascript(
        f"""{OPEN}
        const answers = [];
        comm.on_msg(msg => {{
          answers.push(msg.content.data.n);
          if (answers.length === 10000) {{ say(answers.every((n, i) => n === i)); }}
        }});
        for (let n = 0; n < 10000; n++) {{ comm.send({{n}}); }}
        """
    )
    expect(said(page)).to_have_text(["true"], timeout=30_000)
    assert notebook.python("heard == list(range(10000))") == "True"


def test_a_comm_opened_by_an_earlier_cell_waits_for_a_target_of_a_queued_one(
    notebook: Notebook,
) -> None:
    notebook.python("from comm import get_comm_manager\nget_comm_manager().targets.clear()")
    first = notebook.start(
        "from IPython.display import Javascript, display\nimport asyncio\n"
        "go = asyncio.Event()\n"
        "get_comm_manager().register_target('go', lambda comm, msg: go.set())\n"
        'display(Javascript("""'
        "Jupyter.notebook.kernel.comm_manager.new_comm('late', {a: 1})"
        ".on_msg(msg => { element.textContent = JSON.stringify(msg.content.data); });"
        '"""))\nawait go.wait()',
    )
    output = notebook.cells.nth(first).locator(".jp-RenderedJavaScript")
    expect(output).to_have_count(1)
    notebook.start(
        "get_comm_manager().register_target("
        "'late', lambda comm, msg: comm.send(msg['content']['data']))",
    )
    notebook.page.evaluate("void Jupyter.notebook.kernel.comm_manager.new_comm('go')")
    expect(output).to_have_text('{"a":1}')


def test_a_comm_that_waits_in_vain_is_closed_when_the_kernel_is_idle(notebook: Notebook) -> None:
    with notebook.watch.error("no comm target 'never' is registered"):
        page = notebook.javascript(
            "Jupyter.notebook.kernel.comm_manager.new_comm('never')"
            ".on_close(msg => say(msg.metadata.lite_comms.ename));"
        )
        expect(said(page)).to_have_text(['"LookupError"'])


def test_comm_messages_and_outputs_keep_one_order(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        const order = [];
        const {kernel} = Jupyter.notebook;
        kernel.comm_manager.register_target('ordered', comm => {
          comm.on_msg(msg => order.push(`comm ${msg.content.data.n}`));
          comm.on_close(() => say(order));
        });
        kernel.connection.iopubMessage.connect((_, msg) => {
          if (msg.header.msg_type === 'stream') { order.push(msg.content.text.trim()); }
        });
        """
    )
    notebook.python(
        "from lite_comms import Comm\n"
        "with Comm('ordered') as comm:\n"
        "    for n in range(20):\n"
        "        comm.send({'n': n})\n"
        "        print(f'print {n}\\n', end='', flush=True)\n"
    )
    expected = [line for n in range(20) for line in (f"comm {n}", f"print {n}")]
    line = said(page)
    expect(line).to_have_count(1)
    assert [entry for entry in json.loads(line.inner_text()) if entry] == expected


def test_an_output_widget_captures_what_a_callback_prints(notebook: Notebook) -> None:
    notebook.run("%pip install -q ipywidgets")
    area = notebook.run(
        "import ipywidgets as widgets\n"
        "out = widgets.Output()\n"
        "button = widgets.Button(description='press')\n"
        "@button.on_click\n"
        "def _(_):\n"
        "    print('outside')\n"
        "    with out:\n"
        "        print('inside')\n"
        "widgets.VBox([button, out])"
    )
    area.get_by_role("button", name="press").click()
    expect(area.locator(".jp-OutputArea.widget-output, .widget-output")).to_have_text("inside\n")


def test_a_slow_callback_is_not_swamped_by_a_fast_slider(notebook: Notebook) -> None:
    notebook.run("%pip install -q ipywidgets")
    area = notebook.run(
        "import time\n"
        "import ipywidgets as widgets\n"
        "calls = []\n"
        "slider = widgets.IntSlider(max=1000)\n"
        "@slider.observe\n"
        "def _(change):\n"
        "    if change['name'] == 'value':\n"
        "        time.sleep(0.2)\n"
        "        calls.append(change['new'])\n"
        "slider"
    )
    handle = area.locator(".noUi-handle")
    handle.focus()
    for _ in range(100):
        notebook.page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "100.0")
    # The last value arrives, soon: those between were not queued up behind the slow callback.
    notebook.run("import asyncio\nwhile calls[-1:] != [100]: await asyncio.sleep(0.01)")
    assert int(notebook.python("len(calls)")) < 100


def test_the_page_shows_a_kernel_that_is_busy_with_a_slow_callback(notebook: Notebook) -> None:
    notebook.python(
        "import time\n"
        "def slow(comm, msg):\n"
        "    time.sleep(2)\n"  # Playwright looks at least once a second
        "get_comm_manager().register_target('slow', slow)"
    )
    status = notebook.page.locator(".jp-Notebook-ExecutionIndicator").first
    expect(status).to_have_attribute("data-status", "idle")
    notebook.javascript(
        "setTimeout(() => Jupyter.notebook.kernel.comm_manager.new_comm('slow'), 200);"
    )
    expect(status).to_have_attribute("data-status", "busy")
    expect(status).to_have_attribute("data-status", "idle")


def test_no_timer_is_in_the_way(notebook: Notebook) -> None:
    notebook.python(COLLECT)
    page = notebook.javascript(f"{OPEN} comm.on_msg(() => say('heard')); window.comm = comm;")
    notebook.page.evaluate(
        """
        // As in a hidden tab, but without end.
        const {setTimeout} = window;
        window.setTimeout = () => 0;
        comm.send({n: 1});
        comm.on_msg(() => { window.setTimeout = setTimeout; });
        """
    )
    notebook.page.wait_for_function("window.setTimeout(() => 0) !== 0")
    assert notebook.python("heard") == "[1]"
    expect(said(page)).to_have_count(0)


def test_each_of_two_clients_gets_each_message_once(new_tab: NewTab, plain: str) -> None:
    (notebook,) = new_tab(plain).lab("empty.ipynb")
    notebook.python("import lite_comms")
    console = notebook.open_console()
    console.python("1")
    pages = [
        cells.javascript(
            f"""
            const manager = Jupyter.notebook.kernel.comm_manager;
            manager.register_target('{name}', comm => comm.on_msg(msg => {{
              say(msg.content.data.n);
              msg.content.data.n = 'spoilt';
            }}));
            """
        )
        for name, cells in (("first", notebook), ("second", console))
    ]
    console.python(
        "for name in ('first', 'second'):\n"
        "    comm = lite_comms.Comm(name)\n"
        "    for n in range(5): comm.send({'n': n})"
    )
    for page in pages:
        expect(said(page)).to_have_text(["0", "1", "2", "3", "4"])


@pytest.mark.parametrize("late", [False, True], ids=["never", "by hand"])
def test_a_kernel_whose_half_is_not_loaded_at_the_start_works_on_the_stock_path(
    new_tab: NewTab, site_copy: Callable[..., Path], late: bool
) -> None:
    site = site_copy(disabledExtensions=["lite-comms:kernel-start"])
    with serving(site) as url:
        notebook = new_tab(url).notebook()
        notebook.python("from comm import get_comm_manager, create_comm")
        page = notebook.javascript(
            "Jupyter.notebook.kernel.comm_manager.register_target('t', comm => {"
            "  comm.on_msg(msg => { say(msg.content.data); comm.send(msg.content.data); });"
            "});"
        )
        expected = ['{"n":1}']
        notebook.python(
            "heard = []\n"
            "def hear(msg): heard.append(msg['content']['data'])\n"
            "comm = create_comm('t')\ncomm.on_msg(hear)\ncomm.send({'n': 1})"
        )
        expect(said(page)).to_have_text(expected)
        if late:
            notebook.run("%pip install -q lite-comms")
            notebook.run("%load_ext lite_comms")
            notebook.python("0")
            assert "transport port" in notebook.python("import lite_comms; lite_comms.status();")
            notebook.python("comm.send({'n': 2})")
            expected.append('{"n":2}')
            expect(said(page)).to_have_text(expected)
            notebook.run("lite_comms.uninstall()")
            notebook.python("comm.send({'n': 3})")
            expected.append('{"n":3}')
        expect(said(page)).to_have_text(expected)
        assert notebook.python("heard") == str([{"n": n + 1} for n in range(len(expected))])
