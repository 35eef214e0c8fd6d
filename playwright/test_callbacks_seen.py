"""What a comm callback prints, displays and raises is seen in the output of its cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from pages import Console, Notebook, Tab, said
from serve import serving

BUTTON = """
from ipywidgets import Button, HBox, Output
from IPython.display import display
clicks = 0
def clicked(button):
    global clicks
    clicks += 1
    print('click', clicks)
    if clicks == 2:
        1 / 0
button = Button(description='Press')
button.on_click(clicked)
"""

TALK = """
def talk(comm, msg):
    print('opened')
    comm.on_msg(lambda msg: print('heard', msg['content']['data']))
get_ipython().kernel.comm_manager.register_target('talk', talk)
"""


def output_of(area: Locator) -> Locator:
    """Return the text and the errors of a cell, without its widgets."""
    return area.locator(".jp-RenderedText")


@pytest.fixture(scope="module")
def opened(new_shared_tab: Callable[[str], Tab], plain: str) -> Callable[[str], Notebook | Console]:
    """Opens an app, once for all tests."""
    return cache(lambda name: new_shared_tab(plain).app(name))


@pytest.mark.parametrize("app", ["lab", "notebook", "repl"])
def test_a_button_prints_and_raises_where_it_is_shown(
    opened: Callable[[str], Notebook | Console], app: str
) -> None:
    cells = opened(app)
    made = cells.run(BUTTON)
    shown = cells.run("HBox([button])")
    press = shown.get_by_role("button", name="Press")
    press.click()
    expect(output_of(shown)).to_have_text(["click 1\n"])
    press.click()
    expect(output_of(shown)).to_have_count(2)
    stream, error = output_of(shown).all()
    expect(stream).to_have_text("click 1\nclick 2\n")
    expect(error).to_contain_text("ZeroDivisionError: division by zero")
    expect(output_of(made)).to_have_count(0)


def test_what_is_displayed_in_a_callback_is_shown_and_updated(notebook: Notebook) -> None:
    area = notebook.run(
        BUTTON + "handle = None\n"
        "def show(button):\n"
        "    global handle\n"
        "    if handle is None:\n"
        "        handle = display('first', display_id=True)\n"
        "    else:\n"
        "        handle.update('second')\n"
        "button = Button(description='Show')\n"
        "button.on_click(show)\n"
        "button"
    )
    press = area.get_by_role("button", name="Show")
    press.click()
    expect(output_of(area)).to_have_text(["'first'"])
    press.click()
    expect(output_of(area)).to_have_text(["'second'"])
    # By a later cell, too.
    notebook.python("handle.update('third')")
    expect(output_of(area)).to_have_text(["'third'"])


def test_what_an_output_widget_captures_is_shown_there_only(notebook: Notebook) -> None:
    area = notebook.run(
        BUTTON + "out = Output()\n"
        "def captured(button):\n"
        "    with out:\n"
        "        print('captured')\n"
        "    print('not captured')\n"
        "button = Button(description='Capture')\n"
        "button.on_click(captured)\n"
        "display(button, out)"
    )
    area.get_by_role("button", name="Capture").click()
    expect(output_of(area.locator(".jp-OutputArea"))).to_have_text(["captured\n"])
    expect(output_of(area)).to_have_text(["captured\n", "not captured\n"])


def test_a_cell_that_runs_again_starts_anew(notebook: Notebook) -> None:
    number = notebook.start(BUTTON + "button")
    notebook.ended(number)
    area = notebook.cells.nth(number).locator(".jp-OutputArea").first
    area.get_by_role("button", name="Press").click()
    expect(output_of(area)).to_have_text(["click 1\n"])
    notebook.run_cell(number)
    expect(output_of(area)).to_have_count(0)
    area.get_by_role("button", name="Press").click()
    expect(output_of(area)).to_have_text(["click 1\n"])


def test_there_is_a_limit_and_it_is_told(notebook: Notebook) -> None:
    area = notebook.run(
        BUTTON + "def talk(button):\n"
        "    for n in range(20):\n"
        "        print('x' * 10_000)\n"
        "button = Button(description='Talk')\n"
        "button.on_click(talk)\n"
        "button"
    )
    area.get_by_role("button", name="Talk").click()
    expect(output_of(area).last).to_contain_text("is left out here")
    characters = sum(len(text) for text in output_of(area).all_text_contents())
    assert 100_000 < characters < 101_000


def test_a_large_display_and_errors_are_shown_after_much_text(notebook: Notebook) -> None:
    area = notebook.run(
        BUTTON + "def talk(button):\n"
        "    print('x' * 200_000)\n"
        "    display({'text/plain': 'y' * 200_000}, raw=True)\n"
        "    1 / 0\n"
        "button = Button(description='Talk')\n"
        "button.on_click(talk)\n"
        "button"
    )
    area.get_by_role("button", name="Talk").click()
    expect(output_of(area)).to_have_count(4)
    _, told, displayed, error = output_of(area).all()
    expect(told).to_contain_text("is left out here")
    assert len((displayed.text_content() or "").strip()) == 200_000
    expect(error).to_contain_text("ZeroDivisionError: division by zero")


def test_a_comm_that_a_script_opens_belongs_to_its_output(notebook: Notebook) -> None:
    notebook.python(TALK)
    page = notebook.javascript(
        """
        const comm = Jupyter.notebook.kernel.comm_manager.new_comm('talk');
        comm.send(1);
        comm.send(2, {iopub: {output: msg => say(msg.content.text)}});
        """
    )
    expect(said(page)).to_have_text(['"heard 2\\n"'])
    expect(output_of(page).last).to_have_text("opened\nheard 1\n")


def test_a_button_that_is_put_into_another_box_belongs_where_that_is_shown(
    notebook: Notebook,
) -> None:
    before = notebook.run(BUTTON + "before = HBox([button])\nbefore")
    after = notebook.run("after = HBox([])\nafter")
    notebook.python("before.children = []; after.children = [button]")
    after.get_by_role("button", name="Press").click()
    expect(output_of(after)).to_have_text(["click 1\n"])
    expect(output_of(before)).to_have_count(0)


def test_a_notebook_that_is_opened_again_shows_it_in_the_same_cell(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    tab = new_tab(plain)
    (notebook,) = tab.lab("empty.ipynb")
    notebook.run(BUTTON + "HBox([button])")
    tab.page.keyboard.press("Control+s")
    expect(tab.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    tab.lab_tab("empty.ipynb").locator(".lm-TabBar-tabCloseIcon").click()
    expect(notebook.root).to_have_count(0)
    # The kernel lives on.
    tab.page.locator(".jp-DirListing-item").filter(has_text="empty.ipynb").dblclick()
    again = Notebook(tab, tab.page.locator(".jp-NotebookPanel"))
    expect(again.cells).to_have_count(2)
    area = again.cells.first.locator(".jp-OutputArea")
    area.get_by_role("button", name="Press").click()
    expect(output_of(area)).to_have_text(["click 1\n"])


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_the_kernel_indicator_is_idle_again_after_it_was_logged(
    opened: Callable[[str], Notebook | Console], app: str
) -> None:
    cells = opened(app)
    idle = cells.page.locator(".jp-KernelStatus-success").first
    area = cells.run(f"{BUTTON}{TALK}clicks = 2\nbutton")
    expect(idle).to_be_visible()
    area.get_by_role("button", name="Press").click()
    expect(output_of(area)).to_have_text(["click 3\n"])
    cells.page.wait_for_timeout(500)
    expect(idle).to_be_visible(timeout=2_000)
    # A comm that ipywidgets does not know, after its callback is over.
    cells.python("""
