"""The npm package of a release, as those who use it get it: with its types, and in Node.js."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.build

# What the page's end does with a kernel connection, of which it needs to know no more than this.
CONSUMER = """
import {comms, connect, type Comm, type IComms, type IKernelConnection} from 'lite-comms';

const log: unknown[] = [];
const ids: string[] = [];
type Mark = {lite_comms?: {request?: string}};
const signal = {connect: () => true};
const future = {msg: {header: {msg_id: 'an id'}}};
const made = {
  commId: 'one',
  targetName: 'echo',
  isDisposed: false,
  onMsg: (_: unknown): unknown => undefined,
  onClose: (_: unknown): unknown => undefined,
  open: (data: unknown) => (log.push(['open', data]), future),
  send: (data: unknown, metadata: Mark = {}) => {
    const id = metadata.lite_comms?.request;
    if (id) {
      ids.push(id);
    }
    log.push(['send', data, metadata]);
    return future;
  },
  close: () => future,
  dispose: () => undefined
};
const kernel: IKernelConnection = {
  id: 'kernel',
  status: 'idle',
  isDisposed: false,
  handleComms: true,
  statusChanged: signal,
  disposed: signal,
  hasComm: () => false,
  createComm: () => made,
  registerCommTarget: () => undefined,
  removeCommTarget: () => undefined
};
const all: IComms = connect(kernel);
const comm: Comm = all.open('echo', {n: 1});
const asked = comm.request<{n: number}>({n: 2}, {timeout_ms: 1000});
made.onMsg({
  header: {msg_id: '', msg_type: 'comm_msg'},
  metadata: {lite_comms: {reply: ids[0]}},
  content: {comm_id: 'one', data: {n: 3}}
});
const n: number = (await asked).content.data.n;
// @ts-expect-error
comm.send({}, {bufers: []});
const error = await comm.request({}, {timeout_ms: 1}).catch((error: Error) => error.name);
try {
  comms.open('echo');
} catch (error) {
  log.push((error as Error).message.split(';')[0]);
}
console.log(JSON.stringify([log, n, error, ids]));
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the package, as `npm install` puts it there."""
    home = tmp_path_factory.mktemp("consumer")
    run("npm", "pack", "--silent", "--pack-destination", home, cwd=ROOT / "build/module")
    (tarball,) = home.glob("*.tgz")
    (home / "package.json").write_text('{"type": "module", "private": true}')
    run("npm", "install", "--offline", "--no-audit", "--no-fund", tarball, cwd=home)
    return home


def test_the_package_has_the_module_its_types_and_nothing_to_install(home: Path) -> None:
    package = home / "node_modules/lite-comms"
    manifest = json.loads((package / "package.json").read_text("utf-8"))
    frontend = json.loads((ROOT / "frontend/package.json").read_text("utf-8"))
    files = {path.relative_to(package).as_posix() for path in package.rglob("*.*")}

    assert {key: manifest.get(key) for key in ("name", "version", "license", "dependencies")} == {
        "name": "lite-comms",
        "version": frontend["version"],
        "license": "BSD-3-Clause",
        "dependencies": None,
    }
    assert "private" not in manifest
    assert {path for path in files if not path.startswith("types/")} == {
        "README.md",
        "host.js",
        "lite-comms.js",
        "package.json",
    }
    assert "types/api/index.d.ts" in files


HOST_PAGE = """
import {connect, type Comm, type Kernel} from 'lite-comms/host';

export async function ask(iframe: HTMLIFrameElement): Promise<unknown> {
  const kernel: Kernel = await connect(iframe, {path: 'a.ipynb', timeout_ms: 1000});
  await kernel.whenTarget('sum');
  const comm: Comm = kernel.open('sum', {}, {buffers: [new Uint8Array(1)]});
  comm.onRequest((msg, {signal, reply}) => reply(msg.content.data, {metadata: {signal}}));
  // @ts-expect-error
  comm.handle({});
  // @ts-expect-error
  await connect(iframe, {target: 'sum'});
  return (await comm.request({n: 2}, {timeout_ms: 1000})).content.data;
}
"""


def test_a_host_page_is_checked_by_the_types_of_its_module(home: Path) -> None:
    (home / "page.ts").write_text(HOST_PAGE, "utf-8")
    tsc = ROOT / "frontend/node_modules/.bin/tsc"
    options = ("--strict", "--module", "nodenext", "--target", "es2022", "--lib", "dom,es2022")
    run(tsc, *options, "--noEmit", "page.ts", cwd=home)


def test_code_that_uses_it_is_checked_by_its_types_and_runs_in_node(home: Path) -> None:
    (home / "consumer.ts").write_text(CONSUMER, "utf-8")
    tsc = ROOT / "frontend/node_modules/.bin/tsc"
    options = {"strict": True, "module": "nodenext", "target": "es2022", "types": []}
    (home / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    run(tsc, cwd=home)

    log, n, error, ids = json.loads(run("node", "consumer.js", cwd=home))

    assert [log, n, error] == [
        [
            ["open", {"n": 1}],
            ["send", {"n": 2}, {"lite_comms": {"request": ids[0]}}],
            ["send", {}, {}],
            ["send", {}, {"lite_comms": {"request": ids[1]}}],
            ["send", {}, {"lite_comms": {"cancel": ids[1]}}],
            "this page has no lite_comms",
        ],
        3,
        "TimeoutError",
    ]
