/**
 * The page's half of lite_comms as one script, which a kernel brings to a page that lacks it.
 *
 * It is evaluated with `answers`, a BroadcastChannel on which the kernel waits for the outcome. It
 * finds the modules of the page and the application, and starts the plugins of the extension there.
 * The build hands it `modules`, from which all other modules of the script take JupyterLab's.
 */
import type {JupyterFrontEnd, JupyterFrontEndPlugin} from '@jupyterlab/application';
import {dependencies} from '../../package.json';

declare const answers: BroadcastChannel;
/** What `require` of the script looks up. */
declare const modules: Map<string, unknown>;

/** Module federation's: by package and version, how to get a module that the page has. */
interface IScope {
  [name: string]: {[version: string]: {get(): Promise<() => unknown>; loaded?: unknown}};
}

/** What the bundler's runtime hands over: its share scopes. */
interface IRuntime {
  S?: {default?: IScope};
}

/** The list of chunks of JupyterLite's applications; older ones are built with webpack. */
const CHUNKS = /^(rspack|webpack)Chunk_JUPYTERLAB_CORE_OUTPUT$/;

/** Several views may show the same output, and several notebooks bring the same script. */
const STARTED = Symbol.for('lite_comms:page');
const page = globalThis as {[STARTED]?: Promise<string>};

page[STARTED] ??= start().catch((error: unknown) => `${error}`);
void page[STARTED].then(problem => {
  if (problem) {
    delete page[STARTED]; // another try may succeed
  }
  answers.postMessage({problem});
  answers.close();
});

/** Start the plugins; returns why that cannot be done, in a line, or an empty text. */
async function start(): Promise<string> {
  const scope = findScope();
  if (!scope) {
    return 'this page is not JupyterLite, or was built in a way lite_comms does not know';
  }
  for (const name of Object.keys(dependencies)) {
    const entry = Object.values(scope[name] ?? {}).find(({loaded}) => loaded);
    modules.set(name, entry ? (await entry.get())() : absent(name));
  }
  const app = await findApplication();
  if (!app) {
    return 'its application cannot be found';
  }
  const {channel, connect, letAnswersBeAwaited, ...plugins} = await import(
    /* webpackMode: "eager" */ './plugins'
  );
  if (app.hasPlugin(channel.id)) {
    return '';
  }
  const problem = await connect(app, true);
  if (problem) {
    return problem;
  }
  // Kernels that run were there before the isolation plugin.
  letAnswersBeAwaited(globalThis);
  // Registers the name, so that a later script finds the channel installed.
  await add(app, {...channel, activate: () => undefined});
  for (const plugin of Object.values(plugins)) {
    await add(app, plugin).catch((error: unknown) => {
      console.warn(`lite_comms: '${plugin.id}' does not start`, error);
    });
  }
  return '';
}

async function add(app: JupyterFrontEnd, plugin: JupyterFrontEndPlugin<unknown>): Promise<void> {
  app.registerPlugin(plugin);
  await app.activatePlugin(plugin.id);
}

/** The modules that the page shares with its extensions. */
function findScope(): IScope | undefined {
  let scope: IScope | undefined;
  const name = Object.keys(globalThis).find(key => CHUNKS.test(key));
  const chunks = name && (globalThis as unknown as {[name: string]: unknown})[name];
  if (Array.isArray(chunks)) {
    // A chunk without modules, that is to be run at once with the runtime.
    chunks.push([[Symbol('lite_comms')], {}, (runtime: IRuntime) => (scope = runtime.S?.default)]);
  }
  return scope;
}

/** Stands for a module that the page does not use: its tokens are provided by nobody. */
function absent(name: string): unknown {
  return new Proxy(
    {},
    {
      get: (_, member) => {
        const {Token} = modules.get('@lumino/coreutils') as typeof import('@lumino/coreutils');
        return new Token(`${name}:${String(member)} is not on this page`);
      }
    }
  );
}

/** The application: it is in no global, but listens to events of the window by its `handleEvent`. */
async function findApplication(): Promise<JupyterFrontEnd | undefined> {
  const {Application} = modules.get('@lumino/application') as {
    Application: {prototype: {handleEvent(event: Event): void}};
  };
  let found: JupyterFrontEnd | undefined;
  const {prototype} = Application;
  const {handleEvent} = prototype;
  prototype.handleEvent = function (this: unknown, event) {
    found = this as JupyterFrontEnd;
    handleEvent.call(this, event);
  };
  try {
    window.dispatchEvent(new Event('resize'));
  } finally {
    prototype.handleEvent = handleEvent;
  }
  return found;
}
