"""The introduction's notebooks, run from top to bottom by a user, with what they should show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from pages import LOADED, START_TIMEOUT_MS, Notebook, Tab, text

CONTENT = Path(__file__).parent.parent / "content"


Outputs = dict[int, Locator]


@pytest.fixture
def run_all(new_tab: Callable[[str], Tab], host: str) -> Callable[[str], tuple[Notebook, Outputs]]:
    """Opens a notebook, runs its code cells, and returns the output area of each by its number."""

    def run(name: str) -> tuple[Notebook, Outputs]:
        cells = json.loads((CONTENT / name).read_text("utf-8"))["cells"]
        notebook = new_tab(host).notebook(name, len(cells))
        if host in LOADED:
            notebook.run_cell(0)
        numbers = [n for n, cell in enumerate(cells) if cell["cell_type"] == "code"]
        return notebook, {number: notebook.run_cell(number) for number in numbers}

    return run


Run = Callable[[str], tuple[Notebook, Outputs]]


# What the page shows in the first notebook; on a server, too: test_on_a_server.py.
FIRST_HEARD = [
    "the page waits for comms named my_comm_target",
    'opened by the kernel with {"foo":1}',
    'message {"foo":2}',
    (
        'message {"none stays null":null,"a set":[1],"not a number":"nan","bytes":"YWJj",'
        '"a moment":"2020-01-01T00:00:00.000000"}'
    ),
    "closed by the kernel",
]


def test_the_first_notebook_opens_a_comm_from_the_kernel(run_all: Run) -> None:
    _, outputs = run_all("01-open-from-the-kernel.ipynb")
    assert "active, transport port" in text(outputs[2])
    expect(outputs[4].get_by_role("listitem")).to_have_text(FIRST_HEARD)
    assert text(outputs[8]) == "[{'foo': 0}]"
    assert text(outputs[10]) == "data.rows[1].when"
    assert text(outputs[12]) == ""


def test_the_second_notebook_opens_comms_from_the_page(run_all: Run) -> None:
    notebook, outputs = run_all("02-open-from-the-page.ipynb")
    (problem,) = notebook.watch.problems()
    assert "no comm target 'no_such_target' is registered in the kernel" in problem
    expect(outputs[3].get_by_role("listitem")).to_have_text(
        ['{"hello":"page"}', '{"echo":{"foo":7}}']
    )
    answer = outputs[6].get_by_role("status")
    expect(answer).to_have_text("the square root of 2 is 1.4142")
    slider = outputs[6].get_by_role("slider", name="x")
    slider.press("End")
    expect(answer).to_have_text("the square root of 100 is 10.0000")
    slider.press("Home")
    expect(answer).to_have_text("the square root of 0 is 0.0000")
    expect(outputs[8].get_by_role("listitem")).to_have_text(
        "closed: no comm target 'no_such_target' is registered in the kernel "
        "(registered: 'my_echo', 'roots')"
    )
    assert text(outputs[10]) == "['my_echo', 'roots']"


def test_the_third_notebook_paints_the_bytes_that_python_sends(run_all: Run) -> None:
    _, outputs = run_all("03-binary-data.ipynb")
    canvas = outputs[1].get_by_role("img", name="pixels from Python")
    expect(outputs[1].get_by_role("paragraph")).to_have_text("200 rows, brightness from 75 to 156")

    def pixel(x: int, y: int) -> list[int]:
        pixels: list[int] = canvas.evaluate(
            "(canvas, [x, y]) => Array.from(canvas.getContext('2d').getImageData(x, y, 1, 1).data)",
            [x, y],
        )
        return pixels

    # The picture was turned round by the last cell: what stood at (x, y) is at (199-x, 199-y).
    assert pixel(0, 0) == [199, 199, 255, 255]
    assert pixel(199, 199) == [0, 0, 255, 255]
    assert pixel(199 - 100, 199 - 100) == [100, 100, 60, 255]
    assert pixel(199 - 70, 199 - 110) == [70, 110, 60, 255]
    assert text(outputs[6]) == "False"


def test_the_fourth_notebook_has_widgets_that_talk_both_ways(run_all: Run) -> None:
    notebook, outputs = run_all("04-widgets.ipynb")
    assert text(outputs[1]) == ""
    assert text(outputs[4]) == "'7 squared is 49'"

    label = outputs[2].locator(".widget-label").last
    slider = outputs[2].get_by_role("slider")
    expect(label).to_have_text("7 squared is 49")
    expect(outputs[2].locator(".widget-readout")).to_have_text("7")
    slider.press("ArrowRight")
    expect(label).to_have_text("8 squared is 64")
    slider.press("Home")
    expect(label).to_have_text("0 squared is 0")
    slider.drag_to(outputs[2].locator(".noUi-base"))
    expect(label).to_have_text("5 squared is 25")

    bars = outputs[6].locator(".jp-OutputArea-output div[style*='steelblue']")
    expect(bars).to_have_count(19)

    def heights() -> list[int]:
        found: list[int] = bars.evaluate_all("bars => bars.map(bar => parseInt(bar.style.height))")
        return found

    before = heights()
    assert before != list(range(5, 100, 5))
    assert sorted(before) == list(range(5, 100, 5))
    first = bars.first.element_handle()
    bars.first.click()
    notebook.page.wait_for_function("bar => !bar.isConnected", arg=first)
    assert heights() != before
    assert sorted(heights()) == list(range(5, 100, 5))


def test_the_fifth_notebook_is_steered_while_it_runs_and_stops(
    new_tab: Callable[[str], Tab], host: str
) -> None:
    name = "05-live.ipynb"
    cells = json.loads((CONTENT / name).read_text("utf-8"))["cells"]
    notebook = new_tab(host).notebook(name, len(cells))
    for number in ((0,) if host in LOADED else ()) + (1, 3, 4):
        notebook.run_cell(number)
    loop = notebook.begin(6)
    view = notebook.cells.nth(3)
    planet, star = view.locator(".planet"), view.locator("circle").first
    before = planet.get_attribute("cx")
    assert before is not None
    expect(planet).not_to_have_attribute("cx", before)
    expect(star).to_have_attribute("r", "8.0")
    view.get_by_role("slider").first.press("End")
    expect(star).to_have_attribute("r", "16.0")
    notebook.stop()
    assert "KeyboardInterrupt" in notebook.ended(loop)

    question = notebook.begin(8)
    notebook.cells.nth(question).get_by_role("button", name="Ready?").click()
    assert notebook.ended(question).endswith("You are.")

    quiet = notebook.begin(10)
    cell = notebook.cells.nth(quiet)
    slider = cell.get_by_role("slider")
    expect(cell).to_contain_text("the cell sees")
    slider.press("Home")
    expect(cell).to_contain_text("in quiet: it sees")
    slider.press("ArrowRight")
    moved, *others = notebook.ended(quiet).splitlines()[-3:]
    assert re.fullmatch(r"Move the slider: the cell sees [2-9] values\.", moved)
    assert others == ["Move it again, in quiet: it sees 1 value.", "After quiet it is at 0.05"]
    expect(star).to_have_attribute("r", "16.0")  # nothing draws any more


def links(name: str) -> list[str]:
    """Return the notebooks that a notebook links to."""
    cells = json.loads((CONTENT / name).read_text("utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"\]\(([^)\s]+\.ipynb)\)", text)


def test_each_notebook_is_in_the_contents_and_links_to_the_next() -> None:
    names = sorted(path.relative_to(CONTENT).as_posix() for path in CONTENT.rglob("*.ipynb"))
    names.remove("index.ipynb")
    introduction = [name for name in names if "/" not in name]

    assert sorted(links("index.ipynb")) == names
    for name, following in pairwise([*introduction, "index.ipynb"]):
        assert links(name)[-1:] == [following]


@pytest.mark.parametrize(("width", "app"), [(1200, "lab"), (390, "notebooks")])
def test_the_root_of_the_demo_opens_its_contents(
    new_tab: Callable[[str], Tab], plain: str, width: int, app: str
) -> None:
    page = new_tab(plain).page
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(plain)
    page.wait_for_url(f"{plain}{app}/**", timeout=START_TIMEOUT_MS)
    heading = page.locator(".jp-NotebookPanel").get_by_role("heading", name="lite_comms")
    expect(heading).to_be_visible(timeout=START_TIMEOUT_MS)
    if app == "lab":
        names = page.locator(".jp-DirListing-itemName")
        expect(names.filter(has_text="01-open-from-the-kernel.ipynb")).to_be_visible()
        cut = "all => all.filter(each => each.scrollWidth > each.clientWidth).length"
        assert names.evaluate_all(cut) == 0


def test_the_sliders_of_the_fifth_notebook_fit_a_phone(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    name = "05-live.ipynb"
    cells = json.loads((CONTENT / name).read_text("utf-8"))["cells"]
    tab = new_tab(plain)
    tab.page.set_viewport_size({"width": 390, "height": 844})
    notebook = tab.notebook(name, len(cells))
    notebook.run_cell(1)
    shown = notebook.run_cell(3)
    for slider in shown.locator(".noUi-target").all():
        box = slider.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["x"] + box["width"] < 390
