/**
 * The plugin of the inspector: a command, its places, and a mark on its button when something has failed.
 * The panel's code is loaded when it is opened for the first time.
 */
import {ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin} from '@jupyterlab/application';
import {ICommandPalette, type ISessionContext, showErrorMessage} from '@jupyterlab/apputils';
import {IConsoleTracker} from '@jupyterlab/console';
import {IMainMenu} from '@jupyterlab/mainmenu';
import {INotebookTracker, type NotebookPanel} from '@jupyterlab/notebook';
import {IRenderMimeRegistry} from '@jupyterlab/rendermime';
import type {Kernel} from '@jupyterlab/services';
import {ITranslator, nullTranslator} from '@jupyterlab/translation';
import {CommandToolbarButton, inspectorIcon} from '@jupyterlab/ui-components';
import type {Widget} from '@lumino/widgets';
import type {Traffic, View} from '../../inspector/open';
import type {Callbacks} from '../../outputs/callbacks';
import {followConnections, hasTarget} from '../reach';
import {ICallbacks} from '../tokens';
import {cellIn, pathOf} from './facts';
import {Refusals} from './refusals';
import {askForStatus} from './sign';

const OPEN = 'lite-comms:open-inspector';
const BUTTON = 'lite-comms-inspector';
/** Seen, and not in the way. */
const MARK = 'inset 0 -2px var(--jp-error-color1)';

/** Seen only where the user's own colors replace those of the theme, and shadows are not drawn. */
const OUTLINE = '2px solid transparent';

/** A notebook or a console. */
type Document = Widget & {readonly sessionContext: ISessionContext};

export const inspector: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:inspector',
  description: 'A panel that shows the comm messages of a kernel.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [
    INotebookTracker,
    IConsoleTracker,
    ILabShell,
    ICommandPalette,
    IMainMenu,
    ITranslator,
    ICallbacks
  ],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
    labShell: ILabShell | null,
    palette: ICommandPalette | null,
    menu: IMainMenu | null,
    translator: ITranslator | null,
    callbacks: Callbacks | null
  ) => {
    const {commands, shell, serviceManager} = app;
    // The notebooks app has one document in its main area.
    const area = labShell ? 'main' : 'down';
    if (!labShell && !('expandLeft' in shell)) {
      return; // an app that has no place for a panel
    }
    const trans = (translator ?? nullTranslator).load('lite_comms');
    const connections = new Connections();
    followConnections(serviceManager.kernels, connection => connections.add(connection));
    const panels = new Map<Document, Promise<Widget | null>>();
    const documentOf = (id: unknown): Document | null => {
      const all = [notebooks, consoles].flatMap(tracker => {
        const found: Document[] = [];
        tracker?.forEach(panel => found.push(panel));
        return found;
      });
      const {currentWidget} = shell;
      return (
        all.find(each => each.id === id) ??
        all.find(each => each === currentWidget) ??
        notebooks?.currentWidget ??
        consoles?.currentWidget ??
        null
      );
    };
    const failuresOf = ({sessionContext}: Document) =>
      callbacks?.failures.of(sessionContext.session?.kernel?.id ?? '') ?? [];
    const forget = ({sessionContext}: Document) =>
      callbacks?.failures.forget(sessionContext.session?.kernel?.id ?? '');
    /** The traffic of the documents that have a panel. */
    const learning = new Map<Document, Traffic>();
    const buttons = new Map<NotebookPanel, CommandToolbarButton>();
    // Who looks at the inspector sees it there.
    const hasFailed = (panel: NotebookPanel) => !panels.has(panel) && failuresOf(panel).length > 0;
    /** Make a panel; null if the document is closed meanwhile. */
    const make = async (document: Document): Promise<Widget | null> => {
      // A chunk of its own.
      const {makePanel, Traffic, View} = await import('../../inspector/open');
      if (document.isDisposed) {
        panels.delete(document);
        return null;
      }
      const {sessionContext} = document;
      const traffic = new Traffic(hasTarget);
      const kernel = () => sessionContext.session?.kernel ?? null;
      const view = new View(
        traffic,
        {
          path: () => pathOf(kernel(), trans),
          cellOf: comm_id => {
            const cell = callbacks?.openedIn(kernel()?.id ?? '', comm_id);
            const activate = () => shell.activateById(document.id);
            return cell ? cellIn(document, cell.id, activate) : null;
          },
          status: async () => {
            const asked = kernel();
            return asked ? askForStatus(asked, trans) : trans.__('No kernel');
          }
        },
        trans
      );
      const unfollow = connections.follow(sessionContext, traffic, view);
      failuresOf(document).forEach(failure => traffic.learn(failure));
      learning.set(document, traffic);
      const panel = makePanel(view, rendermime, `${BUTTON}-${document.id}`, sessionContext.name);
      const close = () => panel.dispose();
      document.disposed.connect(close);
      panel.disposed.connect(() => {
        document.disposed.disconnect(close);
        unfollow();
        forget(document); // they have been seen
        learning.delete(document);
        panels.delete(document);
      });
      shell.add(panel, area, {ref: document.id, mode: 'split-bottom'});
      if (!panel.isAttached) {
        panel.dispose();
        throw new Error('this version of the application has no place for a panel');
      }
      return panel;
    };
    commands.addCommand(OPEN, {
      label: trans.__('Comm Inspector'),
      caption: ({id}) => {
        const isMarked = [...buttons.keys()].some(panel => panel.id === id && hasFailed(panel));
        return isMarked
          ? trans.__('Comm Inspector: a callback has failed, or a comm was refused or is closed')
          : trans.__('Comm Inspector: show the comm messages of the kernel');
      },
      icon: inspectorIcon,
      isEnabled: () => documentOf(null) !== null,
      execute: async ({id}) => {
        const document = documentOf(id);
        if (!document) {
          return;
        }
        const opening = panels.get(document) ?? make(document);
        panels.set(document, opening);
        try {
          const panel = await opening;
          if (!panel) {
            return;
          }
          const {makeRoom} = await import('../../inspector/open');
          // Behind the palette, which focuses the document again when a command has been chosen.
          requestAnimationFrame(() => {
            shell.activateById(panel.id);
            makeRoom(panel);
          });
          forget(document);
        } catch (error) {
          panels.delete(document); // another try may succeed
          void showErrorMessage(trans.__('The inspector does not open'), `${error}`);
        }
      }
    });
    palette?.addItem({command: OPEN, category: trans.__('Kernel Operations')});
    menu?.viewMenu.addGroup([{command: OPEN}], 100);

    const markAll = () => {
      for (const [panel, {node}] of buttons) {
        const isMarked = hasFailed(panel);
        node.style.boxShadow = isMarked ? MARK : '';
        node.style.outline = isMarked ? OUTLINE : '';
      }
      commands.notifyCommandChanged(OPEN); // its caption
    };
    const addButton = async (panel: NotebookPanel) => {
      await panel.sessionContext.ready;
      const {toolbar} = panel;
      if (toolbar.isDisposed) {
        return;
      }
      const args = {id: panel.id};
      const button = new CommandToolbarButton({commands, id: OPEN, args, label: ''});
      button.addClass(BUTTON);
      if (!toolbar.insertBefore('spacer', BUTTON, button)) {
        toolbar.addItem(BUTTON, button);
      }
      buttons.set(panel, button);
      panel.disposed.connect(() => buttons.delete(panel));
      panel.sessionContext.kernelChanged.connect(markAll);
      markAll();
    };
    notebooks?.forEach(panel => void addButton(panel));
    notebooks?.widgetAdded.connect((_, panel) => void addButton(panel));
    if (callbacks) {
      const {failures} = callbacks;
      const refusals = new Refusals(failures, hasTarget);
      failures.examine = refusals.examine;
      window.addEventListener('error', ({error}) => refusals.uncaught(error));
      window.addEventListener('unhandledrejection', ({reason}) => refusals.uncaught(reason));
      failures.subscribe((kernelId, failure) => {
        markAll();
        // All other failures are messages, which the traffic has heard.
        if (failure && 'kind' in failure && failure.kind === 'uncaught') {
          learning.forEach(
            (traffic, {sessionContext}) =>
              sessionContext.session?.kernel?.id === kernelId && traffic.learn(failure)
          );
        }
      });
    }
  }
};

