/**
 * Shows what comm callbacks say where the user looks: in the output of the cell that has opened the
 * comm, or that shows the widget. JupyterLab by itself shows it nowhere but in its log console.
 *
 * Beside the way of a message: a connection hands over what the kernel says, and after that it is
 * seen here whether somebody has taken it, as an Output widget does.
 */
import type {ISessionContext} from '@jupyterlab/apputils';
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {MOST_COMMS, Origins, Recent} from './origins';
import {COMM_TYPES} from './queue';

type Message = KernelMessage.IIOPubMessage;
type Hook = (msg: Message) => boolean | PromiseLike<boolean>;

/** Where it is shown: in a cell, or in the log console only, as by JupyterLab itself. */
export type Place = 'cell' | 'log';

/** How much the callbacks of one cell may say until it runs again. */
const LIMIT_CHARACTERS = 100_000;
const LIMIT_OUTPUTS = 200;

const LEFT_OUT =
  `lite_comms: callbacks have said more here than ${LIMIT_OUTPUTS} outputs or ` +
  `${LIMIT_CHARACTERS.toLocaleString('en')} characters; the rest is left out, until the cell runs again\n`;

const OUTPUTS: ReadonlySet<string> = new Set(['stream', 'display_data', 'execute_result', 'error']);

const WIDGETS = 'jupyter.widget';

/** The comm target by which a kernel chooses the place: `{"show": "cell"}` or `{"show": "log"}`. */
const TARGET = 'lite_comms.callbacks';

/** What is used of JupyterLab's output area. */
export interface IArea {
  readonly node: Node;
  readonly future?: Pick<Kernel.IShellFuture, 'msg' | 'isDisposed' | 'onIOPub'> | null;
  readonly model: {add(output: never): unknown};
}

/** One view of a notebook or a console. */
export interface IView {
  readonly sessionContext: Pick<
    ISessionContext,
    'session' | 'kernelChanged' | 'iopubMessage' | 'disposed'
  >;
  readonly areas: () => Iterable<IArea>;
  /** Put an output into the log console of the document. */
  readonly log: (msg: Message, level: 'error' | 'warning') => void;
}

/** What somebody has taken, so that it is shown nowhere else. */
const taken = new WeakSet<object>();

/** Take a message of the kernel: somebody shows it, or does with it what is right. */
export function take(msg: object): void {
  taken.add(msg);
}

export class Callbacks {
  /**
   * @param place - Where it is shown, unless the kernel chooses.
   * @param scriptNode - The element of the page that code is running for, if there is one.
   */
  constructor(
    private readonly _place: Place,
    private readonly _scriptNode: () => Node | null
  ) {}

  /** Add a view. */
  add(view: IView): void {
    const {sessionContext} = view;
    let document = this._documents.get(sessionContext);
    if (!document) {
      document = new Document(this._place, this._scriptNode, sessionContext);
      this._documents.set(sessionContext, document);
      sessionContext.disposed.connect(() => void this._documents.delete(sessionContext));
    }
    document.views.add(view);
  }

  /** Take a view away. */
  remove(view: IView): void {
    this._documents.get(view.sessionContext)?.views.delete(view);
  }

  private readonly _documents = new Map<IView['sessionContext'], Document>();
}

/** A notebook or console, with its kernel. */
class Document {
  constructor(
    private readonly _default: Place,
    private readonly _scriptNode: () => Node | null,
    sessionContext: IView['sessionContext']
  ) {
    this._place = this._default;
    sessionContext.iopubMessage.connect((_, msg) => this._heard(msg as Message));
    const follow = () => this._follow(sessionContext.session?.kernel ?? null);
    sessionContext.kernelChanged.connect(follow);
    follow();
  }

  readonly views = new Set<IView>();

