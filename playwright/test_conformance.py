"""The site's kernel and an ipykernel on a server say the same, by the checks of conformance.js.

So do an ipykernel in which lite_comms is installed, and a stock site to which a cell has brought
it. Where they do not, ``_DIFFERENT`` has it line by line, and docs/server.md tells it to users.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pages import LOAD
from serve import serving

pytestmark = pytest.mark.server

SCRIPT = Path(__file__).with_name("conformance.js")
DOCS = Path(__file__).parent.parent / "docs/server.md"

CHECKS = re.findall(r"^  check\(\s*'(.+?)'", SCRIPT.read_text("utf-8"), re.MULTILINE)

# Runs in every document: JupyterLab may leave the first one for another while it starts.
START = """
if (window === window.top) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('the kernel does not start')), 90_000);
  });
  Promise.race([conformance.start(%s), late])
    .then(() => conformance.run())
    .then(
      lines => { globalThis.conformed = {lines}; },
      error => { globalThis.conformed = {failure: `${error.stack ?? error}`}; }
    );
}
"""
END_MS = 400_000


@dataclass(frozen=True)
class Difference:
    """What a plain server kernel says otherwise.

    Parameters
    ----------
    why : str
        The reason.
    lines : dict
        By check: the lines of that kernel only, with ``-``, and of the other only, with ``+``; in
        them ``...`` stands for any text.
    ours : bool
        It is lite_comms that makes it: also on a server.
    site : bool
        It is seen on a site that has the extension, not only where a notebook has loaded it.
    """

    why: str
    lines: dict[str, str] = field(default_factory=dict)
    ours: bool = False
    site: bool = True


_DIFFERENT = {
    "a comm for a target that the kernel lacks, or whose function raises": Difference(
        "who opened it should learn why",
        {
            "a target that the kernel lacks": r"""
