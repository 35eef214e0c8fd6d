/**
 * Which cell a message to a comm belongs to.
 *
 * It is the cell that shows the widget, or what holds the widget: the outputs of the cells tell. Any
 * other comm belongs to the cell that has opened it; this is learned from the messages of the page
 * and of the kernel, as they pass.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {Holders, widgetIn} from './holders';
import type {IOutputs} from './outputs';
import {MOST_COMMS, MOST_MESSAGES, Recent} from './recent';

type Message = KernelMessage.IMessage;

/** A cell of a notebook or a console, with its outputs. */
export interface ICell {
  readonly id: string;
  readonly node: Node;
  readonly outputs: IOutputs;
  /** The id of the execute_request of its last run, if that was in this view. */
  readonly run?: string;
}

/** A cell that has opened a comm, and which run of it that was, if it has run on this page. */
interface IOpener {
  readonly cell: string;
  readonly run: string | undefined;
}

interface IComm {
  opener?: IOpener;
  /** The element of the page whose script has opened it. */
  node?: WeakRef<Node>;
}

/** A message of the page to a comm. */
interface ISent {
  readonly comm: IComm;
  /** The comm and what held it when the message was sent: the answer may close all of it. */
  readonly around: ReadonlyMap<string, number>;
  /** Where the user has pressed or typed, if the message was sent at once. */
  readonly node: WeakRef<Node> | undefined;
}

/** What is known of the comms of one kernel. */
export class Origins {
  /**
   * @param cells - All cells that the page has for the kernel.
   * @param scriptNode - The element of the page that code is running for, if there is one.
   */
  constructor(
    private readonly _cells: () => Iterable<ICell>,
    private readonly _scriptNode: () => Node | null
  ) {}

  /** Learn that a cell has run, or runs; comms of the run before have no cell any more. */
  ran(cell: string, run: string): void {
    this._cellOf.delete(this._runOf.get(cell) ?? '');
    this._runOf.set(cell, run);
    this._cellOf.set(run, cell);
  }

