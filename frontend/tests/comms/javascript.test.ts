// @vitest-environment jsdom
import '../parts/jsdom';
import {MimeModel, RenderMimeRegistry} from '@jupyterlab/rendermime';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {renderJavaScript} from '../../src/comms/javascript';
import {Documents, GlobalJupyter} from '../../src/comms/jupyter';
import {scriptNode} from '../../src/outputs/script';
import {FakeConnection, FakeSession} from '../parts/fakes';

const MIME = 'application/javascript';
const page = globalThis as {Jupyter?: unknown; heard?: unknown; later?: () => unknown};

let rendermime: RenderMimeRegistry;
let documents: Documents;
let scope: GlobalJupyter;

beforeEach(() => {
  documents = new Documents(model => new FakeConnection(model.id).real);
  scope = new GlobalJupyter(
    documents,
    () => document.currentScript,
    () => null
  );
  const resolver = {} as never;
  const node = document.createElement('div');
  documents.add({node, resolver, session: new FakeSession(new FakeConnection('own'))});
  const other = {node: document.createElement('div'), resolver: {} as never};
  documents.add({...other, session: new FakeSession(new FakeConnection('other'))});
  documents.current(other.node);
  rendermime = new RenderMimeRegistry({resolver});
  const createRenderer = () => {
    throw new Error('the stock renderer is used');
  };
  rendermime.addFactory({safe: false, mimeTypes: [MIME], createRenderer}, 7);
});

afterEach(() => {
  delete page.Jupyter;
  Reflect.deleteProperty(globalThis, 'IPython');
  delete page.heard;
  delete page.later;
});

async function run(code: string, trusted = true): Promise<HTMLElement> {
  const renderer = rendermime.createRenderer(MIME);
  await renderer.renderModel(new MimeModel({data: {[MIME]: code}, trusted}));
  return renderer.node;
}

it('takes the place of the stock renderer, at its rank', () => {
  expect(renderJavaScript(rendermime, documents, scope)).toBe(true);
  expect([rendermime.getRank(MIME), rendermime.getFactory(MIME)!.safe]).toEqual([7, false]);
});

it('is not put where a site has no renderer for JavaScript', () => {
  const bare = new RenderMimeRegistry();
  expect(renderJavaScript(bare, documents, scope)).toBe(false);
  expect(bare.mimeTypes).toEqual([]);
});

it.each(['function f() {} function f() {}', 'var f = 1; function f() {}', 'let element; // end'])(
  'runs what is right at the top of a script: %s',
  async code => {
    renderJavaScript(rendermime, documents, scope);
    await run(`${code}\n globalThis.heard = 1;`);
    expect(page.heard).toBe(1);
  }
);

it("gives a script its own notebook's kernel, at once and later", async () => {
  renderJavaScript(rendermime, documents, scope);
  await run(
    'window.heard = Jupyter.notebook.kernel.id; window.later = () => Jupyter.notebook.kernel.id'
  );
  expect([page.heard, page.later!()]).toEqual(['own', 'own']);
});

it('has comms belong to its output that it opens later', async () => {
  renderJavaScript(rendermime, documents, scope);
  const nodes: unknown[] = [];
  vi.spyOn(FakeConnection.prototype, 'createComm').mockImplementation(() => {
    nodes.push(scriptNode());
    throw new Error('enough');
  });
  const node = await run(
    "const {kernel} = Jupyter.notebook; window.later = () => kernel.comm_manager.new_comm('t')"
  );
  expect(page.later).toThrow('enough');
  expect(nodes).toEqual([node]);
  vi.restoreAllMocks();
});

it("gives window.Jupyter its own notebook's kernel while the script runs", async () => {
  renderJavaScript(rendermime, documents, scope);
  await run('window.heard = window.Jupyter.notebook.kernel.id');
  expect(page.heard).toBe('own');
});

it("hides window.Jupyter from code that wants the classic Notebook's modules", async () => {
  renderJavaScript(rendermime, documents, scope);
  await run("window.heard = window.Jupyter === undefined; () => require('base/js/events')");
  expect(page.heard).toBe(true);
});

it('gives a script the node of its output, and lets it declare any name', async () => {
  renderJavaScript(rendermime, documents, scope);
  const node = await run('const Jupyter = 1; let code = 2; element.textContent = Jupyter + code');
  expect(node.textContent).toBe('3');
});

it('rejects with what the script throws', async () => {
  renderJavaScript(rendermime, documents, scope);
  await expect(run('throw new RangeError("oh")')).rejects.toThrow(RangeError);
});

it('asks before it runs a script that is not trusted', async () => {
  renderJavaScript(rendermime, documents, scope);
  const node = await run('element.textContent = "ran"', false);
  expect(node.textContent).toMatch(/^Are you sure/);
  node.querySelector('button')!.click();
  expect(node.textContent).toBe('ran');
});
