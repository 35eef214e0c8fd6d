"""The kernel of the classic page API, as snippets from older tutorials use it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from pages import Notebook, Tab, said

# As tutorials of the classic Notebook had it: a form whose buttons set a variable of the kernel and
# show the value of an expression.
FORM = """
from IPython.display import HTML

HTML('''
<form onsubmit="return false">
  <input type="text" id="old_name" value="answer">
  <input type="text" id="old_value" value="6 * 7">
  <button onclick="set_old_value()">Set</button>
  <input type="text" id="old_expression" value="answer / 2">
  <button onclick="show_old_value()">Show</button>
  <span id="old_result"></span>
</form>
<script type="text/Javascript">
  IPython.keyboard_manager.register_events(document.getElementById('old_name'));

  function set_old_value() {
    var name = document.getElementById('old_name').value;
    var value = document.getElementById('old_value').value;
    var kernel = IPython.notebook.kernel;
    kernel.execute(name + " = " + value);
  }

  function handle_old_output(out) {
    var result = document.getElementById('old_result');
    if (out.msg_type == "stream") {
      result.textContent = out.content.text;
    } else if (out.msg_type === "execute_result") {
      result.textContent = out.content.data["text/plain"];
    } else if (out.msg_type == "error") {
      result.textContent = out.content.ename + ": " + out.content.evalue;
    }
  }

  function show_old_value() {
    var expression = document.getElementById('old_expression').value;
    var callbacks = {iopub: {output: handle_old_output}};
    IPython.notebook.kernel.execute(expression, callbacks, {silent: false});
  }
</script>
''')
"""

# An object in JavaScript that draws what a comm of Python says, and answers.
COUNTER = """
from IPython.display import Javascript, display
from ipykernel.comm import Comm

display(Javascript('''
(function () {
  var Counter = function (comm, open_msg) {
    var that = this;
    this.comm = comm;
    this.count = open_msg.content.data.start;
    comm.on_msg(function (msg) { that.handle(msg); });
  };
  Counter.prototype.handle = function (msg) {
    if (msg.msg_type !== 'comm_msg') { return; }
    this.count += msg.content.data.step;
    element.textContent = 'count: ' + this.count;
    this.comm.send({count: this.count});
  };
  Jupyter.notebook.kernel.comm_manager.register_target('old_counter', function (comm, msg) {
    new Counter(comm, msg);
  });
})();
'''))

counts = []
counter = Comm(target_name='old_counter', data={'start': 40})
counter.on_msg(lambda msg: counts.append(msg['content']['data']['count']))
"""


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
    number = notebook.running("while True: pass")
    notebook.page.evaluate("Jupyter.notebook.kernel.interrupt()")
    assert "KeyboardInterrupt" in notebook.ended(number)


def test_what_is_left_out_says_so_in_the_output(notebook: Notebook) -> None:
    area = notebook.run("%%javascript\nJupyter.notebook.get_cells()")
    expect(area).to_contain_text("Jupyter.notebook.get_cells is not here")


def test_a_form_of_an_old_tutorial_sets_a_variable_and_shows_a_value(notebook: Notebook) -> None:
    area = notebook.run(FORM)
    area.get_by_role("button", name="Set").click()
    assert notebook.python("answer") == "42"
    area.get_by_role("button", name="Show").click()
    expect(area.locator("#old_result")).to_have_text("21.0")
    area.locator("#old_expression").fill("print('it is', answer)")
    area.get_by_role("button", name="Show").click()
    expect(area.locator("#old_result")).to_have_text("it is 42")
    area.locator("#old_expression").fill("answer / 0")
    area.get_by_role("button", name="Show").click()
    expect(area.locator("#old_result")).to_have_text("ZeroDivisionError: division by zero")


def test_an_object_of_an_old_tutorial_draws_what_its_comm_says(notebook: Notebook) -> None:
    area = notebook.run(COUNTER)
    notebook.run("counter.send({'step': 2})")
    expect(area).to_contain_text("count: 42")
    assert notebook.python("counts") == "[42]"


def test_the_page_draws_what_python_computes_at_each_answer(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        const points = [];
        const callbacks = {iopub: {output: msg => {
          points.push(JSON.parse(msg.content.text));
          points.length < 3 ? ask() : say(points);
        }}};
        const ask = () => Jupyter.notebook.kernel.execute(
          `import json; print(json.dumps([${points.length}, ${points.length} ** 2]))`, callbacks
        );
        ask();
        """
    )
    expect(said(page)).to_have_text(["[[0,0],[1,1],[2,4]]"])


# Runs also when a saved notebook is opened, before there is a kernel.
SAVED = """
const {kernel} = Jupyter.notebook;
say(kernel.is_connected());
kernel.execute(`
from comm import get_comm_manager
def echo(comm, msg):
    comm.on_msg(lambda msg: comm.send(msg["content"]["data"]))
get_comm_manager().register_target("saved_echo", echo)
`);
const comm = kernel.comm_manager.new_comm('saved_echo');
comm.on_msg(msg => say(msg.content.data));
comm.send('heard');
const other = kernel.comm_manager.new_comm('nobody');
other.on_close(msg => say(msg.metadata.lite_comms.ename));
"""


def test_scripts_of_a_saved_notebook_wait_for_its_kernel(
    new_tab: Callable[[str], Tab], plain: str
) -> None:
    tab = new_tab(plain)
    (notebook,) = tab.lab("empty.ipynb")
    with tab.watch.error("'nobody'"):
        page = notebook.javascript(SAVED)
        expect(said(page)).to_have_text(["true", '"heard"', '"LookupError"'])
    notebook.page.keyboard.press("Control+s")
    expect(tab.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    with tab.watch.error("'nobody'"):
        notebook.page.reload()
        output = tab.page.locator(".jp-NotebookPanel .jp-Cell").first.locator(".jp-OutputArea")
        expect(said(output)).to_have_text(["false"], timeout=60_000)
        # The kernel would have answered by now, for a reader who runs nothing.
        indicator = tab.page.locator(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator")
        expect(indicator).to_have_attribute("data-status", "idle", timeout=60_000)
        tab.page.wait_for_timeout(1000)
        expect(said(output)).to_have_text(["false"])
        reopened = Notebook(tab, tab.page.locator(".jp-NotebookPanel"))
        assert reopened.python("1 + 1") == "2"
        expect(said(output)).to_have_text(["false", '"heard"', '"LookupError"'])
    expect(output).not_to_contain_text("no kernel yet")
