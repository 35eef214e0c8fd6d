/**
 * What is under way on JupyterLite's own path: a queue that handles one message at a time, in order.
 *
 * At Stop JupyterLite throws some of it away and does not say what. But what it has handled tells
 * that nothing sent before is still to come.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES} from '../../wire/comm_messages';
import type {IPath} from './state';

type Header = KernelMessage.IHeader;

/** The messages by which ipywidgets keeps itself in step with the kernel. */
const OF_WIDGETS: ReadonlySet<unknown> = new Set(['update', 'request_state', 'request_states']);
const WIDGETS_CONTROL = 'jupyter.widget.control';

/** A message that JupyterLite may not have handled. */
export interface IUnfinished {
  readonly msg: KernelMessage.IMessage;
  /** Settled when its client knows that it has been handled. */
  readonly done: Promise<unknown>;
}

interface IEntry {
  readonly msg: KernelMessage.IMessage;
  readonly header: Header;
  /** Whether its error keeps the cells behind it from running. */
  readonly stopsOthers: boolean;
  /** Whether JupyterLite is handling it. */
  runs: boolean;
  /** Whether Python runs it; before that, though JupyterLite handles it, comm messages can overtake. */
  hasBegun: boolean;
  /** Whether it is kept from running itself. */
  isAborted: boolean;
}

export class Queue implements IPath {
  /** @param hasClient - Whether the client with this session is there. */
  constructor(private readonly _hasClient: (session: string) => boolean) {}

  /** A message has been sent to the kernel; `isAborted` says that it is a cell that is not to run. */
  sent(msg: KernelMessage.IMessage, isAborted = false): void {
    const {header, content} = msg;
    const {silent, stop_on_error} = content as KernelMessage.IExecuteRequestMsg['content'];
    const stopsOthers = stop_on_error !== false && !silent;
    this._entries.set(header.msg_id, {
      msg,
      header,
      stopsOthers,
      runs: false,
      hasBegun: false,
      isAborted
    });
  }

  /**
   * Take in what was sent before there was a channel.
   *
   * @param unfinished - The messages that JupyterLite may not have handled, in order.
   * @param current - The id of the one that it is handling, if it is one of them.
   * @param onHandled - Called with the id of each of them when it has been handled.
   */
  resume(
    unfinished: readonly IUnfinished[],
    current: string | undefined,
    onHandled: (msg_id: string) => void
  ): void {
    for (const {msg, done} of unfinished) {
      const {msg_id} = msg.header;
      this.sent(msg);
      if (msg_id === current) {
        this.handles(msg_id);
      }
      // The kernel's own idle may have been on its way to the client before.
      const finish = () => {
        this.handled(msg_id);
        onHandled(msg_id);
      };
      done.then(finish, finish);
    }
  }

  /** A message of the kernel; returns whether it says anything about the queue. */
  heard(msg: KernelMessage.IMessage): boolean {
    if (msg.header.msg_type !== 'status') {
      return false;
    }
    const {msg_id} = msg.parent_header as Header;
    this.handles(msg_id);
    if ((msg as KernelMessage.IStatusMsg).content.execution_state === 'idle') {
      this.handled(msg_id);
    }
    return true;
  }

  /** JupyterLite is handling a message. */
  handles(msg_id: string): void {
    const entry = this._entries.get(msg_id);
    if (entry) {
      entry.runs = true;
    }
  }

  /** A message that was to be sent was not. */
  unsent({header}: KernelMessage.IMessage): void {
    this._entries.delete(header.msg_id);
  }

  /** The kernel says that a cell has begun. */
  began(msg_id: string): void {
    const entry = this._entries.get(msg_id);
    if (entry) {
      entry.hasBegun = true;
    }
  }

  /** From now on the kernel says when a cell begins; it will not for one that is being handled. */
  takeRunningAsBegun(): void {
    this._entries.forEach(entry => {
      entry.hasBegun ||= entry.runs;
    });
  }

  /** A cell has failed: those that wait are not to run, unless it was allowed to fail. */
  failed(msg_id: string): void {
    if (this._entries.get(msg_id)?.stopsOthers) {
      this._abortCells();
    }
  }

  /** Stop has been pressed: between two cells it is for those that wait. */
  stopped(): void {
    if (!this.runsCell) {
      this._abortCells();
    }
  }

  isAborted(msg_id: string): boolean {
    return this._entries.get(msg_id)?.isAborted ?? false;
  }

  /** Forget all of it, and return it, in order. */
  empty(): Header[] {
    const headers = [...this._entries.values()].map(({header}) => header);
    this._entries.clear();
    return headers;
  }

  /** Forget what one client has sent. */
  forget(session: string): void {
    this._entries.forEach(({header}, msg_id) => {
      if (header.session === session) {
        this._entries.delete(msg_id);
      }
    });
  }

  get hasExecutions(): boolean {
    return this._some(isCell);
  }

  /** Whether JupyterLite is handling a cell. */
  get runsCell(): boolean {
    return this._some(entry => entry.runs && isCell(entry));
  }

  get cells(): IPath['cells'] {
    if (this._some(entry => isCell(entry) && entry.hasBegun)) {
      return 'begun';
    }
    return this._some(entry => isCell(entry) && !entry.isAborted) ? 'queued' : 'none';
  }

  /**
   * Whether all comm messages that wait can be taken back. One cannot that is being handled, has no
   * client, or may have been changed by its sender since it was sent; ipywidgets makes its messages
   * anew each time.
   */
  get isQuiet(): boolean {
    return !this._some(
      entry =>
        isComm(entry) &&
        (entry.runs || !isOfWidgets(entry.msg) || !this._hasClient(entry.header.session))
    );
  }

  /** Take the comm messages back that wait, in order: another way is theirs now. */
  takeBack(): KernelMessage.IMessage[] {
    const comms = [...this._entries.values()].filter(isComm);
    comms.forEach(({header: {msg_id}}) => {
      this._entries.delete(msg_id);
      this._takenBack.add(msg_id);
    });
    return comms.map(({msg}) => msg);
  }

  /** Whether JupyterLite is about to handle what was taken back; asked once. */
  isTakenBack(msg_id: string): boolean {
    return this._takenBack.delete(msg_id);
  }

  /** JupyterLite has handled a message, and so all that were sent before it. */
  handled(msg_id: string): void {
    if (this._entries.has(msg_id)) {
      for (const [before] of this._entries) {
        this._entries.delete(before);
        if (before === msg_id) {
          break;
        }
      }
    }
  }

  private _abortCells(): void {
    this._entries.forEach(entry => {
      entry.isAborted = isCell(entry);
    });
  }

  private _some(wanted: (entry: IEntry) => boolean): boolean {
    for (const entry of this._entries.values()) {
      if (wanted(entry)) {
        return true;
      }
    }
    return false;
  }

  private readonly _takenBack = new Set<string>();
  /** By the messages' ids, in the order of sending. */
  private readonly _entries = new Map<string, IEntry>();
}

const isCell = ({header}: IEntry) => header.msg_type === 'execute_request';
const isComm = ({header}: IEntry) => COMM_TYPES.has(header.msg_type);

function isOfWidgets({header, content, buffers}: KernelMessage.IMessage): boolean {
  const {target_name, data} = content as {target_name?: string; data?: {method?: unknown}};
  const isOwn =
    header.msg_type === 'comm_open'
      ? target_name === WIDGETS_CONTROL
      : header.msg_type === 'comm_msg' && OF_WIDGETS.has(data?.method);
  return isOwn && !buffers?.length;
}
