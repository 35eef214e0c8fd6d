/**
 * Shows what comm callbacks say where the user looks: in the output of the cell that has opened the
 * comm, or that shows the widget. JupyterLab by itself shows it nowhere but in its log console.
 *
 * Beside the way of a message: once a connection has handed it over, it is seen here whether somebody has taken it.
 */
import type {ISessionContext} from '@jupyterlab/apputils';
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {isOfCallback} from '../wire/comm_messages';
import {Failures} from './failures';
import {type ICell, Origins} from './origins';
import {Shown, type Update} from './outputs';
import {MOST_COMMS, Recent} from './recent';

type Connection = Kernel.IKernelConnection;
type Message = KernelMessage.IIOPubMessage;
type Hook = (msg: Message) => boolean | PromiseLike<boolean>;

/** Where it is shown: in a cell and in the log console, or in the log console only. */
export type Place = 'cell' | 'log';

/** How many kernels are remembered; one that no document is open for may live on. */
const MOST_KERNELS = 100;

/** The comm target by which a kernel chooses the place: `{"show": "cell"}` or `{"show": "log"}`. */
const TARGET = 'lite_comms.callbacks';

/** One view of a notebook or a console. */
export interface IView {
  readonly sessionContext: Pick<ISessionContext, 'session' | 'kernelChanged'>;
  readonly cells: () => Iterable<ICell>;
  /** The log of the document; null where the application cannot show one. */
  readonly log: ILog | null;
  /** Tell the user of an output that is seen nowhere else. */
  readonly tell: (msg: Message, level: Level) => void;
}

export type Level = 'error' | 'warning';

/** What the log console of JupyterLab shows for a document. */
export interface ILog {
  /** How many outputs it has got, by whomever. */
  readonly count: number;
  add(msg: Message, level: Level): void;
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

  readonly failures = new Failures();

  /** The cell that has opened a comm of a kernel. */
  openedIn(kernelId: string, comm_id: string): ICell | undefined {
    return this._kernels.get(kernelId)?.origins.openedIn(comm_id);
  }

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

  /** Show what is said in answer to a connection's messages. All those of a kernel share what is known. */
  follow(connection: Connection): void {
    if (!this._listeners.has(connection)) {
      this._listeners.set(connection, new Listener(connection, this._kernel(connection.id)));
    }
  }

  private _kernel(id: string): SharedKernel {
    const kernel =
      this._kernels.get(id) ??
      new SharedKernel(this._place, this._scriptNode, this.failures, () =>
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
    readonly failures: Failures,
    readonly views: () => readonly IView[]
  ) {
    this.reset();
  }

  place!: Place;
  origins!: Origins;
  /** The connections that the page has to it, in the order of their making. */
  readonly connections = new Set<Connection>();

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
    const {connections} = _kernel;
    connections.add(_connection);
    _connection.disposed.connect(() => connections.delete(_connection));
    noteHooks(_connection);
    // Learned here and not by iopubMessage, which does not have a comm_open whose target is not there.
    _connection.anyMessage.connect((_, {msg, direction}) => {
      const {origins, failures} = this._kernel;
      const isSent = direction === 'send';
      if (isSent ? origins.sent(msg) : origins.heard(msg)) {
        failures.examine(msg, isSent, _connection.id, connections);
      }
      if (answersComm(msg)) {
        this._logged.set(msg, this._logCount);
      }
    });
    _connection.iopubMessage.connect((_, msg) => {
      this._heard(msg as Message);
      if (answersComm(msg)) {
        this._lastCount = this._logCount;
      }
    });
    _connection.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
        this._kernel.reset();
        this._kernel.failures.forget(_connection.id);
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
    const display = displayId(msg);
    if (display !== undefined) {
      // Those that are there already, as JupyterLab does it with the displays of cells.
      const {content} = msg;
      const updates = this._displays.get(display);
      updates?.forEach(update => update(content) || updates.delete(update));
    }
    const parent = msg.parent_header as KernelMessage.IHeader;
    const {place, origins, failures} = this._kernel;
    const isOwn = answersComm(msg) && this._isOwn(parent);
    if (isOwn && msg.header.msg_type === 'error') {
      failures.add(this._connection.id, msg as KernelMessage.IErrorMsg);
    }
    if (!isOwn || taken.has(msg)) {
      return;
    }
    const cell = place === 'cell' ? origins.cellOf(parent) : undefined;
    if (cell) {
      const update = Shown.in(cell.outputs).add(msg);
      if (update && display !== undefined) {
        const updates = this._displays.get(display) ?? new Set<Update>();
        this._displays.set(display, updates.add(update));
      }
    }
    this._log(msg, cell !== undefined);
  }

  /** Whether it is for this listener to show what is said in answer to a message. */
  private _isOwn({msg_id, session}: KernelMessage.IHeader): boolean {
    const {connections, origins} = this._kernel;
    if (session === this._connection.clientId) {
      return true;
    }
    // What a task says after its notebook was closed is for one of the others.
    const [first] = connections;
    const hasSender = [...connections].some(({clientId}) => clientId === session);
    return first === this._connection && !hasSender && origins.isSent(msg_id);
  }

  /** Log an output, unless ipywidgets has done it: it does so for what answers some messages of widgets. */
  private _log(msg: Message, isShown: boolean): void {
    const isLogged = this._logCount > Math.max(this._logged.get(msg) ?? 0, this._lastCount);
    const view = this._view;
    if (isLogged || !view) {
      return;
    }
    const {name} = msg.content as {name?: string};
    const level = msg.header.msg_type === 'error' || name === 'stderr' ? 'error' : 'warning';
    if (view.log) {
      view.log.add(msg, level);
    } else if (!isShown) {
      view.tell(msg, level);
    }
  }

  /** The document of this connection, or another one of the kernel. */
  private get _view(): IView | undefined {
    const views = this._kernel.views();
    const isOwn = ({sessionContext}: IView) => sessionContext.session?.kernel === this._connection;
    return views.find(isOwn) ?? views[0];
  }

  private get _logCount(): number {
    return this._view?.log?.count ?? 0;
  }

  /**
   * How long the log was when an output came, and when the one before had been handled. JupyterLab
   * handles one after the other: if it is longer now, somebody has logged this one meanwhile.
   */
  private readonly _logged = new WeakMap<object, number>();
  private _lastCount = 0;

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

function answersComm({header, parent_header}: KernelMessage.IMessage): boolean {
  return isOfCallback(header.msg_type, parent_header);
}

function displayId({content}: Message): string | undefined {
  const {transient} = content as {transient?: {display_id?: string} | null};
  return transient?.display_id;
}
