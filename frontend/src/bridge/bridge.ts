/**
 * One host page that is connected: its frames become comm messages to what the kernel has exposed, and
 * what the kernel sends on these comms becomes frames.
 *
 * The ids of comms in frames are the host page's; the kernel's end has another one, so a host page cannot
 * name, and so not reach, a comm that is not its own.
 */
import type {Kernel} from '@jupyterlab/services';
import {type JSONObject, UUID} from '@lumino/coreutils';
import {type CommIds, commFrame, type Frame, type ICommOpen, readFrame} from '../wire/bridge';
import {copyBytes} from '../wire/buffers';
import {DISCONNECTED, type IReason} from '../wire/comm_messages';
import type {Kernels} from './kernels';
import type {ISession, Sessions} from './sessions';
import {ENDS, STATUSES} from './statuses';

type Connection = Kernel.IKernelConnection;
type Opener = Parameters<Connection['registerCommTarget']>[1];
type CommMessage = {content: {data: unknown}; metadata: object; buffers?: readonly unknown[]};

/** A kernel opens a comm to a target of the host page by this and its name. */
const PREFIX = 'host:';

/** How many comms one host page may have open: a page that opens them in a loop must not fill the kernel. */
export const MAX_COMMS = 1000;

export class Bridge {
  constructor(
    private readonly _port: MessagePort,
    private readonly _origin: string,
    private readonly _path: string | null,
    private readonly _sessions: Sessions,
    private readonly _kernels: Kernels,
    private readonly _onEnd: () => void = () => undefined
  ) {
    _port.onmessage = ({data}) => this._receive(data);
    // Where the browser tells it: the host page has dropped the port.
    _port.addEventListener('close', () => this.close());
    _sessions.onChange.add(this._refresh);
    _kernels.onChange.add(this._refresh);
    this._refresh();
  }

  /** End the connection: the page unloads, or the host page closed it. */
  close(reason = ''): void {
    if (this._isClosed) {
      return;
    }
    if (reason) {
      this._post({type: 'bye', reason});
    }
    this._isClosed = true;
    this._port.close();
    this._sessions.onChange.delete(this._refresh);
    this._kernels.onChange.delete(this._refresh);
    this._targets.forEach((open, name) => this._kernels.withdraw(this._connection, name, open));
    this._comms.forEach(comm => this._hangUp(comm));
    this._comms.clear();
    this._onEnd();
  }

  /** Look at what has become of the session and its kernel, and tell the host page. */
  private readonly _refresh = () => {
    if (this._isClosed) {
      return;
    }
    // The one that was found first, also when it is renamed or is no longer the only one.
    const known = this._session && this._sessions.has(this._session) ? this._session : null;
    const session = known ?? this._sessions.find(this._path);
    this._session = typeof session === 'string' ? null : session;
    const own = typeof session === 'string' ? null : (session.session?.kernel ?? null);
    const connection = own && !own.isDisposed ? this._kernels.forComms(own.id) : null;
    if (connection !== this._connection) {
      this._targets.forEach((open, name) => this._kernels.withdraw(this._connection, name, open));
      if (this._connection && !this._connection.isDisposed) {
        this._disconnect();
      } else {
        this._drop(DISCONNECTED);
      }
      this._connection = connection;
      this._targets.forEach((open, name) => this._kernels.offer(connection, name, open));
    }
    const exposed = connection ? [...this._kernels.exposed(connection.id)].sort() : [];
    this._tell('targets', {type: 'targets', names: exposed});
    if (typeof session === 'string') {
      this._tell('status', {type: 'status', status: 'waiting', reason: session});
    } else if (!connection) {
      const reason = `'${session.path}' has no kernel`;
      this._tell('status', {type: 'status', status: own ? 'dead' : 'starting', reason});
    } else {
      const status = STATUSES[connection.status] ?? 'starting';
      const why = ENDS[connection.status];
      if (why) {
        this._drop(why);
      }
      const reason =
        status === 'ready' ? '' : `the kernel of '${session.path}' is ${connection.status}`;
      this._tell('status', {type: 'status', status, reason});
    }
  };

  /** Post what is new. */
  private _tell(what: string, frame: object): void {
    const text = JSON.stringify(frame);
    if (this._told.get(what) !== text) {
      this._told.set(what, text);
      this._post(frame);
    }
  }

  private _post(frame: object, buffers: ArrayBuffer[] = []): void {
    if (!this._isClosed) {
      this._port.postMessage(frame, buffers);
    }
  }

  private _receive(posted: unknown): void {
    try {
      this._handle(readFrame(posted));
    } catch (error) {
      const reason = error instanceof Error ? error.message : `${error}`;
      console.warn(`lite_comms: a frame of ${this._origin} is refused: ${reason}`);
      this._post({type: 'error', reason});
    }
  }

  private _handle(frame: Frame): void {
    switch (frame.type) {
      case 'comm_open':
        this._open(frame);
        break;
      case 'comm_msg':
      case 'comm_close': {
        const {type, comm_id, data, metadata, buffers} = frame;
        const comm = this._comms.get(comm_id);
        if (!comm) {
          const evalue = `there is no comm ${JSON.stringify(comm_id)}`;
          this._closed(comm_id, {ename: 'LookupError', evalue});
          break;
        }
        try {
          if (type === 'comm_msg') {
            comm.send(data as JSONObject, metadata as JSONObject, buffers);
          } else {
            this._comms.delete(comm_id);
            comm.onClose = () => undefined;
            comm.close(data as JSONObject, metadata as JSONObject, buffers);
          }
        } catch (error) {
          this._giveUp(comm_id, comm, error);
        }
        break;
      }
      case 'error':
        console.warn(`lite_comms: ${this._origin} refuses a frame: ${frame.reason}`);
        break;
      case 'register':
        this._register(`${PREFIX}${frame.target_name}`, frame.target_name);
        break;
      case 'unregister': {
        const name = `${PREFIX}${frame.target_name}`;
        const open = this._targets.get(name);
        if (open) {
          this._targets.delete(name);
          this._kernels.withdraw(this._connection, name, open);
        }
        break;
      }
      case 'bye':
        this.close();
        break;
      default:
        throw new Error(`a '${frame.type}' frame is for the host page only`);
    }
  }

