// @vitest-environment jsdom
/** The script that a kernel brings, on pages of several kinds. */
import '../parts/jsdom';
import {Application} from '@lumino/application';
import * as application from '@lumino/application';
import * as coreutils from '@lumino/coreutils';
import {Widget} from '@lumino/widgets';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';

const started: string[] = [];
const connect = vi.fn(async () => '');
const plugin = (id: string) => ({id, activate: () => void started.push(id)});
vi.mock('../../src/install/plugins', () => ({
  connect,
  letAnswersBeAwaited: () => () => undefined,
  channel: plugin('lite-comms:channel'),
  classic: plugin('lite-comms:classic'),
  isolation: plugin('lite-comms:isolation'),
  callbacks: plugin('lite-comms:callbacks')
}));

const CHUNKS = 'rspackChunk_JUPYTERLAB_CORE_OUTPUT';
const page = globalThis as unknown as {[name: string]: unknown};
const {handleEvent} = Application.prototype;

let app: Application<Widget>;
let modules: Map<string, unknown>;

/** A page, with the module federation of the bundler that JupyterLite is built with. */
function makePage(name = CHUNKS): void {
  const shared = (module: unknown, loaded: unknown = 1) => ({
    get: async () => () => module,
    loaded
  });
  const scope = {
    '@lumino/application': {'2.0.0': shared(null, 0), '2.4.0': shared(application)},
    '@lumino/coreutils': {'2.2.0': shared(coreutils)}
  };
  const runtime = {S: {default: scope}};
  const push = ([, , run]: [unknown, unknown, (require: unknown) => void]) => run(runtime);
  page[name] = Object.assign([], {push});
}

beforeEach(async () => {
  started.length = 0;
  modules = new Map();
  vi.stubGlobal('modules', modules);
  app = new Application({shell: new Widget()});
  await app.start({hostID: ''});
});

afterEach(() => {
  delete page[CHUNKS];
  delete page['webpackChunk_JUPYTERLAB_CORE_OUTPUT'];
  delete (page as unknown as {[name: symbol]: unknown})[Symbol.for('lite_comms:page')];
  expect(Application.prototype.handleEvent).toBe(handleEvent);
  vi.unstubAllGlobals();
  vi.resetModules();
  window.removeEventListener('resize', app);
});

/** Evaluate the script; returns what it answers. */
async function inject(): Promise<unknown> {
  const answers: unknown[] = [];
  let isOpen = true;
  vi.stubGlobal('answers', {
    postMessage: (answer: unknown) => answers.push(answer),
    close: () => (isOpen = false)
  });
  vi.resetModules();
  await import('../../src/install/inject');
  await vi.waitFor(() => expect(isOpen).toBe(false));
  expect(answers.length).toBe(1);
  return (answers[0] as {problem: unknown}).problem;
}

it.each([CHUNKS, 'webpackChunk_JUPYTERLAB_CORE_OUTPUT'])(
  'starts the plugins on a page with %s',
  async name => {
    makePage(name);
    expect(await inject()).toBe('');
    expect(connect).toHaveBeenCalledWith(app, true);
    expect(started).toEqual(['lite-comms:classic', 'lite-comms:isolation', 'lite-comms:callbacks']);
    expect(app.hasPlugin('lite-comms:channel')).toBe(true);
    expect(modules.get('@lumino/application')).toBe(application);
  }
);

it('gives a module that the page has not loaded tokens that nobody provides', async () => {
  makePage();
  await inject();
  const {INotebookTracker} = modules.get('@jupyterlab/notebook') as {
    INotebookTracker: coreutils.Token<unknown>;
  };
  expect(await app.resolveOptionalService(INotebookTracker)).toBe(null);
});

it('does nothing a second time', async () => {
  makePage();
  await inject();
  started.length = 0;
  connect.mockClear();
  expect(await inject()).toBe('');
  expect([started, connect.mock.calls]).toEqual([[], []]);
});

it('does nothing where a site has the extension', async () => {
  makePage();
  connect.mockClear();
  app.registerPlugin({id: 'lite-comms:channel', activate: () => undefined});
  expect(await inject()).toBe('');
  expect([started, connect.mock.calls]).toEqual([[], []]);
});

it('says that a page is not of JupyterLite', async () => {
  expect(await inject()).toContain('this page is not JupyterLite');
});

it('says that there is no application', async () => {
  makePage();
  window.removeEventListener('resize', app);
  expect(await inject()).toBe('its application cannot be found');
});

it('says what goes wrong, and can be tried again', async () => {
  makePage();
  connect.mockResolvedValueOnce('there are no kernels').mockRejectedValueOnce(new Error('odd'));
  expect(await inject()).toBe('there are no kernels');
  expect(await inject()).toBe('Error: odd');
  expect([app.hasPlugin('lite-comms:channel'), started]).toEqual([false, []]);
  expect(await inject()).toBe('');
});

it('goes on where a plugin beside the channel does not start', async () => {
  makePage();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  app.registerPlugin({id: 'lite-comms:classic', activate: () => undefined});
  expect(await inject()).toBe('');
  expect(started).toEqual(['lite-comms:isolation', 'lite-comms:callbacks']);
});
