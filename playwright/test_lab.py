"""The lab app: several notebooks and consoles on one page, each with its own kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab, said

ANSWER = """
import lite_comms

def who(comm, msg):
    comm.send({{'{name}': msg['content']['data']}})

get_ipython().kernel.comm_manager.register_target('who', who)
"""

ASK = """
const ask = where => {
  const comm = Jupyter.notebook.kernel.comm_manager.new_comm('who', where);
  comm.on_msg(msg => say(msg.content.data));
};
"""


def kernel_in_the_browsers_console(notebook: Notebook) -> str:
    kernel: str = notebook.page.evaluate("Jupyter.notebook.kernel.id")
    return kernel


@pytest.fixture(scope="module")
def two(new_shared_tab: Callable[[str], Tab], plain: str) -> list[Notebook]:
    """Two notebooks side by side."""
    tab = new_shared_tab(plain)
    notebooks = tab.lab("empty.ipynb", "second.ipynb")
    tab.put_to_the_right("second.ipynb")
    for notebook, name in zip(notebooks, ("first", "second"), strict=True):
        notebook.python(ANSWER.format(name=name))
    return notebooks


def test_javascript_in_each_output_talks_to_its_own_kernel(two: list[Notebook]) -> None:
    outputs = [notebook.javascript(ASK + "ask('at once');") for notebook in two]
    expect(said(outputs[0])).to_have_text(['{"first":"at once"}'])
    expect(said(outputs[1])).to_have_text(['{"second":"at once"}'])


def test_code_that_runs_later_talks_to_its_own_kernel(two: list[Notebook]) -> None:
    first, second = two
    output = first.javascript(
        ASK
        + """
        window.in_a_moment = () => setTimeout(ask, 0, 'a timer');
        const button = element.appendChild(document.createElement('button'));
        button.textContent = 'ask';
        button.onclick = () => ask('a click');
        """
    )
    second.python("1")  # the user works in the other notebook now
    first.page.evaluate("in_a_moment()")
    expect(said(output)).to_have_text(['{"first":"a timer"}'])
    output.get_by_role("button", name="ask").dispatch_event("click")
    expect(said(output).last).to_have_text('{"first":"a click"}')
    output.get_by_role("button", name="ask").click()
    expect(said(output)).to_have_text(
        ['{"first":"a timer"}', '{"first":"a click"}', '{"first":"a click"}']
    )


def test_a_script_in_an_html_output_talks_to_its_own_kernel(two: list[Notebook]) -> None:
    first, second = two
    first.run(
        """
from IPython.display import HTML, display

shown = display(HTML('nothing yet'), display_id=True)
script = '''<p class="from-html"></p><script>
  const place = document.currentScript.parentElement.querySelector('p');
  Jupyter.notebook.kernel.comm_manager.new_comm('who', 'html').on_msg(msg => {
    place.textContent = JSON.stringify(msg.content.data);
  });
</script>'''
get_ipython().kernel.comm_manager.register_target(
    'show', lambda comm, msg: shown.update(HTML(script))
)
"""
    )
    first.javascript("window.show = () => Jupyter.notebook.kernel.comm_manager.new_comm('show');")
    second.python("1")
    first.page.evaluate("void show()")
    expect(first.root.locator(".from-html")).to_have_text('{"first":"html"}')


def test_in_the_browsers_console_jupyter_is_the_current_notebook(two: list[Notebook]) -> None:
    own = []
    for notebook in two:
        output = notebook.javascript("say(Jupyter.notebook.kernel.id);")
        own.append(said(output).inner_text().strip('"'))
        assert kernel_in_the_browsers_console(notebook) == own[-1]
    assert own[0] != own[1]
    two[0].root.locator(".jp-InputPrompt").last.click()
    assert kernel_in_the_browsers_console(two[0]) == own[0]


def test_what_a_page_has_registered_survives_a_restart_and_a_change_of_the_kernel(
    two: list[Notebook],
) -> None:
    notebook, _ = two
    page = notebook.javascript(
        ASK
        + """
        window.ask_again = ask;
        Jupyter.notebook.kernel.comm_manager.register_target('stays', (comm, msg) => {
          say(msg.content.data);
        });
        """
    )
    before = kernel_in_the_browsers_console(notebook)

    notebook.restart_kernel()
    notebook.python(ANSWER.format(name="restarted") + "lite_comms.Comm('stays', 'a restart')")
    expect(said(page)).to_have_text(['"a restart"'])
    assert kernel_in_the_browsers_console(notebook) == before
    notebook.page.evaluate("ask_again('more')")
    expect(said(page).last).to_have_text('{"restarted":"more"}')

    notebook.change_kernel()
    notebook.python(ANSWER.format(name="changed") + "lite_comms.Comm('stays', 'a change')")
    expect(said(page).last).to_have_text('"a change"')
    assert kernel_in_the_browsers_console(notebook) != before
    notebook.page.evaluate("ask_again('more')")
    expect(said(page).last).to_have_text('{"changed":"more"}')
    notebook.python(ANSWER.format(name="first"))  # as it was


def test_a_console_shares_the_comms_of_its_notebook_and_outlives_it(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    tab = new_tab(plain)
    (notebook,) = tab.lab("empty.ipynb")
    notebook.python(ANSWER.format(name="one kernel"))
    console = notebook.open_console()

    in_console = console.javascript(
        ASK
        + """
        ask('from the console');
        Jupyter.notebook.kernel.comm_manager.register_target('console', (comm, msg) => {
          say(msg.content.data);
        });
        """
    )
    expect(said(in_console)).to_have_text(['{"one kernel":"from the console"}'])
    in_notebook = notebook.javascript(ASK + "ask('from the notebook');")
    expect(said(in_notebook)).to_have_text(['{"one kernel":"from the notebook"}'])
    notebook.python("lite_comms.Comm('console', 'opened in the notebook')")
    expect(said(in_console).last).to_have_text('"opened in the notebook"')

    tab.close_in_lab("empty.ipynb")
    expect(notebook.root).to_have_count(0)
    console.python("lite_comms.Comm('console', 'opened in the console')")
    expect(said(in_console).last).to_have_text('"opened in the console"')
    later = console.javascript(ASK + "ask('still there');")
    expect(said(later)).to_have_text(['{"one kernel":"still there"}'])
