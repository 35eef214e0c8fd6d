"""Questions with an answer between Python and the page, and streams; on each kind of site."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab, said

NewTab = Callable[[str], Tab]

# Answers by what it is asked for.
ORACLE = """
import asyncio
import lite_comms
from comm import get_comm_manager

told = []

def oracle(comm, msg):
    @comm.on_request
    async def _(msg):
        data = msg['content']['data']
        if data == 'fail':
            raise ValueError('no such thing')
        if data == 'bytes':
            return lite_comms.Reply([bytes(b)[::-1].hex() for b in msg['buffers']], buffers=[b'ab'])
        if data == 'never':
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told.append('cancelled')
                raise
        return {'answer': data}

def silent(comm, msg):
    pass

get_comm_manager().register_target('oracle', oracle)
get_comm_manager().register_target('silent', silent)
"""

OPEN = "const comm = Jupyter.notebook.kernel.comm_manager.new_comm('oracle');\n"

# What Python asks; it says what it is told by its signal.
SAGE = """
Jupyter.notebook.kernel.comm_manager.register_target('sage', comm => {
  comm.on_request(async (msg, {signal, reply}) => {
    const {data} = msg.content;
    if (data === 'fail') {
      throw new RangeError('no room');
    }
    if (data === 'bytes') {
      return reply(msg.buffers[0].getUint8(1), {buffers: [new Uint8Array([7, 8])]});
    }
    if (data === 'never') {
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      say(signal.reason.name);
    }
    return [data];
  });
});
"""


WIDGET = """
import anywidget

class Asking(anywidget.AnyWidget):
    _esm = '''
    const url = new URL('../extensions/lite-comms/static/lite-comms.js', document.baseURI);
    export default {
      async render({model, el}) {
        const {connect} = await import(url);
        const comm = connect(model.widget_manager.kernel).open('oracle');
        el.className = 'asked';
        el.textContent = JSON.stringify((await comm.request('widget')).content.data);
        return () => comm.close();
      }
    };
    '''

Asking()
"""


def test_the_page_asks_and_python_answers(notebook: Notebook) -> None:
    notebook.python(ORACLE)
    page = notebook.javascript(
        OPEN
        + """
        const asked = ['a', 'b'].map(data => comm.request(data));
        Promise.all(asked).then(replies => say(replies.map(({content}) => content.data)));
        """
    )
    expect(said(page)).to_have_text(['[{"answer":"a"},{"answer":"b"}]'])


def test_an_answer_of_python_has_buffers(notebook: Notebook) -> None:
    notebook.python(ORACLE)
    page = notebook.javascript(
        OPEN
        + """
        comm.request('bytes', {buffers: [new Uint8Array([1, 2])]}).then(reply => say([
          reply.content.data, reply.buffers[0].byteLength, reply.buffers[0].getUint8(0)
        ]));
        """
    )
    expect(said(page)).to_have_text(['[["0201"],2,97]'])


def test_an_exception_of_python_comes_back(notebook: Notebook) -> None:
    notebook.python(ORACLE)
    page = notebook.javascript(
        OPEN
        + """
        comm.request('fail').catch(({name, ename, evalue, traceback}) =>
          say([name, ename, evalue, traceback.some(line => line.includes('no such thing'))]));
        const silent = Jupyter.notebook.kernel.comm_manager.new_comm('silent');
        silent.request().catch(({ename}) => say(ename));
        """
    )
    expect(said(page)).to_have_text(
        ['["RequestError","ValueError","no such thing",true]', '"NoRequestHandler"']
    )


def test_a_request_of_the_page_that_times_out_cancels_what_python_does(notebook: Notebook) -> None:
    notebook.python(ORACLE)
    page = notebook.javascript(
        OPEN
        + """
        const stop = new AbortController();
        comm.request('never', {timeout_ms: 200}).catch(({name}) => {
          say(name);
          comm.request('never', {signal: stop.signal}).catch(({name}) => say(name));
          setTimeout(() => stop.abort(), 200);
        });
        """
    )
    expect(said(page)).to_have_text(['"TimeoutError"', '"AbortError"'])
    assert notebook.python("await asyncio.sleep(0.2); told") == "['cancelled', 'cancelled']"


def test_python_asks_and_the_page_answers(notebook: Notebook) -> None:
    notebook.javascript(SAGE)
    notebook.python("import lite_comms\nsage = lite_comms.Comm('sage')")
    assert notebook.python("(await sage.arequest('a'))['content']['data']") == "['a']"
    # Also in the middle of synchronous code.
    assert notebook.python("[sage.request(n)['content']['data'] for n in range(3)]") == (
        "[[0], [1], [2]]"
    )
    assert (
        notebook.python(
            "reply = await sage.arequest('bytes', buffers=[b'\\x01\\x02'])\n"
            "reply['content']['data'], [bytes(b) for b in reply['buffers']]"
        )
        == "(2, [b'\\x07\\x08'])"
    )


def test_drain_and_flush_wait_until_the_page_has_handled_what_was_sent(notebook: Notebook) -> None:
    notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('slow', comm => {
          comm.on_msg(() => new Promise(resolve => setTimeout(resolve, 20)));
        });
        """
    )
    notebook.python("import lite_comms, time\nslow = lite_comms.Comm('slow')")
    for wait in ("await slow.drain(timeout_s=60)", "slow.flush(timeout_s=60)"):
        assert (
            notebook.python(
                "start = time.monotonic()\n"
                "for n in range(25):\n    slow.send(n)\n"
                f"{wait}\n"
                "time.monotonic() - start >= 25 * 0.02"
            )
            == "True"
        )
    # The comms that have asked the page are gone.
    assert (
        notebook.python(
            "from comm import get_comm_manager\n"
            "[c for c in get_comm_manager().comms.values() if c.target_name == 'lite_comms.drain']"
        )
        == "[]"
    )


