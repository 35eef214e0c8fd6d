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
import {ITranslator, nullTranslator, type TranslationBundle} from '@jupyterlab/translation';
import {offlineBoltIcon, ToolbarButton} from '@jupyterlab/ui-components';
import {Signal} from '@lumino/signaling';
import {Widget} from '@lumino/widgets';
import {whyNotAttached} from '../../wire/attachments';

export const sign: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:sign',
  description: 'A sign that lite_comms is active, with its status behind it.',
  autoStart: true,
  optional: [IStatusBar, INotebookTracker, ITranslator],
  activate: (
    {shell}: JupyterFrontEnd,
    bar: IStatusBar | null,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('lite_comms');
    const caption = trans.__(
      'lite_comms is active: comm messages go straight between the page and the kernel. Click for its status.'
    );
    if (bar) {
      const watched = new Watched();
      const label = trans.__('Comms: direct');
      const item = makeItem(label, caption, () => showStatus(watched.kernel, trans));
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
        tooltip: caption,
        onClick: () => showStatus(watched.kernel, trans)
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
function makeItem(label: string, caption: string, onClick: () => unknown): Widget {
  const button = document.createElement('button');
  button.textContent = label;
  button.title = caption;
  Object.assign(button.style, {background: 'none', border: '0', cursor: 'pointer'});
  button.className = 'jp-StatusBar-TextItem';
  button.onclick = onClick;
  const item = new Widget();
  item.addClass('jp-mod-highlighted');
  item.node.append(button);
  return item;
}

/** Show what the kernel's `status()` says, once it has said it. */
async function showStatus(
  kernel: Kernel.IKernelConnection | null,
  trans: TranslationBundle
): Promise<void> {
  const body = new Widget({node: document.createElement('pre')});
  body.node.style.whiteSpace = 'pre-wrap';
  body.node.setAttribute('role', 'status');
  body.node.textContent = trans.__('Asking the kernel…');
  const said = kernel
    ? askForStatus(kernel, trans)
    : Promise.resolve(trans.__('There is no kernel.'));
  void said.then(
    text => (body.node.textContent = text),
    ({message}: Error) => (body.node.textContent = message)
  );
  await showDialog({
    title: 'lite_comms',
    body,
    buttons: [Dialog.okButton({label: trans.__('Close')})]
  });
}

/** The comm target of the kernel's half that answers with its status, in the data of the comm_close. */
const TARGET = 'lite_comms.status';

/** How long the kernel may take to answer. */
const LIMIT_S = 10;

const ENDS: ReadonlySet<string> = new Set(['restarting', 'autorestarting', 'dead']);

/** By a comm: that leaves no trace in the kernel, and comes through while a cell runs. */
export function askForStatus(
  kernel: Kernel.IKernelConnection,
  trans: TranslationBundle
): Promise<string> {
  return new Promise((resolve, reject) => {
    const comm = kernel.createComm(TARGET);
    const settle = () => {
      clearTimeout(timer);
      kernel.disposed.disconnect(onEnd);
      kernel.statusChanged.disconnect(onStatus);
    };
    const fail = (why: string) => {
      settle();
      comm.dispose();
      reject(new Error(why));
    };
    const onEnd = () => fail(trans.__('The kernel has ended.'));
    const onStatus = (_: unknown, status: string) => ENDS.has(status) && onEnd();
    const late = trans.__('No answer in %1 s: the kernel is busy or has no lite_comms.', LIMIT_S);
    const timer = setTimeout(() => fail(late), LIMIT_S * 1000);
    kernel.disposed.connect(onEnd);
    kernel.statusChanged.connect(onStatus);
    comm.onClose = ({content, metadata}) => {
      settle();
      const {evalue} = (metadata['lite_comms'] ?? {}) as {evalue?: string};
      // A kernel without lite_comms closes a comm of a target that it does not know.
      const {data} = content;
      const notActive = trans.__('lite_comms is not active in this kernel.');
      resolve(evalue ?? (typeof data === 'string' ? data : notActive));
    };
    comm.open();
  });
}
