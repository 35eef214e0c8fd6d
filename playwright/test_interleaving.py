"""Programs that run on every kernel run here too, while messages of the page are handled in them.

They are those of tests/in_pyodide/test_interleaving*.py, in a browser, on either kind of host.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from page_cells import page_cells, run
from pages import Notebook

EVERY_MS = 3


@pytest.fixture
def kernel(notebook: Notebook) -> Iterator[Notebook]:
    """A notebook whose page runs cells and sends messages."""
    with page_cells(notebook):
        yield notebook


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
