"""The first example of README, its blocks typed as they are: what a reader then sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Tab

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
FIRST_COMM = README.partition("\n## A first comm\n")[2].partition("\n**In tests.**")[0]

# What README says there is to see below each cell.
SEEN = [
    ['opened with {"foo":1}', 'received {"foo":2}'],
    ["received {'hello': 'kernel'}"],
    [],
    ['{"echo":{"foo":7}}'],
]


@pytest.mark.parametrize(
    ("where", "app"),
    [("plain", "lab"), ("plain", "notebook"), ("plain", "repl"), ("loaded", "notebook")],
)
def test_both_halves_of_the_first_example_are_seen(
    request: pytest.FixtureRequest, new_tab: Callable[[str], Tab], where: str, app: str
) -> None:
    tab = new_tab(request.getfixturevalue(where))
    cells = tab.app(app)
    cells.python(tab.first_cell)
    blocks = re.findall(r"^```(?:js|python)\n(.*?)^```$", FIRST_COMM, re.DOTALL | re.MULTILINE)
    outputs = [cells.run(block) for block in blocks]

    assert [block.startswith("%%javascript\n") for block in blocks] == [True, False, False, True]
    for output, seen in zip(outputs, SEEN, strict=True):
        shown = output.locator(".jp-OutputArea-output")
        expect(shown).to_have_text([" ".join(seen)] if seen else [], use_inner_text=True)
    assert [line for seen in SEEN for line in seen if f"`{line}`" not in FIRST_COMM] == []
