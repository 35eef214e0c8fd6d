/**
 * The plugins of lite_comms that need nothing of its build: the extension of a site has them, and so
 * has the page's half that a kernel brings to a page without it.
 */
import type {JupyterFrontEnd, JupyterFrontEndPlugin} from '@jupyterlab/application';
import {type ConsolePanel, IConsoleTracker} from '@jupyterlab/console';
import {INotebookTracker, type NotebookPanel} from '@jupyterlab/notebook';
import {type ILogger, ILoggerRegistry} from '@jupyterlab/logconsole';
import {IRenderMimeRegistry} from '@jupyterlab/rendermime';
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {CommandToolbarButton, stopIcon} from '@jupyterlab/ui-components';
import {version} from '../../package.json';
import {renderJavaScript, runsScripts} from '../comms/javascript';
import {Documents, GlobalJupyter, type IDocument} from '../comms/jupyter';
import {alwaysWaitAsync} from '../live/isolation';
import {Callbacks, type ILog, type IView, type Level} from '../outputs/callbacks';
import {tellOfCallback, tellOfDeadKernel, tellOfDeafKernel} from '../outputs/notices';
import type {ICell} from '../outputs/origins';
import type {IOutputs} from '../outputs/outputs';
import {scriptNode} from '../outputs/script';
import {connectKernels} from './connect';
import {findPresent} from './present';
import {followConnections} from './reach';
import {modulePolicy, settingsOf} from './settings';
import {ICallbacks} from './tokens';

export {letAnswersBeAwaited} from '../live/isolation';

export const classic: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:classic',
  description: 'The classic comm API, Jupyter.notebook.kernel.comm_manager, for page code.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [INotebookTracker, IConsoleTracker],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null
  ) => {
    const {kernels} = app.serviceManager;
    const {modules, savedScripts} = settingsOf(classic.id);
    // On a server a notebook is trusted by its signature; in JupyterLite it may say so of itself.
    const mayTrustItself = app.listPlugins().some(id => id.startsWith('@jupyterlite/'));
    const documents = new Documents(
      model => kernels.connectTo({model, handleComms: true}),
      modulePolicy(modules, () => runsScripts(rendermime))
    );
    followConnections(kernels, connection => documents.follow(connection));
    const scope = new GlobalJupyter(
      documents,
      scriptNode,
      () => app.shell.currentWidget?.node ?? null
    );
    const add = (
      own: IRenderMimeRegistry,
      document: Omit<IDocument, 'resolver'>,
      isUsed?: boolean
    ) => {
      documents.add({...document, resolver: own.resolver}, isUsed);
      // What was open before this plugin has copied JupyterLab's own renderer.
      renderJavaScript(own, documents, scope);
    };
    const addNotebook = ({node, content, sessionContext}: NotebookPanel) => {
      const isUsed =
        !mayTrustItself ||
        savedScripts === true ||
        // A cell that runs already has brought this to the page.
        sessionContext.session?.kernel?.status === 'busy';
      add(content.rendermime, {node, session: sessionContext}, isUsed);
    };
    const addConsole = ({node, console, sessionContext}: ConsolePanel) =>
      add(console.rendermime, {node, session: sessionContext});
    notebooks?.forEach(addNotebook);
    notebooks?.widgetAdded.connect((_, panel) => addNotebook(panel));
    consoles?.forEach(addConsole);
    consoles?.widgetAdded.connect((_, panel) => addConsole(panel));
    if (!renderJavaScript(rendermime, documents, scope)) {
      // JupyterLab's own renderer is not there yet, or not at all.
      void app.started.then(() => renderJavaScript(rendermime, documents, scope));
    }
  }
};

/** The channel of a site's extension. */
export const channel: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:channel',
  description: "The direct channel to JupyterLite's Python kernels.",
  autoStart: true,
  activate: async app => {
    const problem = await connect(app, false).catch(String);
    if (problem) {
      console.warn(`lite_comms: comms take JupyterLite's own path: ${problem}`);
    }
  }
};

/**
 * Put the channel between the clients and the kernels of an application.
 *
 * @param isInjected - Whether a kernel has brought this to the page.
 * @returns Why it cannot be done where there is nothing to connect; empty if it is done, or if this is
 * JupyterLab on a server, where nobody expects it.
 * @throws what else goes wrong; nothing is changed then.
 */
export async function connect(app: JupyterFrontEnd, isInjected: boolean): Promise<string> {
  // Only where it is: in JupyterLab on a server there is no such module.
  const lite = await import('@jupyterlite/services').catch(() => null);
  const specs = lite && (await app.resolveOptionalService(lite.IKernelSpecs));
  if (!specs) {
    return isInjected ? 'this application has no kernels in the browser' : '';
  }
  const client = await app.resolveOptionalService(lite.IKernelClient);
  const {kernels} = app.serviceManager;
  const options = {
    version,
    isInjected,
    expected: app.hasPlugin('lite-comms:kernel-start'),
    live: settingsOf(channel.id)['live'] !== false,
    onDeaf: (id: string, comms: readonly string[]) => tellOfDeafKernel(app, id, comms),
    onDied: (id: string, reason: string, restarts: boolean, isTold: boolean) =>
      tellOfDeadKernel(app, id, reason, restarts, isTold)
  };
  const present = await findPresent(kernels, client);
  connectKernels(kernels, specs, client, options, present);
  return '';
}

/** Notebooks have all this already; by its name the command can be given another key. */
const STOP = 'lite-comms:stop';

/**
 * Whether something may be selected, which Ctrl C copies. Firefox does not count what is selected in a
 * field to the page's, and a field of numbers does not tell.
 */
