"""Stop: it ends what runs, and nothing else."""

from __future__ import annotations

import random
import re

import pytest
from playwright.sync_api import expect

from collecting import LOOP
from pages import Notebook

STOPPED = {
    "while True: pass": "KeyboardInterrupt",
    "import time; time.sleep(60)": "KeyboardInterrupt",
    "sum(1 for _ in iter(int, 1))": "KeyboardInterrupt",
    "import asyncio; await asyncio.sleep(60)": "CancelledError",
    "import asyncio\nwhile True: await asyncio.sleep(0)": "KeyboardInterrupt|CancelledError",
    "import lite_comms; lite_comms.wait_for(lambda: False)": "KeyboardInterrupt",
    "def f(n):\n  if n:\n    f(n - 1)\n    f(n - 1)\nf(99)": "KeyboardInterrupt",
}


@pytest.mark.parametrize("code", STOPPED)
def test_stop_ends_a_cell(notebook: Notebook, code: str) -> None:
    number = notebook.running(code)
    notebook.stop()
    shown = notebook.ended(number)
    assert re.search(rf"^({STOPPED[code]})(:|$)", shown, re.MULTILINE), shown
    assert "lite_comms/" not in shown
    assert "self.stop" not in shown
    assert notebook.python("1 + 1") == "2"


def test_stop_ends_a_callback_that_runs_away(collecting: Notebook) -> None:
    status = collecting.page.locator(".jp-Notebook-ExecutionIndicator").first
    expect(status).to_have_attribute("data-status", "idle")
    collecting.page.evaluate("send(1, 60)")
    expect(status).to_have_attribute("data-status", "busy")
    with collecting.watch.error("KeyboardInterrupt"):
        collecting.stop()
    assert collecting.python("heard") == "[1]"


def test_stop_cancels_the_cells_behind_and_loses_no_message(collecting: Notebook) -> None:
    collecting.python("lite_comms.live(False)")
    first = collecting.running("while True: pass")
    second = collecting.start("'second'")
    collecting.page.evaluate("[1, 2, 3, 4, 5].forEach(n => send(n))")
    collecting.page.wait_for_timeout(500)
    collecting.stop()
    assert "KeyboardInterrupt" in collecting.ended(first)
    assert collecting.ended(second, "[ ]:") == ""
    assert collecting.python("lite_comms.live(); heard") == "[1, 2, 3, 4, 5]"


def test_stop_does_nothing_when_nothing_runs(notebook: Notebook) -> None:
    notebook.python("1")
    notebook.stop()
    notebook.stop()
    assert notebook.python("sum(range(1_000_000))") == "499999500000"


def test_stops_at_any_moment_leave_the_kernel_well(collecting: Notebook) -> None:
    chance = random.Random(1)
    codes = ["while True: pass", "time.sleep(9)", "await asyncio.sleep(9)", "sorted(range(5000))"]
    collecting.page.evaluate(
        "(async () => { for (let n = 0; n < 500; n++) { send(n); await pause(20); } })()"
    )
    for _ in range(10):  # on each of two hosts
        number = collecting.start(f"{chance.choice(codes)}\n'ended'")
        collecting.page.wait_for_timeout(chance.randint(0, 120))
        collecting.stop()
        shown = collecting.ended(number, re.compile(r"\[[\d ]+\]:"))
        prompt = collecting.cells.nth(number).locator(".jp-InputPrompt").inner_text()
        if prompt == "[ ]:":
            assert shown == ""  # it has not begun
        else:
            assert re.search("KeyboardInterrupt|CancelledError|'ended'", shown), shown
    number = collecting.start(f"{LOOP.format(n=500)}heard == list(range(500)), worst")
    assert collecting.ended(number) == "(True, 1)"


def test_who_waits_for_c_code_is_told(notebook: Notebook) -> None:
    number = notebook.running("sum(range(180_000_000))")
    notebook.stop()
    told = notebook.page.get_by_text("The kernel has not responded to Stop")
    expect(told).to_be_visible()
    notebook.ended(number)
    expect(told).not_to_be_visible()
