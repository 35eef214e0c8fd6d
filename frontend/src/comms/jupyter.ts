/**
 * Which notebook a script belongs to: what the name `Jupyter` stands for in an output, and in the
 * browser's console.
 */
import {PageConfig, PathExt} from '@jupyterlab/coreutils';
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import type {IRenderMime} from '@jupyterlab/rendermime-interfaces';
import type {ISignal} from '@lumino/signaling';
import type {IComms} from '../api/kernel/connect';
import {ClassicKernel} from './classic';
import {type CannotLoad, watchModules} from './modules';

/** What page code knows as `Jupyter`, and by its older name `IPython`. */
export interface IJupyter {
  /** The notebook's comms as the module `lite-comms` has them; null where no notebook is open. */
  readonly comms: IComms | null;
  readonly notebook: {
    readonly kernel: ClassicKernel | null;
    readonly base_url: string;
    readonly notebook_name: string;
    readonly notebook_path: string;
  };
}

const NAMES = ['Jupyter', 'IPython'];

/** Of the classic Notebook, what scripts call without a look whether it is there. */
const LEFT_OUT = {
  ...leftOut(
    'Jupyter.notebook',
    [
      'clear_all_output',
      'clear_output',
      'delete_cell',
      'delete_cells',
      'execute_all_cells',
      'execute_cell',
      'execute_cell_range',
      'execute_cells_above',
      'execute_cells_below',
      'execute_cells',
      'execute_selected_cells',
      'get_cell',
      'get_cell_element',
      'get_cell_elements',
      'get_cells',
      'get_msg_cell',
      'get_selected_cell',
      'get_selected_index',
      'insert_cell_above',
      'insert_cell_at_bottom',
      'insert_cell_at_index',
      'insert_cell_below',
      'select',
      'set_dirty'
    ],
    "cells are JupyterLab's, and an extension of JupyterLab can change them"
  ),
  ...leftOut(
    'Jupyter.notebook',
    ['restart_kernel', 'restart_run_all'],
    'Jupyter.notebook.kernel.restart() restarts the kernel'
  ),
  ...leftOut(
    'Jupyter.notebook',
    ['save_checkpoint', 'save_notebook', 'to_ipynb'],
    'the File menu saves the notebook'
  )
};

const EVENTS = leftOut(
  'Jupyter.events',
  ['on', 'one', 'off', 'trigger'],
  'a comm hears of the end of the kernel by its on_close, and what is sent waits for the kernel'
);

/** By it fields in outputs are kept from being read as shortcuts, which JupyterLab does by itself. */
const KEYBOARD_MANAGER = {
  disable: () => undefined,
  enable: () => undefined,
  register_events: () => undefined
};

function leftOut(
  owner: string,
  names: readonly string[],
  instead: string
): {[name: string]: () => never} {
  const refuse = (name: string) => () => {
    throw new Error(
      `${owner}.${name} is not here: lite_comms has the kernel and the comms of the classic ` +
        `Notebook; ${instead}`
    );
  };
  return Object.fromEntries(names.map(name => [name, refuse(name)]));
}

/** The `Jupyter` of a notebook. */
function jupyterWith<K extends ClassicKernel | null>(kernel: K, path: () => string) {
  const shared = {events: EVENTS, keyboard_manager: KEYBOARD_MANAGER};
  const notebook = {
    ...LEFT_OUT,
    ...shared,
    kernel,
    get base_url() {
      return new URL(PageConfig.getBaseUrl()).pathname;
    },
    get notebook_name() {
      return PathExt.basename(path());
    },
    get notebook_path() {
      return path();
    }
  };
  return {...shared, comms: kernel && kernel.comm_manager.comms, notebook};
}

/** What is needed of a notebook or a console. */
export interface IDocument {
  /** Its widget's node; outputs are in it. */
  readonly node: Node;
  /** Its URL resolver, which every renderer of one of its outputs is given. */
  readonly resolver: IRenderMime.IResolver | null;
  readonly session: {
    readonly path: string;
    readonly session: {readonly kernel: Kernel.IKernelConnection | null} | null;
    readonly kernelChanged: ISignal<unknown, unknown>;
    readonly disposed: ISignal<unknown, unknown>;
  };
}

interface IEntry extends IDocument {
  readonly jupyter: IJupyter & {readonly notebook: {readonly kernel: ClassicKernel}};
}

/** Opens a further connection to a running kernel. */
type Connect = (model: Kernel.IModel) => Kernel.IKernelConnection;

const NONE: IJupyter = jupyterWith(null, () => '');

type Slot = (sender: Kernel.IKernelConnection, args: Kernel.IAnyMessageArgs) => void;

function runsCell({header, content}: KernelMessage.IMessage): boolean {
  const {silent} = content as {silent?: boolean};
  return header.msg_type === 'execute_request' && !silent;
}

const useOf = (kernelId: string, path: string) => `${kernelId} ${path}`;

/** The open notebooks and consoles, with a classic kernel for each. */
export class Documents {
  /** @param cannotLoad - Returns why the site does not allow a module of a comm. */
  constructor(
    private readonly _connect: Connect,
    private readonly _cannotLoad: CannotLoad = () => ''
  ) {}