import asyncio
async def later():
    await asyncio.sleep(0.5)
    print('later')
def late(comm, msg):
    comm.task = asyncio.ensure_future(later())
get_ipython().kernel.comm_manager.register_target('late', late)
""")
    said = cells.javascript("Jupyter.notebook.kernel.comm_manager.new_comm('late');")
    expect(output_of(said)).to_have_text(["later\n"])
    cells.page.wait_for_timeout(500)
    expect(idle).to_be_visible(timeout=2_000)


def test_a_console_shows_it_on_the_kernel_of_a_notebook_and_after_that_is_closed(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    tab = new_tab(plain)
    (notebook,) = tab.lab("empty.ipynb")
    notebook.python("import lite_comms" + TALK)
    console = notebook.open_console()
    talk = "Jupyter.notebook.kernel.comm_manager.new_comm('talk').send(1);"
    expect(output_of(console.javascript(talk))).to_have_text(["opened\nheard 1\n"])
    tab.close_in_lab("empty.ipynb")
    expect(notebook.root).to_have_count(0)
    # Over the connection that is made in the place of the notebook's.
    expect(output_of(console.javascript(talk))).to_have_text(["opened\nheard 1\n"])


def log_console(page: Page) -> Locator:
    """Open the log console of the lab, if it is not open; return the lines that can be seen."""
    panel = page.locator(".jp-LogConsolePanel")
    if not panel.count():
        page.get_by_role("menuitem", name="View", exact=True).click()
        page.locator(".lm-Menu").get_by_text("Show Log Console", exact=True).click()
    return panel.locator(".jp-OutputArea-child").filter(visible=True)


def test_a_notebook_can_leave_it_to_the_log_console(
    opened: Callable[[str], Notebook | Console],
) -> None:
    notebook = opened("lab")
    notebook.python("import lite_comms; lite_comms.show_callbacks('log')")
    area = notebook.run(
        "from ipywidgets import Button\n"
        "def clicked(button):\n"
        "    raise LookupError('for the log console')\n"
        "button = Button(description='Press')\n"
        "button.on_click(clicked)\n"
        "button"
    )
    area.get_by_role("button", name="Press").click()
    # Only what is a warning or an error is visible there at first.
    lines = log_console(notebook.page).filter(has_text="LookupError: for the log console")
    expect(lines).to_have_count(1)
    expect(output_of(area)).to_have_count(0)
    notebook.python("lite_comms.show_callbacks('cell')")


def test_a_site_can_leave_it_to_the_log_console(
    new_tab: Callable[[str], Tab], site_copy: Callable[..., Path]
) -> None:
    settings = {"lite-comms:callbacks": {"show": "log"}}
    with serving(site_copy(litePluginSettings=settings)) as url:
        (notebook,) = new_tab(url).lab("empty.ipynb")
        notebook.python(TALK)
        talk = notebook.javascript("Jupyter.notebook.kernel.comm_manager.new_comm('talk').send(1);")
        lines = log_console(notebook.page)
        expect(lines.filter(has_text="heard 1")).to_have_count(1)
        expect(output_of(talk)).to_have_count(0)
        # A kernel of such a site can choose the cell.
        notebook.python("import lite_comms; lite_comms.show_callbacks('cell')")
        talk = notebook.javascript("Jupyter.notebook.kernel.comm_manager.new_comm('talk').send(2);")
        expect(output_of(talk)).to_have_text(["opened\nheard 2\n"])


def test_what_has_no_cell_is_in_the_log_console(
    opened: Callable[[str], Notebook | Console],
) -> None:
    notebook = opened("lab")
    notebook.python("""
def talk(comm, msg):
    print('nowhere')
get_ipython().kernel.comm_manager.register_target('talk', talk)
""")
    notebook.page.evaluate("void Jupyter.notebook.kernel.comm_manager.new_comm('talk')")
    expect(log_console(notebook.page).filter(has_text="nowhere")).to_have_count(1)


def test_what_has_no_cell_is_in_a_notice_where_there_is_no_log_console(
    opened: Callable[[str], Notebook | Console],
) -> None:
    repl = opened("repl")
    repl.python(TALK)
    # As in the browser's console.
    repl.page.evaluate(
        "{ globalThis.talk = Jupyter.notebook.kernel.comm_manager.new_comm('talk') }"
    )
    notice = repl.page.locator(".Toastify__toast")
    expect(notice).to_have_text("A comm callback without a cell: opened")
    repl.page.evaluate("void talk.send(1)")
    expect(notice).to_have_text("A comm callback without a cell: heard 1")
