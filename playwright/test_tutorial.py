"""Every snippet of docs/tutorial.md, typed into one notebook, does what the tutorial says."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from pages import Notebook

TUTORIAL = Path(__file__).parent.parent / "docs/tutorial.md"
HEADING = re.compile(r"^## (\d)\. [^\n]*\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
# The number of a step, and its snippets, each with its language.
STEPS = {
    int(number): re.findall(r"^```(js|python)\n(.*?)^```$", step, re.DOTALL | re.MULTILINE)
    for number, step in HEADING.findall(TUTORIAL.read_text("utf-8"))
}


def snippet(step: int, kind: str) -> str:
    """Return the one snippet of a step in a language, as a cell."""
    (code,) = [code for language, code in STEPS[step] if language == kind]
    return code if kind == "python" else f"%%javascript\n{code}"


def wait_for_picture(canvas: Locator, before: str | None = None) -> str:
    """Wait until a canvas shows something, other than before; return it as text."""
    found = canvas.page.wait_for_function(
        """([canvas, before]) => {
          const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const picture = canvas.toDataURL();
          return data.some(value => value) && picture !== before && picture;
        }""",
        arg=[canvas.element_handle(), before],
    )
    return str(found.json_value())


def test_the_tutorial_does_what_it_says(notebook: Notebook) -> None:
    greeting = notebook.run(snippet(1, "js"))
    first = notebook.run(snippet(1, "python"))
    expect(greeting).to_have_text("Python says: good morning")
    expect(first).to_have_text("The page has counted 12 letters")

    plot = notebook.run(snippet(2, "js"))
    notebook.run(snippet(2, "python"))
    canvas, slider = plot.locator("canvas"), plot.locator("input")
    wave = wait_for_picture(canvas)

    notebook.run(snippet(3, "python"))
    slider.fill("51")
    wave = wait_for_picture(canvas, wave)

    loop = notebook.start(snippet(4, "python"))
    wave = wait_for_picture(canvas, wave)
    slider.fill("52")
    notebook.page.wait_for_timeout(300)
    wait_for_picture(canvas, wave)
    notebook.stop()
    notebook.ended(loop)
    assert notebook.python("frequency") == "5.2"

    buttons = notebook.run(snippet(5, "js"))
    question = notebook.start(snippet(5, "python"))
    buttons.get_by_role("button", name="orange").click()
    assert notebook.ended(question) == "You have chosen orange"

    # Where a notebook has brought the page's half there is no bridge that could be told this.
    notebook.watch.forgive("Exception opening new comm")
    notebook.watch.forgive("Comm not found for comm id")
    notebook.watch.forgive("Object 'lite_comms.exposed' not found in registry")
    assert notebook.python(snippet(6, "python")) == ""
    assert notebook.python(snippet(7, "python")) == ""
