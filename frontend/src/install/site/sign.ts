/**
 * A sign that comms of the current kernel take the direct channel: an item of the status bar, or where
 * there is none, as in the notebooks app, a button of a notebook's tool bar. A click shows what
 * `lite_comms.status()` says.
 */
import type {JupyterFrontEnd, JupyterFrontEndPlugin} from '@jupyterlab/application';
import {Dialog, type ISessionContext, showDialog} from '@jupyterlab/apputils';
import {INotebookTracker, type NotebookPanel} from '@jupyterlab/notebook';
import type {Kernel} from '@jupyterlab/services';
import {IStatusBar} from '@jupyterlab/statusbar';
import {offlineBoltIcon, ToolbarButton} from '@jupyterlab/ui-components';
import {Signal} from '@lumino/signaling';
import {Widget} from '@lumino/widgets';
import {whyNotAttached} from '../../wire/attachments';

const LABEL = 'Comms: direct';
const CAPTION =
  'lite_comms is active: comm messages go straight between the page and the kernel. Click for its status.';
const NOT_ACTIVE = 'lite_comms is not active in this kernel.';
const ASKING = 'Asking the kernel…';

export const sign: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:sign',
  description: 'A sign that lite_comms is active, with its status behind it.',
  autoStart: true,
  optional: [IStatusBar, INotebookTracker],
  activate: (
    {shell}: JupyterFrontEnd,
    bar: IStatusBar | null,
    notebooks: INotebookTracker | null
  ) => {
    if (bar) {
      const watched = new Watched();
      const item = makeItem(() => showStatus(watched.kernel));
      bar.registerStatusItem(sign.id, {
        item,
        align: 'right',
        rank: 10,
        isActive: () => watched.isActive,
        activeStateChanged: watched.changed
      });
      const follow = () => watched.follow(sessionOf(shell.currentWidget));
      shell.currentChanged?.connect(follow);
      follow();
      return;
    }
    const addButton = ({sessionContext, toolbar, disposed}: NotebookPanel) => {
      const watched = new Watched();
      const button = new ToolbarButton({
        icon: offlineBoltIcon,
        tooltip: CAPTION,
        onClick: () => showStatus(watched.kernel)
      });
      const update = () => button.setHidden(!watched.isActive);
      watched.changed.connect(update);
      watched.follow(sessionContext);
      disposed.connect(() => watched.follow(null));
      update();
      if (!toolbar.insertBefore('spacer', sign.id, button)) {
        toolbar.addItem(sign.id, button);
      }
    };
    notebooks?.forEach(addButton);
    notebooks?.widgetAdded.connect((_, panel) => addButton(panel));
  }
};

/** Whether the kernel of a document that changes is reached directly. */
class Watched {
  readonly changed = new Signal<this, void>(this);

  get kernel(): Kernel.IKernelConnection | null {
    return this._context?.session?.kernel ?? null;
  }

  get isActive(): boolean {
    const {kernel} = this;
    // One that starts is taken to be reached until it has answered.
    return kernel !== null && kernel.status !== 'unknown' && whyNotAttached(kernel) === '';
  }

  follow(context: ISessionContext | null): void {
    if (context === this._context) {
      return;
    }
    for (const [each, method] of [
      [this._context, 'disconnect'],
      [context, 'connect']
    ] as const) {
      each?.kernelChanged[method](this._tell, this);
      // A kernel's half answers before it becomes idle, at its start or after the cell that loads it.
      each?.statusChanged[method](this._tell, this);
    }
    this._context = context;
    this._tell();
  }

  private _tell(): void {
    this.changed.emit();
  }

  private _context: ISessionContext | null = null;
}

/** The session of a notebook or a console; null for any other widget. */
function sessionOf(widget: Widget | null): ISessionContext | null {
  return (widget as {sessionContext?: ISessionContext} | null)?.sessionContext ?? null;
}

/** A button without looks of its own, in the colours of the status bar. */
function makeItem(onClick: () => unknown): Widget {
  const button = document.createElement('button');
  button.textContent = LABEL;
  button.title = CAPTION;
  Object.assign(button.style, {background: 'none', border: '0', cursor: 'pointer'});
  button.className = 'jp-StatusBar-TextItem';
  button.onclick = onClick;
  const item = new Widget();
  item.addClass('jp-mod-highlighted');
  item.node.append(button);
  return item;
}

/** Show what the kernel's `status()` says, once it has said it. */
async function showStatus(kernel: Kernel.IKernelConnection | null): Promise<void> {
  const body = new Widget({node: document.createElement('pre')});
  body.node.style.whiteSpace = 'pre-wrap';
  body.node.setAttribute('role', 'status');
  body.node.textContent = ASKING;
  const said = kernel ? askForStatus(kernel) : Promise.resolve('There is no kernel.');
  void said.then(
    text => (body.node.textContent = text),
    error => (body.node.textContent = `The kernel does not answer: ${error}`)
  );
  await showDialog({title: 'lite_comms', body, buttons: [Dialog.okButton({label: 'Close'})]});
}

/** The comm target of the kernel's half that answers with its status, in the data of the comm_close. */
const TARGET = 'lite_comms.status';

/** By a comm: that leaves no trace in the kernel, and comes through while a cell runs. */
export function askForStatus(kernel: Kernel.IKernelConnection): Promise<string> {
  return new Promise(resolve => {
    const comm = kernel.createComm(TARGET);
    comm.onClose = ({content, metadata}) => {
      const {evalue} = (metadata['lite_comms'] ?? {}) as {evalue?: string};
      // A kernel without lite_comms closes a comm of a target that it does not know.
      const text = typeof content.data === 'string' ? content.data : NOT_ACTIVE;
      resolve(evalue ?? text);
    };
    comm.open();
  });
}
