"""What would kill or freeze a kernel: deep data, odd ids and frames, endless recursion."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from collecting import COLLECT
from pages import WORKERS, Notebook, Tab, said

NewTab = Callable[[str], Tab]

DEEP = """
const {comm_manager} = Jupyter.notebook.kernel;
const nested = (depth, wrap) => {
  let value = 1;
  for (let i = 0; i < depth; i++) {
    value = wrap(value);
  }
  return value;
};
const tell = f => {
  try {
    f();
    say('sent');
  } catch (error) {
    say(`${error}`.replace(/of comm [-\\w]+/, 'of comm X'));
  }
};
"""
TOO_DEEP = "nested more than 500 levels deep"


@pytest.fixture(scope="module", params=["plain", "isolated"])
def notebook(request: pytest.FixtureRequest, new_shared_tab: NewTab) -> Notebook:
    """A notebook whose kernel is to survive all of this."""
    tab = new_shared_tab(request.getfixturevalue(request.param))
    tab.page.add_init_script(WORKERS)
    notebook = tab.notebook()
    notebook.python(f"{tab.first_cell}{COLLECT}")
    notebook.python("survived = True")
    return notebook


@pytest.fixture(autouse=True)
def survives(notebook: Notebook) -> None:
    """The same kernel has run all tests before."""
    assert notebook.python("survived") == "True"


def test_deep_data_of_the_page_is_refused_where_it_is_sent(notebook: Notebook) -> None:
    notebook.python("heard.clear()")
    output = notebook.javascript(
        f"""{DEEP}
        const comm = comm_manager.new_comm('collect');
        for (const wrap of [a => ({{a}}), a => [a]]) {{
          for (const depth of [3000, 100_000]) {{
            tell(() => comm.send({{n: nested(depth, wrap)}}));
            tell(() => comm.send({{n: 0}}, {{}}, {{a: nested(depth, wrap)}}));
            tell(() => comm_manager.new_comm('collect', {{n: nested(depth, wrap)}}));
          }}
        }}
        tell(() => comm.send({{n: nested(400, a => ({{a}})) && 'after'}}));
        """
    )
    lines = [line.strip('"') for line in said(output).all_inner_texts()]
    kinds = ("msg", "msg", "open")
    refused = [f"a comm_{kind} of comm X cannot be sent: it is {TOO_DEEP}" for kind in kinds]
    # For the deepest, JSON.stringify is at its end.
    expected = [*refused, *["Maximum call stack size exceeded"] * 3] * 2
    assert [shown for shown, line in zip(expected, lines, strict=False) if shown not in line] == []
    assert lines[len(expected) :] == ["sent"]
    assert notebook.python("heard") == "['after']"


def test_a_list_of_buffers_with_a_hole_is_refused_and_costs_no_other_message(
    notebook: Notebook,
) -> None:
    notebook.python("heard.clear()")
    output = notebook.javascript(
        f"""{DEEP}
        const buffers = [, new ArrayBuffer(1)];
        const comm = comm_manager.new_comm('collect');
        const own = Jupyter.comms.open('collect');
        tell(() => comm.send({{n: 1}}, null, null, buffers));
        tell(() => own.send({{n: 2}}, {{buffers}}));
        [comm, own].forEach((each, i) => each.send({{n: `after ${{i}}`}}));
        """
    )
    lines = said(output).all_inner_texts()
    assert len(lines) == 2
    assert [line for line in lines if "buffers[0] of " not in line] == []
    assert notebook.python("heard") == "['after 0', 'after 1']"


def test_deep_data_of_python_is_refused_where_it_is_sent(notebook: Notebook) -> None:
    notebook.javascript(
        "Jupyter.notebook.kernel.comm_manager.register_target('somebody', () => undefined)"
    )
    shown = notebook.python(
        """
from comm import create_comm
for wrap in (lambda v: {"a": v}, lambda v: [v], lambda v: (v, float("nan"))):
    value = 1
    for _ in range(2500):
        value = wrap(value)
    comm = create_comm("somebody")
    for send in (lambda: comm.send(value), lambda: comm.send({}, metadata={"a": value})):
        try:
            send()
        except lite_comms.EncodeError as error:
            print(error.path, error.reason)
"""
    )
    reason = "nested too deeply to be sent: more than 500 levels"
    assert shown.splitlines() == [f"{path} {reason}" for path in ("data", "metadata") * 3]


def test_an_id_that_cannot_be_answered_opens_nothing(notebook: Notebook) -> None:
    output = notebook.javascript(
        f"""{DEEP}
        for (const [target, id] of [['collect', '\\ud800'], ['unknown', 'a\\udc00']]) {{
          tell(() => comm_manager.new_comm(target, {{}}, undefined, {{}}, id));
        }}
        """
    )
    for line in said(output).all_inner_texts():
        assert "the comm_id of a comm_open must be a text that is not empty" in line
    assert notebook.python("get_comm_manager().comm_info('unknown')") == "{}"


@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "new Map()",
        "new ArrayBuffer(16)",
        "new Int32Array(4)",
        "{constructor: {name: 'Int32Array'}, buffer: {constructor: {name: 'SharedArrayBuffer'}}}",
    ],
)
def test_what_is_no_shared_memory_is_not_taken_for_it(notebook: Notebook, place: str) -> None:
    with notebook.watch.error("the kernel cannot use a message: .*shared memory"):
        notebook.page.evaluate(f"workers.at(-1).postMessage({{lite_comms: ['watch', {place}]}})")
    # Python looks at the clock, and Stop works.
    assert notebook.python("sum(range(1_000_000))") == "499999500000"


def test_endless_recursion_in_a_callback_is_shown_soon(notebook: Notebook) -> None:
    notebook.python(
        """
def recurse(comm, msg):
    @comm.on_msg
    def _(msg):
        exec(msg["content"]["data"], {})

get_comm_manager().register_target("recurse", recurse)
"""
    )
    for code in ("f=lambda f: f(f)\\nf(f)", "def f(n):\\n    f(n + 1)\\nf(0)"):
        start = time.monotonic()
        with notebook.watch.error("RecursionError"):
            output = notebook.javascript(
                "const comm = Jupyter.notebook.kernel.comm_manager.new_comm('recurse');"
                f"comm.send('{code}');"
            )
        expect(output).to_contain_text("RecursionError")
        expect(output).to_contain_text("frames are not shown")
        assert notebook.python("1 + 1") == "2"
        assert time.monotonic() - start < 15


def test_endless_recursion_in_a_cell_is_shown_soon(notebook: Notebook) -> None:
    start = time.monotonic()
    shown = notebook.python('exec("f=lambda f: f(f)\\nf(f)", {})')
    assert time.monotonic() - start < 15
    lines = shown.splitlines()
    assert lines[-1].startswith("RecursionError: maximum recursion depth exceeded")
    assert "/IPython/core/" not in shown
    assert sum("frames are not shown" in line for line in lines) == 1
