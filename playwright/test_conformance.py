"""The conformance checks give the same lines for the site's kernel and an ipykernel on a server.

They also do for an ipykernel in which lite_comms is installed, and for a stock site on which a cell
has loaded it. Where they do not, the difference is declared in differences.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from differences import DIFFERENCES
from pages import LOAD
from serve import serving

pytestmark = pytest.mark.server

FOLDER = Path(__file__).with_name("conformance")
# In the order in which the checks run; each file can use what one before it exports.
FILES = (
    "common",
    "client",
    "protocol",
    "order",
    "values",
    "buffers",
    "parents",
    "errors",
    "get_parent",
    "two_clients",
    "interrupt",
    "requests",
    "run",
)
SCRIPT = "".join(FOLDER.joinpath(f"{name}.js").read_text("utf-8") for name in FILES)
DOCS = Path(__file__).parent.parent / "docs/server.md"

CHECKS = re.findall(r"^  check(?:Installed)?\(\s*'(.+?)'", SCRIPT, re.MULTILINE)

# Runs in every document: JupyterLab may leave the first one for another while it starts.
START = """
if (window === window.top) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('the kernel does not start')), 90_000);
  });
  Promise.race([conformance.start(), late])
    .then(() => conformance.runAll())
    .then(
      lines => { globalThis.conformed = {lines}; },
      error => { globalThis.conformed = {failure: `${error.stack ?? error}`}; }
    );
}
"""
END_MS = 400_000

Heard = dict[str, list[str]]

_REFERENCE, _SERVER = "a server", "a server with lite_comms"
_SITE, _LOADED = "the site", "a site that has loaded lite_comms"


@pytest.fixture(scope="module")
def heard(
    browser: Browser, server: tuple[str, Path], site_copy: Callable[..., Path], loaded: str
) -> dict[str, Heard]:
    """The lines of all checks, by kernel."""
    context = browser.new_context()
    with serving(site_copy(exposeAppInBrowser=True)) as site:
        # JupyterLab leaves a page whose workspace is open in another one.
        spaces = f"{server[0]}lab/workspaces/"
        done = {}
        for pair in (
            (
                (_REFERENCE, f"{spaces}reference", ""),
                (_SITE, f"{site}lab/index.html", ""),
            ),
            (
                (_SERVER, f"{spaces}ours", "import lite_comms; lite_comms.install()"),
                (_LOADED, f"{loaded}lab/index.html", LOAD),
            ),
        ):
            # Two at a time: checks wait for much, but four kernels would starve one another.
            pages = {}
            for kernel, url, first in pair:
                page = pages[kernel] = context.new_page()
                given = f"globalThis.conformance = {json.dumps({'first': first})};\n"
                page.add_init_script(given + SCRIPT + START)
                page.goto(url)
            for kernel, page in pages.items():
                page.wait_for_function("globalThis.conformed", timeout=END_MS)
                done[kernel] = page.evaluate("conformed")
            for page in pages.values():
                page.close()
    context.close()
    failures = {kernel: said["failure"] for kernel, said in done.items() if "failure" in said}
    assert failures == {}
    return {kernel: said["lines"] for kernel, said in done.items()}


def differences(reference: list[str], other: list[str]) -> list[str]:
    """Compare two lists of lines; those of one only, in the order of the lists."""
    matcher = SequenceMatcher(None, reference, other, autojunk=False)
    lines = []
    for tag, begin, end, other_begin, other_end in matcher.get_opcodes():
        if tag != "equal":
            lines += [f"- {line}" for line in reference[begin:end]]
            lines += [f"+ {line}" for line in other[other_begin:other_end]]
    return lines


def outcome(check: str, kernel: str, heard: dict[str, Heard]) -> tuple[list[str], list[str]]:
    """Return a check's differences that are not declared, and the declared that are not there."""
    not_run = ["not run: one before it did not end"]
    reference, other = (heard[which].get(check, not_run) for which in (_REFERENCE, kernel))
    declared = [
        item
        for item in DIFFERENCES.values()
        if (item.ours or kernel != _SERVER) and (item.site or kernel == _LOADED)
    ]
    undeclared = differences(reference, other)
    missing = []
    for item in declared:
        for line in item.lines.get(check, "").strip("\n").splitlines():
            pattern = ".*".join(map(re.escape, line.split("...")))
            found = next((one for one in undeclared if re.fullmatch(pattern, one)), None)
            if found is None:
                missing.append(line)
            else:
                undeclared.remove(found)
    return undeclared, missing


def summary(kernel: str, heard: dict[str, Heard]) -> str:
    """Tell which checks have come out as they should not."""
    rows = []
    for check in CHECKS:
        undeclared, missing = outcome(check, kernel, heard)
        if undeclared or missing:
            rows.append(f"{len(undeclared):4} undeclared {len(missing):4} missing  {check}")
    last, lines = list(heard[kernel].items())[-1]
    if last != CHECKS[-1]:
        rows += [f"{last!r} did not end:", *lines]
    return "\n".join([f"{len(rows)} of {len(CHECKS)} checks of {kernel}:", *rows])


@pytest.mark.parametrize("kernel", [_SITE, _SERVER, _LOADED])
@pytest.mark.parametrize("check", CHECKS)
def test_a_kernel_says_what_a_plain_server_kernel_says(
    check: str, kernel: str, heard: dict[str, Heard]
) -> None:
    undeclared, missing = outcome(check, kernel, heard)
    if undeclared or missing:
        told = ["not declared:", *undeclared, "declared, but not there:", *missing]
        pytest.fail("\n".join([*told, "", summary(kernel, heard)]), pytrace=False)


def test_all_checks_run_in_each_kernel(heard: dict[str, Heard]) -> None:
    assert {kernel: list(lines)[-1] for kernel, lines in heard.items()} == dict.fromkeys(
        (_REFERENCE, _SITE, _SERVER, _LOADED), CHECKS[-1]
    )
    assert {len(lines) for lines in heard.values()} == {len(CHECKS)}


def test_the_declared_differences_are_of_checks_that_there_are() -> None:
    assert {check for item in DIFFERENCES.values() for check in item.lines} <= set(CHECKS)


def test_docs_list_the_declared_differences() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \| (.+?) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    listed: dict[str, str] = dict(rows[1:])
    assert listed == {what: item.why for what, item in DIFFERENCES.items()}
