/**
 * The way of the messages of one kernel, step 3: routes them between its clients' sockets and its
 * port, and keeps their order.
 *
 * | state    | entered by                    | comm messages of the page                      |
 * |----------|-------------------------------|------------------------------------------------|
 * | stock    | no kernel, or no answer of    | take JupyterLite's own path                    |
 * |          | its half; the kernel's bye    |                                                |
 * | starting | a kernel with a Worker        | wait until it is ready, for where to go        |
 * | port     | its hello, once it is ready   | go over the port, past JupyterLite's queue     |
 *
 * What the kernel says takes one way for all its messages while the port is open: outputs, status
 * and comm messages go to the sockets as objects, by reference.
 */
import {KernelMessage} from '@jupyterlab/services';
import {toTransfer} from './buffers';
import {type IFromKernel, type IFromPage, NO_MESSAGE, type ToPage, VERSION} from './frames';
import {Port} from './port';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;

/** A client's end: one connection to the kernel. */
export interface IClient {
  readonly isOpen: boolean;
  /** Hand a message over; it becomes the client's own. */
  deliver(msg: Message): void;
  /** Send a message by JupyterLite's own path. */
  sendStock(msg: Message): void;
}

/** What a channel needs of JupyterLite's kernel. */
export interface IKernel {
  readonly ready: Promise<void>;
}

export const COMM_TYPES: ReadonlySet<string> = new Set(['comm_open', 'comm_msg', 'comm_close']);

/** JupyterLab shows a kernel that is busy with comm messages only after so long. */
const BUSY_AFTER_MS = 100;

type Frame = Omit<IFromPage, 'id' | 'may_wait'>;

export class Channel {
  /**
   * @param version - Of this package, for the hello.
   * @param expected - Whether kernels of this page load their half of lite_comms when they start.
   */
  constructor(
    private readonly _id: string,
    private readonly _version: string,
    private readonly _expected: boolean
  ) {}

  /** Take in a client; it leaves when it closes. */
  add(client: IClient): void {
    this._clients.add(client);
  }

  remove(client: IClient): void {
    this._clients.delete(client);
  }

  /** A kernel has been made, at first or by a restart. */
  attach(worker: Worker, kernel: IKernel): Port {
    const port = new Port(
      worker,
      frame => this._onFrame(port, frame),
      error => {
        console.error('lite_comms: the kernel sent what cannot be read', error);
        port.post({type: 'error', reason: String(error), id: NO_MESSAGE});
      }
    );
    if (this._port) {
      this.detach(this._port);
    }
    this._port = port;
    this._state = 'starting';
    const settle = () => {
      if (this._port === port && this._state === 'starting') {
        this._settle();
      }
    };
    kernel.ready.then(settle, settle);
    return port;
  }

  /** The kernel behind a port is gone, with all that it was to answer. */
  detach(port: Port): void {
    port.dispose();
    if (this._port !== port) {
      return;
    }
    this._port = null;
    this._state = 'stock';
    this._greeted = false;
    this._mayOpen = false;
    clearTimeout(this._busyTimer);
    this._busyTimer = undefined;
    this._shownBusy = false;
    this._held = [];
    this._unanswered.clear();
    this._waiting.clear();
    this._stockComms.clear();
  }

  /**
   * Take a message of the page, if it has a shorter way than JupyterLite's own.
   *
   * @throws what JSON.stringify throws; nothing is sent then.
   */
  take(msg: Message, client: IClient): boolean {
    const {msg_id, msg_type} = msg.header;
    if (msg_type === 'execute_request') {
      this._waiting.add(msg_id);
    }
    if (msg.channel !== 'shell' || !COMM_TYPES.has(msg_type)) {
      return false;
    }
    switch (this._state) {
      case 'stock':
        this._stockComms.add(msg_id);
        return false;
      case 'starting':
        this._held.push({msg, client, frame: toFrame(msg)});
        return true;
      case 'port':
        this._send(msg.header, toFrame(msg));
        return true;
    }
  }

  /** Pass on a message of the kernel; `stock` is JupyterLite's own way. */
  fromKernel(msg: Message, stock: (msg: Message) => void): void {
    this.observe(msg);
    if (this._state === 'port' && msg.channel === 'iopub') {
      // The kernel goes on using the header of what it answers.
      this._deliver({...msg, parent_header: {...msg.parent_header}} as Message);
    } else {
      stock(msg);
    }
  }

  /** Learn from a message of the kernel, whichever way it takes; twice does no harm. */
  observe(msg: Message): void {
    const parent = msg.parent_header as Header;
    if (msg.header.msg_type === 'status') {
      if ((msg as KernelMessage.IStatusMsg).content.execution_state !== 'idle') {
        return;
      }
      this._waiting.delete(parent.msg_id);
      this._stockComms.delete(parent.msg_id);
    } else if (
      msg.header.msg_type === 'execute_reply' &&
      (msg as KernelMessage.IExecuteReplyMsg).content.status === 'error'
    ) {
      // JupyterLite has thrown away all that waited in its queue.
      this._waiting.clear();
      this._stockComms.clear();
    } else {
      return;
    }
    if (this._waiting.size === 0 && this._askedToWait) {
      this._askedToWait = false;
      this._port?.post({type: 'idle'});
    }
    this._openWhenQuiet();
  }

  /**
   * Give a message of the kernel the one session that all its messages have: JupyterLab drops what
   * is queued when the session changes between two messages.
   */
  withSession<M extends Message>(msg: M): M {
    if (this._port) {
      msg.header.session = this._id;
    }
    return msg;
  }