/** The page's connections to kernels. */
class Connections {
  add(connection: Kernel.IKernelConnection): void {
    const all = this._all.get(connection.id) ?? new Set();
    this._all.set(connection.id, all.add(connection));
    connection.disposed.connect(() => {
      all.delete(connection);
      if (all.size === 0 && this._all.get(connection.id) === all) {
        this._all.delete(connection.id);
      }
    });
    this._hear.forEach(hear => hear(connection));
  }

  /** Have the traffic of a document's kernel followed, whichever that is; returns how to stop. */
  follow(sessionContext: ISessionContext, traffic: Traffic, view: View): () => void {
    let id = '';
    const change = () => {
      const kernel = sessionContext.session?.kernel;
      if (!kernel || kernel.id === id) {
        return;
      }
      if (id) {
        traffic.leaveAll();
        traffic.end();
      }
      ({id} = kernel);
      this._all.get(id)?.forEach(connection => traffic.follow(connection));
      kernel.requestCommInfo({}).then(
        ({content}) => content.status === 'ok' && traffic.found(content.comms),
        () => undefined // the kernel has ended first
      );
      view.refresh();
    };
    const hear = (connection: Kernel.IKernelConnection) =>
      connection.id === id && traffic.follow(connection);
    this._hear.add(hear);
    sessionContext.kernelChanged.connect(change);
    change();
    return () => {
      this._hear.delete(hear);
      sessionContext.kernelChanged.disconnect(change);
    };
  }

  private readonly _all = new Map<string, Set<Kernel.IKernelConnection>>();
  private readonly _hear = new Set<(connection: Kernel.IKernelConnection) => unknown>();
}
