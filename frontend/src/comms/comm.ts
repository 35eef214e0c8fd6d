/**
 * The page's end of a comm, as in the classic Jupyter Notebook.
 *
 * Way of a message: the user's JavaScript, this file, JupyterLab's kernel connection.
 * Names, argument orders and defaults are those of "Comms" in the documentation of the Jupyter
 * Notebook; the messages are those of "Custom Messages" in the Jupyter messaging specification.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import type {JSONObject} from '@lumino/coreutils';
import {copyBytes} from '../wire/buffers';
import {commClose, type IReason} from '../wire/comm_messages';
import {describe, fenced, type Hear, hearing, type ICallbacks} from './hear';

export type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** What the user gives with a message. */
export interface IContent {
  readonly data?: unknown;
  readonly callbacks?: ICallbacks | null | undefined;
  readonly metadata?: object | null | undefined;
  readonly buffers?: readonly Bytes[] | null | undefined;
}

/** What JupyterLab's comms take: data, metadata, buffers. */
type Parts = readonly [JSONObject, JSONObject, ArrayBuffer[]];

/**
 * Sends something at once, or when there is a kernel; an empty text stands for the id until then.
 * `fail` is called instead when there will be no kernel, or `send` throws then.
 */
export type WhenConnected = (
  send: (connection: Kernel.IKernelConnection) => string,
  fail: (why: IReason) => void
) => string;

/** The page's end of a comm. */
export class ClassicComm {
  private constructor(
    readonly target_name: string,
    readonly comm_id: string
  ) {}

  /**
   * The page's end of a comm that the kernel has opened.
   *
   * @param target_name - The name that the kernel has used, where JupyterLab knows another.
   */
  static of(comm: Kernel.IComm, target_name = comm.targetName): ClassicComm {
    const classic = new ClassicComm(target_name, comm.commId);
    classic._comm = comm;
    return classic;
  }

  /**
   * Open a comm to a target of the kernel, when there is one. If it cannot be opened then, it is closed.
   *
   * @throws Error if the data cannot be sent; where there is a kernel, also if the id is in use, or the
   * connection fails. No comm is left behind then.
   */
  static open(
    target_name: string,
    comm_id: string,
    content: IContent,
    whenConnected: WhenConnected
  ): ClassicComm {
    const classic = new ClassicComm(target_name, comm_id);
    classic._whenConnected = whenConnected;
    try {
      const [parts, hear] = prepared(content, `${classic}`);
      whenConnected(
        connection => classic._open(connection, parts, hear),
        why => classic._fail(why)
      );
    } catch (error) {
      throw named(error, `${classic} cannot be opened`);
    }
    return classic;
  }

  /**
   * Send a message to the kernel's end.
   *
   * @returns The id of the message; an empty text if there is no kernel yet.
   * @throws Error if the comm is closed or the data cannot be sent; nothing is sent then.
   */
  send(
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    buffers?: readonly Bytes[] | null
  ): string {
    if (this._isClosed) {
      throw new Error(`${this} is closed`);
    }
    const content = {data, callbacks, metadata, buffers};
    return this._send(content, (comm, parts) => comm.send(...parts));
  }

  /** Close both ends. A second call does nothing and returns undefined. */
  close(
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    buffers?: readonly Bytes[] | null
  ): string | undefined {
    if (this._isClosed) {
      return undefined;
    }
    const id = this._send({data, callbacks, metadata, buffers}, closeQuietly);
    this._hasEnded = true;
    return id;
  }

  /** Close because the target function failed, and tell the kernel why, if that can be sent. */
  refuse(error: unknown): void {
    try {
      this.close({}, null, {lite_comms: reasonOf(error)});
    } catch (failure) {
      console.error(`lite_comms: the kernel is not told that ${this} is closed`, failure);
      this._comm?.dispose();
    }
  }

  /** Register the function for messages of the kernel. */
  on_msg(f: (msg: KernelMessage.ICommMsgMsg) => unknown): void {
    this._onMsg = fenced(f, 'on_msg', this);
    if (this._comm) {
      this._comm.onMsg = this._onMsg;
    }
  }

  /** Register the function that is called when the kernel closes the comm, or ends. */
  on_close(f: (msg: KernelMessage.ICommCloseMsg) => unknown): void {
    const tell = fenced(f, 'on_close', this);
    this._onClose = msg => {
      this._hasEnded = true;
      return tell(msg);
    };
    if (this._comm) {
      this._comm.onClose = this._onClose;
    }
  }