function hasSelection(): boolean {
  const {activeElement: field} = document;
  const isIn = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
  return isIn
    ? field.selectionStart === null || field.selectionStart !== field.selectionEnd
    : Boolean(window.getSelection()?.toString());
}

export const stop: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:console-stop',
  description: 'Stop, for consoles and the REPL: a command with a key and a button.',
  autoStart: true,
  optional: [IConsoleTracker],
  activate: ({commands}: JupyterFrontEnd, consoles: IConsoleTracker | null) => {
    if (!consoles) {
      return;
    }
    const kernel = () => consoles.currentWidget?.sessionContext.session?.kernel;
    commands.addCommand(STOP, {
      label: 'Stop',
      caption: 'Stop what runs in the kernel (Ctrl C)',
      icon: stopIcon,
      execute: async ({_luminoEvent}) => {
        // The key copies what is selected, as everywhere.
        if (!_luminoEvent || !hasSelection()) {
          await kernel()?.interrupt();
        }
      }
    });
    const selector = '.jp-CodeConsole';
    commands.addKeyBinding({command: STOP, keys: ['Ctrl C'], selector, preventDefault: false});
    const addButton = async ({sessionContext, toolbar}: ConsolePanel) => {
      await sessionContext.ready;
      if (!toolbar.isDisposed) {
        const button = new CommandToolbarButton({commands, id: STOP, label: ''});
        if (!toolbar.insertAfter('run', STOP, button)) {
          toolbar.addItem(STOP, button);
        }
      }
    };
    consoles.forEach(panel => void addButton(panel));
    consoles.widgetAdded.connect((_, panel) => void addButton(panel));
  }
};

export const isolation: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:isolation',
  description: "Lets every cell of JupyterLite's Python kernels end on an isolated page.",
  autoStart: true,
  activate: () => alwaysWaitAsync(globalThis)
};

export const callbacks: JupyterFrontEndPlugin<Callbacks> = {
  id: 'lite-comms:callbacks',
  description: 'Shows what comm callbacks say in the output of the cell that they belong to.',
  autoStart: true,
  provides: ICallbacks,
  optional: [INotebookTracker, IConsoleTracker, ILoggerRegistry],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
    loggers: ILoggerRegistry | null
  ) => {
    const place = settingsOf(callbacks.id)['show'] === 'log' ? 'log' : 'cell';
    const all = new Callbacks(place, scriptNode);
    followConnections(app.serviceManager.kernels, connection => all.follow(connection));
    const add = ({disposed}: NotebookPanel | ConsolePanel, view: IView) => {
      all.add(view);
      disposed.connect(() => all.remove(view));
    };
    const addNotebook = (panel: NotebookPanel) => {
      const {context, content, sessionContext} = panel;
      // What JupyterLab keeps of all outputs of a notebook, at level Info, is not logged once more.
      const skips = ({level}: ILogger) =>
        (level === 'info' || level === 'debug') && app.isPluginActivated(LOG_OUTPUT);
      const {rendermime} = content;
      const log = loggers && new Log(loggers, () => context.path, rendermime, skips);
      add(panel, {sessionContext, cells: () => cellsOf(content.widgets), log, tell});
    };
    // The log console shows that of a notebook only.
    const addConsole = (panel: ConsolePanel) => {
      const {console, sessionContext} = panel;
      add(panel, {sessionContext, cells: () => cellsOf(console.cells), log: null, tell});
    };
    notebooks?.forEach(addNotebook);
    notebooks?.widgetAdded.connect((_, panel) => addNotebook(panel));
    consoles?.forEach(addConsole);
    consoles?.widgetAdded.connect((_, panel) => addConsole(panel));
    return all;
  }
};

/** The plugin of JupyterLab that logs the outputs of notebooks. */
const LOG_OUTPUT = '@jupyterlab/notebook-extension:log-output';

/** What is used of JupyterLab's cells. */
interface ILabCell {
  readonly node: Node;
  /** Only a cell of code has outputs. */
  readonly model: {readonly id: string; readonly outputs?: IOutputs};
  /** Not there before the cell has been drawn. */
  readonly outputArea?: {readonly future?: Pick<Kernel.IShellFuture, 'msg'> | null};
}

/** The cells that have outputs, drawn or not. */
function* cellsOf(cells: Iterable<ILabCell>): Iterable<ICell> {
  for (const {node, model, outputArea} of cells) {
    const {id, outputs} = model;
    if (outputs) {
      const run = outputArea?.future?.msg.header.msg_id;
      yield {id, node, outputs, ...(run !== undefined && {run})};
    }
  }
}

/** What JupyterLab has logged of a document, which has another log when it is renamed. */
class Log implements ILog {
  constructor(
    private readonly _loggers: ILoggerRegistry,
    private readonly _path: () => string,
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _skips: (logger: ILogger) => boolean
  ) {}

  get count(): number {
    return this._logger.version;
  }

  add({header, content}: KernelMessage.IIOPubMessage, level: Level): void {
    const logger = this._logger;
    if (!this._skips(logger)) {
      logger.rendermime = this._rendermime;
      logger.log({type: 'output', data: {...content, output_type: header.msg_type}, level});
    }
  }

  private get _logger(): ILogger {
    return this._loggers.getLogger(this._path());
  }
}

const tell: IView['tell'] = ({content}, level) => tellOfCallback(asText(content), level);

/** An output in one text. */
function asText(content: object): string {
  const {text, ename, evalue, data} = content as {
    text?: string;
    ename?: string;
    evalue?: string;
    data?: {'text/plain'?: string};
  };
  return text ?? `${data?.['text/plain'] ?? `${ename}: ${evalue}`}\n`;
}
