"""The built site in Firefox and in WebKitGTK: what depends on the browser's engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest

from engines import Engine, EnginePage, missing, opened
from pages import LOAD
from serve import serving, serving_with_host

NOTEBOOK = "notebooks/index.html?path=01-open-from-the-kernel.ipynb"

BOOT_S = 150
CELL_S = 30
STOP_S = 10

# What the tests do on the page.
DESK = """
() => {
  const turn = () => new Promise(resolve => setTimeout(resolve, 20));
  const until = async found => {
    for (;;) {
      const value = found();
      if (value) {
        return value;
      }
      await turn();
    }
  };
  const session = () => globalThis.jupyterapp?.shell.currentWidget?.sessionContext;
  const kernel = () => session().session.kernel;

  /** A cell that runs: its output so far, and its end. */
  const start = code => {
    const cell = {text: ''};
    const future = kernel().requestExecute({code});
    future.onIOPub = ({header, content}) => {
      const type = header.msg_type;
      if (type === 'stream') {
        cell.text += content.text;
      } else if (type === 'execute_result') {
        cell.text += content.data['text/plain'];
      } else if (type === 'display_data' && content.data['application/javascript']) {
        new Function(content.data['application/javascript'])();
      }
    };
    cell.done = future.done.then(({content}) => {
      return {status: content.status, error: content.ename ?? '', text: cell.text};
    });
    return cell;
  };

  const connect = (target, heard) => {
    const comm = kernel().createComm(target);
    comm.onMsg = heard;
    comm.open({});
    return comm;
  };

  globalThis.desk = {
    notebook: async () => void (await until(session)),
    sessionContext: () => session().ready,
    isIdle: () => kernel().status === 'idle',
    run: code => start(code).done,
    echo: async (data, bytes) => {
      const answer = new Promise(resolve => connect('echo', resolve).send(data, {}, bytes));
      const {content, buffers} = await answer;
      return {data: content.data, buffers: buffers.map(({buffer, byteOffset, byteLength}) => [
        ...new Uint8Array(buffer, byteOffset, byteLength)
      ])};
    },
    /** Attach a file of some megabytes, and a port by which Python answers. */
    attach: () => {
      const part = new Uint8Array(2 ** 20).fill(1);
      const file = new File([...Array(5).fill(part), 'the end'], 'large.bin');
      const {port1, port2} = new MessageChannel();
      const answer = new Promise(resolve => (port1.onmessage = ({data}) => resolve(data)));
      const comm = Jupyter.notebook.kernel.comm_manager.new_comm('files');
      comm.send({}, null, null, null, {attachments: [file, port2]});
      return answer;
    },
    /** Send numbers while a cell runs. */
    sendWithin: async (code, n) => {
      const comm = connect('collect', () => undefined);
      const cell = start(code);
      await until(() => cell.text.includes('started'));
      for (let i = 0; i < n; i++) {
        comm.send({i});
      }
      return cell.done;
    },
    stop: async (code, inTime) => {
      const cell = start(code);
      await until(() => cell.text.includes('started'));
      await new Promise(resolve => setTimeout(resolve, 500));
      const pressed = performance.now();
      await kernel().interrupt();
      const late = new Promise(resolve => setTimeout(resolve, inTime * 1000, null));
      const ended = await Promise.race([cell.done, late]);
      return ended && {...ended, ms: performance.now() - pressed};
    }
  };
}
"""

TARGETS = """
from comm import get_comm_manager

heard = []

def echo(comm, open_msg):
    @comm.on_msg
    def _(msg):
        comm.send({"echo": msg["content"]["data"]}, buffers=msg["buffers"])