def test_an_exception_of_the_page_comes_back(notebook: Notebook) -> None:
    notebook.javascript(SAGE)
    assert (
        notebook.python(
            "import lite_comms\nsage = lite_comms.Comm('sage')\n"
            "try:\n    await sage.arequest('fail')\n"
            "except lite_comms.RequestError as error:\n    print(error.ename, error.evalue)"
        )
        == "RangeError no room"
    )


def test_a_request_of_python_that_times_out_aborts_the_signal_of_the_page(
    notebook: Notebook,
) -> None:
    page = notebook.javascript(SAGE)
    assert (
        notebook.python(
            "import lite_comms\nsage = lite_comms.Comm('sage')\n"
            "try:\n    await sage.arequest('never', timeout_s=0.2)\n"
            "except TimeoutError:\n    print('late')"
        )
        == "late"
    )
    expect(said(page)).to_have_text(['"AbortError"'])


def test_a_handler_of_the_page_asks_back_while_python_waits(notebook: Notebook) -> None:
    notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('back', comm => {
          comm.on_request(async () => (await comm.request('you')).content.data + ' and me');
        });
        """
    )
    assert (
        notebook.python(
            "import lite_comms\nback = lite_comms.Comm('back')\n"
            "back.on_request(lambda msg: msg['content']['data'].upper())\n"
            "(await back.arequest())['content']['data']"
        )
        == "'YOU and me'"
    )


def test_each_of_many_requests_both_ways_ends_once(notebook: Notebook) -> None:
    notebook.python(ORACLE)
    page = notebook.javascript(
        SAGE.replace("say(signal.reason.name);", "")
        + OPEN
        + """
        const kinds = ['a', 'fail', 'never'];
        const ends = {};
        const ask = async i => {
          const timeout_ms = i % 3 === 2 ? 500 : 60_000;
          const asked = comm.request(kinds[i % 3], {timeout_ms});
          const end = await asked.then(() => 'answered', ({name}) => name);
          ends[end] = (ends[end] ?? 0) + 1;
        };
        Promise.all([...Array(300).keys()].map(ask)).then(() => say(Object.entries(ends).sort()));
        """
    )
    ends = notebook.python(
        """
from collections import Counter

sage = lite_comms.Comm('sage')

async def ask(i):
    kind = ['a', 'fail', 'never'][i % 3]
    try:
        await sage.arequest(kind, timeout_s=0.5 if kind == 'never' else 60)
        return 'answered'
    except (lite_comms.RequestError, TimeoutError) as error:
        return type(error).__name__

sorted(Counter(await asyncio.gather(*map(ask, range(300)))).items())
"""
    )
    assert ends == "[('RequestError', 100), ('TimeoutError', 100), ('answered', 100)]"
    expect(said(page)).to_have_text(
        ['[["RequestError",100],["TimeoutError",100],["answered",100]]']
    )


def test_the_page_takes_messages_in_a_loop_and_answers_meanwhile(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        Jupyter.comms.registerTarget('numbers', async comm => {
          let sum = 0;
          for await (const msg of comm) {
            sum += msg.content.data;
            say([sum, (await comm.request(sum)).content.data]);
          }
          say('closed');
        });
        """
    )
    notebook.python(
        "import asyncio, lite_comms\n"
        "comm = lite_comms.Comm('numbers')\n"
        "comm.on_request(lambda msg: -msg['content']['data'])\n"
        "comm.send(1); comm.send(2); comm.send(3)\n"
        "await asyncio.sleep(0.5)\n"
        "comm.close()"
    )
    expect(said(page)).to_have_text(["[1,-1]", "[3,-3]", "[6,-6]", '"closed"'])


