"""What README and docs say is executed, with a page in memory."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from lite_comms import MemoryTransport, PageComm
from lite_comms._testing import memory

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, kind: str) -> list[tuple[int, str]]:
    """Find the fenced blocks of a kind; the line of each, and its text."""
    text = path.read_text("utf-8")
    return [
        (text.count("\n", 0, found.start(1)) + 1, found[1])
        for found in re.finditer(
            rf"^```{re.escape(kind)}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
        )
    ]


def with_blocks(kind: str) -> list[Any]:
    return [pytest.param(path, id=path.name) for path in PAGES if blocks(path, kind)]


def answer(comm: PageComm, msg: dict[str, Any]) -> None:
    """Answer as the page of docs/requests.md does, whose query must be a text."""

    @comm.on_request
    def _(msg: dict[str, Any]) -> dict[str, bool]:
        return {"matches": msg["content"]["data"]["query"].startswith("(")}


def choose(comm: PageComm, msg: dict[str, Any]) -> None:
    """Answer as a user of docs/tutorial.md does who takes the first button."""
    comm.on_request(lambda msg: msg["content"]["data"]["options"][0])


def hello(comm: PageComm, msg: dict[str, Any]) -> None:
    comm.on_msg(lambda msg: comm.send({"letters": len(msg["content"]["data"]["text"])}))


def chat(comm: PageComm, msg: dict[str, Any]) -> None:
    comm.send("hello")
    comm.close()


async def delivering(page: MemoryTransport, running: Awaitable[object]) -> None:
    """Run a cell that awaits, while messages are delivered."""
    task = asyncio.ensure_future(running)
    while not task.done():
        page.deliver()
        await asyncio.sleep(0)
    await task


@pytest.mark.parametrize("path", with_blocks("python"))
def test_the_python_of_a_page_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # loops that one would watch
    namespace: dict[str, Any] = {}
    with MemoryTransport() as page:
        page.register_target("my_comm_target", lambda comm, msg: comm.send({"hello": "kernel"}))
        page.register_target("window", answer)
        page.register_target("chat", chat)
        page.register_target("choose", choose)
        page.register_target("hello", hello)
        page.register_target("plot", lambda comm, msg: None)
        page.register_target("progress", lambda comm, msg: None)
        for line, code in blocks(path, "python"):
            # As many lines before it as in the page: tracebacks point there.
            source = "\n" * (line - 1) + code
            cell = compile(source, path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if sys.platform == "emscripten" and cell.co_flags & inspect.CO_COROUTINE:
                continue  # Pyodide has one loop, its own
            running = eval(cell, namespace)
            if running is not None:
                asyncio.run(delivering(page, running))
            page.deliver()

    assert page.errors == []


def test_the_first_example_hears_the_answer_of_the_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    test_the_python_of_a_page_runs(ROOT / "README.md", monkeypatch)

    assert "{'hello': 'kernel'}" in capsys.readouterr().out


def test_what_the_page_answers_to_the_requests_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    test_the_python_of_a_page_runs(ROOT / "docs/requests.md", monkeypatch)

    awaited = "" if sys.platform == "emscripten" else "[True, True]\n"
    loop = "" if sys.platform == "emscripten" else "hello\n"
    assert capsys.readouterr().out == f"dark\n{awaited}AttributeError\n{loop}"


def test_the_tutorial_prints_what_it_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    test_the_python_of_a_page_runs(ROOT / "docs/tutorial.md", monkeypatch)

    assert capsys.readouterr().out == "The page has counted 12 letters\nYou have chosen teal\n"


def test_the_echo_of_readme_echoes() -> None:
    (code,) = [code for _, code in blocks(ROOT / "README.md", "python") if "def echo" in code]
    heard: list[Any] = []
    with MemoryTransport() as page:
        exec(code, {})
        comm = page.new_comm("echo", {})
        comm.on_msg(lambda msg: heard.append(msg["content"]["data"]))
        comm.send({"foo": 7})
        page.deliver()

    assert heard == [{"echo": {"foo": 7}}]


def test_every_fenced_block_is_of_a_known_kind() -> None:
    kinds = {
        kind
        for path in PAGES
        for kind in re.findall(r"^```([^{\n]+)$", path.read_text("utf-8"), re.MULTILINE)
    }

    assert kinds <= {
        *("html", "js", "json", "mermaid", "python", "python no-test", "sh", "text", "yaml")
    }


@pytest.mark.parametrize("path", with_blocks("json"))
def test_the_json_of_a_page_can_be_read(path: Path) -> None:
    for _, text in blocks(path, "json"):
        json.loads(text)


def test_every_page_is_in_one_table_of_contents() -> None:
    docs = sorted((ROOT / "docs").glob("*.md"))
    listed = [
        entry
        for path in docs
        for _, toctree in blocks(path, "{toctree}")
        for entry in re.findall(r"^[\w-]+$", toctree, re.MULTILINE)
    ]

    assert sorted([*listed, "index"]) == [path.stem for path in docs]


def test_the_example_of_memory_transport_runs() -> None:
    results = doctest.testmod(memory)

    assert (results.failed, results.attempted > 0) == (0, True)


def scripts(path: Path) -> list[tuple[int, str]]:
    """Find the JavaScript of a page, that of whole HTML pages included."""
    modules = re.compile(r'<script type="module">\n(.*?)</script>', re.DOTALL)
    of_html = [
        (line, code) for line, page in blocks(path, "html") for code in modules.findall(page)
    ]
    return [*blocks(path, "js"), *of_html]


@pytest.mark.pyodide  # which has Node.js
@pytest.mark.parametrize("path", with_blocks("js"))
def test_the_javascript_of_a_page_parses(path: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node, "Node.js is needed"
    for line, code in scripts(path):
        file = tmp_path / f"{path.stem}-{line}.mjs"
        # A cell is JavaScript after its first line.
        file.write_text(code.removeprefix("%%javascript\n"), "utf-8")
        checked = subprocess.run(
            [node, "--check", file], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