def collect(comm, open_msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"]["i"])

def files(comm, open_msg):
    @comm.on_msg
    def _(msg):
        import lite_comms
        blob, port = msg["attachments"]
        with lite_comms.open_blob(blob) as file:
            total = sum(sum(piece) for piece in iter(lambda: file.read(2**20), b""))
            file.seek(-7, 2)
            port.postMessage(f"{file.name} {blob.size} {total} {file.read()}")

get_comm_manager().register_target("files", files)
get_comm_manager().register_target("echo", echo)
get_comm_manager().register_target("collect", collect)
"""

# What a REPL runs that another page shows.
EXPOSED = """
from comm import get_comm_manager
import lite_comms

def echo(comm, open_msg):
    @comm.on_request
    async def _(msg):
        asked = await comm.arequest("what?", timeout_s=20)
        data = [asked["content"]["data"], msg["content"]["data"]]
        return lite_comms.Reply(data, buffers=msg["buffers"])

get_comm_manager().register_target("echo", echo, exposed=True)
"""

# What that page does.
HOST_IS_THERE = """
async () => {
  while (!globalThis.connect) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
"""
HOST = """
async (src, bytes) => {
  iframe.src = src;
  const kernel = await connect(iframe, {timeout_ms: 150_000});
  await kernel.whenTarget('echo', {timeout_ms: 30_000});
  const comm = kernel.open('echo');
  comm.onRequest(({content}) => ({asked: content.data}));
  const {content, buffers} = await comm.request(
    {n: 1},
    {buffers: [new Uint8Array(bytes)], timeout_ms: 30_000}
  );
  const statuses = [];
  kernel.onStatus(status => statuses.push(status));
  iframe.src = 'about:blank';
  while (kernel.status !== 'closed') {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return {
    data: content.data,
    bytes: buffers.map(({buffer}) => [...new Uint8Array(buffer)]),
    isClosed: comm.isClosed,
    statuses
  };
}
"""


@dataclass
class Desk:
    """A notebook in a browser, and its kernel."""

    page: EnginePage
    url: str
    first_cell: str

    def boot(self) -> None:
        """Wait for the notebook and its kernel."""
        self.page.evaluate(DESK)
        for stage in ("desk.notebook", "desk.sessionContext"):
            self.page.evaluate(stage, timeout_s=BOOT_S)
        self.run(self.first_cell, BOOT_S)
        self.run(TARGETS)

    def reopen(self) -> None:
        """Open the notebook anew, with a new kernel."""
        self.page.open(self.url)
        self.boot()

    def run(self, code: str, timeout_s: float = CELL_S) -> str:
        """Run code, and return its output."""
        done = self.page.evaluate("desk.run", code, timeout_s=timeout_s)
        assert done["status"] == "ok", done
        return cast(str, done["text"])


@pytest.fixture(scope="session")
def open_site(site_copy: Callable[..., Path]) -> Path:
    """The site, with its application open to scripts."""
    return site_copy(exposeAppInBrowser=True)


@pytest.fixture(
    scope="session",
    params=[
        (engine, host)
        for engine in ("firefox", "webkit")
        for host in ("plain", "isolated", "loaded")
    ],
    ids="-".join,
)
def shared_desk(request: pytest.FixtureRequest, open_site: Path, stock: Path) -> Iterator[Desk]:
    """One for each engine and host."""
    engine: Engine
    engine, host = request.param
    if absent := missing(engine):
        pytest.skip(f"not installed, and {engine} needs it: {absent}")
    isolated = host == "isolated"
    is_loaded = host == "loaded"
    with serving(stock if is_loaded else open_site, isolated=isolated) as url:
        address = url + NOTEBOOK
        with opened(engine, address, isolated=isolated) as page:
            assert page.evaluate("globalThis.crossOriginIsolated") == isolated
            desk = Desk(page, address, LOAD if is_loaded else "import lite_comms")
            desk.boot()
            yield desk


# WebKitGTK may call the finalizers of objects while the kernel reads a file by a request that it
# waits for; Pyodide, which has let go of its lock there, drops what it was to free and says this.
FINALIZER = "NoGilError: Attempted to use PyProxy when Python GIL not held"


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """A notebook whose kernel is idle; its page must report no errors."""
    if not shared_desk.page.evaluate("desk.isIdle"):
        shared_desk.reopen()  # a test before has left its kernel at work
    yield shared_desk
    assert [error for error in shared_desk.page.errors() if FINALIZER not in error] == []


def test_a_cell_runs_on_the_port(desk: Desk) -> None:
    assert desk.run("print(6 * 7)") == "42\n"
    assert "transport port" in desk.run("import lite_comms; lite_comms.status();")


def test_data_and_buffers_come_back(desk: Desk) -> None:
    answer = desk.page.evaluate(
        "(data, bytes) => desk.echo(data, [new Uint8Array(bytes)])", {"x": [1, None]}, [1, 2, 255]
    )
    assert answer == {"data": {"echo": {"x": [1, None]}}, "buffers": [[1, 2, 255]]}


def test_a_file_is_read_in_pieces_and_a_port_answers(desk: Desk) -> None:
    total = 5 * 2**20 + sum(b"the end")
    answer = f"large.bin {5 * 2**20 + 7} {total} b'the end'"
    assert desk.page.evaluate("desk.attach") == answer


def test_messages_are_handled_while_a_cell_awaits(desk: Desk) -> None:
    code = """
import asyncio
heard.clear()
print("started")
for _ in range(400):
    if len(heard) == 5:
        break
    await asyncio.sleep(0.05)
print(heard)
"""
    done = desk.page.evaluate("desk.sendWithin", code, 5)
    assert done == {"status": "ok", "error": "", "text": "started\n[0, 1, 2, 3, 4]\n"}


def test_messages_are_handled_in_a_loop_where_the_status_says_so(desk: Desk) -> None:
    live = "at each await only" not in desk.run("import lite_comms; lite_comms.status();")
    code = f"""
import time
heard.clear()
print("started")
end = time.time() + {20 if live else 2}
while len(heard) < 5 and time.time() < end:
    pass
print(heard)
"""
    done = desk.page.evaluate("desk.sendWithin", code, 5)
    assert done["text"] == f"started\n{[0, 1, 2, 3, 4] if live else []}\n"


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(60)"])
def test_stop_ends_synchronous_code(desk: Desk, code: str) -> None:
    ended: dict[str, Any] | None = desk.page.evaluate(
        "desk.stop", f"print('started')\n{code}", STOP_S
    )
    assert ended is not None, f"Stop has not ended it within {STOP_S} s"
    print(f"ended after {ended['ms']:.0f} ms")
    assert "KeyboardInterrupt" in ended["error"]
    assert desk.run("1 + 1") == "2"


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_a_page_of_another_origin_talks_to_a_kernel_in_its_iframe(
    engine: Engine, bench: Path, tmp_path: Path
) -> None:
    if absent := missing(engine):
        pytest.skip(f"not installed, and {engine} needs it: {absent}")
    shutil.copy(Path(__file__).parent / "files/host.html", tmp_path)
    with serving_with_host(bench, tmp_path) as (site, host):
        repl = f"{site}repl/index.html?kernel=python&code={quote(EXPOSED)}"
        with opened(engine, f"{host}host.html") as page:
            page.evaluate(HOST_IS_THERE)
            said = page.evaluate(HOST, repl, [1, 2, 255], timeout_s=2 * BOOT_S)
    assert said == {
        "data": [{"asked": "what?"}, {"n": 1}],
        "bytes": [[1, 2, 255]],
        "isClosed": True,
        "statuses": ["closed"],
    }
