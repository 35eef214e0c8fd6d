/** A comm's line through JupyterLab's kernel connection, of which only what is used here is known. */
import {attach, checkAttached} from '../../wire/attachments';
import {commClose, DIED, DISCONNECTED, type IReason, RESTARTED} from '../../wire/comm_messages';
import type {ILine} from '../line';
import type {IMessage, IOutgoing, ISendOptions} from '../messages';

/** What is used of JupyterLab's `Kernel.IComm`. */
export interface IKernelComm {
  readonly commId: string;
  readonly targetName: string;
  readonly isDisposed: boolean;
  onMsg(msg: IMessage): unknown;
  onClose(msg: IMessage): unknown;
  open(data?: unknown, metadata?: object, buffers?: ArrayBuffer[]): IFuture;
  send(data: unknown, metadata?: object, buffers?: ArrayBuffer[]): IFuture;
  close(data?: unknown, metadata?: object, buffers?: ArrayBuffer[]): IFuture;
  dispose(): void;
}

/** What is used of the future of a message. */
export interface IFuture {
  readonly msg: {readonly header: {readonly msg_id: string}};
}

/** The function that JupyterLab calls for a comm_open. */
export type Opener = (comm: IKernelComm, msg: IMessage) => unknown;

/** What is used of a signal of JupyterLab. */
export interface ISignal {
  connect(slot: () => void): unknown;
}

/** What is used of JupyterLab's `Kernel.IKernelConnection`: any version's has it. */
export interface IKernelConnection {
  readonly id: string;
  readonly status: string;
  readonly isDisposed: boolean;
  /** False for a further connection to the same kernel. */
  readonly handleComms: boolean;
  readonly statusChanged: ISignal;
  readonly disposed: ISignal;
  hasComm(commId: string): boolean;
  createComm(targetName: string, commId?: string): IKernelComm;
  registerCommTarget(targetName: string, f: Opener): void;
  removeCommTarget(targetName: string, f: Opener): void;
}

/** The line of a comm of JupyterLab. */
export class KernelLine implements ILine {
  onMsg: ILine['onMsg'] = () => undefined;
  onClose: ILine['onClose'] = () => undefined;

  /** @param targetName - The name that the kernel has used, where JupyterLab knows another. */
  constructor(
    private readonly _connection: IKernelConnection,
    private readonly _comm: IKernelComm,
    readonly targetName = _comm.targetName
  ) {
    const lines = linesOf(_connection);
    lines.add(this);
    _comm.onMsg = msg => this.onMsg(msg);
    _comm.onClose = msg => {
      lines.delete(this);
      return this.onClose(msg);
    };
    this._forget = () => void lines.delete(this);
  }

  /**
   * Open a comm to a target of the kernel.
   *
   * @throws Error if the id is in use, or the connection fails; no comm is left behind then.
   */
  static open(
    connection: IKernelConnection,
    targetName: string,
    commId: string,
    {data, metadata, buffers, options}: IOutgoing
  ): KernelLine {
    if (connection.hasComm(commId)) {
      throw new Error('its comm_id is in use');
    }
    const comm = connection.createComm(targetName, commId);
    try {
      told(comm.open(data, metadata, buffers), options);
      return new KernelLine(connection, comm);
    } catch (error) {
      comm.dispose();
      throw error;
    }
  }

  get commId(): string {
    return this._comm.commId;
  }

  get isClosed(): boolean {
    return this._comm.isDisposed;
  }

  attach(buffers: ArrayBuffer[], attachments: unknown, who: object): void {
    attach(buffers, attachments, this._connection, who);
  }

  send({data, metadata, buffers, options}: IOutgoing): string {
    checkAttached(buffers, this._connection);
    return told(this._comm.send(data, metadata, buffers), options);
  }

  close({data, metadata, buffers, options}: IOutgoing): string {
    const {_comm} = this;
    const {onClose} = _comm;
    // JupyterLab would call it for our own close as well; the classic Notebook does not.
    _comm.onClose = () => undefined;
    try {
      const id = told(_comm.close(data, metadata, buffers), options);
      this._forget();
      return id;
    } catch (error) {
      _comm.onClose = onClose;
      throw error;
    }
  }

  dispose(): void {
    this._forget();
    this._comm.dispose();
  }

  private readonly _forget: () => void;
}

function told(future: IFuture, {sent}: ISendOptions): string {
  sent?.(future);
  return future.msg.header.msg_id;
}

const open = new WeakMap<IKernelConnection, Set<KernelLine>>();

/** Why the comms of a kernel in such a state are gone. */
const GONE: {[status: string]: IReason} = {
  restarting: RESTARTED,
  autorestarting: DIED,
  dead: DIED
};

/** In such a state there is a kernel again. */
const THERE: ReadonlySet<string> = new Set(['starting', 'idle', 'busy']);

/**
 * The open lines of a connection. Where JupyterLab drops its comms when the kernel ends, and nobody says
 * so, they are closed here: on a server.
 */
function linesOf(connection: IKernelConnection): Set<KernelLine> {
  const known = open.get(connection);
  if (known) {
    return known;
  }
  const lines = new Set<KernelLine>();
  open.set(connection, lines);
  let gone: IReason | undefined;
  const closeDropped = (why: IReason) =>
    // JupyterLab drops them after its signal.
    queueMicrotask(() => {
      for (const line of [...lines].filter(({isClosed}) => isClosed)) {
        lines.delete(line);
        void line.onClose(commClose(line.commId, connection.id, why));
      }
    });
  connection.statusChanged.connect(() => {
    const {status} = connection;
    gone = GONE[status] ?? gone;
    // What `onClose` opens goes to the new kernel.
    if (gone && (status === 'dead' || THERE.has(status))) {
      closeDropped(gone);
      gone = undefined;
    }
  });
  connection.disposed.connect(() => closeDropped(DISCONNECTED));
  return lines;
}