  private _follow(kernel: Kernel.IKernelConnection | null): void {
    if (kernel === this._kernel) {
      return;
    }
    this._kernel = kernel;
    this._forget();
    if (!kernel) {
      return;
    }
    noteHooks(kernel);
    kernel.anyMessage.connect((_, {msg, direction}) => {
      if (direction === 'send') {
        this._sent(msg);
      }
    });
    kernel.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting') {
        this._forget();
      }
    });
    kernel.registerCommTarget(TARGET, (_, {content}) => {
      const {show} = content.data as {show?: unknown};
      if (show !== 'cell' && show !== 'log') {
        throw new Error(`comm '${TARGET}': data.show must be 'cell' or 'log', not '${show}'`);
      }
      this._place = show;
    });
  }

  /** A kernel is there that has no comms yet. */
  private _forget(): void {
    this._place = this._default;
    this._origins = new Origins();
    this._openedHere.clear();
    this._displays.clear();
  }

  private _sent(msg: KernelMessage.IMessage): void {
    this._origins.sent(msg);
    if (msg.header.msg_type === 'comm_open') {
      const node = this._scriptNode();
      if (node) {
        const {comm_id} = (msg as KernelMessage.ICommOpenMsg).content;
        this._openedHere.set(comm_id, new WeakRef(node));
      }
    }
  }

  private _heard(msg: Message): void {
    const {msg_type} = msg.header;
    this._origins.heard(msg);
    if (msg_type === 'update_display_data') {
      const id = displayId(msg);
      this._displays.get(id ?? '')?.forEach(area => area.future?.onIOPub(msg));
      return;
    }
    if (!OUTPUTS.has(msg_type) || taken.has(msg)) {
      return;
    }
    const parent = msg.parent_header as Partial<KernelMessage.IHeader>;
    if (parent.msg_type === 'execute_request') {
      this._origins.shown(msg, parent.msg_id!);
    } else if (COMM_TYPES.has(parent.msg_type!) && parent.session === this._kernel?.clientId) {
      this._place === 'log' ? this._log(msg) : this._show(msg);
    }
  }

  /** Show what a callback has said in its cell; where there is none, in the log console. */
  private _show(msg: Message): void {
    const area = this._areaOf(msg.parent_header);
    if (!area) {
      this._log(msg, 'warning');
      return;
    }
    const left = this._left(area);
    const text = JSON.stringify(msg.content);
    left.characters -= text.length;
    left.outputs -= msg.header.msg_type === 'stream' && left.name === nameOf(msg) ? 0 : 1;
    left.name = nameOf(msg);
    if (left.characters >= 0 && left.outputs >= 0) {
      const {future} = area;
      if (future && !future.isDisposed) {
        this._origins.shown(msg, future.msg.header.msg_id);
      }
      put(area, msg);
      const id = displayId(msg);
      if (id !== undefined) {
        this._displays.set(id, (this._displays.get(id) ?? new Set<IArea>()).add(area));
      }
    } else if (!left.isTold) {
      left.isTold = true;
      const header = {...msg.header, msg_type: 'stream'};
      put(area, {...msg, header, content: {name: 'stderr', text: LEFT_OUT}} as Message);
    }
  }

  /**
   * JupyterLab logs all that a kernel says at level Info, which is not kept unless the user wants it;
   * ipywidgets logs what it has to do with itself.
   */
  private _log(msg: Message, others?: 'warning'): void {
    if (this._origins.targetOf(msg.parent_header) === WIDGETS) {
      return;
    }
    const level = msg.header.msg_type === 'error' || nameOf(msg) === 'stderr' ? 'error' : others;
    if (level) {
      const [view] = this.views;
      view?.log(msg, level);
    }
  }

  private _areaOf(parent: object): IArea | undefined {
    const comm = this._origins.commOf(parent);
    const node = comm === undefined ? undefined : this._openedHere.get(comm)?.deref();
    if (node) {
      // Not before now: a script runs before its output is on the page.
      return this._find(area => area.node.contains(node));
    }
    for (const id of this._origins.cellsOf(parent)) {
      const area = this._find(({future}) => future?.msg.header.msg_id === id);
      if (area) {
        return area;
      }
    }
    return undefined;
  }

  private _find(isIt: (area: IArea) => boolean): IArea | undefined {
    for (const {areas} of this.views) {
      for (const area of areas()) {
        if (isIt(area)) {
          return area;
        }
      }
    }
    return undefined;
  }

  private _left(area: IArea): ILeft {
    const {future} = area;
    const known = this._limits.get(area);
    if (known && known.future === future) {
      return known;
    }
    const left = {
      future,
      characters: LIMIT_CHARACTERS,
      outputs: LIMIT_OUTPUTS,
      name: undefined,
      isTold: false
    };
    this._limits.set(area, left);
    return left;
  }

  private _place: Place;
  private _kernel: Kernel.IKernelConnection | null = null;
  private _origins = new Origins();
  /** By comm: the element whose script has opened it. */
  private readonly _openedHere = new Recent<WeakRef<Node>>(MOST_COMMS);
  /** By display id: the outputs in which callbacks have shown it. */
  private readonly _displays = new Recent<Set<IArea>>(MOST_COMMS);
  private readonly _limits = new WeakMap<IArea, ILeft>();
}

/** What callbacks may still say in an output. */
interface ILeft {
  /** Of the run that it is for. */
  readonly future: IArea['future'];
  characters: number;
  outputs: number;
  /** The stream of the last output, if it is one: what follows is joined to it. */
  name: string | undefined;
  isTold: boolean;
}

/** Note which messages the hooks of a connection take, as those of Output widgets do. */
function noteHooks(kernel: Kernel.IKernelConnection): void {
  const noting = new WeakMap<Hook, Hook>();
  const {registerMessageHook, removeMessageHook} = kernel;
  kernel.registerMessageHook = (id, hook) => {
    const noter = noting.get(hook) ?? note(hook);
    noting.set(hook, noter);
    registerMessageHook.call(kernel, id, noter);
  };
  kernel.removeMessageHook = (id, hook) => {
    removeMessageHook.call(kernel, id, noting.get(hook) ?? hook);
  };
}

function note(hook: Hook): Hook {
  return async msg => {
    const passes = await hook(msg);
    if (!passes) {
      take(msg);
    }
    return passes;
  };
}

function put({future, model}: IArea, msg: Message): void {
  if (future && !future.isDisposed) {
    void future.onIOPub(msg);
  } else {
    model.add({...msg.content, output_type: msg.header.msg_type} as never);
  }
}

function nameOf({header, content}: Message): string | undefined {
  return header.msg_type === 'stream' ? (content as {name: string}).name : undefined;
}

function displayId({content}: Message): string | undefined {
  const {transient} = content as {transient?: {display_id?: string}};
  return transient?.display_id;
}