  /** Learn from a message that the page sends; returns whether it opens or closes a comm. */
  sent({header, metadata, content}: Message): boolean {
    switch (header.msg_type) {
      case 'execute_request':
        // JupyterLab says so for each cell of a notebook or console.
        if (typeof metadata['cellId'] === 'string') {
          this.ran(metadata['cellId'], header.msg_id);
        }
        break;
      case 'comm_open': {
        const {comm_id} = content as KernelMessage.ICommOpenMsg['content'];
        const node = this._nodeNow();
        this._comms.set(comm_id, node ? {node} : {});
        this._sentTo(comm_id, header.msg_id, content);
        return true;
      }
      case 'comm_msg':
      case 'comm_close': {
        const {comm_id} = content as KernelMessage.ICommMsgMsg['content'];
        this._sentTo(comm_id, header.msg_id, content);
        if (header.msg_type === 'comm_close') {
          this._forget(comm_id);
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Learn from a message of the kernel; one that several connections hear may come again.
   *
   * @returns Whether it opens or closes a comm.
   */
  heard({header, parent_header, content}: Message): boolean {
    switch (header.msg_type) {
      case 'comm_open': {
        const {comm_id, data} = content as KernelMessage.ICommOpenMsg['content'];
        const opener = this._openerOf(parent_header as KernelMessage.IHeader);
        this._comms.set(comm_id, opener ? {opener} : {});
        this._learnState(comm_id, data);
        return true;
      }
      case 'comm_msg': {
        const {comm_id, data} = content as KernelMessage.ICommMsgMsg['content'];
        this._learnState(comm_id, data);
        break;
      }
      case 'comm_close':
        this._forget((content as KernelMessage.ICommCloseMsg['content']).comm_id);
        return true;
    }
    return false;
  }

  /** The cell where what is said in answer to a message of the page is to be shown. */
  cellOf({msg_id}: KernelMessage.IHeader): ICell | undefined {
    const sent = this._sent.get(msg_id);
    if (!sent) {
      return undefined;
    }
    this._sent.set(msg_id, sent); // a task may go on with it for long
    const {around, comm, node} = sent;
    return (
      this._showing(around, node?.deref()) ??
      this._containing(comm.node?.deref()) ??
      this._opening(comm)
    );
  }

  /** The cell that has opened a comm, or holds the script that did. */
  openedIn(comm_id: string): ICell | undefined {
    const comm = this._comms.get(comm_id);
    return comm && (this._containing(comm.node?.deref()) ?? this._opening(comm));
  }

  /** Whether a message is one of this page to a comm. */
  isSent(msg_id: string): boolean {
    return this._sent.has(msg_id);
  }

  /**
   * The cell that shows one of these widgets: the innermost, and of several cells the one that the user
   * has acted in, or else the last.
   */
  private _showing(around: ReadonlyMap<string, number>, node?: Node): ICell | undefined {
    let found: ICell[] = [];
    let nearest = Infinity;
    for (const cell of this._cells()) {
      for (let i = 0; i < cell.outputs.length; i++) {
        const distance = around.get(shownBy(cell.outputs.get(i)) ?? '') ?? Infinity;
        if (distance < nearest) {
          nearest = distance;
          found = [];
        }
        if (distance === nearest && distance < Infinity) {
          found.push(cell);
        }
      }
    }
    return found.find(cell => node && cell.node.contains(node)) ?? found.at(-1);
  }

  /** Asked only when it is needed: a script runs before its output is on the page. */
  private _containing(node: Node | undefined): ICell | undefined {
    return node && this._find(cell => cell.node.contains(node));
  }

  private _opening({opener}: IComm): ICell | undefined {
    const isCurrent = opener && this._runOf.get(opener.cell) === opener.run;
    if (!isCurrent) {
      return undefined;
    }
    const isIt = ({id}: ICell) => id === opener.cell;
    // The copy of a notebook has cells of the same ids.
    return this._find(cell => isIt(cell) && cell.run === opener.run) ?? this._find(isIt);
  }

  private _find(isIt: (cell: ICell) => boolean): ICell | undefined {
    for (const cell of this._cells()) {
      if (isIt(cell)) {
        return cell;
      }
    }
    return undefined;
  }

  /** A comm that is opened in a callback belongs where the callback's outputs are shown. */
  private _openerOf(parent: KernelMessage.IHeader): IOpener | undefined {
    const cell = this._cellOf.get(parent.msg_id) ?? this.cellOf(parent)?.id;
    return cell === undefined ? undefined : {cell, run: this._runOf.get(cell)};
  }

  private _sentTo(comm_id: string, msg_id: string, content: object): void {
    const comm = this._comm(comm_id);
    const node = this._nodeNow();
    this._sent.set(msg_id, {comm, around: this._holders.around(comm_id), node});
    this._learnState(comm_id, (content as KernelMessage.ICommMsgMsg['content']).data);
  }

  private _nodeNow(): WeakRef<Node> | undefined {
    const node = this._scriptNode();
    if (!node) {
      return undefined;
    }
    if (this._lastNode?.deref() !== node) {
      this._lastNode = new WeakRef(node);
    }
    return this._lastNode;
  }

  private _learnState(comm_id: string, data: unknown): void {
    const {method, state, states} = (data ?? {}) as {
      method?: string;
      state?: object;
      states?: {[id: string]: {state?: object}};
    };
    if (state && typeof state === 'object') {
      this._holders.learn(comm_id, state);
    }
    // All widgets of the kernel, for a page that has been reloaded.
    if (method === 'update_states' && states) {
      for (const [id, widget] of Object.entries(states)) {
        this._learnState(id, widget);
      }
    }
  }

  private _comm(id: string): IComm {
    const comm = this._comms.get(id) ?? {};
    this._comms.set(id, comm);
    return comm;
  }

  /** A comm is closed; messages to it that have been sent before keep what they need. */
  private _forget(comm_id: string): void {
    this._comms.delete(comm_id);
    this._holders.forget(comm_id);
  }

  private _lastNode?: WeakRef<Node>;
  private readonly _holders = new Holders();
  private readonly _comms = new Recent<IComm>(MOST_COMMS);
  /** By the id of a message of the page. */
  private readonly _sent = new Recent<ISent>(MOST_MESSAGES);
  /** By cell: its last run. */
  private readonly _runOf = new Recent<string>(MOST_COMMS);
  /** By run, only the last one of each cell: the cell. */
  private readonly _cellOf = new Recent<string>(MOST_COMMS);
}

type Output = ReturnType<IOutputs['get']>;

/** The widgets that outputs show; to read an output, JupyterLab makes a copy of all its data. */
const read = new WeakMap<Output, string | undefined>();

function shownBy(output: Output): string | undefined {
  if (!read.has(output)) {
    const hasData = output.type === 'display_data' || output.type === 'execute_result';
    read.set(output, hasData ? widgetIn(output) : undefined);
  }
  return read.get(output);
}
