"""Programs that run on every kernel run here too, while messages of the page are handled in them.

They are those of tests/in_pyodide/test_interleaving.py, in a browser, on either kind of host.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from pages import Notebook

# `heard` is what has come since `begin`; for each of the first 20 messages `on` is called.
TARGET = """
import asyncio, io, json, logging, queue, threading, time, warnings
from comm import get_comm_manager

N = 20

def begin(callback=None):
    global heard, on, start
    heard = []
    on = callback
    start = time.monotonic()

def is_over(n=N):
    # By the time only if the messages do not come.
    return len(heard) >= n or time.monotonic() > start + 20

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        if on and len(heard) <= N:
            return on()

def echo(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        comm.send(heard[-1])

get_comm_manager().register_target("collect", collect)
get_comm_manager().register_target("echo", echo)
begin()
"""

# Here cells are run by the page, which takes less time than typing.
PAGE = """
(() => {
  const {comm_manager, connection} = Jupyter.notebook.kernel;

  /** Start a cell; its future has what it shows as `shown`. */
  const execute = code => {
    const future = connection.requestExecute({code});
    future.shown = '';
    future.onIOPub = ({content}) => {
      future.shown += content.text ?? content.data?.['text/plain'] ?? '';
    };
    return future;
  };

  /** Run a cell; what it shows. */
  const run = async code => {
    const future = execute(code);
    const {content} = await Promise.race([future.done, tooLong(code)]);
    if (content.status !== 'ok') {
      throw new Error(`${content.ename}: ${content.evalue}`);
    }
    return future.shown.trim();
  };

  const tooLong = code =>
    new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`this cell does not end: ${code}`)), 40_000);
    });

  /** The next message that the kernel sends on a comm. */
  const next = comm => new Promise(resolve => comm.on_msg(msg => resolve(msg.content.data)));

  window.page = {
    execute, run, next,
    open: (...args) => comm_manager.new_comm(...args),
    during: async (code, every_ms) => {
      const comm = comm_manager.new_comm('collect');
      let n = 0;
      const timer = setInterval(() => comm.send(n++), every_ms);
      try {
        return await run(code);
      } finally {
        clearInterval(timer);
        comm.close();
      }
    }
  };
})()
"""
EVERY_MS = 3


@pytest.fixture
def kernel(notebook: Notebook) -> Iterator[Notebook]:
    """A notebook whose page runs cells and sends messages by `page`."""
    notebook.page.evaluate(PAGE)
    run(notebook, TARGET)
    yield notebook
    notebook.page.evaluate("delete window.page")


def run(kernel: Notebook, code: str) -> str:
    """Run a cell; what it shows."""
    shown: str = kernel.page.evaluate("code => page.run(code)", code)
    return shown


def during(kernel: Notebook, code: str) -> str:
    """Run a cell while a message comes every few milliseconds; what it shows."""
    shown: str = kernel.page.evaluate(f"code => page.during(code, {EVERY_MS})", code)
    return shown


def test_asyncio_queue_between_a_cell_and_a_task(kernel: Notebook) -> None:
    run(
        kernel,
        """
q = asyncio.Queue()
got = []
async def consume():
    while True:
        got.append(await q.get())
        q.task_done()
task = asyncio.create_task(consume())
await asyncio.sleep(0)""",
    )
    # The task gets nothing until the cell has ended.
    shown = during(
        kernel,
        """
begin(lambda: q.put_nowait("callback"))
put = 0
while not is_over():
    q.put_nowait(put)
    put += 1
len(got), len(heard) >= N""",
    )
    assert shown == "(0, True)"
    shown = run(
        kernel,
        """
await asyncio.wait_for(q.join(), 20)
is_alive = task.cancel()
[n for n in got if n != "callback"] == list(range(put)), got.count("callback"), is_alive""",
    )
    assert shown == "(True, 20, True)"


def test_a_dict_that_a_task_grows_can_be_iterated_in_a_cell(kernel: Notebook) -> None:
    run(
        kernel,
        """
d = dict.fromkeys(range(1000))
async def grow():
    while True:
        d[len(d)] = None
        await asyncio.sleep(0)
task = asyncio.create_task(grow())""",
    )
    shown = during(
        kernel,
        """
begin()
before = len(d)
while not is_over():
    for x in d: pass
len(d) - before, len(heard) >= N""",
    )
    assert shown == "(0, True)"
    shown = run(kernel, "await asyncio.sleep(0.05)\ntask.cancel(), len(d) > before")
    assert shown == "(True, True)"


def test_a_queue_between_a_cell_and_a_callback(kernel: Notebook) -> None:
    shown = during(
        kernel,
        """
q = queue.Queue()
begin(lambda: q.put("callback"))
put = 0
while not is_over():
    q.put(put)
    put += 1
got = [q.get_nowait() for _ in range(q.qsize())]
[n for n in got if n != "callback"] == list(range(put)), got.count("callback")""",
    )
    assert shown == "(True, 20)"


def test_logging_in_a_cell_and_in_a_callback(kernel: Notebook) -> None:
    shown = during(
        kernel,
        """