  /**
   * Add a notebook or console; it leaves by itself when its session is disposed. If it is not `isUsed`, what
   * its scripts send waits until someone runs a cell: saved scripts run when the user opens a notebook just to read it.
   * It is used as well if that was before it was closed and opened again, or in another view.
   */
  add(document: IDocument, isUsed = true): void {
    const entry: IEntry = {
      ...document,
      jupyter: jupyterWith(new ClassicKernel(), () => document.session.path)
    };
    this._entries.push(entry);
    if (!isUsed) {
      this._unused.add(entry);
    }
    const refresh = () => {
      this.follow(document.session.session?.kernel);
      this._refresh();
    };
    document.session.kernelChanged.connect(refresh);
    document.session.disposed.connect(() => {
      this._entries = this._entries.filter(other => other !== entry);
      this._unused.delete(entry);
      entry.jupyter.notebook.kernel.dispose();
      // The session's own connection is disposed after this signal.
      queueMicrotask(refresh);
    });
    refresh();
  }

  /** Note the cells that are run by a connection; a second call does nothing. */
  follow(connection: Kernel.IKernelConnection | null | undefined): void {
    connection?.anyMessage.connect(this._note);
  }

  /** The `Jupyter` of the document that a renderer, or a node of the page, belongs to. */
  of(where: {resolver?: IRenderMime.IResolver | null; node?: Node | null}): IJupyter | null {
    const found = this._entries.find(
      entry =>
        (where.resolver && entry.resolver === where.resolver) ||
        (where.node && entry.node.contains(where.node))
    );
    return found?.jupyter ?? null;
  }

  /** The `Jupyter` of the document that the user works in. */
  current(node: Node | null): IJupyter {
    const found = this.of({node}) ?? this._last;
    if (found && this._entries.some(entry => entry.jupyter === found)) {
      this._last = found;
      return found;
    }
    return this._entries.at(-1)?.jupyter ?? NONE;
  }

  private _refresh(): void {
    for (const entry of this._entries) {
      const {session, jupyter} = entry;
      const {kernel = null} = session.session ?? {};
      if (kernel && this._used.has(useOf(kernel.id, session.path))) {
        this._unused.delete(entry);
      }
      const own = this._unused.has(entry) ? null : kernel;
      jupyter.notebook.kernel.connect(own && !own.isDisposed ? this._forComms(own) : null);
    }
    const used = new Set(this._entries.map(entry => entry.jupyter.notebook.kernel.connection));
    this._extra.forEach((connection, id) => {
      if (!used.has(connection)) {
        this._extra.delete(id);
        connection.dispose();
      }
    });
  }

  /**
   * The connection to the same kernel that handles comms. Only one of them does, commonly the
   * first; when its notebook is closed, none is left, and one more is made.
   */
  private _forComms(own: Kernel.IKernelConnection): Kernel.IKernelConnection {
    const others = this._entries.map(entry => entry.session.session?.kernel);
    let found = [own, ...others, this._extra.get(own.id)].find(
      other => other?.id === own.id && other.handleComms && !other.isDisposed
    );
    if (!found) {
      found = this._connect(own.model);
      this._extra.set(own.id, found);
    }
    watchModules(found, this._cannotLoad);
    return found;
  }

  private readonly _note: Slot = ({id}, {msg, direction}) => {
    if (direction === 'send' && runsCell(msg)) {
      this._entries
        .filter(({session}) => session.session?.kernel?.id === id)
        .forEach(({session}) => this._used.add(useOf(id, session.path)));
      this._refresh();
    }
  };

  private _entries: IEntry[] = [];
  private _last: IJupyter | null = null;
  private readonly _unused = new Set<IEntry>();
  /** The kernels in which cells were run, each with the path of a document that it had then. */
  private readonly _used = new Set<string>();
  private readonly _extra = new Map<string, Kernel.IKernelConnection>();
}

/** The names `Jupyter` and `IPython` of the page, for code that has none of its own. */
export class GlobalJupyter {
  /**
   * Define those that the page does not have already.
   *
   * @param scriptNode - The element that code of the page runs for at this moment.
   * @param activeNode - The document that the user works in.
   */
  constructor(documents: Documents, scriptNode: () => Node | null, activeNode: () => Node | null) {
    const get = () => {
      if (this._script !== undefined) {
        return this._script ?? undefined;
      }
      return documents.of({node: scriptNode()}) ?? documents.current(activeNode());
    };
    for (const name of NAMES.filter(name => !(name in globalThis))) {
      const set = (value: unknown) =>
        Object.defineProperty(globalThis, name, {value, writable: true});
      Object.defineProperty(globalThis, name, {configurable: true, get, set});
    }
  }

  /** Run a script of an output, for which `window.Jupyter` is `jupyter`; with null there is none. */
  during<T>(jupyter: IJupyter | null, run: () => T): T {
    const before = this._script;
    this._script = jupyter;
    try {
      return run();
    } finally {
      this._script = before;
    }
  }

  private _script: IJupyter | null | undefined;
}