def test_the_page_sends_the_newest_only_and_the_last_one_arrives(notebook: Notebook) -> None:
    notebook.python(
        """
from comm import get_comm_manager

newest = []

def collect(comm, msg):
    comm.on_msg(lambda msg: newest.append(msg['content']['data']))

get_comm_manager().register_target('newest', collect)
"""
    )
    page = notebook.javascript(
        """
        const comm = Jupyter.comms.open('newest');
        const start = performance.now();
        let n = 0;
        const more = () => {
          for (let i = 0; i < 100; i++) {
            comm.sendLatest(n++);
          }
          if (n < 10000) {
            setTimeout(more);
          } else {
            comm.send('end');
            say(Math.round(performance.now() - start));
          }
        };
        more();
        """
    )
    expect(said(page)).to_have_count(1)
    ms = int(said(page).inner_text())
    assert notebook.python("await __import__('asyncio').sleep(0.3)\nnewest[-2:]") == "[9999, 'end']"
    # 60 frames a second, and one at each end.
    assert 2 <= int(notebook.python("len(newest)")) <= ms * 60 / 1000 + 3
    assert notebook.python("newest[:-1] == sorted(newest[:-1])") == "True"


def test_the_newest_value_waits_for_a_slow_callback(notebook: Notebook) -> None:
    notebook.python(
        """
import time
from comm import get_comm_manager

handled = []

def slow(comm, msg):
    @comm.on_msg
    def _(msg):
        time.sleep(0.2)
        handled.append(msg['content']['data'])
        comm.send(handled)

get_comm_manager().register_target('slow', slow)
"""
    )
    page = notebook.javascript(
        """
        const comm = Jupyter.comms.open('slow');
        const start = performance.now();
        let ms = 0;
        comm.onMsg(({content: {data}}) => data.at(-1) === 99 && say([data.length, ms]));
        let n = 0;
        const move = () => {
          comm.sendLatest(n++);
          if (n < 100) {
            setTimeout(move, 10);
          } else {
            ms = Math.round(performance.now() - start);
          }
        };
        move();
        """
    )
    expect(said(page)).to_have_count(1)
    count, ms = json.loads(said(page).inner_text())
    # One after the other while the value changed, and the last one.
    assert 2 <= count <= ms / 200 + 2


def test_what_waits_for_an_answer_ends_when_the_kernel_restarts(
    new_tab: NewTab, plain: str
) -> None:
    notebook = new_tab(plain).notebook()
    notebook.python(ORACLE)
    page = notebook.javascript(
        OPEN
        + """
        comm.request('never').catch(({name, reason}) => say([name, reason]));
        """
    )
    notebook.restart_kernel()
    expect(said(page)).to_have_text(
        ['["ClosedError","KernelRestarted: the kernel has been restarted"]']
    )


# The page asks, takes back what it has asked, and closes comms, until it is told that it is enough.
STORM = (
    SAGE.replace("say(signal.reason.name);", "")
    + """
const {comms} = Jupyter;
const kinds = ['a', 'fail', 'never'];
const open = [];
const ends = [];
let isOver = false;
const ask = async i => {
  if (open[i % 4]?.isClosed ?? true) {
    open[i % 4] = comms.open('oracle');
  }
  const comm = open[i % 4];
  const controller = new AbortController();
  const timeout_ms = i % 3 === 2 ? 300 : 60_000;
  const asked = comm.request(kinds[i % 3], {timeout_ms, signal: controller.signal});
  if (i % 10 === 9) {
    controller.abort();
  }
  if (i % 50 === 49) {
    comm.close();
  }
  ends[i] = await asked.then(() => 'answered', ({name}) => name);
};
const storm = (async () => {
  const asked = [];
  for (let i = 0; !isOver; i++) {
    asked.push(ask(i));
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  await Promise.all(asked);
  return ends;
})();
globalThis.asked = () => ends.length;
globalThis.calm = () => {
  isOver = true;
  return storm;
};
"""
)
# Python asks as well.
ASKS = """
import itertools, time
sage = lite_comms.Comm('sage')

async def ask(i):
    try:
        await sage.arequest(['a', 'fail', 'never'][i % 3], timeout_s=0.3 if i % 3 == 2 else 60)
    except (lite_comms.RequestError, TimeoutError):
        pass

print('asks', flush=True)
"""
LOOPS = {
    "KeyboardInterrupt": "while True:\n    sage.request('a')",
    "CancelledError": "while True:\n    await asyncio.gather(*map(ask, range(9)))",
}