  private _open({comm_id, target_name, data, metadata, buffers}: ICommOpen): void {
    if (this._comms.has(comm_id)) {
      throw new Error(`the comm_id ${JSON.stringify(comm_id)} is in use`);
    }
    const connection = this._connection;
    const refuse = (ename: string, evalue: string) => {
      console.warn(`lite_comms: a comm of ${this._origin} is refused: ${evalue}`);
      this._closed(comm_id, {ename, evalue});
    };
    if (!connection || !this._kernels.exposed(connection.id).has(target_name)) {
      const name = JSON.stringify(target_name);
      return refuse('PermissionError', `the notebook does not expose a comm target ${name}`);
    }
    if (this._comms.size >= MAX_COMMS) {
      return refuse('LimitError', `${MAX_COMMS} comms of this host page are open, the limit`);
    }
    const comm = connection.createComm(target_name, UUID.uuid4());
    this._add(comm_id, comm);
    try {
      // The kernel looks at it, too; what the host page has written there does not count.
      const ours = {...metadata, lite_comms: {origin: this._origin}};
      comm.open(data as JSONObject, ours as JSONObject, buffers);
    } catch (error) {
      comm.dispose(); // the kernel has not heard of it
      this._giveUp(comm_id, comm, error);
    }
  }

  /** A message cannot be sent, and somebody may wait for its answer: both ends are closed. */
  private _giveUp(comm_id: string, comm: Kernel.IComm, error: unknown): void {
    const {name, message} = error instanceof Error ? error : new Error(`${error}`);
    // The host page knows it by its own id.
    const why = {ename: name, evalue: message.replaceAll(comm.commId, comm_id)};
    console.warn(`lite_comms: a message of ${this._origin} is refused: ${why.evalue}`);
    this._comms.delete(comm_id);
    this._hangUp(comm, {lite_comms: why});
    this._closed(comm_id, why);
  }

  private _register(name: string, own: string): void {
    if (this._targets.has(name)) {
      return;
    }
    const open: Opener = (comm, msg) => {
      let comm_id;
      do {
        comm_id = `kernel-${++this._opened}`;
      } while (this._comms.has(comm_id)); // The host page may call its own so, too.
      this._add(comm_id, comm);
      this._pass({type: 'comm_open', comm_id, target_name: own}, msg);
    };
    this._targets.set(name, open);
    this._kernels.offer(this._connection, name, open);
  }

  private _add(comm_id: string, comm: Kernel.IComm): void {
    this._comms.set(comm_id, comm);
    comm.onMsg = msg => this._pass({type: 'comm_msg', comm_id}, msg);
    comm.onClose = msg => {
      if (this._comms.get(comm_id) === comm) {
        this._comms.delete(comm_id);
        this._pass({type: 'comm_close', comm_id}, msg);
      }
    };
  }

  /** Pass a message of the kernel on. */
  private _pass(ids: CommIds, msg: CommMessage): void {
    const buffers = ((msg.buffers ?? []) as ArrayBufferView[]).map(copyBytes);
    this._post(commFrame(ids, msg.content.data, msg.metadata, buffers), buffers);
  }

  /** Tell the host page that a comm is closed. */
  private _closed(comm_id: string, why: IReason): void {
    this._post(commFrame({type: 'comm_close', comm_id}, {}, {lite_comms: {...why}}, []));
  }

  /** The kernel stays, but is no longer that of this connection: both ends of the comms are closed. */
  private _disconnect(): void {
    for (const [comm_id, comm] of this._comms) {
      this._hangUp(comm, {lite_comms: {...DISCONNECTED}});
      this._closed(comm_id, DISCONNECTED);
    }
    this._comms.clear();
  }

  /** Close the kernel's end of a comm, if it can be reached. */
  private _hangUp(comm: Kernel.IComm, metadata: JSONObject = {}): void {
    comm.onMsg = () => undefined;
    comm.onClose = () => undefined;
    try {
      if (!comm.isDisposed && !this._connection?.isDisposed) {
        comm.close({}, metadata);
      }
    } catch (error) {
      console.warn(`lite_comms: a comm of ${this._origin} stays open in the kernel: ${error}`);
    }
  }

  /** The kernel has ended: so have its comms, unless that is told in another way at once. */
  private _drop(why: IReason): void {
    const comms = [...this._comms];
    setTimeout(() => {
      for (const [comm_id, comm] of comms) {
        if (this._comms.get(comm_id) === comm) {
          this._comms.delete(comm_id);
          this._closed(comm_id, why);
        }
      }
    });
  }

  private _isClosed = false;
  private _opened = 0;
  private _session: ISession | null = null;
  private _connection: Connection | null = null;
  private readonly _comms = new Map<string, Kernel.IComm>();
  private readonly _targets = new Map<string, Opener>();
  private readonly _told = new Map<string, string>();
}
