/** The plugins of lite_comms. */
import type {JupyterFrontEnd, JupyterFrontEndPlugin} from '@jupyterlab/application';
import {type ConsolePanel, IConsoleTracker} from '@jupyterlab/console';
import {INotebookTracker, type NotebookPanel} from '@jupyterlab/notebook';
import {ILoggerRegistry} from '@jupyterlab/logconsole';
import {PageConfig} from '@jupyterlab/coreutils';
import {IRenderMimeRegistry} from '@jupyterlab/rendermime';
import {version} from '../package.json';
import {alwaysWaitAsync} from './isolation';
import {renderJavaScript} from './javascript';
import {Documents, GlobalJupyter} from './jupyter';
import {logErrors} from './log';
import {tellOfDeadKernel, tellOfDeafKernel} from './notices';
import {connectKernels} from './reach';
import {settingsOf} from './settings';
import {loadWithKernel} from './start';

declare const __webpack_public_path__: string;

const classic: JupyterFrontEndPlugin<void> = {
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
    const documents = new Documents(model => kernels.connectTo({model, handleComms: true}));
    const addNotebook = ({node, context, sessionContext}: NotebookPanel) =>
      documents.add({node, resolver: context.urlResolver, session: sessionContext});
    const addConsole = ({node, console, sessionContext}: ConsolePanel) =>
      documents.add({node, resolver: console.rendermime.resolver, session: sessionContext});
    notebooks?.forEach(addNotebook);
    notebooks?.widgetAdded.connect((_, panel) => addNotebook(panel));
    consoles?.forEach(addConsole);
    consoles?.widgetAdded.connect((_, panel) => addConsole(panel));

    const scope = new GlobalJupyter(documents, () => app.shell.currentWidget?.node ?? null);
    if (!renderJavaScript(rendermime, documents, scope)) {
      // JupyterLab's own renderer is not there yet, or not at all.
      void app.started.then(() => renderJavaScript(rendermime, documents, scope));
    }
  }
};

const channel: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:channel',
  description: "The direct channel to JupyterLite's Python kernels.",
  autoStart: true,
  activate: async (app: JupyterFrontEnd) => {
    // Only where it is: in JupyterLab on a server there is no such module.
    const lite = await import('@jupyterlite/services').catch(() => null);
    const specs = lite && (await app.resolveOptionalService(lite.IKernelSpecs));
    if (!specs) {
      return;
    }
    const client = await app.resolveOptionalService(lite.IKernelClient);
    const expected = !PageConfig.Extension.isDisabled(kernelStart.id);
    const live = settingsOf(channel.id)['live'] !== false;
    const onDeaf = (id: string, comms: readonly string[]) => tellOfDeafKernel(app, id, comms);
    const onDied = (id: string, reason: string, restarts: boolean) =>
      tellOfDeadKernel(app, id, reason, restarts);
    try {
      connectKernels(app.serviceManager.kernels, specs, client, {
        version,
        expected,
        live,
        onDeaf,
        onDied
      });
    } catch (error) {
      console.warn("lite_comms: comms take JupyterLite's own path, its parts are not known", error);
    }
  }
};

const kernelStart: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:kernel-start',
  description: "Puts lite_comms in force in JupyterLite's Python kernels, before the first cell.",
  autoStart: true,
  activate: () => {
    const file = `pypi/lite_comms-${version}-py3-none-any.whl`;
    loadWithKernel(new URL(file, new URL(__webpack_public_path__, document.baseURI)).href);
  }
};

const isolation: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:isolation',
  description: "Lets every cell of JupyterLite's Python kernels end on an isolated page.",
  autoStart: true,
  activate: () => alwaysWaitAsync(globalThis)
};

const log: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:log',
  description: 'Shows the errors of comm callbacks in the log console.',
  autoStart: true,
  optional: [INotebookTracker, ILoggerRegistry],
  activate: (_, notebooks: INotebookTracker | null, loggers: ILoggerRegistry | null) => {
    if (notebooks && loggers) {
      logErrors(notebooks, loggers);
    }
  }
};

export default [classic, channel, kernelStart, isolation, log];
