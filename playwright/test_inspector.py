"""The inspector: a panel with the comm messages of a kernel, in the lab and the notebooks app."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

import lite_comms
from pages import Notebook, Tab

TARGET = """
Jupyter.notebook.kernel.comm_manager.register_target('demo', comm => {
  globalThis.demo = comm;
  comm.on_msg(() => {});
});
"""
OPEN = """
from comm import create_comm

comm = create_comm(target_name="demo", data={"hello": [1, 2]})

@comm.on_msg
def heard(msg):
    if msg["content"]["data"] == "fail":
        1 / 0
    comm.send({"got": msg["content"]["data"]}, buffers=[b"\\x00\\x00\\xc0\\x3f"])
"""


# What the button says when something has gone wrong that nobody has looked at.
FAILED = "Comm Inspector: a callback has failed"


def open_by_command(page: Page) -> Locator:
    """Open the inspector with the palette; returns the panel."""
    page.keyboard.press("ControlOrMeta+Shift+C")
    page.locator("#modal-command-palette input, #command-palette input").first.fill(
        "comm inspector"
    )
    page.keyboard.press("Enter")
    panel = page.locator(".lite-comms-Inspector")
    expect(panel).to_be_visible()
    return panel


def messages(panel: Locator) -> Locator:
    """Return the rows of the messages."""
    return panel.get_by_role("grid", name="Messages").locator(
        "[aria-rowindex]:not([aria-rowindex='1'])"
    )


def prepared(notebook: Notebook) -> Notebook:
    """Have the page register a target."""
    notebook.javascript(TARGET)
    return notebook


def button(notebook: Notebook) -> Locator:
    """Return the inspector's button in the tool bar of a notebook."""
    return notebook.root.locator(".lite-comms-inspector")


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_messages_and_errors_are_seen_and_exported(
    new_tab: Callable[[str], Tab], plain: str, app: str, tmp_path: Path
) -> None:
    tab = new_tab(plain)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(name_of(request)))
    notebook = tab.app(app)
    assert isinstance(notebook, Notebook)
    prepared(notebook)
    page = tab.page
    expect(button(notebook)).to_be_visible()
    before = chunks(asked)

    panel = open_by_command(page)
    # What it is made of has come now, and not before.
    assert chunks(asked) > before
    expect(panel).to_contain_text("Direct channel")
    notebook.run(OPEN)
    page.evaluate("demo.send('one')")
    rows = messages(panel)
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text('{"hello":[1,2]}')
    expect(rows.nth(1).get_by_role("gridcell").nth(1)).to_have_text("kernel")
    expect(rows.nth(1)).to_contain_text('"one"')
    expect(rows.nth(2)).to_contain_text('{"got":"one"}')
    comm = panel.get_by_role("grid", name="Comms").locator("[aria-rowindex='2']")
    expect(comm).to_contain_text("demo")
    expect(comm.get_by_title("Show the cell that has opened it")).to_have_text("[2]")

    # One message in full: a tree, and its buffer as a type of choice.
    rows.nth(2).click()
    details = panel.get_by_role("region", name="Message", exact=True)
    expect(details.locator(".jp-RenderedJSON")).to_contain_text("got")
    details.get_by_label("Type of buffer 0").select_option("float32")
    expect(details).to_contain_text("1.5")

    # An error, with its traceback.
    with tab.watch.error("division by zero"):
        page.evaluate("demo.send('fail')")
    expect(panel.get_by_role("region", name="Problems")).to_contain_text("ZeroDivisionError")
    rows.nth(3).click()
    expect(details).to_contain_text("1 / 0")

    # Walked with the keyboard.
    panel.get_by_role("grid", name="Messages").press("ArrowUp")
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")

    with page.expect_download() as download:
        panel.get_by_title("Export the messages").click()
    path = tmp_path / "comms.jsonl"
    download.value.save_as(path)
    head, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert head == {"lite_comms": lite_comms.__version__, "format": 1}
    assert [(line["direction"], line["msg_type"], line["data"]) for line in lines] == [
        ("kernel_to_page", "comm_open", {"hello": [1, 2]}),
        ("page_to_kernel", "comm_msg", "one"),
        ("kernel_to_page", "comm_msg", {"got": "one"}),
        ("page_to_kernel", "comm_msg", "fail"),
    ]
    assert [line["target_name"] for line in lines] == ["demo"] * 4
    assert [line["buffers"] for line in lines] == [[], [], ["AADAPw=="], []]
    assert lines[2]["parent_id"] == lines[1]["msg_id"]
    assert datetime.fromisoformat(lines[0]["time"]).tzinfo is not None


