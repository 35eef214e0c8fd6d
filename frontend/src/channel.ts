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
 * and comm messages go to the sockets as objects. Replies take JupyterLite's own, which is
 * synchronous in this direction.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {copyBytes, toTransfer} from './buffers';
import {type IFromKernel, type IFromPage, NO_MESSAGE, type ToPage, VERSION} from './frames';
import {Port} from './port';
import {COMM_TYPES, Queue} from './queue';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;
type Bytes = ArrayBufferLike | ArrayBufferView;

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

export interface IOptions {
  readonly id: string;
  /** The version of this package, for the hello. */
  readonly version: string;
  /** Whether kernels of this page load their half of lite_comms when they start. */
  readonly expected: boolean;
}

/** JupyterLab shows a kernel that is busy with comm messages only after so long. */
const BUSY_AFTER_MS = 100;

type Frame = Omit<IFromPage, 'id' | 'may_wait'>;

export class Channel {
  /** @param onEnd - Called when there is neither a kernel nor a client any more. */
  constructor(
    private readonly _options: IOptions,
    private readonly _onEnd: () => void = () => undefined
  ) {}

  /** Take in a client; it leaves when it closes. */
  add(client: IClient): void {
    this._clients.add(client);
  }

  remove(client: IClient): void {
    this._clients.delete(client);
    this._endIfUnused();
  }

