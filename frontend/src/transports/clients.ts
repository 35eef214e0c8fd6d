/**
 * The clients of one kernel, step 3 of a message's way: gives each of them a message of its own, and
 * answers in the kernel's place.
 *
 * JupyterLab drops queued messages when the session changes from one message to the next, so all
 * messages of a kernel have the same session.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {BusySign} from '../live/busy';
import {NO_PORT} from '../wire/attachments';
import {copyBytes} from '../wire/buffers';
import {COMM_TYPES, type IReason, isOfCallback} from '../wire/comm_messages';
import {FrameError, type IFromKernel, SAME_PARENT} from '../wire/frames';
import {ToldErrors} from './told';

type Message = KernelMessage.IMessage;
type Bytes = ArrayBufferLike | ArrayBufferView;

/** A client's end: one connection to the kernel. */
export interface IClient {
  readonly isOpen: boolean;
  /** The session of its messages. */
  readonly session: string;
  /** Receive a message, which becomes the client's own. */
  deliver(msg: Message): void;
  /** Send a message by JupyterLite's own path. */
  sendStock(msg: Message): void;
}

export class Clients {
  /**
   * @param session - The session of the kernel's messages.
   * @param hasExecutions - Whether a cell is queued or running.
   * @param complain - Shows an error of the kernel, which may make it again and again.
   */
  constructor(
    private readonly _session: string,
    private readonly _hasExecutions: () => boolean,
    private readonly _complain: (what: string, error: unknown) => void
  ) {}

  /** Add a client. Its socket removes it when it closes. */
  add(client: IClient): void {
    this._clients.add(client);
  }

  remove(client: IClient): void {
    this._clients.delete(client);
  }

  /** The client whose messages have this session, or undefined. */
  of(session: string): IClient | undefined {
    return [...this._clients].find(client => client.session === session);
  }

  get isEmpty(): boolean {
    return this._clients.size === 0;
  }

  /** Send the status by which a server announces that it restarts a kernel that has died. */
  announceRestart(): void {
    this._status('restarting');
  }

  /** Report a comm message as busy: it is on its way over the port. */
  begin(header: KernelMessage.IHeader): void {
    this._status('busy', header);
    this.busy.begin(header.msg_id);
  }

  /** Report it as idle: the kernel has handled it. */
  end(header: KernelMessage.IHeader): void {
    this._status('idle', header);
    this.busy.end(header.msg_id);
  }

  /** Report a message with attachments as lost: there is no port for it after all. */
  lose({header, content}: Message): void {
    const {comm_id} = content as KernelMessage.ICommMsgMsg['content'];
    console.error(`lite_comms: a message of comm ${comm_id} has not been sent: ${NO_PORT}`);
    // Its sender, or JupyterLab, may just be about to hear that it is sent.
    setTimeout(() => this.end(header));
  }

  /**
   * Answer messages in the place of a kernel that has ended.
   *
   * @param isReady - Whether it had started, and so was handling the first of them.
   * @returns Whether a cell shows the reason as its error.
   */
  refuseAll(headers: readonly KernelMessage.IHeader[], why: IReason, isReady: boolean): boolean {
    const unbegun = {...why, evalue: 'this cell has not run: the kernel has ended before'};
    let isTold = false;
    headers.forEach((header, i) => {
      const isCell = header.msg_type === 'execute_request';
      const wasBehind = isCell && i > 0 && isReady;
      this._refuse(header, wasBehind ? unbegun : why);
      isTold ||= isCell && !wasBehind;
    });
    return isTold;
  }

  /** Answer a message that is sent to a kernel that has died. */
  deny(msg: Message, why: IReason): void {
    if (COMM_TYPES.has(msg.header.msg_type)) {
      // Asynchronously, as a kernel would: page code may open a new comm each time one closes.
      setTimeout(() => this._denyComm(msg, why));
    } else {
      this._refuse(msg.header, why);
    }
  }

  /**
   * Deliver a message that came over the port.
   *
   * @param headerOf - Finds the header of a message of the page that is not acknowledged.
   * @throws SyntaxError or FrameError if a field is no JSON object; then no client receives the message.
   */
  deliverComm(frame: IFromKernel, headerOf: (id: number) => object | undefined): void {
    const {msg_type, content, metadata, buffers} = frame;
    const parent = this._parentOf(frame.parent, headerOf);
    const header = this._header(msg_type);
    this.says(msg_type, parent);
    this._deliver(last =>
      message(
        header,
        parse(content, 'content'),
        {...parent},
        metadata === '{}' ? {} : parse(metadata, 'metadata'),
        // The last client gets the kernel's buffers, the others copies.
        buffers.map(buffer => new DataView(last ? buffer : buffer.slice(0)))
      )
    );
    if (msg_type === 'error' && this._hasExecutions()) {
      this.told.add(parent, JSON.parse(content));
    }
  }

