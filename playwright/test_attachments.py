"""Objects of the page that go to the kernel without being read, and Blobs as files of Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab, said
from serve import serving

NewTab = Callable[[str], Tab]

DOCS = Path(__file__).parent.parent / "docs/files.md"

NO_PORT = "its attachments need the direct channel of lite_comms, which does not reach this kernel"

# Keeps the latest message, and answers with what is attached.
KEEP = """
import lite_comms
from comm import get_comm_manager

def keep(comm, msg):
    @comm.on_msg
    def _(msg):
        global kept
        kept = msg.get('attachments', [])
        comm.send([each.constructor.name for each in kept])

get_comm_manager().register_target('keep', keep)
"""
OPEN = """
const comm = Jupyter.notebook.kernel.comm_manager.new_comm('keep', {});
comm.on_msg(msg => say(msg.content.data));
const attach = (...attachments) => comm.send({}, null, null, null, {attachments});
"""


FENCED = re.MULTILINE | re.DOTALL

EACH = [
    *("File", "Blob", "ImageBitmap", "OffscreenCanvas", "MessagePort"),
    *("ReadableStream", "WritableStream", "TransformStream"),
]

COLOUR = """
canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  return [...copy.getImageData(9, 9, 1, 1).data];
}
"""


def documented(kind: str, word: str) -> str:
    """The block of docs/files.md that has this word."""
    (block,) = [
        text
        for text in re.findall(rf"^```{kind}\n(.*?)^```$", DOCS.read_text("utf-8"), FENCED)
        if word in text
    ]
    return block


def test_each_kind_of_object_arrives_as_it_is(notebook: Notebook) -> None:
    notebook.python(KEEP)
    page = notebook.javascript(
        OPEN
        + """
        (async () => {
        const {port1, port2} = new MessageChannel();
        const {readable, writable} = new TransformStream();
        const bitmap = await createImageBitmap(new ImageData(5, 6));
        const file = new File(['abc'], 'a.txt', {type: 'text/plain'});
        port2.onmessage = ({data}) => say(['port', data]);
        attach(file, new Blob(['ab']), bitmap, new OffscreenCanvas(7, 8), port1,
          readable, writable, new TransformStream());
        say([bitmap.width, readable.locked, writable.locked]);
        window.attached = file;
        })();
        """
    )
    expect(said(page)).to_have_text(
        [
            "[0,true,true]",
            json.dumps(EACH, separators=(",", ":")),
        ]
    )
    assert notebook.page.evaluate("attached.text()") == "abc"
    printed = notebook.python(
        "file, blob, bitmap, canvas, port, readable, writable, both = kept\n"
        "print(file.name, file.type, file.size, blob.size, bitmap.width, canvas.height)\n"
        "with lite_comms.open_blob(file) as opened: print(opened.name, opened.read())\n"
        "port.postMessage(7)\n"
        "read = readable.getReader().read()\n"
        "await writable.getWriter().write('through the page')\n"
        "print((await read).value)"
    )
    assert printed.splitlines() == [
        "a.txt text/plain 3 2 5 8",
        "a.txt b'abc'",
        "through the page",
    ]
    expect(said(page).last).to_have_text('["port",7]')


def test_attachments_come_in_the_middle_of_a_cell(notebook: Notebook) -> None:
    notebook.python(f"{KEEP}kept = None")
    page = notebook.javascript(f"{OPEN} window.attach = attach;")
    number = notebook.running(
        "import asyncio, time\n"
        "end = time.time() + 20\n"
        "while kept is None and time.time() < end: await asyncio.sleep(0.01)\n"
        "lite_comms.open_blob(kept[0]).read()"
    )
    notebook.page.evaluate("attach(new Blob(['at an await']))")
    assert "b'at an await'" in notebook.ended(number)
    expect(said(page)).to_have_text(['["Blob"]'])


def test_attachments_of_a_message_that_waits_for_a_cell_go_with_it(notebook: Notebook) -> None:
    notebook.python(f"{KEEP}kept = None")
    page = notebook.javascript(
        OPEN
        + """
        Jupyter.notebook.kernel.execute('import time; time.sleep(0.3)');
        attach(new Blob(['abc']), new MessageChannel().port1);
        """
    )
    expect(said(page)).to_have_text(['["Blob","MessagePort"]'])


def test_the_user_chooses_a_file_and_python_counts_its_lines(
    notebook: Notebook, tmp_path: Path
) -> None:
    notebook.python(documented("python", "def count_lines"))
    page = notebook.javascript(documented("js", "count_lines"))
    for name, lines in [("few.txt", 3), ("many.txt", 200_000)]:
        Path(tmp_path, name).write_text("a line\n" * lines, "utf-8")
    page.locator("input").set_input_files([tmp_path / "few.txt", tmp_path / "many.txt"])
    expect(page.locator("pre")).to_have_text(
        "few.txt has 3 lines\nmany.txt has 200000 lines\n", use_inner_text=True
    )


def test_what_the_documentation_reads_from_files_is_read(notebook: Notebook) -> None:
    notebook.python(KEEP)
    notebook.python(documented("python", "def rows"))
    notebook.python(documented("python", "def copy"))
    page = notebook.javascript(
        OPEN + r"attach(new Blob(['größe,n\nä,1\n']), new Blob([new Uint8Array(1e6)]));"
    )
    expect(said(page)).to_have_text(['["Blob","Blob"]'])
    assert notebook.python("print(*rows(kept[0]))") == "{'größe': 'ä', 'n': '1'}"
    assert notebook.python("copy(kept[1], '/tmp/c'); __import__('os').stat('/tmp/c').st_size") == (
        "1000000"
    )


def test_python_draws_on_a_canvas_of_the_page(notebook: Notebook) -> None:
    notebook.python("import lite_comms\nfrom comm import get_comm_manager")
    notebook.python(documented("python", "def draw"))
    page = notebook.javascript(documented("js", "'draw'"))
    canvas = page.locator("canvas").element_handle()
    notebook.page.wait_for_function(f"canvas => ({COLOUR})(canvas)[3] > 0", arg=canvas)
    assert canvas.evaluate(COLOUR) == [0, 128, 128, 255]


def test_a_file_that_has_changed_is_an_os_error(notebook: Notebook, tmp_path: Path) -> None:
    notebook.python(KEEP)
    page = notebook.javascript(
        f"{OPEN} const input = element.appendChild(document.createElement('input'));"
        "input.type = 'file'; input.onchange = () => attach(...input.files);"
    )
    path = tmp_path / "data.txt"
    path.write_text("before")
    page.locator("input").set_input_files(path)
    expect(said(page)).to_have_text(['["File"]'])
    path.write_text("changed since")
    printed = notebook.python(
        "try: lite_comms.open_blob(kept[0]).read()\n"
        "except OSError as error: print(error.filename, error.strerror)"
    )
    assert re.fullmatch(r"data\.txt bytes 0 to 6 cannot be read: NotReadableError: .*", printed)


def test_two_gigabytes_are_read_without_holding_them(notebook: Notebook) -> None:
    notebook.python(KEEP)
    page = notebook.javascript(
        OPEN
        + """
        const part = new Blob([new Uint8Array(2 ** 26).fill(7)]);
        attach(new Blob(Array(32).fill(part)));
        """
    )
    expect(said(page)).to_have_text(['["Blob"]'])
    printed = notebook.python(
        "import pyodide_js\n"
        "heap = lambda: pyodide_js._module.HEAP8.length\n"
        "before, total = heap(), 0\n"
        "with lite_comms.open_blob(kept[0]) as file:\n"
        "    while piece := file.read(2**24):\n"
        "        total += len(piece)\n"
        "        assert piece[0] == piece[-1] == 7\n"
        "print(total, heap() - before < 2**27)"
    )
    assert printed == f"{2**31} True"


def test_what_cannot_be_attached_is_an_error_and_nothing_is_sent(notebook: Notebook) -> None:
    notebook.python(f"{KEEP}kept = None")
    page = notebook.javascript(
        OPEN
        + """
        (async () => {
        const tell = (...attachments) => {
          try { attach(...attachments); } catch (error) { say(error.message); }
        };
        tell(new Blob(), {});
        const stream = new ReadableStream();
        const bitmap = await createImageBitmap(new ImageData(1, 1));
        bitmap.close();
        tell(bitmap);
        stream.getReader();
        tell(new Blob(), stream);
        })();
        """
    )
    expect(said(page)).to_have_text(
        [
            re.compile(r"attachments\[1\] of comm 'keep' .* must be one of File, .*, not Object"),
            re.compile(r"comm 'keep' .* cannot send: .*ImageBitmap.* detached"),
            re.compile(r"attachments\[1\] of comm 'keep' .* is a ReadableStream that is in use"),
        ]
    )
    assert notebook.python("print(kept)") == "None"


REFUSED = (
    OPEN
    + """
    const stream = new ReadableStream();
    try { attach(stream); } catch (error) { say([error.message, stream.locked]); }
    comm.send({});
    """
)


def refusal(notebook: Notebook) -> str:
    """Try to attach something where that cannot be; the reason."""
    notebook.python(f"{KEEP}kept = None")
    page = notebook.javascript(REFUSED)
    expect(said(page)).to_have_count(2)
    reason, is_locked = json.loads(said(page).first.inner_text())
    # The message without attachments is the only one.
    assert (is_locked, said(page).last.inner_text()) == (False, "[]")
    return re.sub(r" \(.*?\)", "", reason)


def test_without_the_direct_channel_it_is_an_error(
    new_tab: NewTab, site_copy: Callable[..., Path]
) -> None:
    with serving(site_copy(disabledExtensions=["lite-comms:channel"])) as url:
        assert refusal(new_tab(url).notebook()) == f"comm 'keep' cannot send: {NO_PORT}"


def test_after_the_channel_is_left_it_is_an_error(notebook: Notebook) -> None:
    notebook.python("import lite_comms; lite_comms.uninstall()")
    try:
        assert refusal(notebook) == f"comm 'keep' cannot send: {NO_PORT}"
    finally:
        notebook.python("import lite_comms; lite_comms.install()")


@pytest.mark.server
def test_on_a_server_it_is_an_error(on_server: Callable[..., Notebook]) -> None:
    assert refusal(on_server()) == f"comm 'keep' cannot send: {NO_PORT}"
