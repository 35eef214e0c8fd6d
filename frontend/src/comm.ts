/**
 * The page's end of a comm, as in the classic Jupyter Notebook.
 *
 * Way of a message: the user's JavaScript, this file, JupyterLab's kernel connection.
 * Names, argument orders and defaults are those of "Comms" in the documentation of the Jupyter
 * Notebook; the messages are those of "Custom Messages" in the Jupyter messaging specification.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import type {JSONObject} from '@lumino/coreutils';
import {copyBytes} from './buffers';
import {take} from './callbacks';
import {commClose, type IReason} from './life';

export type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** What a page may hear of the kernel's answer to one message. */
export interface ICallbacks {
  /** Asked when a cell calls `input()`; the answer goes by `send_input_reply`. */
  input?: (msg: KernelMessage.IInputRequestMsg) => unknown;
  shell?: {reply?: (msg: KernelMessage.IShellMessage) => unknown};
  iopub?: {
    output?: (msg: KernelMessage.IIOPubMessage) => unknown;
    clear_output?: (msg: KernelMessage.IIOPubMessage) => unknown;
    status?: (msg: KernelMessage.IIOPubMessage) => unknown;
  };
}

/** What a message of a comm holds besides its names: data, metadata, buffers. */
export type Parts = readonly [JSONObject, JSONObject, ArrayBuffer[]];

/** The page's end of a comm. */
export class ClassicComm {
  constructor(
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
   * Open it, with what has been sent before there was a kernel.
   *
   * @returns The id of the comm_open.
   * @throws Error if the id is in use, or the message cannot be sent; no comm is left behind then.
   */
  open(connection: Kernel.IKernelConnection, parts: Parts, hear: Hear): string {
    if (this._hasEnded) {
      return '';
    }
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
      this._waiting.splice(0).forEach(send => send(comm));
      return id;
    } catch (error) {
      comm.dispose();
      throw error;
    }
  }

  /** It could not be opened when there was a kernel, or there will be none. */
  fail(why: IReason): void {
    if (!this._hasEnded) {
      console.error(`lite_comms: ${this} has not been opened: ${why.evalue}`);
      void this._onClose(commClose(this.comm_id, '', why));
    }
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
    return this._sending(() => {
      const parts = partsOf(data, metadata, buffers, `${this}`);
      const hear = hearing(callbacks, `${this}`);
      const send = (comm: Kernel.IComm) => hear(comm.send(...parts));
      if (this._comm) {
        return send(this._comm);
      }
      this._waiting.push(send);
      return '';
    });
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
    return this._sending(() => {
      const parts = partsOf(data, metadata, buffers, `${this}`);
      const hear = hearing(callbacks, `${this}`);
      if (!this._comm) {
        this._hasEnded = true;
        return '';
      }
      const {onClose} = this._comm;
      // JupyterLab would call it for our own close as well; the classic Notebook does not.
      this._comm.onClose = () => undefined;
      try {
        return hear(this._comm.close(...parts));
      } catch (error) {
        this._comm.onClose = onClose;
        throw error;
      }
    });
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

  private _sending(send: () => string): string {
    if (this._isClosed) {
      throw new Error(`${this} is closed`);
    }
    try {
      return send();
    } catch (error) {
      throw named(error, `${this} cannot send`);
    }
  }

  private get _isClosed(): boolean {
    return this._hasEnded || this._comm?.isDisposed === true;
  }

  /** Null until there is a kernel. */
  private _comm: Kernel.IComm | null = null;
  /** What has been sent until then. */
  private readonly _waiting: ((comm: Kernel.IComm) => string)[] = [];
  private _onMsg: Kernel.IComm['onMsg'] = () => undefined;
  private _onClose: Kernel.IComm['onClose'] = () => {
    this._hasEnded = true;
  };
  /** It is closed, though JupyterLab disposes of its part only when `on_close` has returned. */
  private _hasEnded = false;
}

/** Has the callbacks of a message hear what the kernel says in answer; returns the message's id. */
export type Hear = (future: Kernel.IShellFuture) => string;

/** @throws TypeError if one of them is not a function. */
export function hearing(callbacks: ICallbacks | null | undefined, who: string): Hear {
  const {shell, iopub} = callbacks ?? {};
  const onReply = shell?.reply && fenced(shell.reply, 'callbacks.shell.reply', who);
  const on = (name: keyof NonNullable<ICallbacks['iopub']>) =>
    iopub?.[name] && fenced(iopub[name], `callbacks.iopub.${name}`, who);
  const [output, clearOutput, status] = [on('output'), on('clear_output'), on('status')];
  const onIOPub = (msg: KernelMessage.IIOPubMessage): unknown => {
    switch (msg.header.msg_type) {
      case 'status':
        return status?.(msg);
      case 'clear_output':
        return clearOutput?.(msg);
      case 'stream':
      case 'display_data':
      case 'update_display_data':
      case 'execute_result':
      case 'error':
        if (output) {
          take(msg);
        }
        return output?.(msg);
      default:
        return undefined;
    }
  };
  return future => {
    if (onReply) {
      future.onReply = onReply as typeof future.onReply;
    }
    if (output || clearOutput || status) {
      future.onIOPub = onIOPub as typeof future.onIOPub;
    }
    return future.msg.header.msg_id;
  };
}

/** Wrap a function of the user: what it throws is shown, and the next message is handled. */
export function fenced<M extends KernelMessage.IMessage>(
  f: (msg: M) => unknown,
  field: string,
  who: ClassicComm | string
) {
  if (typeof f !== 'function') {
    throw new TypeError(`${field} of ${who} takes a function, not ${describe(f)}`);
  }
  return async (msg: M): Promise<void> => {
    try {
      await f(asClassic(msg));
    } catch (error) {
      console.error(`lite_comms: the ${field} callback of ${who} raised`, error);
    }
  };
}

/** As the classic Notebook handed a message over: its id and type stand at the top as well. */
export function asClassic<M extends KernelMessage.IMessage>(msg: M): M {
  const {msg_id, msg_type} = msg.header;
  return {...msg, msg_id, msg_type};
}

/**
 * Copy what a message is to hold.
 *
 * @throws TypeError, or what JSON.stringify throws, if it cannot be sent.
 */
export function partsOf(
  data: unknown,
  metadata: unknown,
  buffers: readonly Bytes[] | null | undefined,
  who: string
): Parts {
  return [json(data), json(metadata), bytes(buffers, who)];
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

export function named(error: unknown, what: string): Error {
  const reason = error instanceof Error ? error.message : String(error);
  const out = new Error(reason.startsWith('buffers') ? reason : `${what}: ${reason}`);
  out.cause = error;
  return out;
}

export function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
