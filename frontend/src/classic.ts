/**
 * The comm API of the classic Jupyter Notebook, on JupyterLab's kernel connection.
 *
 * Way of a message: the user's JavaScript, this file, JupyterLab's kernel connection.
 * Names, argument orders and defaults are those of "Comms" in the documentation of the Jupyter
 * Notebook; the messages are those of "Custom Messages" in the Jupyter messaging specification.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import type {JSONObject} from '@lumino/coreutils';
import {UUID} from '@lumino/coreutils';
import {copyBytes} from './buffers';
import {take} from './callbacks';
import {addTarget, type Opener, removeTarget} from './targets';

/** The function that answers a comm_open. */
export type Target = (comm: ClassicComm, msg: KernelMessage.ICommOpenMsg) => unknown;

type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

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

/** How code is run; what is left out is as the classic Notebook had it. */
export type ExecuteOptions = Partial<Omit<KernelMessage.IExecuteRequestMsg['content'], 'code'>>;

const EXECUTE: ExecuteOptions = {
  silent: true,
  store_history: false,
  user_expressions: {},
  allow_stdin: false,
  stop_on_error: true
};

/** `Jupyter.notebook.kernel`. */
export class ClassicKernel {
  readonly comm_manager = new ClassicCommManager(this);

  /**
   * Run code in the kernel. It shows nothing by itself: the callbacks hear what it says.
   *
   * @returns The id of the message.
   * @throws Error if there is no kernel; TypeError if the code is not a text.
   */
  execute(code: string, callbacks?: ICallbacks | null, options?: ExecuteOptions | null): string {
    if (typeof code !== 'string') {
      throw new TypeError(`kernel.execute takes a text, not ${describe(code)}`);
    }
    const asks = {allow_stdin: callbacks?.input !== undefined};
    const content = {...EXECUTE, ...asks, ...options, code};
    const future = this._connected('execute').requestExecute(content as never);
    if (callbacks?.input) {
      const ask = fenced(callbacks.input, 'callbacks.input', 'kernel.execute');
      future.onStdin = msg => {
        this._asking = msg.header as KernelMessage.IHeader<'input_request'>;
        return ask(msg as KernelMessage.IInputRequestMsg);
      };
    }
    return hear(future as unknown as Kernel.IShellFuture, callbacks);
  }

  /** Answer the last `input()` of code that `execute` runs. */
  send_input_reply(value: string): void {
    if (!this._asking) {
      throw new Error('kernel.send_input_reply: no code has asked for input');
    }
    const parent = this._asking;
    this._asking = null;
    this._connected('send_input_reply').sendInputReply({status: 'ok', value}, parent);
  }

  /** Stop what runs. */
  interrupt(): Promise<void> {
    return this._connected('interrupt').interrupt();
  }

  /** Restart the kernel. */
  restart(): Promise<void> {
    return this._connected('restart').restart();
  }

  /** Whether there is a kernel, and it can be reached. */
  is_connected(): boolean {
    return this._connection?.connectionStatus === 'connected' && this._connection.status !== 'dead';
  }

  private _connected(what: string): Kernel.IKernelConnection {
    if (!this._connection) {
      throw new Error(`kernel.${what}: the notebook has no kernel yet`);
    }
    return this._connection;
  }

  /** The id of the kernel, null while there is none. */
  get id(): string | null {
    return this._connection?.id ?? null;
  }

  /** The name of its kernelspec, null while there is none. */
  get name(): string | null {
    return this._connection?.name ?? null;
  }

  /** The connection that comms go through. */
  get connection(): Kernel.IKernelConnection | null {
    return this._connection;
  }

  /** Follow the notebook to another kernel, with the targets that are registered. */
  connect(connection: Kernel.IKernelConnection | null): void {
    if (connection === this._connection) {
      return;
    }
    this.comm_manager.disconnect();
    this._connection = connection;
    this.comm_manager.reconnect();
  }

  private _connection: Kernel.IKernelConnection | null = null;
  private _asking: KernelMessage.IHeader<'input_request'> | null = null;
}

/** `Jupyter.notebook.kernel.comm_manager`. */
export class ClassicCommManager {
  constructor(kernel: ClassicKernel) {
    this._kernel = kernel;
  }

  /**
   * Register the function for comms that the kernel opens; an earlier one is replaced. Where another
   * notebook of the same kernel has the name, the later one answers.
   *
   * @throws TypeError if `f` is not a function.
   */
  register_target(target_name: string, f: Target): void {
    if (typeof f !== 'function') {
      throw new TypeError(`comm target '${target_name}' needs a function, not ${describe(f)}`);
    }
    const open: Opener = async (comm, msg) => {
      const classic = new ClassicComm(comm);
      try {
        await f(classic, msg);
      } catch (error) {
        console.error(
          `lite_comms: the target function of ${classic} raised; the comm is closed`,
          error
        );
        classic.refuse(error);
      }
    };
    this.unregister_target(target_name);
    this._targets.set(target_name, open);
    const {connection} = this._kernel;
    if (connection) {
      addTarget(connection, target_name, open);
    }
  }

  /** Take a target away. */
  unregister_target(target_name: string, _f?: Target): void {
    const open = this._targets.get(target_name);
    this._targets.delete(target_name);
    const {connection} = this._kernel;
    if (connection && open) {
      removeTarget(connection, target_name, open);
    }
  }

