"""Errors on either side are seen on both, and what follows works."""

from __future__ import annotations

from playwright.sync_api import expect

from pages import Notebook, said, text


def test_a_target_that_the_kernel_lacks_closes_the_comm_and_says_why(notebook: Notebook) -> None:
    notebook.python("get_ipython().kernel.comm_manager.targets.clear()")
    with notebook.watch.error("no comm target 'nobody' is registered"):
        page = notebook.javascript(
            """
            let printed = '';
            const output = msg => { printed += msg.content.text; };
            Jupyter.notebook.kernel.comm_manager
              .new_comm('nobody', {}, {iopub: {output}}, {}, 'for-nobody')
              .on_close(msg => { say(printed.trim()); say(msg.metadata.lite_comms); });
            """
        )
    why = "no comm target 'nobody' is registered in the kernel (registered: none)"
    expect(said(page)).to_have_text(
        [
            f"\"lite_comms: comm 'nobody' (for-nobody) is closed: {why}\"",
            f'{{"ename":"LookupError","evalue":"{why}"}}',
        ]
    )


def test_a_target_that_raises_in_the_kernel_closes_the_comm_and_says_why(
    notebook: Notebook,
) -> None:
    notebook.python(
        "get_ipython().kernel.comm_manager.register_target('raises', lambda comm, msg: 1 / 0)"
    )
    with notebook.watch.error("the target function of comm 'raises'.*ZeroDivisionError"):
        page = notebook.javascript(
            """
            Jupyter.notebook.kernel.comm_manager
              .new_comm('raises')
              .on_close(msg => say(msg.metadata.lite_comms));
            """
        )
    expect(said(page)).to_have_text(['{"ename":"ZeroDivisionError","evalue":"division by zero"}'])


def test_a_target_that_raises_on_the_page_closes_the_comm_and_python_learns_why(
    notebook: Notebook,
) -> None:
    notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('raises', () => {
          throw new RangeError('too much');
        });
        """
    )
    with (
        notebook.watch.error("the target function of comm 'raises'.*RangeError: too much"),
        notebook.watch.error("comm 'raises' .* is closed by the other end: RangeError: too much"),
    ):
        notebook.python(
            """
ends = []
refused = lite_comms.Comm('raises')
refused.on_close(lambda msg: ends.append(msg['metadata']['lite_comms']))
"""
        )
    assert notebook.python("ends, refused in get_ipython().kernel.comm_manager.comms.values()") == (
        "([{'ename': 'RangeError', 'evalue': 'too much'}], False)"
    )


def test_a_page_callback_that_raises_is_shown_and_the_next_message_is_heard(
    notebook: Notebook,
) -> None:
    page = notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('picky', comm => {
          comm.on_msg(msg => {
            if (msg.content.data.n === 1) { throw new Error('not that one'); }
            say(msg.content.data);
          });
        });
        """
    )
    with notebook.watch.error("the on_msg callback of comm 'picky'.*not that one"):
        notebook.python(
            """
picky = lite_comms.Comm('picky')
for n in range(3):
    picky.send({'n': n})
"""
        )
    expect(said(page)).to_have_text(['{"n":0}', '{"n":2}'])


def test_a_python_callback_that_raises_is_shown_and_the_next_message_is_heard(
    notebook: Notebook,
) -> None:
    notebook.python(
        """
def divide(comm, msg):
    comm.on_msg(lambda msg: comm.send({'half': 1 / msg['content']['data']}))

get_ipython().kernel.comm_manager.register_target('divide', divide)
"""
    )
    with notebook.watch.error("the on_msg callback of comm 'divide'.*ZeroDivisionError"):
        page = notebook.javascript(
            """
            const comm = Jupyter.notebook.kernel.comm_manager.new_comm('divide');
            comm.on_msg(msg => say(msg.content.data));
            [1, 0, 2].forEach(n => comm.send(n));
            """
        )
    expect(said(page)).to_have_text(['{"half":1}', '{"half":0.5}'])


def test_data_that_the_page_cannot_send_is_an_error_at_the_call_and_leaves_nothing(
    notebook: Notebook,
) -> None:
    notebook.python(
        """
opened = []
get_ipython().kernel.comm_manager.register_target(
    'opened', lambda comm, msg: opened.append(msg['content'])
)
"""
    )
    page = notebook.javascript(
        """
        const {comm_manager, connection} = Jupyter.notebook.kernel;
        try {
          comm_manager.new_comm('opened', {big: 1n}, null, null, 'the-id');
        } catch (error) {
          say([error.message, connection.hasComm('the-id')]);
        }
        comm_manager.new_comm('opened', {small: 1}, null, null, 'the-id');
        """
    )
    why = "comm 'opened' (the-id) cannot be opened: Do not know how to serialize a BigInt"
    expect(said(page)).to_have_text([f'["{why}",false]'])
    assert notebook.python("opened") == (
        "[{'comm_id': 'the-id', 'target_name': 'opened', 'data': {'small': 1}}]"
    )


def test_a_value_that_python_cannot_send_is_an_error_of_the_cell_and_the_page_hears_nothing(
    notebook: Notebook,
) -> None:
    page = notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('sink', comm => {
          comm.on_msg(msg => say(msg.content.data));
        });
        """
    )
    notebook.python("sink = lite_comms.Comm('sink')")
    failed = notebook.run("sink.send({'rows': [{'when': object()}]})")
    assert "data.rows[0].when" in text(failed)
    notebook.python("sink.send('the next one')")
    expect(said(page)).to_have_text(['"the next one"'])


def test_cells_behind_one_that_fails_do_not_run_and_do_not_wait(notebook: Notebook) -> None:
    first = notebook.running(
        """
import asyncio
go = asyncio.Event()
get_ipython().kernel.comm_manager.register_target('go', lambda comm, msg: go.set())
await go.wait()
1 / 0"""
    )
    behind = [notebook.start(f"print({n})") for n in range(2)]
    notebook.page.evaluate("void Jupyter.notebook.kernel.comm_manager.new_comm('go')")
    assert "ZeroDivisionError" in notebook.ended(first)
    assert [notebook.ended(number, "[ ]:") for number in behind] == ["", ""]
    assert notebook.python("1 + 1") == "2"