- comm_open 1: stderr "No such comm target registered: nobody\n"
- comm_open 1: comm_close {"data":{},"comm_id":"<comm of the page 1>"}
+ comm_open 1: stderr "lite_comms: comm 'nobody' ... no comm target 'nobody' is registered ...
+ comm_open 1: comm_close ... metadata {"lite_comms":{"ename":"LookupError",...
""",
            "a target function that fails": r"""
- comm_open 1: comm_close {"data":{},"comm_id":"<comm of the page 1>"}
+ comm_open 1: comm_close ... metadata {"lite_comms":{"ename":"ZeroDivisionError",...
""",
        },
        ours=True,
    ),
    "an exception in a callback or in a target function": Difference(
        "it is shown as that of a cell is",
        {
            "an on_msg callback that fails": r"""
- comm_msg 1: stderr "... ZeroDivisionError: division by zero\n"
+ comm_msg 1: error ZeroDivisionError: division by zero
""",
            "a target function that fails": r"""
- comm_open 1: stderr "... ZeroDivisionError: division by zero\n"
+ comm_open 1: error ZeroDivisionError: division by zero
""",
            "an on_close callback that fails": r"""
- comm_close 1: stderr "... ZeroDivisionError: division by zero\n"
+ comm_close 1: error ZeroDivisionError: division by zero
""",
        },
        ours=True,
    ),
    "`async def` callbacks": Difference(
        "what they print and raise would be lost",
        {"an awaited callback": r'+ comm_msg 1: stdout "one\ntwo\n"'},
        ours=True,
    ),
    "`onClose` of a comm of the page, when the kernel restarts": Difference(
        "its other end is gone", {"restart": "+ onClose"}
    ),
    "a message for a comm that the kernel does not have": Difference(
        "the page's end would wait for an answer for ever",
        {
            "comms that the kernel does not know": r"""
- comm_msg 1: stderr "No such comm: <comm of the page 1>\n"
- comm_close 1: stderr "No such comm: <comm of the page 2>\n"
+ comm_msg 1: comm_close ... metadata {"lite_comms":{"ename":"LookupError",...
""",
            "a message that crosses the close of the kernel": r"""
- comm_msg 2: stderr "No such comm: <comm of the page 1>\n"
""",
        },
        ours=True,
    ),
    "a message, or the close, before the comm has a callback for it": Difference(
        "in a live cell it comes before the next line has set one",
        {
            "what comes before there is a callback": r"""
+ ...hears {'n': 1}...
+ ...hears {}...
"""
        },
        ours=True,
    ),
    "`send` on a closed comm": Difference(
        "nobody hears the message, and one should know",
        {
            "a message after the close of the kernel": r"""
+ cell 1: stderr "<a cell>:3: CommWarning: send on the closed ... nobody hears it...
""",
        },
        ours=True,
    ),
    "`on_msg`, `on_close`": Difference(
        "they work as decorators",
        {"the classes": "+ cell 1: execute_result <function __main__.say(*words, **options)> {}"},
        ours=True,
    ),
    "`create_comm`": Difference(
        "there is one class of comms",
        {
            "the classes": r"""
- cell 1: stdout "True False\nTrue t True 32 b'comm-<comm of the kernel 1>'\n"
+ cell 1: stdout "True True\nTrue t True 32 b'comm-<comm of the kernel 1>'\n"
""",
        },
        ours=True,
    ),
    "`ipykernel.comm.CommManager`": Difference(
        "JupyterLite's stand-in for ipykernel has it so",
        {
            "the classes": r"""
- cell 1: stdout "True True\nTrue\n"
+ cell 1: stdout "True True\nFalse\n"
""",
        },
    ),
    "`post_execute` of IPython, after a callback that fails": Difference(
        "what `pre_execute` has begun must come to its end",
        {
            "events of IPython": r"""
- comm_msg that fails: {"post_execute":1,"post_run_cell":1,"pre_execute":2,"pre_run_cell":1}
+ comm_msg that fails: {"post_execute":2,"post_run_cell":1,"pre_execute":2,"pre_run_cell":1}
""",
        },
        ours=True,
    ),
    "messages while a cell computes, if comms have no subshells": Difference(
        "a cell in the browser is [live](live.md)",
        {
            "messages while a cell computes": r"""
- cell 3: stdout "begins\nends []\n"
+ cell 3: stdout "begins\n"
+ cell 3: stdout "ends [1, 2]\n"
""",
            "Stop while a cell computes, and messages wait": r"""
- cell 2: error KeyboardInterrupt:...
+ cell 2: error KeyboardInterrupt:...
""",
        },
    ),
    "a text that is printed without `flush=True`": Difference(
        "an ipykernel collects what is printed",
        {
            "text that waits for its end": r"""
+ cell 1: stdout "one"
- cell 1: stdout "onetwo\n"
+ cell 1: stdout "two\n"
""",
        },
    ),
    "a strided buffer of Python": Difference(
        "its bytes are well defined",
        {
            "buffers of the kernel": r"""
- strided: {"refused":"ValueError"} []
- reversed: {"refused":"ValueError"} []
+ strided: {"n":1} [[97,99,101]] DataView
+ reversed: {"n":1} [[99,98,97]] DataView
""",
        },
        ours=True,
    ),
    "a view on a part of a buffer, sent by JupyterLab's own comm": Difference(
        "JupyterLab's serializer takes the offset twice",
        {
            "buffers of the page": r"""
- part of one: RangeError
- part of bytes: RangeError
- DataView on a part: RangeError
+ "part of one 1 16...
+ "part of bytes 1 2\nmemoryview B False b'\\x08\\x07'\n"
+ "DataView on a part 1 2\nmemoryview B False b'\\x08\\x07'\n"
""",
        },
    ),
    "`set_parent` of the shell": Difference(
        "there is one parent",
        {
            "set_parent": r"""
- cell 1: stdout "by the kernel True\nby the shell False\n"
+ cell 1: stdout "by the kernel True\nby the shell True\n"
""",
        },
    ),
    "`set_parent` with something else than a message with a header": Difference(
        "the page would not know where to show what follows",
        {
            "set_parent": r"""
- cell 3: stdout "without a header False\n"
+ cell 3: stdout "without a header True\n"
""",
        },
    ),
    '`kernel.get_parent("control")`, `set_parent` with `channel="control"`': Difference(
        "there is no such channel",
        {
            "set_parent": r"""
- cell 2: stdout "by the control channel False True\n"
+ cell 2: stdout "by the control channel False False\n"
""",
        },
    ),
    "the session in the header of a message": Difference(
        "JupyterLab drops messages when it changes",
        {"what a message of the kernel is on the page": "- false\n+ true"},
        site=False,
    ),
    "a result whose display fails": Difference(
        "the cell itself has not failed",
        {
            "a result whose display fails": r"""
- {"status":"error","ename":"NoneType",...
+ {"status":"ok",...
""",
            "cells behind one whose display fails": r"""
- {"status":"error","ename":"NoneType",...
- {"status":"aborted",...
+ cell 2: execute_input
+ cell 2: stdout "second\n"
+ {"status":"ok",...
+ {"status":"ok",...
""",
        },
    ),
    "`silent` of an execute_request": Difference(
        "JupyterLite does not know it",
        {
            "a silent cell": r"""
+ cell 1: execute_input
+ cell 1: execute_result 3 {}
""",
            "replies": r"""
- counted 0
- not kept 1
+ counted 2
+ not kept 3
""",
        },
    ),
    "`user_expressions`, and the metadata of an execute_reply": Difference(
        "JupyterLite does not have them",
        {
            "replies": r"""
- [...,"user_expressions"] [...,"started","status"]
- {"status":"ok","data":{"text/plain":"2"},...} ZeroDivisionError []
- ["ename","engine_info",...] [...,"started","status"]
+ ["execution_count","payload","status"] []
+ undefined undefined []
+ ["ename","evalue","execution_count","payload","status","traceback"] []
""",
        },
    ),
    "kernel_info_reply": Difference(
        "there are no threads, and no debugger",
        {
            "kernel_info_request": r"""
- ["banner",...,"status","supported_features"]
+ ["banner",...,"status"]
- {"name":"python",...,"codemirror_mode":{"name":"ipython","version":3}}
- {"supported_features":["kernel subshells","debugger"]}
+ {"name":"python",...,"codemirror_mode":{"name":"python","version":3}}
+ {"supported_features":[]}
""",
        },
    ),
}

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
                page.add_init_script(f"{SCRIPT.read_text('utf-8')}\n{START % json.dumps(first)}")
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
        for item in _DIFFERENT.values()
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
    assert {check for item in _DIFFERENT.values() for check in item.lines} <= set(CHECKS)


def test_docs_list_the_declared_differences() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \| (.+?) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    listed: dict[str, str] = dict(rows[1:])
    assert listed == {what: item.why for what, item in _DIFFERENT.items()}