  /**
   * Open a comm to a target of the kernel.
   *
   * @throws Error if there is no kernel, the id is in use, or the data cannot be sent; no comm is
   * left behind then.
   */
  new_comm(
    target_name: string,
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    comm_id?: string | null,
    buffers?: readonly Bytes[] | null
  ): ClassicComm {
    const who = `comm '${target_name}'`;
    const {connection} = this._kernel;
    if (!connection) {
      throw new Error(`${who} cannot be opened: the notebook has no kernel yet`);
    }
    const id = comm_id || UUID.uuid4().replaceAll('-', '');
    if (connection.hasComm(id)) {
      throw new Error(`${who} cannot be opened: the comm_id '${id}' is in use`);
    }
    const comm = connection.createComm(target_name, id);
    const classic = new ClassicComm(comm);
    try {
      hear(comm.open(json(data), json(metadata), bytes(buffers, who)), callbacks);
    } catch (error) {
      comm.dispose();
      throw named(error, `${who} (${id}) cannot be opened`);
    }
    return classic;
  }

  /** Take the targets off a connection that is about to be left. */
  disconnect(): void {
    const {connection} = this._kernel;
    if (connection && !connection.isDisposed) {
      this._targets.forEach((open, name) => removeTarget(connection, name, open));
    }
  }

  /** Put the targets on a new connection. */
  reconnect(): void {
    const {connection} = this._kernel;
    if (connection) {
      this._targets.forEach((open, name) => addTarget(connection, name, open));
    }
  }

  private readonly _kernel: ClassicKernel;
  private readonly _targets = new Map<string, Opener>();
}

/** The page's end of a comm. */
export class ClassicComm {
  readonly target_name: string;

  /** @param target_name - The name that the kernel has used, where JupyterLab knows another. */
  constructor(comm: Kernel.IComm, target_name = comm.targetName) {
    this._comm = comm;
    this.target_name = target_name;
  }

  get comm_id(): string {
    return this._comm.commId;
  }

  /**
   * Send a message to the kernel's end.
   *
   * @returns The id of the message.
   * @throws Error if the comm is closed or the data cannot be sent; nothing is sent then.
   */
  send(
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    buffers?: readonly Bytes[] | null
  ): string {
    return this._sending(() =>
      hear(this._comm.send(json(data), json(metadata), bytes(buffers, `${this}`)), callbacks)
    );
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
    const {onClose} = this._comm;
    // JupyterLab would call it for our own close as well; the classic Notebook does not.
    this._comm.onClose = () => undefined;
    try {
      return this._sending(() =>
        hear(this._comm.close(json(data), json(metadata), bytes(buffers, `${this}`)), callbacks)
      );
    } catch (error) {
      this._comm.onClose = onClose;
      throw error;
    }
  }

  /** Close because the target function failed, and tell the kernel why, if that can be sent. */
  refuse(error: unknown): void {
    const {name, message} = error instanceof Error ? error : {name: 'Error', message: `${error}`};
    try {
      this.close({}, null, {lite_comms: {ename: name, evalue: message}});
    } catch (failure) {
      console.error(`lite_comms: the kernel is not told that ${this} is closed`, failure);
      this._comm.dispose();
    }
  }

  /** Register the function for messages of the kernel. */
  on_msg(f: (msg: KernelMessage.ICommMsgMsg) => unknown): void {
    this._comm.onMsg = fenced(f, 'on_msg', this);
  }

  /** Register the function that is called when the kernel closes the comm, or ends. */
  on_close(f: (msg: KernelMessage.ICommCloseMsg) => unknown): void {
    const tell = fenced(f, 'on_close', this);
    this._comm.onClose = msg => {
      this._hasEnded = true;
      return tell(msg);
    };
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
    return this._hasEnded || this._comm.isDisposed;
  }

  private readonly _comm: Kernel.IComm;
  /** The kernel has closed it; JupyterLab disposes of its part only when `on_close` has returned. */
  private _hasEnded = false;
}

/** Pass on what the kernel says in answer to a message, and return the message's id. */
function hear(future: Kernel.IShellFuture, callbacks?: ICallbacks | null): string {
  const {shell, iopub} = callbacks ?? {};
  if (shell?.reply) {
    future.onReply = fenced(shell.reply, 'callbacks.shell.reply', 'a comm message');
  }
  if (iopub) {
    const passOn = (msg: KernelMessage.IIOPubMessage): unknown => {
      switch (msg.header.msg_type) {
        case 'status':
          return iopub.status?.(msg);
        case 'clear_output':
          return iopub.clear_output?.(msg);
        case 'stream':
        case 'display_data':
        case 'update_display_data':
        case 'execute_result':
        case 'error':
          if (iopub.output) {
            take(msg);
          }
          return iopub.output?.(msg);
        default:
          return undefined;
      }
    };
    future.onIOPub = fenced(passOn, 'callbacks.iopub', 'a comm message');
  }
  return future.msg.header.msg_id;
}

/** Wrap a function of the user: what it throws is shown, and the next message is handled. */
function fenced<M>(f: (msg: M) => unknown, field: string, who: ClassicComm | string) {
  if (typeof f !== 'function') {
    throw new TypeError(`${field} of ${who} takes a function, not ${describe(f)}`);
  }
  return async (msg: M): Promise<void> => {
    try {
      await f(msg);
    } catch (error) {
      console.error(`lite_comms: the ${field} callback of ${who} raised`, error);
    }
  };
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

function named(error: unknown, what: string): Error {
  const reason = error instanceof Error ? error.message : String(error);
  const out = new Error(reason.startsWith('buffers') ? reason : `${what}: ${reason}`);
  out.cause = error;
  return out;
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
