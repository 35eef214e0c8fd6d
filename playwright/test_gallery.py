"""The gallery's notebooks: what a person sees in them, and what happens when one takes a hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cmp_to_key
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from pages import LOADED, Notebook, Tab, text
from strokes import STROKES, draw

CONTENT = Path(__file__).parent.parent / "content"

# How much of a canvas is painted, in a color if one is given: what differs little from it.
PAINTED = """(canvas, color) => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    const near = !color || color.every((value, k) => Math.abs(data[i + k] - value) < 40);
    n += data[i + 3] > 200 && near;
  }
  return n;
}"""
# In how many squares birds are, and how many pixels of them are near the middle.
BIRDS = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, 1280, 720);
  const squares = new Set();
  let near = 0;
  for (let y = 0; y < 720; y += 4) {
    for (let x = 0; x < 1280; x += 4) {
      if (data[4 * (1280 * y + x) + 3]) {
        squares.add(`${Math.floor(x / 80)} ${Math.floor(y / 80)}`);
        near += Math.hypot(x - 640, y - 360) < 120;
      }
    }
  }
  return [squares.size, near];
}"""
ORANGE = [245, 124, 0]  # --jp-warn-color1 and --jp-brand-color1 of the light theme
BLUE = [25, 118, 210]
GREEN = [0, 140, 0]  # the background of the browser's stand-in for a camera

Open = Callable[[str, str], Notebook]


@pytest.fixture
def gallery(new_tab: Callable[[str], Tab]) -> Open:
    """Opens a notebook of the gallery on a site."""

    def open_notebook(url: str, name: str) -> Notebook:
        cells = json.loads((CONTENT / "gallery" / name).read_text("utf-8"))["cells"]
        notebook = new_tab(url).notebook(f"gallery/{name}", len(cells))
        if url in LOADED:
            notebook.run_cell(0)
        return notebook

    return open_notebook


def painted(canvas: Locator, color: list[int] | None = None) -> int:
    count: int = canvas.evaluate(PAINTED, color)
    return count


def becomes(notebook: Notebook, what: Callable[[], bool], seconds: int = 30) -> bool:
    """Look again and again, as a person does who waits for something to change."""
    for _ in range(4 * seconds):
        if what():
            return True
        notebook.page.wait_for_timeout(250)
    return False


def test_birds_obey_sliders_and_shun_the_mouse_while_the_loop_runs(
    gallery: Open, plain: str
) -> None:
    notebook = gallery(plain, "1-flock.ipynb")
    for number in (1, 3, 5, 7, 8):
        notebook.run_cell(number)
    loop = notebook.begin(10)
    canvas = notebook.cells.nth(7).get_by_role("img", name="a flock of birds")
    together, alike, apart = notebook.cells.nth(8).get_by_role("slider").all()
    for slider, name in ((together, "Home"), (alike, "Home"), (apart, "End")):
        slider.press(name)
    assert becomes(notebook, lambda: canvas.evaluate(BIRDS)[0] > 55)
    apart.press("Home")  # now each flies straight on, but for the hawk
    canvas.hover()
    notebook.page.wait_for_timeout(3000)
    for _ in range(10):
        assert canvas.evaluate(BIRDS)[1] == 0
        notebook.page.wait_for_timeout(250)
    for slider in (together, alike):
        slider.press("End")
    assert becomes(notebook, lambda: canvas.evaluate(BIRDS)[0] < 25)
    notebook.stop()
    assert "KeyboardInterrupt" in notebook.ended(loop)


def test_curves_arrive_in_step_with_the_screen_and_the_newest_of_many_counts(
    gallery: Open, plain: str
) -> None:
    notebook = gallery(plain, "2-stream.ipynb")
    notebook.run_cell(1)
    loop = notebook.begin(3)
    canvas = notebook.cells.nth(1).get_by_role("img", name="two curves")
    assert becomes(notebook, lambda: painted(canvas, BLUE) > 500)
    assert painted(canvas, ORANGE) < 500  # it lies under the blue one
    assert becomes(notebook, lambda: painted(canvas, ORANGE) > 2_000, seconds=60)
    # Stop ends `drain` in the kernel while the page answers it: each closes its comm.
    notebook.watch.forgive("Comm not found for comm id")
    notebook.stop()
    notebook.ended(loop)

    bars = notebook.run_cell(5)
    notebook.run_cell(6)
    caption = bars.get_by_role("paragraph")
    expect(caption).to_have_text(re.compile(r"^300,000 balls, \d+ messages$"))
    assert 10 < int(caption.inner_text().split()[2]) < 3_000
    heights = bars.locator("div[style*='brand-color1']").evaluate_all(
        "bars => bars.map(bar => parseFloat(bar.style.height))"
    )
    assert heights[6] == 100
    assert heights[:7] == sorted(heights[:7])
    assert heights[6:] == sorted(heights[6:], reverse=True)


def test_python_answers_each_stroke_with_a_neat_one(gallery: Open, plain: str) -> None:
    notebook = gallery(plain, "3-draw.ipynb")
    assert text(notebook.run_cell(1)) == "[0j, (2+0j), (2+2j)]"
    for number in (3, 5):
        notebook.run_cell(number)
    output = notebook.run_cell(7)
    canvas = output.get_by_role("img", name="draw here")
    before = 0
    for name, points in STROKES.items():
        draw(canvas, points)
        answer = re.compile(rf"^a {name}, after \d+\.\d ms$")
        expect(output.get_by_role("paragraph")).to_have_text(answer)
        after = painted(canvas, BLUE)
        assert after > before + 500
        before = after
    assert text(notebook.run_cell(9)) == str(list(STROKES))


