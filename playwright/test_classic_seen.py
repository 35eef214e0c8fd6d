"""The kernel of the classic page API, as snippets from older tutorials use it."""

from __future__ import annotations

from playwright.sync_api import expect

from pages import Notebook, said


def test_page_code_runs_python_and_hears_what_it_says(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        const {kernel} = IPython.notebook;
        let text = '';
        const output = msg => { text += msg.content.text; };
        const reply = msg => say([msg.content.status, text]);
        kernel.execute('print(6 * 7)', {iopub: {output}, shell: {reply}}, {silent: false});
        say(kernel.is_connected());
        """
    )
    expect(said(page)).to_have_text(["true", '["ok","42\\n"]'])


def test_a_button_of_an_html_output_sets_a_variable(notebook: Notebook) -> None:
    area = notebook.run(
        "from IPython.display import HTML\n"
        "chosen = None\n"
        "HTML('''<button onclick=\"Jupyter.notebook.kernel.execute('chosen = 7')\">Go</button>''')"
    )
    area.get_by_role("button", name="Go").click()
    # It is queued before this cell.
    assert notebook.python("chosen") == "7"


def test_page_code_stops_a_loop(notebook: Notebook) -> None:
    number = notebook.start("while True: pass")
    notebook.page.wait_for_timeout(1000)
    notebook.page.evaluate("Jupyter.notebook.kernel.interrupt()")
    assert "KeyboardInterrupt" in notebook.ended(number)


def test_what_is_left_out_says_so_in_the_output(notebook: Notebook) -> None:
    area = notebook.run("%%javascript\nJupyter.notebook.get_cells()")
    expect(area).to_contain_text("Jupyter.notebook.get_cells is not here")
