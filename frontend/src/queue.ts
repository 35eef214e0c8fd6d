/**
 * What is under way on JupyterLite's own path: a queue that handles one message at a time, in order.
 *
 * At Stop JupyterLite throws some of it away and does not say what. But what it has handled tells
 * that nothing sent before is still to come.
 */
import type {KernelMessage} from '@jupyterlab/services';

type Header = KernelMessage.IHeader;

export const COMM_TYPES: ReadonlySet<string> = new Set(['comm_open', 'comm_msg', 'comm_close']);

/** The messages by which ipywidgets keeps itself in step with the kernel. */
const OF_WIDGETS: ReadonlySet<unknown> = new Set(['update', 'request_state', 'request_states']);
const WIDGETS_CONTROL = 'jupyter.widget.control';

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

export class Queue {
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

  /** Whether a cell is about to begin: one is queued that is to run, and none runs. */
  get isBeforeCell(): boolean {
    return (
      this._some(entry => isCell(entry) && !entry.isAborted) &&
      !this._some(entry => isCell(entry) && entry.hasBegun)
    );
  }

  /**
   * Take the comm messages back that wait: another way is theirs now. All of them, or none.
   *
   * @param hasClient - Whether the client with this session is there.
   * @returns them in order, or null if one is being handled, has no client, or may have been changed by
   * its sender since it was sent. ipywidgets makes its messages anew each time.
   */
  takeBack(hasClient: (session: string) => boolean): KernelMessage.IMessage[] | null {
    const comms = [...this._entries.values()].filter(isComm);
    const mustStay = ({runs, msg}: IEntry) =>
      runs || !isOfWidgets(msg) || !hasClient(msg.header.session);
    if (comms.some(mustStay)) {
      return null;
    }
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
