/**
 * Shows what comm callbacks say where the user looks: in the output of the cell that has opened the
 * comm, or that shows the widget. JupyterLab by itself shows it nowhere but in its log console.
 *
 * Beside the way of a message: a connection hands over what the kernel says, and after that it is
 * seen here whether somebody has taken it, as an Output widget does.
 */
import type {ISessionContext} from '@jupyterlab/apputils';
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES, OUTPUT_TYPES} from '../wire/comm_messages';
import {type ICell, Origins, WIDGETS} from './origins';
import {Shown, type Update} from './outputs';
import {MOST_COMMS, Recent} from './recent';

type Connection = Kernel.IKernelConnection;
type Message = KernelMessage.IIOPubMessage;
type Hook = (msg: Message) => boolean | PromiseLike<boolean>;

/** Where it is shown: in a cell, or in the log console only, as by JupyterLab itself. */
export type Place = 'cell' | 'log';

/** How many kernels are remembered; one that no document is open for may live on. */
const MOST_KERNELS = 100;

/** The comm target by which a kernel chooses the place: `{"show": "cell"}` or `{"show": "log"}`. */
const TARGET = 'lite_comms.callbacks';

/** One view of a notebook or a console. */
export interface IView {
  readonly sessionContext: Pick<ISessionContext, 'session' | 'kernelChanged'>;
  readonly cells: () => Iterable<ICell>;
  /** Put an output into the log console of the document. */
  readonly log: (msg: Message, level: 'error' | 'warning') => void;
  /** Whether ipywidgets logs what the callbacks of its widgets say. */
  readonly logsWidgets: boolean;
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

  /** Add a view, and follow its connection to a kernel. */
  add(view: IView): void {
    this._views.add(view);
    const {sessionContext} = view;
    const follow = () => {
      const connection = sessionContext.session?.kernel;
      if (connection) {
        this.follow(connection);
      }
      return connection;
    };
    sessionContext.kernelChanged.connect(follow);
    const connection = follow();
    if (connection) {
      const {origins} = this._kernel(connection.id);
      // What has run before this was there to hear of it.
      for (const {id, run} of view.cells()) {
        if (run !== undefined) {
          origins.ran(id, run);
        }
      }
    }
  }

  /** Take a view away. */
  remove(view: IView): void {
    this._views.delete(view);
  }

  /**
   * Show what is said in answer to the messages of a connection. Each kernel is one, however many
   * connections the page has to it: what is known of its comms is known for all of them.
   */
  follow(connection: Connection): void {
    if (!this._listeners.has(connection)) {
      this._listeners.set(connection, new Listener(connection, this._kernel(connection.id)));
    }
  }

  private _kernel(id: string): SharedKernel {
    const kernel =
      this._kernels.get(id) ??
      new SharedKernel(this._place, this._scriptNode, () =>
        [...this._views].filter(({sessionContext}) => sessionContext.session?.kernel?.id === id)
      );
    this._kernels.set(id, kernel);
    return kernel;
  }

  private readonly _views = new Set<IView>();
  private readonly _listeners = new WeakMap<Connection, Listener>();
  private readonly _kernels = new Recent<SharedKernel>(MOST_KERNELS);
}

/** A kernel, with all that the page has open for it. */
class SharedKernel {
  constructor(
    private readonly _default: Place,
    private readonly _scriptNode: () => Node | null,
    readonly views: () => readonly IView[]
  ) {
    this.reset();
  }

  place!: Place;
  origins!: Origins;

  /** A kernel is there that has no comms yet. */
  reset(): void {
    this.place = this._default;
    const cells = () => this.views().flatMap(({cells}) => [...cells()]);
    this.origins = new Origins(cells, this._scriptNode);
  }
}