stream = io.StringIO()
log = logging.Logger("both")
log.addHandler(logging.StreamHandler(stream))
begin(lambda: log.info("callback"))
n = 0
while not is_over():
    log.info("cell %d", n)
    n += 1
lines = stream.getvalue().splitlines()
others = [line for line in lines if line != "callback"]
others == [f"cell {i}" for i in range(n)], lines.count("callback")""",
    )
    assert shown == "(True, 20)"


def test_an_output_widget_captures_a_cell_and_a_callback_at_once(kernel: Notebook) -> None:
    area = kernel.run("import ipywidgets\nout = ipywidgets.Output()\nout")
    shown = during(
        kernel,
        """
def write():
    print("outside")
    with out:
        print("callback", end=";")
begin(write)
with out:
    known = 0
    while known < N and not is_over(10**9):
        if len(heard) > known:
            known = min(len(heard), N)
            print("cell", known, end=";")
print("after it")""",
    )
    assert shown == "after it"
    captured = area.locator(".widget-output .jp-OutputArea-output")
    expect(captured).to_contain_text("cell 20;")
    *words, rest = captured.inner_text().strip().split(";")
    assert rest == ""
    assert words.count("callback") == 20
    # The cell has always printed how many callbacks had before.
    for place, word in enumerate(words):
        assert word in ("callback", f"cell {words[:place].count('callback')}")


@pytest.mark.parametrize(
    "line",
    ["n += 1; total = (31 * total + n) % 1_000_003", "json.dumps(numbers, indent=1)"],
    ids=["arithmetic", "library"],
)
def test_each_of_fifty_messages_is_answered_before_a_loop_ends(kernel: Notebook, line: str) -> None:
    run(kernel, "begin()\nn = total = 0\nnumbers = list(range(2000))")
    answers, shown = kernel.page.evaluate(
        """async code => {
          const comm = page.open('echo');
          const cell = page.run(code);
          const answers = [];
          for (let n = 0; n < 50; n++) {
            const answer = page.next(comm);
            comm.send(n);
            answers.push(await answer);
          }
          comm.close();
          return [answers, await cell];
        }""",
        # A message that comes after the loop is not counted.
        f"while not is_over(50): {line}\nprint(len(heard))",
    )
    assert answers == list(range(50))
    assert shown == "50"


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
def noting(kernel: Notebook) -> Notebook:
    """A kernel that is idle and notes what is run and heard."""
    run(kernel, NOTE)
    kernel.page.evaluate(PAGE_NOTES)
    return kernel


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


def test_a_filter_for_warnings_of_a_cell_does_not_reach_a_callback(kernel: Notebook) -> None:
    shown = during(
        kernel,
        """
raised = []
def warn():
    try:
        warnings.warn("of a callback", RuntimeWarning)
        raised.append(False)
    except RuntimeWarning:
        raised.append(True)
begin(warn)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    while not is_over():
        pass
    try:
        warnings.warn("of the cell", RuntimeWarning)
    except RuntimeWarning as error:
        print(error, raised == [False] * N)""",
    )
    assert shown == "of the cell True"


# The callback is suspended in its block while the cell runs.
AWAITS_IN_ITS_BLOCK = """
raised = []
async def warn():
    if heard[0] != heard[-1]:
        return  # only one: two at a time would end each other's block, on any kernel
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await asyncio.sleep(0.1)
        try:
            warnings.warn("of a callback", RuntimeWarning)
            raised.append(False)
        except RuntimeWarning:
            raised.append(True)
errors = n = 0
def warn_all_the_time():
    global errors, n
    while not is_over() or not raised and not is_over(10**9):
        n += 1
        try:
            warnings.warn("of the cell", RuntimeWarning)
        except RuntimeWarning:
            errors += 1
begin(warn)
"""


def test_a_filter_of_a_suspended_callback_does_not_reach_a_block_of_a_cell(
    kernel: Notebook,
) -> None:
    shown = during(
        kernel,
        f"""{AWAITS_IN_ITS_BLOCK}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warn_all_the_time()
raised, errors, len(caught) == n""",
    )
    assert shown == "([True], 0, True)"


def test_stop_frees_a_callback_that_waits_for_a_lock_of_the_cell(kernel: Notebook) -> None:
    run(
        kernel,
        """
lock = threading.Lock()
ended = []
def lock_target(comm, msg):
    @comm.on_msg
    def _(msg):
        comm.send("waits")
        try:
            lock.acquire()
            ended.append("acquired")
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
get_comm_manager().register_target("lock", lock_target)""",
    )
    number = kernel.start(
        """
with lock:
    print("runs")
    while not ended and not is_over():
        pass
print(ended, lock.locked())"""
    )
    output = kernel.cells.nth(number).locator(".jp-OutputArea")
    expect(output).to_contain_text("runs")
    kernel.page.evaluate(
        """async () => {
          const comm = page.open('lock');
          const waits = page.next(comm);
          comm.send(1);
          await waits;
        }"""
    )
    with kernel.watch.error("the on_msg callback of comm 'lock'.*KeyboardInterrupt"):
        kernel.stop()
    # Stop is for the callback alone.
    assert kernel.ended(number) == "runs\n['KeyboardInterrupt'] False"
    assert kernel.python("1 + 1") == "2"
