"""The controls of ipywidgets: how each is changed from Python and by hand; see test_widgets.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import FilePayload, Locator, expect

Step = Callable[[Locator], None]

FIELD = "input, textarea, select"


def shows(text: str, selector: str = ".widget-readout") -> Step:
    return lambda control: expect(control.locator(selector)).to_have_text(text)


def holds(value: str) -> Step:
    return lambda control: expect(control.locator(FIELD).first).to_have_value(value)


def has(count: int, selector: str) -> Step:
    return lambda control: expect(control.locator(selector)).to_have_count(count)


def selected(*labels: str) -> Step:
    return lambda control: expect(control.locator("option:checked")).to_have_text(list(labels))


def loaded(content: str) -> Step:
    """What an image, a sound or a film shows has come as a buffer, and is a Blob on the page."""

    def look(control: Locator) -> None:
        control.page.wait_for_function(
            """async ([element, content]) => element.src.startsWith('blob:') &&
               content === await fetch(element.src).then(blob => blob.text(), () => null)""",
            arg=[control.element_handle(), content],
        )

    return look


def right(control: Locator) -> None:
    control.locator(".noUi-handle").first.press("ArrowRight")


def fill(value: str) -> Step:
    def do(control: Locator) -> None:
        control.locator(FIELD).first.fill(value)
        control.locator(FIELD).first.press("Tab")

    return do


def choose(*labels: str) -> Step:
    def do(control: Locator) -> None:
        control.locator("select").select_option(list(labels))

    return do


def add(value: str) -> Step:
    def do(control: Locator) -> None:
        control.click()  # the field appears
        control.locator("input").fill(value)
        control.locator("input").press("Enter")

    return do


def click(selector: str, number: int = 0) -> Step:
    return lambda control: control.locator(selector).nth(number).click()


def upload(control: Locator) -> None:
    file: FilePayload = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a file"}
    with control.page.expect_file_chooser() as chooser:  # its <input> is not in the page
        control.click()
    chooser.value.set_files(file)


@dataclass(frozen=True)
class Control:
    """A control: how it is made and changed, what the page shows then, what a hand does to it."""

    make: str
    change: str
    shown: Step
    touch: Step | None = None
    after: str = ""
    value: str = "w.value"


ABC = "options=list('abcd')"
TWO = "[W.Label('first'), W.Label('second')]"
TAG = ".jupyter-widget-tag:not(input)"

CONTROLS = {
    "IntSlider": Control("max=9", "w.value = 3", shows("3"), right, "4"),
    "FloatSlider": Control("max=8, step=0.5", "w.value = 2.5", shows("2.50"), right, "3.0"),
    "FloatLogSlider": Control("step=1", "w.value = 100", shows("100"), right, "1000.0"),
    "IntRangeSlider": Control("max=9", "w.value = 2, 5", shows("2 \N{EN DASH} 5"), right, "(3, 5)"),
    "FloatRangeSlider": Control(
        "max=9, step=0.5", "w.value = 2, 5", shows("2.00 \N{EN DASH} 5.00"), right, "(2.5, 5.0)"
    ),
    "IntProgress": Control("", "w.value = 50", has(1, ".progress-bar[style*='50%']")),
    "FloatProgress": Control("", "w.value = 25", has(1, ".progress-bar[style*='25%']")),
    "BoundedIntText": Control("max=9", "w.value = 3", holds("3"), fill("12"), "9"),
    "BoundedFloatText": Control("max=9", "w.value = 2.5", holds("2.5"), fill("12"), "9.0"),
    "IntText": Control("", "w.value = 3", holds("3"), fill("12"), "12"),
    "FloatText": Control("", "w.value = 2.5", holds("2.5"), fill("1.25"), "1.25"),
    "ToggleButton": Control(
        "",
        "w.value = True",
        lambda it: expect(it).to_contain_class("mod-active"),
        Locator.click,
        "False",
    ),
    "Checkbox": Control("", "w.value = True", has(1, "input:checked"), click("input"), "False"),
    "Valid": Control("", "w.value = True", lambda it: expect(it).to_contain_class("mod-valid")),
    "Dropdown": Control(ABC, "w.value = 'b'", selected("b"), choose("c"), "'c'"),
    "RadioButtons": Control(
        ABC, "w.value = 'b'", has(1, "label:nth-of-type(2) input:checked"), click("input", 2), "'c'"
    ),
    "Select": Control(ABC, "w.value = 'b'", selected("b"), choose("c"), "'c'"),
    "SelectionSlider": Control(ABC, "w.value = 'b'", shows("b"), right, "'c'"),
    "SelectionRangeSlider": Control(ABC, "w.value = 'b', 'd'", shows("b-d"), right, "('c', 'd')"),
    "ToggleButtons": Control(
        ABC, "w.value = 'b'", shows("b", "button.mod-active"), click("button", 2), "'c'"
    ),
    "SelectMultiple": Control(ABC, "w.value = 'a', 'c'", selected("a", "c"), choose("b"), "('b',)"),
    "Text": Control("", "w.value = 'you'", holds("you"), fill("me"), "'me'"),
    "Textarea": Control("", "w.value = 'you'", holds("you"), fill("me"), "'me'"),
    "Combobox": Control(ABC, "w.value = 'b'", holds("b"), fill("c"), "'c'"),
    "Password": Control("", "w.value = 'you'", holds("you"), fill("me"), "'me'"),
    "Label": Control("'', ", "w.value = 'you'", lambda it: expect(it).to_have_text("you")),
    "HTML": Control("", "w.value = '<b>you</b>'", shows("you", "b")),
    "HTMLMath": Control("", "w.value = '<b>you</b>'", shows("you", "b")),
    "Image": Control("value=b'1'", "w.value = b'2'", loaded("2")),
    "Audio": Control("value=b'1'", "w.value = b'2'", loaded("2")),
    "Video": Control("value=b'1'", "w.value = b'2'", loaded("2")),
    "Button": Control(
        "",
        "w.clicks = []; w.on_click(w.clicks.append); w.description = 'you'",
        lambda it: expect(it).to_have_text("you"),
        Locator.click,
        "1",
        "len(w.clicks)",
    ),
    "Output": Control("", "w.append_stdout('you')", lambda it: expect(it).to_contain_text("you")),
    "Play": Control(
        "max=20, interval=20", "w.value = 5", has(3, ".jupyter-button"), click("button"), "20"
    ),
    "TagsInput": Control("", "w.value = ['a', 'b']", has(2, TAG), add("c"), "['a', 'b', 'c']"),
    "ColorsInput": Control(
        "", "w.value = ['red', 'blue']", has(2, TAG), add("lime"), "['red', 'blue', 'lime']"
    ),
    "FloatsInput": Control("", "w.value = [1, 2]", has(2, TAG), add("3"), "[1.0, 2.0, 3.0]"),
    "IntsInput": Control("", "w.value = [1, 2]", has(2, TAG), add("3"), "[1, 2, 3]"),
    "DatePicker": Control(
        "",
        "w.value = date(2020, 1, 2)",
        holds("2020-01-02"),
        fill("2021-03-04"),
        "datetime.date(2021, 3, 4)",
    ),
    "NaiveDatetimePicker": Control(
        "",
        "w.value = datetime(2020, 1, 2, 3, 4)",
        holds("2020-01-02T03:04"),
        fill("2021-03-04T05:06"),
        "datetime.datetime(2021, 3, 4, 5, 6)",
    ),
    "DatetimePicker": Control(
        "",
        "w.value = datetime(2020, 1, 2, 3, 4).astimezone()",
        lambda it: expect(it.locator("input")).not_to_have_value(""),
        fill("2021-03-04T05:06"),
        "(2021, True)",
        "(w.value.year, w.value.tzinfo is not None)",
    ),
    "TimePicker": Control(
        "", "w.value = time(3, 4)", holds("03:04"), fill("05:06"), "datetime.time(5, 6)"
    ),
    "ColorPicker": Control(
        "", "w.value = '#ff0000'", holds("#ff0000"), fill("#00ff00"), "'#00ff00'"
    ),
    "FileUpload": Control(
        "",
        "w.description = 'you'",
        lambda it: expect(it).to_contain_text("you"),
        upload,
        "['a file']",
        "[bytes(file.content).decode() for file in w.value]",
    ),
    "Controller": Control(
        "", "w.index = 1", lambda it: expect(it).to_contain_text("Connect gamepad")
    ),
    **{
        name: Control(
            f"{TWO}, titles=['one', 'two']",
            "w.selected_index = 1",
            lambda it: expect(it.get_by_text("second")).to_be_visible(),
            lambda it: it.get_by_text("one").click(),
            "0",
            "w.selected_index",
        )
        for name in ("Accordion", "Tab")
    },
    "Stack": Control(
        TWO, "w.selected_index = 1", lambda it: expect(it.get_by_text("second")).to_be_visible()
    ),
    **{
        name: Control(TWO, "w.children = w.children[1:]", has(1, ".widget-label"))
        for name in ("Box", "HBox", "VBox", "GridBox")
    },
}