  private _parentOf(
    parent: string | number,
    headerOf: (id: number) => object | undefined
  ): {msg_type?: string} {
    if (typeof parent === 'string') {
      this._lastParent = parse(parent, 'parent');
    } else if (parent !== SAME_PARENT) {
      return headerOf(parent) ?? {};
    }
    return this._lastParent;
  }

  /** Note that the kernel has sent a message of this type. */
  says(msg_type: string, parent: object | undefined): void {
    if (isOfCallback(msg_type, parent)) {
      this.busy.said();
    }
  }

  /** Deliver a message of JupyterLite's kernel, a reply only to the client that sent the request. */
  deliverStock(msg: Message): void {
    if (this.told.has(msg)) {
      return;
    }
    const {channel, header, parent_header, metadata, content} = msg;
    let text: string;
    try {
      // JupyterLite's own path writes JSON, too: NaN becomes null, a BigInt cannot be sent.
      text = JSON.stringify({header, parent_header, metadata, content});
    } catch (error) {
      this._complain(`a message '${header.msg_type}' of the kernel is no JSON`, error);
      return;
    }
    this._deliver(
      () => {
        const buffers = ((msg.buffers ?? []) as Bytes[]).map(data => new DataView(copyBytes(data)));
        return this.withSession({channel, ...JSON.parse(text), buffers});
      },
      channel === 'iopub' ? undefined : (parent_header as KernelMessage.IHeader).session
    );
  }

  /** Give a message of the kernel the session that all its messages have. */
  withSession<M extends Message>(msg: M): M {
    msg.header.session = this._session;
    return msg;
  }

  /** Deliver a status, in answer to a message or on its own. */
  private _status(execution_state: 'busy' | 'idle' | 'restarting', parent: object = {}): void {
    const header = this._header('status');
    this._deliver(() => message(header, {execution_state}, {...parent}, {}, []));
  }

  /**
   * Answer a message in the kernel's place, a request with an error. A kernel_info_request is not
   * answered: JupyterLab would not send it to the next kernel.
   */
  private _refuse(parent: KernelMessage.IHeader, {ename, evalue}: IReason): void {
    const {msg_type} = parent;
    if (msg_type === 'kernel_info_request') {
      return;
    }
    const error = {ename, evalue, traceback: []};
    if (msg_type === 'execute_request') {
      const header = this._header('error');
      this._deliver(() => message(header, {...error}, {...parent}, {}, []));
    }
    if (msg_type.endsWith('_request')) {
      const header = this._header(msg_type.replace('_request', '_reply'));
      const content = {status: 'error', ...error};
      const reply = () => message(header, {...content}, {...parent}, {}, [], 'shell');
      this._deliver(reply, parent.session);
    }
    this._status('idle', parent);
  }

  /** Answer a comm message; a comm_open with a comm_close. */
  private _denyComm({header, content}: Message, {ename, evalue}: IReason): void {
    if (header.msg_type === 'comm_open') {
      const {comm_id} = content as {comm_id: string};
      const close = this._header('comm_close');
      const why = {lite_comms: {ename, evalue}};
      this._deliver(() => message(close, {comm_id, data: {}}, {...header}, {...why}, []));
    }
    this._status('idle', header);
  }

  /** Make the header of a message, the same one for all clients. */
  private _header(msg_type: string): object {
    const msg_id = `${this._session}_${++this._lastMessage}`;
    return {msg_id, msg_type, date: now(), session: this._session, username: '', version: '5.3'};
  }

  private _deliver(make: (last: boolean) => Message, only?: string): void {
    const clients = [...this._clients].filter(
      ({isOpen, session}) => isOpen && (only === undefined || only === session)
    );
    clients.forEach((client, i) => {
      const msg = make(i === clients.length - 1);
      try {
        client.deliver(msg);
      } catch (error) {
        this._complain(`JupyterLab refuses a '${msg.header.msg_type}' message`, error);
      }
    });
  }

  readonly told = new ToldErrors();
  readonly busy = new BusySign(
    state => this._status(state),
    () => this._hasExecutions()
  );
  private readonly _clients = new Set<IClient>();
  private _lastMessage = 0;
  /** Of the last frame that had it as text. */
  private _lastParent: object = {};
}

let lastMs = 0;
let lastDate = '';

/** The date as text; a burst of messages has the same. */
function now(): string {
  const ms = Date.now();
  if (ms !== lastMs) {
    lastMs = ms;
    lastDate = new Date(ms).toISOString();
  }
  return lastDate;
}

/** Read a field of a frame, which must be a JSON object. */
function parse(text: string, field: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FrameError(`${field} of a frame 'comm' must be a JSON object`);
  }
  return value;
}

function message(
  header: object,
  content: object,
  parent_header: object,
  metadata: object,
  buffers: DataView[],
  channel = 'iopub'
): Message {
  return {channel, header: {...header}, parent_header, metadata, content, buffers} as never;
}