  private _onFrame(port: Port, frame: ToPage): void {
    switch (frame.type) {
      case 'hello':
        if (frame.version === VERSION) {
          this._greeted = true;
        } else {
          console.warn(
            `lite_comms: the kernel speaks version ${frame.version} of the protocol, the page ` +
              `${VERSION}: comms take JupyterLite's own path. Reload the page.`
          );
        }
        if (this._state === 'stock') {
          // Its half was loaded by hand; no message may overtake one on JupyterLite's path.
          this._mayOpen = this._greeted;
          this._openWhenQuiet();
        }
        if (this._state === 'starting' || !this._greeted) {
          this._greet(port);
        }
        break;
      case 'comm':
        this._deliverComm(frame);
        break;
      case 'ack':
        frame.ids.forEach(id => this._answered(id));
        break;
      case 'error':
        console.error(`lite_comms: the kernel cannot use a message: ${frame.reason}`);
        if (frame.id !== NO_MESSAGE) {
          this._answered(frame.id);
        }
        break;
      case 'bye':
        this._state = 'stock';
        this._greeted = false;
        port.post({type: 'bye'});
        break;
    }
  }

  private _greet(port: Port): void {
    port.post({type: 'hello', version: VERSION, package: this._version});
  }

  private _settle(): void {
    this._state = this._greeted ? 'port' : 'stock';
    if (!this._greeted && this._expected) {
      console.warn(
        "lite_comms: the kernel's half did not answer; its comms take JupyterLite's own path"
      );
    }
    const held = this._held;
    this._held = [];
    for (const {msg, client, frame} of held) {
      if (this._greeted) {
        this._send(msg.header, frame);
      } else {
        this._stockComms.add(msg.header.msg_id);
        client.sendStock({...msg, buffers: [...frame.buffers]} as Message);
      }
    }
  }

  private _openWhenQuiet(): void {
    if (this._mayOpen && this._port && this._stockComms.size === 0) {
      this._mayOpen = false;
      this._state = 'port';
      this._greet(this._port);
    }
  }

  private _send(header: Header, frame: Frame): void {
    const id = ++this._lastId;
    this._unanswered.set(id, header);
    const may_wait = this._waiting.size > 0;
    this._askedToWait ||= may_wait && header.msg_type === 'comm_open';
    this._status('busy', header);
    this._busyTimer ??= setTimeout(() => {
      this._shownBusy = true;
      this._showState('busy');
    }, BUSY_AFTER_MS);
    this._port!.post({...frame, id, may_wait});
  }

  private _answered(id: number): void {
    const header = this._unanswered.get(id);
    if (header) {
      this._unanswered.delete(id);
      this._status('idle', header);
      if (this._unanswered.size === 0) {
        clearTimeout(this._busyTimer);
        this._busyTimer = undefined;
        if (this._shownBusy) {
          this._shownBusy = false;
          this._showState('idle');
        }
      }
    }
  }

  private _status(execution_state: 'busy' | 'idle', parent: Header | object): void {
    this._deliver(this._message('status', {execution_state}, parent, {}, []));
  }

  /** JupyterLab does not track comm messages (`untracked_message_types`): show the state to it. */
  private _showState(execution_state: 'busy' | 'idle'): void {
    if (this._waiting.size === 0) {
      this._status(execution_state, {});
    }
  }

  private _deliverComm(frame: IFromKernel): void {
    if (frame.parent !== this._parentText) {
      this._parentText = frame.parent;
      this._parent = JSON.parse(frame.parent);
    }
    const {msg_type, content, metadata, buffers} = frame;
    const clients = this._open();
    clients.forEach((client, i) => {
      // The last one gets the kernel's own buffers, those before it copies.
      const views = () =>
        buffers.map(buffer => new DataView(i === clients.length - 1 ? buffer : buffer.slice(0)));
      const parent = {...this._parent};
      const meta = metadata === '{}' ? {} : JSON.parse(metadata);
      client.deliver(this._message(msg_type, JSON.parse(content), parent, meta, views()));
    });
  }

  private _message(
    msg_type: string,
    content: object,
    parent_header: object,
    metadata: object,
    buffers: DataView[]
  ): Message {
    const msg_id = `${this._id}_${++this._lastMessage}`;
    const date = new Date().toISOString();
    const header = {msg_id, msg_type, date, session: this._id, username: '', version: '5.3'};
    return {channel: 'iopub', header, parent_header, metadata, content, buffers} as never;
  }

  private _deliver(msg: Message): void {
    this.withSession(msg);
    const clients = this._open();
    clients.forEach((client, i) =>
      client.deliver(i === clients.length - 1 ? msg : structuredClone(msg))
    );
  }

  private _open(): IClient[] {
    return [...this._clients].filter(client => client.isOpen);
  }

  private _state: 'stock' | 'starting' | 'port' = 'stock';
  private _port: Port | null = null;
  /** The kernel's half has said hello, in our version. */
  private _greeted = false;
  /** It said so late: the port opens when no comm message is under way on JupyterLite's path. */
  private _mayOpen = false;
  private readonly _stockComms = new Set<string>();

  private readonly _clients = new Set<IClient>();
  private _held: {msg: Message; client: IClient; frame: Frame}[] = [];
  private readonly _unanswered = new Map<number, Header>();
  private _lastId = NO_MESSAGE;
  private _busyTimer: ReturnType<typeof setTimeout> | undefined;
  private _shownBusy = false;
  private _lastMessage = 0;

  /** Executions that are queued or running, by message id. */
  private readonly _waiting = new Set<string>();
  private _askedToWait = false;

  private _parentText = '';
  private _parent: object = {};
}

function toFrame(msg: Message): Frame {
  const {header, metadata, content} = msg;
  return {
    type: 'comm',
    message: JSON.stringify({header, metadata, content}),
    buffers: (msg.buffers ?? []).map(toTransfer)
  };
}