/** Listens to one connection, and shows what is said in answer to its messages. */
class Listener {
  constructor(
    private readonly _connection: Connection,
    private readonly _kernel: SharedKernel
  ) {
    noteHooks(_connection);
    // Learned here and not by iopubMessage, which does not have a comm_open whose target is not there.
    _connection.anyMessage.connect((_, {msg, direction}) => {
      const {origins} = this._kernel;
      direction === 'send' ? origins.sent(msg) : origins.heard(msg);
    });
    _connection.iopubMessage.connect((_, msg) => this._heard(msg as Message));
    _connection.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
        this._kernel.reset();
      }
    });
    // Ignored by a connection that does not handle comms; one of the others hears of it.
    _connection.registerCommTarget(TARGET, (_, {content}) => {
      const {show} = content.data as {show?: unknown};
      if (show !== 'cell' && show !== 'log') {
        throw new Error(`comm '${TARGET}': data.show must be 'cell' or 'log', not '${show}'`);
      }
      this._kernel.place = show;
    });
  }

  private _heard(msg: Message): void {
    const {msg_type} = msg.header;
    const display = displayId(msg);
    if (display !== undefined) {
      // Those that are there already, as JupyterLab does it with the displays of cells.
      const {content} = msg;
      const updates = this._displays.get(display);
      updates?.forEach(update => update(content) || updates.delete(update));
    }
    const parent = msg.parent_header as KernelMessage.IHeader;
    const isOwn = COMM_TYPES.has(parent.msg_type) && parent.session === this._connection.clientId;
    if (!isOwn || !OUTPUT_TYPES.has(msg_type) || taken.has(msg)) {
      return;
    }
    if (this._kernel.place === 'log') {
      this._log(msg);
      return;
    }
    const cell = this._kernel.origins.cellOf(parent);
    if (!cell) {
      this._log(msg, 'warning');
      return;
    }
    const update = Shown.in(cell.outputs).add(msg);
    if (update && display !== undefined) {
      const updates = this._displays.get(display) ?? new Set<Update>();
      this._displays.set(display, updates.add(update));
    }
  }

  /**
   * JupyterLab logs all that a kernel says at level Info, which is not kept unless the user wants it;
   * ipywidgets logs what it has to do with, in notebooks.
   */
  private _log(msg: Message, others?: 'warning'): void {
    const parent = msg.parent_header as KernelMessage.IHeader;
    const views = this._kernel.views();
    const isOfWidget = this._kernel.origins.targetOf(parent) === WIDGETS;
    if (isOfWidget && views.some(({logsWidgets}) => logsWidgets)) {
      return;
    }
    const {name} = msg.content as {name?: string};
    const level = msg.header.msg_type === 'error' || name === 'stderr' ? 'error' : others;
    if (level) {
      const isOwn = ({sessionContext}: IView) =>
        sessionContext.session?.kernel === this._connection;
      (views.find(isOwn) ?? views[0])?.log(msg, level);
    }
  }

  /** By display id: what updates the outputs in which callbacks have shown it. */
  private readonly _displays = new Recent<Set<Update>>(MOST_COMMS);
}

/** Note which messages the hooks of a connection take, as those of Output widgets do. */
function noteHooks(connection: Connection): void {
  const noting = new WeakMap<Hook, Hook>();
  const {registerMessageHook, removeMessageHook} = connection;
  connection.registerMessageHook = (id, hook) => {
    const noter = noting.get(hook) ?? note(hook);
    noting.set(hook, noter);
    registerMessageHook.call(connection, id, noter);
  };
  connection.removeMessageHook = (id, hook) => {
    removeMessageHook.call(connection, id, noting.get(hook) ?? hook);
  };
}

function note(hook: Hook): Hook {
  return async msg => {
    const passes = await hook(msg);
    // As JupyterLab has it, nothing else stops a message.
    if (passes === false) {
      take(msg);
    }
    return passes;
  };
}

function displayId({content}: Message): string | undefined {
  const {transient} = content as {transient?: {display_id?: string} | null};
  return transient?.display_id;
}