@pytest.mark.parametrize("kind", ["plain", "isolated"])
def test_no_request_is_left_by_stop_and_restarts(
    new_tab: NewTab, request: pytest.FixtureRequest, kind: str
) -> None:
    notebook = new_tab(request.getfixturevalue(kind)).notebook()
    # After a restart the page asks before the cell with the target has run.
    notebook.watch.forgive("no comm target 'oracle' is registered|Comm not found for comm id")
    # What Pyodide says when the page ends a kernel in the middle of opening a file of JupyterLite.
    places = r"/pyodide\.asm\.mjs|/api/drive|Unexpected end of JSON"
    notebook.watch.forgive(rf"^(?!.*lite_comms).*({places})")
    notebook.python(ORACLE)
    notebook.javascript(STORM)
    for _ in range(2):
        for error, loop in LOOPS.items():
            number = notebook.running(f"{ASKS}{loop}")
            notebook.page.wait_for_timeout(1000)
            notebook.stop()
            assert error in notebook.ended(number)
        notebook.restart_kernel()
        notebook.python(ORACLE)
    before = notebook.page.evaluate("asked()")
    notebook.page.wait_for_function("before => asked() > before + 200", arg=before)
    notebook.page.evaluate("void calm().then(ends => { globalThis.ends = ends; })")
    notebook.page.wait_for_function("globalThis.ends", timeout=90_000)
    ends = notebook.page.evaluate("ends")
    assert set(ends) == {"answered", "RequestError", "TimeoutError", "AbortError", "ClosedError"}
    # Only those that are never answered took too long.
    assert {number % 3 for number, end in enumerate(ends) if end == "TimeoutError"} == {2}
    assert Counter(ends[before + 50 :])["answered"] > 30
    assert notebook.python("len(told) > 0, 1 + 1") == "(True, 2)"


def test_a_module_of_the_site_imports_lite_comms_beside_its_extension(
    new_tab: NewTab, plain: str
) -> None:
    notebook = new_tab(plain).notebook()
    notebook.python(ORACLE)
    page = notebook.javascript(
        """
        const {baseURI} = document;
        const url = new URL('../extensions/lite-comms/static/lite-comms.js', baseURI);
        import(url).then(async ({comms, connect}) => {
          const mine = connect(Jupyter.notebook.kernel.connection).open('oracle');
          say((await mine.request('mine')).content.data);
          say((await comms.open('oracle').request('ours')).content.data);
        });
        """
    )
    expect(said(page)).to_have_text(['{"answer":"mine"}', '{"answer":"ours"}'])


def test_a_widget_of_anywidget_imports_it_and_asks(new_tab: NewTab, plain: str) -> None:
    notebook = new_tab(plain).notebook()
    notebook.python("%pip install -q anywidget\n" + ORACLE)
    output = notebook.run(WIDGET)
    expect(output.locator(".asked")).to_have_text('{"answer":"widget"}')


def test_a_script_of_a_saved_notebook_asks_before_there_is_a_kernel(
    new_tab: NewTab, plain: str
) -> None:
    tab = new_tab(plain)
    (notebook,) = tab.lab("empty.ipynb")
    code = re.sub(r"(?m)^", "    ", ORACLE)
    page = notebook.javascript(
        f"Jupyter.notebook.kernel.execute(`if True:\n{code}`);\n"
        "Jupyter.comms.open('oracle').request('early').then(({content}) => say(content.data));"
    )
    expect(said(page)).to_have_text(['{"answer":"early"}'])
    notebook.page.keyboard.press("Control+s")
    expect(notebook.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    notebook.page.reload()
    panel = notebook.page.locator(".jp-NotebookPanel")
    output = panel.locator(".jp-Cell").first.locator(".jp-OutputArea")
    # A cell that is run while the session has no kernel yet is not queued.
    indicator = panel.locator(".jp-Notebook-ExecutionIndicator")
    expect(indicator).to_have_attribute("data-status", "idle", timeout=60_000)
    assert Notebook(tab, panel).python("1 + 1") == "2"
    expect(said(output)).to_have_text(['{"answer":"early"}'])