def test_frames_go_to_python_and_back_with_a_camera_and_without(gallery: Open, plain: str) -> None:
    notebook = gallery(plain, "4-webcam.ipynb")
    for number in (1, 3):
        notebook.run_cell(number)
    output = notebook.run_cell(5)
    before, after = (output.get_by_role("img", name=name) for name in ("before", "after"))
    caption = output.get_by_role("paragraph")
    expect(caption).to_contain_text(re.compile(r"edges, [1-9]\d* frames a second"))

    def shows(canvas: Locator) -> str:
        picture: str = canvas.evaluate("canvas => canvas.toDataURL()")
        return picture

    old = shows(after)
    assert becomes(notebook, lambda: shows(after) != old)  # it moves
    assert painted(before, GREEN) == 0
    assert painted(after, [80, 200, 255]) > 100

    output.get_by_role("button", name="Use the camera").click()
    assert becomes(notebook, lambda: painted(before, GREEN) > 10_000)
    expect(output.get_by_role("button")).to_have_count(0)
    assert painted(after, [0, 0, 0]) > 10_000  # what has one color has no edges
    notebook.run_cell(7)
    expect(caption).to_contain_text("motion, ")
    for code, seen in (("effect = None", "not callable"), ("effect = poster", "poster, ")):
        notebook.cells.nth(7).locator(".cm-content").click()
        notebook.page.keyboard.press("ControlOrMeta+a")
        notebook.page.keyboard.insert_text(code)
        notebook.run_cell(7)
        expect(caption).to_contain_text(seen)  # an effect that raises is not the end

    notebook.page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia ="
        " async () => { throw new DOMException('none', 'NotFoundError'); }; }"
    )
    notebook.run_cell(5)
    output.get_by_role("button", name="Use the camera").click()
    expect(caption).to_contain_text("No camera (NotFoundError).")
    old = shows(before)
    assert becomes(notebook, lambda: shows(before) != old)


def test_a_training_loop_pauses_goes_on_and_stops(gallery: Open, plain: str) -> None:
    notebook = gallery(plain, "5-train.ipynb")
    for number in (1, 3, 5, 7, 8):
        notebook.run_cell(number)
    loop = notebook.begin(10)
    page, controls = notebook.cells.nth(7), notebook.cells.nth(8)
    bar = controls.locator(".progress-bar")

    def done() -> float:
        percent: float = bar.evaluate("bar => parseFloat(bar.style.width)")
        return percent

    plane = page.get_by_role("img", name="the plane")
    assert becomes(notebook, lambda: done() > 2)
    assert painted(plane, BLUE) > 60 * 150  # the points of one spiral
    assert painted(plane, ORANGE) > 60 * 150
    pause = controls.get_by_role("button", name="pause")
    pause.click()
    notebook.page.wait_for_timeout(500)
    paused = done()
    notebook.page.wait_for_timeout(1000)
    assert done() == paused
    pause.click()
    assert becomes(notebook, lambda: done() > paused)
    assert becomes(notebook, lambda: done() > 20, seconds=60)
    notebook.stop()
    stopped = notebook.ended(loop)
    assert re.fullmatch(r"stopped after \d+ epochs", stopped)
    found = re.fullmatch(r"(\d+) of 120 points are on the right side", text(notebook.run_cell(11)))
    assert found is not None
    assert int(found[1]) > 100


def questions(liked: list[str]) -> list[list[str]]:
    """What `sorted` has to know to find the order that one likes."""
    asked = []

    def compare(a: str, b: str) -> int:
        asked.append([a, b])
        return liked.index(a) - liked.index(b)

    assert sorted(["tea", "coffee", "water", "juice"], key=cmp_to_key(compare)) == liked
    return asked


def test_a_form_asks_in_the_middle_of_a_function(gallery: Open, plain: str) -> None:
    notebook = gallery(plain, "6-ask.ipynb")
    notebook.run_cell(1)
    form = notebook.page.get_by_role("dialog")

    cell = notebook.begin(3)
    expect(form).to_have_accessible_name("A trip")
    notebook.stop()
    expect(form).to_have_count(0)
    assert "KeyboardInterrupt" in notebook.ended(cell)

    cell = notebook.begin(3)
    form.get_by_label("where").fill("Porto")
    form.get_by_label("days").fill("5")
    form.get_by_role("button", name="OK").click()
    expect(form).to_have_accessible_name("What may it cost?")
    form.get_by_label("budget").press("End")
    form.get_by_role("button", name="OK").click()
    assert notebook.ended(cell) == "'5 days in Porto for 460. Have a good time!'"

    notebook.run_cell(5)
    cell = notebook.begin(6)
    buttons = notebook.cells.nth(6).locator(".jp-OutputArea").get_by_role("button")
    liked = ["coffee", "tea", "juice", "water"]
    for pair in questions(liked):
        expect(buttons).to_have_text(pair)
        buttons.get_by_text(min(pair, key=liked.index)).click()
    assert notebook.ended(cell).endswith(str(liked))
