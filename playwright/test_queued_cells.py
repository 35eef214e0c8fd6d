"""The order of cells that are queued and the messages sent between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from page_cells import page_cells, run
from pages import Notebook

# Cells of the page note a word, as does the callback for each message.
NOTE = """
noted = []

def note(comm, msg):
    hear(msg)
    comm.on_msg(hear)

def hear(msg):
    noted.append(msg["content"]["data"])

def is_noted(*words):
    return noted[-len(words):] == [*words] or is_over()

get_comm_manager().register_target("note", note)
"""
PAGE_NOTES = """
async () => {
  const {execute, open} = page;
  page.cell = (word, rest = '') => execute(`noted.append('${word}')\\n${rest}`);
  page.note = open('note', 'opened');
  await execute('0').done;
  await execute('noted.clear()').done;
}
"""


@pytest.fixture
def noting(notebook: Notebook) -> Iterator[Notebook]:
    """A kernel that is idle and notes what is run and heard."""
    with page_cells(notebook):
        run(notebook, NOTE)
        notebook.page.evaluate(PAGE_NOTES)
        yield notebook


def noted(kernel: Notebook) -> list[str]:
    return run(kernel, "begin()\nprint(*noted, sep=';')").split(";")


def test_a_message_waits_while_the_packages_of_a_cell_are_loaded(noting: Notebook) -> None:
    run(
        noting,
        """
import pyodide_kernel.kernel as module
_load = module._load_packages_from_imports

async def load_slowly(code):
    await asyncio.sleep(0.3)
    await _load(code)

module._load_packages_from_imports = load_slowly""",
    )
    try:
        noting.page.evaluate(
            """async () => {
              const {done} = page.cell('cell');
              page.note.send('message');
              await done;
            }"""
        )
    finally:
        run(noting, "module._load_packages_from_imports = _load")
    assert noted(noting) == ["cell", "message"]


def test_a_message_sent_after_a_cell_is_handled_when_that_has_begun(noting: Notebook) -> None:
    noting.page.evaluate(
        """async () => {
          for (let n = 0; n < 10; n++) {
            const {done} = page.cell(`cell ${n}`);
            page.note.send(`message ${n}`);
            await done;
          }
        }"""
    )
    assert noted(noting) == [f"{word} {n}" for n in range(10) for word in ("cell", "message")]


def test_a_comm_opened_after_a_cell_finds_what_the_cell_registers(noting: Notebook) -> None:
    noting.page.evaluate(
        """async () => {
          await page.execute("get_comm_manager().targets.pop('note')").done;
          const {done} = page.cell('cell', "get_comm_manager().register_target('note', note)");
          page.open('note', 'opened').send('message');
          await done;
        }"""
    )
    assert noted(noting) == ["cell", "opened", "message"]


def test_messages_sent_after_two_cells_are_handled_when_the_first_has_begun(
    noting: Notebook,
) -> None:
    noting.page.evaluate(
        """async () => {
          page.cell('first', "while not is_noted('a', 'b'): pass");
          page.note.send('a');
          const {done} = page.cell('second');
          page.note.send('b');
          await done;
        }"""
    )
    assert noted(noting) == ["first", "a", "b", "second"]


def test_a_message_sent_while_a_cell_runs_overtakes_the_cells_behind_it(noting: Notebook) -> None:
    noting.page.evaluate(
        """async () => {
          const first = page.cell('first', "print('runs')\\nwhile not is_noted('message'): pass");
          const runs = new Promise(resolve => {
            first.onIOPub = ({header}) => header.msg_type === 'stream' && resolve();
          });
          page.cell('second');
          const {done} = page.cell('third');
          await runs;
          page.note.send('message');
          await done;
        }"""
    )
    assert noted(noting) == ["first", "message", "second", "third"]