def test_what_is_shown_can_be_filtered_paused_and_cleared(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    notebook = prepared(new_tab(plain).notebook())
    page = notebook.page
    panel = open_by_command(page)
    notebook.run(OPEN)
    page.evaluate("demo.send('one')")
    page.evaluate("demo.send('two')")
    rows = messages(panel)
    expect(rows).to_have_count(5)
    kept = panel.locator(".lite-comms-Kept")
    expect(kept).to_have_text("5 messages")
    panel.get_by_label("Direction").select_option("To the kernel")
    expect(rows).to_have_count(2)
    expect(kept).to_have_text("2 of 5 messages")
    panel.get_by_label("Search in messages").fill("TWO")
    expect(rows).to_have_count(1)
    panel.get_by_label("Direction").select_option("Both ways")
    expect(rows).to_have_count(2)
    panel.get_by_label("Search in messages").fill("")
    panel.get_by_label("Target").select_option("demo")
    expect(rows).to_have_count(5)
    panel.get_by_label("Problems only").check()
    expect(rows).to_have_count(0)
    panel.get_by_label("Problems only").uncheck()

    panel.get_by_title("Pause").click()
    page.evaluate("demo.send('three')")
    expect(panel.get_by_role("status").first).to_have_text("paused")
    expect(kept).to_contain_text("2 not kept")
    expect(rows).to_have_count(5)
    panel.get_by_title("Go on").click()
    page.evaluate("demo.send('four')")
    expect(rows).to_have_count(7)
    panel.get_by_title("Clear").click()
    expect(rows).to_have_count(0)
    expect(kept).to_have_text("0 messages")


def test_the_button_has_a_mark_when_a_callback_has_failed(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    tab = new_tab(plain)
    notebook = prepared(tab.notebook())
    notebook.run(OPEN)
    failed = button(notebook).get_by_label(FAILED).first
    expect(button(notebook).get_by_label("Comm Inspector: show").first).to_be_visible()
    expect(failed).to_have_count(0)
    with tab.watch.error("division by zero"):
        tab.page.evaluate("demo.send('fail')")
    expect(failed).to_be_visible()
    button(notebook).locator("jp-button, button").first.click()
    panel = tab.page.locator(".lite-comms-Inspector")
    # What has failed before is there, with its traceback, and so are the comms.
    problem = panel.get_by_role("listbox", name="Problems").get_by_role("option")
    expect(problem).to_contain_text("'demo': The callback failed: ZeroDivisionError: division by")
    problem.click()
    expect(panel.get_by_role("region", name="Message", exact=True)).to_contain_text("1 / 0")
    expect(panel.get_by_role("grid", name="Comms")).to_contain_text("open before the inspector")
    expect(failed).to_have_count(0)


@pytest.mark.parametrize("on", ["plain", "a server"])
def test_a_comm_that_was_refused_before_is_listed(
    request: pytest.FixtureRequest, new_tab: Callable[[str], Tab], on: str
) -> None:
    if on == "plain":
        notebook = new_tab(request.getfixturevalue("plain")).notebook()
    else:
        notebook = request.getfixturevalue("on_server")()
        notebook.run("import lite_comms\nlite_comms.install()\npass")
    page = notebook.page
    notebook.watch.forgive("comm 'termometer'")
    notebook.run(
        "get_ipython().kernel.comm_manager.register_target('thermometer', lambda *_: None)"
    )
    notebook.javascript(
        "globalThis.comm = Jupyter.notebook.kernel.comm_manager.new_comm('termometer')"
    )
    failed = button(notebook).get_by_label(FAILED).first
    expect(failed).to_be_visible()
    button(notebook).locator("jp-button, button").first.click()
    panel = page.locator(".lite-comms-Inspector")
    problems = panel.get_by_role("listbox", name="Problems").get_by_role("option")
    expect(problems).to_have_count(1)
    expect(problems).to_contain_text(
        "The comm is refused: no comm target 'termometer' is registered in the kernel "
    )
    expect(failed).to_have_count(0)
    # A slider that sends on it: each time an error that only the console shows.
    for _ in range(2):
        page.evaluate("void setTimeout(() => comm.send({value: 1}))")
    expect(problems).to_have_count(2)
    expect(problems.first).to_contain_text("Code of the page has used a closed comm")
    expect(problems.first).to_contain_text("(2 times)")


def test_it_is_used_with_the_keyboard(new_tab: Callable[[str], Tab], plain: str) -> None:
    tab = new_tab(plain)
    notebook = prepared(tab.lab("empty.ipynb")[0])
    page = tab.page
    panel = open_by_command(page)
    grid = panel.get_by_role("grid", name="Messages")
    expect(grid).to_be_focused()
    notebook.run(OPEN)
    for _ in range(2):
        with tab.watch.error("division by zero"):
            page.evaluate("demo.send('fail')")
    tab.watch.forgive("ClosedError: comm 'demo'")
    notebook.run("create_comm(target_name='demo')\npass")
    page.evaluate("void demo.close()")
    page.evaluate("void setTimeout(() => demo.send('late'))")
    problems = panel.get_by_role("listbox", name="Problems")
    expect(problems.get_by_role("option")).to_have_count(2)
    # It is open already, and the user is elsewhere.
    open_by_command(page)
    expect(grid).to_be_focused()

    # The problems are one stop of the Tab key.
    problems.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = problems.get_by_role("option").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(second).to_contain_text("(2 times)")
    details = panel.get_by_role("region", name="Message", exact=True)
    expect(details).to_contain_text("1 / 0")
    # What was sent comes first.
    expect(details.get_by_role("heading")).to_have_text(["Data", "Error"])

    panel.get_by_title("Show the cell that has opened it").focus()
    page.keyboard.press("Enter")
    expect(notebook.cells.nth(1)).to_be_focused()


def test_slow_callbacks_and_their_queue_are_a_line_each(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    notebook = prepared(new_tab(plain).notebook())
    panel = open_by_command(notebook.page)
    notebook.run(f"{OPEN}\nimport time\ncomm.on_msg(lambda _: time.sleep(0.15))")
    notebook.page.evaluate("for (let i = 0; i < 30; i++) demo.send(i)")
    problems = panel.get_by_role("listbox", name="Problems").get_by_role("option")
    expect(problems.filter(has_text="'demo': The queue grows: ")).to_have_count(1)
    expect(problems.filter(has_text="'demo': 30 callbacks took over 100 ms")).to_have_count(1)
    expect(problems).to_have_count(2)


def test_it_says_why_nobody_hears(new_tab: Callable[[str], Tab], plain: str) -> None:
    tab = new_tab(plain)
    notebook = prepared(tab.notebook())
    panel = open_by_command(tab.page)
    with tab.watch.error("Exception opening new comm"):
        notebook.run("from comm import create_comm\ncreate_comm(target_name='nobody')\npass")
    problems = panel.get_by_role("region", name="Problems")
    expect(problems).to_contain_text("No comm target 'nobody' is registered on the page.")
    panel.get_by_role("button", name="status()").click()
    expect(panel.get_by_role("status").filter(has_text="transport port")).to_be_visible()


def name_of(request: Request) -> str:
    return request.url.split("?")[0]


def chunks(asked: list[str]) -> set[str]:
    """Return the scripts of the extension that the page has asked for."""
    return {url for url in asked if "/extensions/lite-comms/static/" in url and url.endswith(".js")}
