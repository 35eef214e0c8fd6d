/**
 * What a channel has to see through: the messages that wait on the page, and the comm messages that
 * have gone over the port, until the kernel has handled them.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {toTransfer} from './buffers';
import type {IClient} from './clients';
import {type IFromPage, NO_MESSAGE} from './frames';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;
type Frame = Omit<IFromPage, 'id' | 'may_wait'>;

/** A message that waits for the kernel to start or for a cell to begin. */
export interface IHeld {
  readonly msg: Message;
  readonly client: IClient;
  /** What goes over the port; null for other messages than those of comms. */
  readonly frame: Frame | null;
  isAborted: boolean;
}

export class Outbox {
  /**
   * Make a message wait.
   *
   * @returns what waits; the sender may change the message from now on.
   * @throws what JSON.stringify throws; then nothing waits.
   */
  hold(msg: Message, client: IClient, isComm: boolean): IHeld {
    const frame = isComm ? toFrame(msg) : null;
    const {header, parent_header, metadata, content} = msg;
    // What a comm message holds is in its frame; others are JSON as well.
    const own = isComm
      ? {...msg, header: {...header}}
      : {...msg, ...JSON.parse(JSON.stringify({header, parent_header, metadata, content}))};
    const held = {msg: own as Message, client, frame, isAborted: false};
    this._held.push(held);
    return held;
  }

  /** Make it wait again, behind all others. */
  put(held: IHeld): void {
    this._held.push(held);
  }

  get hasHeld(): boolean {
    return this._held.length > 0;
  }

  /** Take all that waits, in order. */
  takeAll(): IHeld[] {
    return this._held.splice(0);
  }

  /** Take the comm message that has waited longest, to be posted: with its number, from 1 for each port. */
  next(may_wait: boolean): {frame: IFromPage; header: Header} {
    const {msg, frame} = this._held.shift()!;
    const {header} = msg;
    const {comm_id} = msg.content as KernelMessage.ICommMsgMsg['content'];
    const id = ++this._lastId;
    this._unanswered.set(id, {header, comm_id});
    return {frame: {...frame!, id, may_wait}, header};
  }

  /** A message has been handled; returns its header, unless nobody waits for it. */
  answered(id: number): Header | undefined {
    const header = this._unanswered.get(id)?.header;
    this._unanswered.delete(id);
    return header;
  }

  /** Stop: the cells that wait are not to run. */
  abortCells(): void {
    this._held.forEach(held => {
      held.isAborted = held.msg.header.msg_type === 'execute_request';
    });
  }

  /** Forget what one client has sent. */
  forget(session: string): void {
    this._held = this._held.filter(({msg}) => msg.header.session !== session);
    this._unanswered.forEach(({header}, id) => {
      if (header.session === session) {
        this._unanswered.delete(id);
      }
    });
  }

  /** Forget all of it, and return it, in order. */
  empty(): Header[] {
    const headers = [...this._unanswered.values(), ...this._held.map(({msg}) => msg)];
    this._unanswered.clear();
    this._held = [];
    return headers.map(({header}) => header);
  }

  /** The port is gone, with all that was sent to it. */
  reset(): void {
    this.empty();
    this._lastId = NO_MESSAGE;
  }

  /** The id of the last message that has gone over the port. */
  get lastId(): number {
    return this._lastId;
  }

  /** The comms of the messages that have gone over the port and are not handled, in order. */
  get unansweredComms(): string[] {
    return [...this._unanswered.values()].map(({comm_id}) => comm_id);
  }

  private _held: IHeld[] = [];
  private readonly _unanswered = new Map<number, {header: Header; comm_id: string}>();
  private _lastId = NO_MESSAGE;
}

/** The message as JupyterLite's own path takes it. */
export function toMessage({msg, frame}: IHeld): Message {
  return frame ? {...msg, ...JSON.parse(frame.message), buffers: [...frame.buffers]} : msg;
}

function toFrame({header, metadata, content, buffers}: Message): Frame {
  return {
    type: 'comm',
    message: JSON.stringify({header, metadata, content}),
    buffers: (buffers ?? []).map(toTransfer)
  };
}