  /** A kernel has been made, at first or by a restart. */
  attach(worker: Worker, kernel: IKernel): Port {
    if (this._port) {
      this.detach(this._port);
    }
    const port = new Port(
      worker,
      frame => this._onFrame(port, frame),
      error => refuse(port, error)
    );
    this._port = port;
    this._state = 'starting';
    const settle = () => {
      if (this._port === port) {
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
    this._asked = false;
    this._held = [];
    this._queue.clear();
    this._unanswered.clear();
    this._handling.clear();
    this._showBusy();
    this._endIfUnused();
  }

  /**
   * Take a message of the page, if it has a shorter way than JupyterLite's own.
   *
   * @throws what JSON.stringify throws; nothing is sent then.
   */
  take(msg: Message, client: IClient): boolean {
    if (msg.channel !== 'shell') {
      return false;
    }
    const isComm = COMM_TYPES.has(msg.header.msg_type);
    if (this._state === 'port' && isComm) {
      this._send(msg.header, toFrame(msg));
      return true;
    }
    // What is sent after a comm message that waits, waits too; but for the question by which
    // JupyterLab learns that the kernel is there.
    const waits =
      isComm || (this._held.length > 0 && msg.header.msg_type !== 'kernel_info_request');
    if (this._state === 'starting' && waits) {
      this._held.push({msg, client, frame: isComm ? toFrame(msg) : null});
      return true;
    }
    this._queue.sent(msg.header);
    return false;
  }

  /** Pass on a message of the kernel; `stock` is JupyterLite's own way. */
  fromKernel(msg: Message, stock: (msg: Message) => void): void {
    this.observe(msg);
    if (this._state === 'port' && msg.channel === 'iopub') {
      this._deliverStock(msg);
    } else {
      stock(msg);
    }
  }

  /** Learn from a message of the kernel, whichever way it takes; twice does no harm. */
  observe(msg: Message): void {
    if (!this._queue.heard(msg)) {
      return;
    }
    const {msg_id, msg_type} = msg.parent_header as Header;
    if (msg.header.msg_type === 'status' && COMM_TYPES.has(msg_type)) {
      const {execution_state} = (msg as KernelMessage.IStatusMsg).content;
      this._handling[execution_state === 'idle' ? 'delete' : 'add'](msg_id);
      this._showBusy();
    }
    if (this._asked && !this._queue.hasExecutions) {
      this._asked = false;
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
      msg.header.session = this._options.id;
    }
    return msg;
  }

  private _endIfUnused(): void {
    if (!this._port && this._clients.size === 0) {
      this._onEnd();
    }
  }

  private _onFrame(port: Port, frame: ToPage): void {
    switch (frame.type) {
      case 'hello':
        this._onHello(port, frame.version);
        break;
      case 'comm':
        this._deliverComm(port, frame);
        break;
      case 'ack':
        frame.ids.forEach(id => this._answered(id));
        break;
      case 'error':
        console.error(`lite_comms: the kernel cannot use a message: ${frame.reason}`);
        this._answered(frame.id);
        break;
      case 'bye':
        if (this._state === 'port') {
          this._state = 'stock';
        }
        this._greeted = false;
        this._mayOpen = false;
        port.post({type: 'bye'});
        break;
    }
  }

  private _onHello(port: Port, version: number): void {
    if (version !== VERSION) {
      console.warn(
        `lite_comms: the kernel speaks version ${version} of the protocol, the page ${VERSION}: ` +
          "comms take JupyterLite's own path. Reload the page."
      );
      this._greet(port);
      return;
    }
    this._greeted = true;
    if (this._state === 'stock') {
      // Its half was loaded by hand; no message may overtake one on JupyterLite's path.
      this._mayOpen = true;
      this._openWhenQuiet();
    } else {
      this._greet(port);
    }
  }

  private _greet(port: Port): void {
    port.post({type: 'hello', version: VERSION, package: this._options.version, can: []});
  }

  /** The kernel is ready: now it is known which way its comm messages go. */
  private _settle(): void {
    this._state = this._greeted ? 'port' : 'stock';
    if (!this._greeted && this._options.expected) {
      console.warn(
        "lite_comms: the kernel's half did not answer; its comms take JupyterLite's own path"
      );
    }
    for (const {msg, client, frame} of this._held.splice(0)) {
      if (frame && this._greeted) {
        this._send(msg.header, frame);
      } else {
        this._queue.sent(msg.header);
        client.sendStock(frame ? ({...msg, buffers: [...frame.buffers]} as Message) : msg);
      }
    }
  }

  private _openWhenQuiet(): void {
    if (this._mayOpen && this._port && !this._queue.hasComms) {
      this._mayOpen = false;
      this._state = 'port';
      this._greet(this._port);
    }
  }

  private _send(header: Header, frame: Frame): void {
    const id = ++this._lastId;
    const may_wait = this._queue.hasExecutions;
    this._port!.post({...frame, id, may_wait});
    this._asked ||= may_wait && header.msg_type === 'comm_open';
    this._unanswered.set(id, {...header});
    this._handling.add(header.msg_id);
    this._status('busy', header);
    this._showBusy();
  }

  private _answered(id: number): void {
    const header = this._unanswered.get(id);
    if (header) {
      this._unanswered.delete(id);
      this._handling.delete(header.msg_id);
      this._status('idle', header);
      this._showBusy();
    }
  }

  /**
   * Show that comm messages are being handled, if it takes long: JupyterLab itself does not track
   * them (`untracked_message_types`). While a cell runs the kernel is shown to be busy anyway.
   */
  private _showBusy(): void {
    if (this._handling.size > 0) {
      this._busyTimer ??= setTimeout(() => {
        this._shownBusy = !this._queue.hasExecutions;
        if (this._shownBusy) {
          this._status('busy', {});
        }
      }, BUSY_AFTER_MS);
      return;
    }
    clearTimeout(this._busyTimer);
    this._busyTimer = undefined;
    if (this._shownBusy) {
      this._shownBusy = false;
      if (!this._queue.hasExecutions) {
        this._status('idle', {});
      }
    }
  }

  private _status(execution_state: 'busy' | 'idle', parent: object): void {
    this._toClients(() => this._message('status', {execution_state}, {...parent}, {}, []));
  }

  /** Deliver a comm message that came over the port. */
  private _deliverComm(port: Port, frame: IFromKernel): void {
    const {msg_type, content, metadata, parent, buffers} = frame;
    try {
      if (parent !== this._parentText) {
        this._parent = JSON.parse(parent);
        this._parentText = parent;
      }
      this._toClients(last =>
        this._message(
          msg_type,
          JSON.parse(content),
          {...this._parent},
          metadata === '{}' ? {} : JSON.parse(metadata),
          // The last one gets the kernel's own buffers, those before it copies.
          buffers.map(buffer => new DataView(last ? buffer : buffer.slice(0)))
        )
      );
    } catch (error) {
      refuse(port, error);
    }
  }

  /** Deliver a message that JupyterLite's kernel has made. */
  private _deliverStock(msg: Message): void {
    const {header, parent_header, metadata, content} = msg;
    let text: string;
    try {
      // Also on JupyterLite's own path a message is JSON: nan is null, a BigInt cannot be sent.
      text = JSON.stringify({header, parent_header, metadata, content});
    } catch (error) {
      console.error(`lite_comms: a message '${header.msg_type}' of the kernel is no JSON`, error);
      return;
    }
    this._toClients(() => {
      const buffers = ((msg.buffers ?? []) as Bytes[]).map(data => new DataView(copyBytes(data)));
      return this.withSession({channel: msg.channel, ...JSON.parse(text), buffers});
    });
  }

  private _message(
    msg_type: string,
    content: object,
    parent_header: object,
    metadata: object,
    buffers: DataView[]
  ): Message {
    const {id} = this._options;
    const msg_id = `${id}_${++this._lastMessage}`;
    const date = new Date().toISOString();
    const header = {msg_id, msg_type, date, session: id, username: '', version: '5.3'};
    return {channel: 'iopub', header, parent_header, metadata, content, buffers} as never;
  }

  /** Hand each client a message of its own, made when its turn comes. */
  private _toClients(make: (last: boolean) => Message): void {
    const clients = [...this._clients].filter(client => client.isOpen);
    clients.forEach((client, i) => {
      const msg = make(i === clients.length - 1);
      try {
        client.deliver(msg);
      } catch (error) {
        console.error(`lite_comms: JupyterLab refuses a '${msg.header.msg_type}' message`, error);
      }
    });
  }

  private _state: 'stock' | 'starting' | 'port' = 'stock';
  private _port: Port | null = null;
  /** The kernel's half has said hello, in our version. */
  private _greeted = false;
  /** It said so late: the port opens when no comm message is under way on JupyterLite's path. */
  private _mayOpen = false;

  private readonly _clients = new Set<IClient>();
  private readonly _queue = new Queue();
  /** What waits while the kernel starts; with a frame for comm messages. */
  private _held: {msg: Message; client: IClient; frame: Frame | null}[] = [];
  /** A comm_open may wait in the kernel for the end of executions. */
  private _asked = false;

  private readonly _unanswered = new Map<number, Header>();
  private _lastId = NO_MESSAGE;
  private _lastMessage = 0;
  /** The comm messages that are being handled, on either path. */
  private readonly _handling = new Set<string>();
  private _busyTimer: ReturnType<typeof setTimeout> | undefined;
  private _shownBusy = false;

  private _parentText = '';
  private _parent: object = {};
}

function toFrame({header, metadata, content, buffers}: Message): Frame {
  return {
    type: 'comm',
    message: JSON.stringify({header, metadata, content}),
    buffers: (buffers ?? []).map(toTransfer)
  };
}

function refuse(port: Port, error: unknown): void {
  console.error('lite_comms: the kernel sent what cannot be read', error);
  port.post({type: 'error', reason: String(error), id: NO_MESSAGE});
}
