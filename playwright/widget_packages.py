"""Tries widget packages with and without lite_comms, and prints a table of what was seen.

One site with all packages is built (widget_sites.py), and copied without lite_comms. For each
package (widget_cases.py) a notebook shows a widget and changes it from Python, and a person's hand
changes it on the page, while a loop runs. Nothing but package registries is asked for that.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Error, expect, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(Path(__file__).parent)]

from bench.sites import copy_site  # noqa: E402
from chromium import launch_options  # noqa: E402
from pages import Notebook, Tab, text  # noqa: E402
from serve import serving  # noqa: E402
from watch import Watch  # noqa: E402
from widget_cases import CASES, Case  # noqa: E402
from widget_sites import build, download, version  # noqa: E402

# Ends when the person has changed something, or after a while.
LOOP = """\
import time
before, end = {value}, time.time() + 8
while {value} == before and time.time() < end:
    pass
print("runs until the end" if {value} == before else "changed")"""
# What is tried of a package, in this order; "end" is an error of the page itself.
STEPS = ("end", "install", "shown", "Python to page", "page to Python", "in a loop")
# How long a person waits before saying that nothing happens.
PATIENCE_MS = 15_000


@dataclass
class Seen:
    """What was seen of a package on one site: what does not work, and what came instead."""

    failed: dict[str, str] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """As it stands in the table."""
        if list(self.failed) == ["in a loop"]:
            return "yes, after the cell"
        return f"no ({', '.join(self.failed)})" if self.failed else "yes"

    @property
    def rank(self) -> int:
        """How far it works: the place of the worst step that failed, or one after the last."""
        return min((STEPS.index(step) for step in self.failed), default=len(STEPS))


class User:
    """Someone on one of the sites, who tries one package after the other in a notebook."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._notebook: Notebook | None = None

    def try_case(self, case: Case) -> Seen:
        """Use a package; in a new tab where what is there might be in the way."""
        seen = Seen()
        if not case.inside:
            self.leave()
        try:
            self._notebook = self._notebook or self._open()
            use(self._notebook, case, seen)
        except (AssertionError, Error) as error:
            seen.failed["end"] = f"{error}"
        if self._notebook:
            seen.console = self._notebook.watch.problems()
        if "end" in seen.failed or not case.inside:
            self.leave()
        return seen

    def leave(self) -> None:
        """Close the tab."""
        if self._notebook:
            self._notebook.page.context.close()
            self._notebook = None

    def _open(self) -> Notebook:
        context = self._browser.new_context(viewport={"width": 1200, "height": 1000})
        tab = Tab(context.new_page(), Watch(context, self._url, []), self._url)
        (notebook,) = tab.lab("empty.ipynb")
        return notebook


def use(notebook: Notebook, case: Case, seen: Seen) -> None:
    """Show a widget and change it from both sides; writes down what does not work."""
    if said := notebook.python(f"%pip install -q {case.package}"):
        seen.failed["install"] = said
        return
    number = notebook.start(case.show)
    notebook.ended(number)
    output = notebook.cells.nth(number).locator(".jp-OutputArea")
    shown = output if case.inside else notebook.page.locator("body")
    try:
        expect(shown.locator(case.first)).not_to_have_count(0, timeout=PATIENCE_MS)
    except AssertionError:
        seen.failed["shown"] = text(output)
        return
    said = notebook.python(case.change)
    try:
        expect(shown.locator(case.then)).not_to_have_count(0, timeout=PATIENCE_MS)
    except AssertionError:
        seen.failed["Python to page"] = said or text(output)
    if case.touch is None:
        return
    number = notebook.start(LOOP.format(value=case.value))
    notebook.page.wait_for_timeout(1000)
    case.touch(shown)
    in_the_loop = notebook.ended(number)
    if "changed" not in in_the_loop:
        seen.failed["in a loop"] = in_the_loop
        for _ in range(5):  # ipywidgets sends what it has held back once the cell has ended
            notebook.page.wait_for_timeout(500)
            after = notebook.python(f"print({case.value} != before)")
            if after == "True":
                break
        else:
            seen.failed["page to Python"] = after


def main() -> int:
    """Print the table; on stderr what was seen where something fails."""
    parser = argparse.ArgumentParser(description="Try widget packages with lite_comms.")
    parser.add_argument("--only", default="", help="names of packages, as in ipytree,ipyvue")
    args = parser.parse_args()
    only = set(filter(None, args.only.split(",")))
    cases = [case for case in CASES if not only or case.package in only]
    rows = ["| package | version | with lite_comms | without |", "| --- | --- | --- | --- |"]
    worse = False
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        wheels = {wheel: download(wheel) for case in cases for wheel in case.wheels}
        (folder / "lite").mkdir()
        site = build(folder / "lite", filter(None, wheels.values()))
        copies = [
            copy_site(site, folder / kind, stock=kind == "stock") for kind in ("ours", "stock")
        ]
        with (
            serving(copies[0]) as ours,
            serving(copies[1]) as stock,
            playwright.chromium.launch(**launch_options()) as browser,
        ):
            users = [User(browser, url) for url in (ours, stock)]
            for case in cases:
                lacking = [wheel for wheel in case.wheels if wheels[wheel] is None]
                if lacking:
                    rows.append(f"| {case.package} | | not tried: no wheel of {lacking[0]} | |")
                    continue
                seen = [user.try_case(case) for user in users]
                worse |= seen[0].rank < seen[1].rank
                number = version(site, case.package)
                rows.append(f"| {case.package} | {number} | {seen[0]} | {seen[1]} |")
                print(rows[-1], file=sys.stderr, flush=True)
                for kind, one in zip(("ours", "stock"), seen, strict=True):
                    for step, told in one.failed.items():
                        print(f"    {kind}: {step}: {told[-1500:]}", file=sys.stderr, flush=True)
                    if one.failed:
                        print(f"    {kind}: {one.console}"[:3000], file=sys.stderr, flush=True)
    print("\n".join(rows))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
