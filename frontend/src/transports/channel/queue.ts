/**
 * What is pending on JupyterLite's own path: a queue that handles one message at a time, in order.
 *
 * On Stop JupyterLite drops some of it without saying which. But when it has handled a message, all
 * messages sent before are handled or dropped.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES} from '../../wire/comm_messages';
import type {IPath} from './state';

type Header = KernelMessage.IHeader;

/** The messages by which ipywidgets synchronizes its models with the kernel. */
const OF_WIDGETS: ReadonlySet<unknown> = new Set(['update', 'request_state', 'request_states']);
const WIDGETS_CONTROL = 'jupyter.widget.control';

/** A message that JupyterLite may not have handled yet. */
export interface IUnfinished {
  readonly msg: KernelMessage.IMessage;
  /** Settles when its client knows that it has been handled. */
  readonly done: Promise<unknown>;
}

interface IEntry {
  readonly msg: KernelMessage.IMessage;
  readonly header: Header;
  /** Whether the cells behind it do not run if it fails. */
  readonly stopsOthers: boolean;
  /** Whether JupyterLite is handling it. */
  runs: boolean;
  /** Whether Python runs it. JupyterLite handles it earlier, when comm messages can still overtake it. */
  hasBegun: boolean;
  /** Whether it is a cell that must not run. */
  isAborted: boolean;
}

export class Queue implements IPath {
  /** @param hasClient - Whether the client with this session is connected. */
  constructor(private readonly _hasClient: (session: string) => boolean) {}

  /** Add a message that is sent; `isAborted` says that it is a cell that must not run. */
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
   * Add what was sent before there was a channel.
   *
   * @param unfinished - The messages that JupyterLite may not have handled yet, in order.
   * @param current - The id of the message it is handling, if that is one of them.
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
      // The kernel's idle may have been delivered before anyone observed it here.
      const finish = () => {
        this.handled(msg_id);
        onHandled(msg_id);
      };
      done.then(finish, finish);
    }
  }

  /** Update the queue from a message of the kernel; returns whether it was a status. */
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

  /** Mark a message as being handled by JupyterLite. */
  handles(msg_id: string): void {
    const entry = this._entries.get(msg_id);
    if (entry) {
      entry.runs = true;
    }
  }

  /** Remove a message that could not be sent. */
  unsent({header}: KernelMessage.IMessage): void {
    this._entries.delete(header.msg_id);
  }

  /** Mark a cell as begun: the kernel has said so. */
  began(msg_id: string): void {
    const entry = this._entries.get(msg_id);
    if (entry) {
      entry.hasBegun = true;
    }
  }

  /** Mark the running cell as begun: the kernel says so only for those after its hello. */
  takeRunningAsBegun(): void {
    this._entries.forEach(entry => {
      entry.hasBegun ||= entry.runs;
    });
  }

  /** Abort the queued cells after a cell has failed, unless it was sent to leave them alone. */
  failed(msg_id: string): void {
    if (this._entries.get(msg_id)?.stopsOthers) {
      this._abortCells();
    }
  }

  /** Abort the queued cells if Stop came between two cells. */
  stopped(): void {
    if (!this.runsCell) {
      this._abortCells();
    }
  }

  /** Remove the comm messages that JupyterLite is not handling. */
  dropComms(): void {
    this._entries.forEach((entry, msg_id) => {
      if (isComm(entry) && !entry.runs) {
        this._entries.delete(msg_id);
      }
    });
  }

  isAborted(msg_id: string): boolean {
    return this._entries.get(msg_id)?.isAborted ?? false;
  }

  /** Remove and return all of it, in order. */
  empty(): Header[] {
    const headers = [...this._entries.values()].map(({header}) => header);
    this._entries.clear();
    this._takenBack.clear();
    return headers;
  }

  /** Remove what one client has sent. */
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
   * Whether all pending comm messages can be taken back. A message cannot if it is being handled, if
   * its client has gone, or if its sender may have changed it since; ipywidgets never does.
   */
  get isQuiet(): boolean {
    return !this._some(
      entry =>
        isComm(entry) &&
        (entry.runs || !isOfWidgets(entry.msg) || !this._hasClient(entry.header.session))
    );
  }

  /** Remove and return the pending comm messages, in order, to be sent by the port. */
  takeBack(): KernelMessage.IMessage[] {
    const comms = [...this._entries.values()].filter(isComm);
    comms.forEach(({header: {msg_id}}) => {
      this._entries.delete(msg_id);
      this._takenBack.add(msg_id);
    });
    return comms.map(({msg}) => msg);
  }

  /** Whether a message that JupyterLite is about to handle was taken back. True once for each. */
  isTakenBack(msg_id: string): boolean {
    return this._takenBack.delete(msg_id);
  }

  /** Remove a message that JupyterLite has handled, and all that were sent before it. */
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
