/**
 * The clients of one kernel, step 3 of a message's way: hands each of them a message of its own.
 *
 * JupyterLab drops what is queued when the session changes between two messages, so all messages of
 * a kernel have one.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {BusySign} from '../live/busy';
import {copyBytes} from '../wire/buffers';
import type {IFromKernel} from '../wire/frames';
import {ToldErrors} from './told';
import {COMM_TYPES, type IReason} from '../wire/comm_messages';

type Message = KernelMessage.IMessage;
type Bytes = ArrayBufferLike | ArrayBufferView;

/** A client's end: one connection to the kernel. */
export interface IClient {
  readonly isOpen: boolean;
  /** The session of its messages. */
  readonly session: string;
  /** Hand a message over; it becomes the client's own. */
  deliver(msg: Message): void;
  /** Send a message by JupyterLite's own path. */
  sendStock(msg: Message): void;
}

export class Clients {
  /**
   * @param session - The session of the kernel's messages.
   * @param hasExecutions - Whether a cell is queued or running.
   */
  constructor(
    private readonly _session: string,
    private readonly _hasExecutions: () => boolean
  ) {}

  /** Take in a client; it leaves when it closes. */
  add(client: IClient): void {
    this._clients.add(client);
  }

  remove(client: IClient): void {
    this._clients.delete(client);
  }

  /** The client whose messages have this session, if it is there. */
  of(session: string): IClient | undefined {
    return [...this._clients].find(client => client.session === session);
  }

  get isEmpty(): boolean {
    return this._clients.size === 0;
  }

  /** Tell JupyterLab, in a server's words, that the kernel is restarted because it has died. */
  announceRestart(): void {
    this._status('restarting');
  }

  /** A comm message is being handled that has been taken from JupyterLab. */
  begin(header: KernelMessage.IHeader): void {
    this._status('busy', header);
    this.busy.begin(header.msg_id);
  }

  /** It has been handled. */
  end(header: KernelMessage.IHeader): void {
    this._status('idle', header);
    this.busy.end(header.msg_id);
  }

  /** Deliver a status, in answer to a message or by itself. */
  private _status(execution_state: 'busy' | 'idle' | 'restarting', parent: object = {}): void {
    const header = this._header('status');
    this._deliver(() => message(header, {execution_state}, {...parent}, {}, []));
  }

  /**
   * Answer a message in the place of the kernel, which will not do it: a request with an error. Only
   * the question whether it is there stays open: JupyterLab would not ask the next kernel.
   */
  refuse(parent: KernelMessage.IHeader, {ename, evalue}: IReason): void {
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

  /**
   * Answer messages in the place of a kernel that ends.
   *
   * @param isReady - Whether it had started: JupyterLite's queue handles one message at a time.
   * @returns Whether a cell has ended with the reason.
   */
  refuseAll(headers: readonly KernelMessage.IHeader[], why: IReason, isReady: boolean): boolean {
    const unbegun = {...why, evalue: 'this cell has not run: the kernel has ended before'};
    let isTold = false;
    headers.forEach((header, i) => {
      const isCell = header.msg_type === 'execute_request';
      const wasBehind = isCell && i > 0 && isReady;
      this.refuse(header, wasBehind ? unbegun : why);
      isTold ||= isCell && !wasBehind;
    });
    return isTold;
  }

  /** Answer a message that was sent to a kernel that has died. */
  deny(msg: Message, why: IReason): void {
    if (COMM_TYPES.has(msg.header.msg_type)) {
      // Later, as if it came from a kernel: page code may open one anew each time that one closes.
      setTimeout(() => this._denyComm(msg, why));
    } else {
      this.refuse(msg.header, why);
    }
  }

  /** A comm that opens is closed again. */
  private _denyComm({header, content}: Message, {ename, evalue}: IReason): void {
    if (header.msg_type === 'comm_open') {
      const {comm_id} = content as {comm_id: string};
      const close = this._header('comm_close');
      const why = {lite_comms: {ename, evalue}};
      this._deliver(() => message(close, {comm_id, data: {}}, {...header}, {...why}, []));
    }
    this._status('idle', header);
  }

  /**
   * Deliver a message that came over the port.
   *
   * @throws SyntaxError if what should be JSON is none; nobody has got it then.
   */
  comm({msg_type, content, metadata, parent, buffers}: IFromKernel): void {
    if (parent !== this._parentText) {
      this._parent = JSON.parse(parent);
      this._parentText = parent;
    }
    const header = this._header(msg_type);
    this._deliver(last =>
      message(
        header,
        JSON.parse(content),
        {...this._parent},
        metadata === '{}' ? {} : JSON.parse(metadata),
        // The last one gets the kernel's own buffers, those before it copies.
        buffers.map(buffer => new DataView(last ? buffer : buffer.slice(0)))
      )
    );
    if (msg_type === 'error' && this._hasExecutions()) {
      this.told.add(this._parent, JSON.parse(content));
    }
  }

  /** Deliver a message that JupyterLite's kernel has made, a reply to the client that asked. */
  stock(msg: Message): void {
    if (this.told.has(msg)) {
      return;
    }
    const {channel, header, parent_header, metadata, content} = msg;
    let text: string;
    try {
      // Also on JupyterLite's own path a message is JSON: nan is null, a BigInt cannot be sent.
      text = JSON.stringify({header, parent_header, metadata, content});
    } catch (error) {
      console.error(`lite_comms: a message '${header.msg_type}' of the kernel is no JSON`, error);
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

  /** Give a message of the kernel the one session that all its messages have. */
  withSession<M extends Message>(msg: M): M {
    msg.header.session = this._session;
    return msg;
  }

  /** The header of a new message, which is one, however many clients get it. */
  private _header(msg_type: string): object {
    const msg_id = `${this._session}_${++this._lastMessage}`;
    const date = new Date().toISOString();
    return {msg_id, msg_type, date, session: this._session, username: '', version: '5.3'};
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
        console.error(`lite_comms: JupyterLab refuses a '${msg.header.msg_type}' message`, error);
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
  private _parentText = '';
  private _parent: object = {};
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