  toString(): string {
    return `comm '${this.target_name}' (${this.comm_id})`;
  }

  private _open(connection: Kernel.IKernelConnection, parts: Parts, hear: Hear): string {
    const {comm_id, target_name} = this;
    if (connection.hasComm(comm_id)) {
      throw new Error('its comm_id is in use');
    }
    const comm = connection.createComm(target_name, comm_id);
    try {
      const id = hear(comm.open(...parts));
      this._comm = comm;
      comm.onMsg = this._onMsg;
      comm.onClose = this._onClose;
      return id;
    } catch (error) {
      comm.dispose();
      throw error;
    }
  }

  /** It could not be opened when there was a kernel, or there will be none. */
  private _fail(why: IReason): void {
    console.error(`lite_comms: ${this} has not been opened: ${why.evalue}`);
    if (!this._hasEnded) {
      void this._onClose(commClose(this.comm_id, '', why));
    }
  }

  private _send(content: IContent, by: Send): string {
    try {
      const [parts, hear] = prepared(content, `${this}`);
      const send = (comm: Kernel.IComm) => hear(by(comm, parts));
      return this._comm ? send(this._comm) : this._sendLater(send);
    } catch (error) {
      throw named(error, `${this} cannot send`);
    }
  }

  private _sendLater(send: (comm: Kernel.IComm) => string): string {
    return this._whenConnected!(
      () => (this._comm ? send(this._comm) : ''), // it is told if it could not be opened
      ({evalue}) => {
        if (this._comm) {
          console.error(`lite_comms: ${this} has not sent what waited for the kernel: ${evalue}`);
        }
      }
    );
  }

  private get _isClosed(): boolean {
    return this._hasEnded || this._comm?.isDisposed === true;
  }

  /** Null until there is a kernel. */
  private _comm: Kernel.IComm | null = null;
  /** What the kernel has opened does not wait. */
  private _whenConnected?: WhenConnected;
  private _onMsg: Kernel.IComm['onMsg'] = () => undefined;
  private _onClose: Kernel.IComm['onClose'] = () => {
    this._hasEnded = true;
  };
  /** It is closed, though JupyterLab disposes of its part only when `on_close` has returned. */
  private _hasEnded = false;
}

/** Sends something by JupyterLab's comm. */
type Send = (comm: Kernel.IComm, parts: Parts) => Kernel.IShellFuture;

const closeQuietly: Send = (comm, parts) => {
  const {onClose} = comm;
  // JupyterLab would call it for our own close as well; the classic Notebook does not.
  comm.onClose = () => undefined;
  try {
    return comm.close(...parts);
  } catch (error) {
    comm.onClose = onClose;
    throw error;
  }
};

/**
 * Copy what is to be sent, and check it.
 *
 * @throws TypeError, or what JSON.stringify throws, if it cannot be sent.
 */
function prepared({data, callbacks, metadata, buffers}: IContent, who: string): [Parts, Hear] {
  const parts: Parts = [json(data), json(metadata), bytes(buffers, who)];
  return [parts, hearing(callbacks, who)];
}

/** JupyterLab serializes a message at once, or when the kernel has connected: take a copy. */
function json(value: unknown): JSONObject {
  return value === undefined || value === null ? {} : JSON.parse(JSON.stringify(value));
}

/** Copy each buffer: JupyterLab's own path sends all of the memory that a view stands on. */
function bytes(buffers: readonly Bytes[] | null | undefined, who: string): ArrayBuffer[] {
  if (buffers === undefined || buffers === null) {
    return [];
  }
  if (!Array.isArray(buffers)) {
    throw new TypeError(`buffers of ${who}: an array is needed, not ${describe(buffers)}`);
  }
  return buffers.map((buffer: Bytes, i) => {
    if (ArrayBuffer.isView(buffer) || buffer instanceof ArrayBuffer) {
      return copyBytes(buffer);
    }
    throw new TypeError(
      `buffers[${i}] of ${who} is neither an ArrayBuffer nor a view, but ${describe(buffer)}`
    );
  });
}

export function reasonOf(error: unknown): IReason {
  const {name, message} = error instanceof Error ? error : {name: 'Error', message: `${error}`};
  return {ename: name, evalue: message};
}

function named(error: unknown, what: string): Error {
  const reason = error instanceof Error ? error.message : String(error);
  const out = new Error(reason.startsWith('buffers') ? reason : `${what}: ${reason}`);
  out.cause = error;
  return out;
}
