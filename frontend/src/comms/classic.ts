/**
 * The kernel of the classic Jupyter Notebook, `Jupyter.notebook.kernel`, on JupyterLab's kernel connection.
 *
 * Names, argument orders and defaults are those of the Notebook; the messages are those of the Jupyter
 * messaging specification.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {Comm} from '../api/comm';
import {describe} from '../api/errors';
import type {Bytes, IMessage} from '../api/messages';
import type {IComms, Target as ModuleTarget} from '../api/kernel/connect';
import {type IKernelComm, KernelLine, type Opener} from '../api/kernel/line';
import {addTarget, checkTarget, opener, removeTarget} from '../api/kernel/targets';
import {openComm} from '../api/open';
import {runFor, scriptNode} from '../outputs/script';
import {DISCONNECTED, errorOf} from '../wire/comm_messages';
import {ClassicComm, LateLine, type WhenConnected} from './comm';
import {asClassic, fenced, hearing, type ICallbacks} from './hear';

/** The function that answers a comm_open. */
export type Target = (comm: ClassicComm, msg: IOpenMsg) => unknown;

type IOpenMsg = KernelMessage.ICommOpenMsg;

/** What a page may hear of code that it runs. */
export interface IExecuteCallbacks extends ICallbacks {
  /** Called when the code calls `input()`; the answer goes by `send_input_reply`. */
  input?: (msg: KernelMessage.IInputRequestMsg) => unknown;
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

/** How many messages may wait for a kernel; a script that sends by a timer would never end otherwise. */
const MOST_WAITING = 10_000;

/** `Jupyter.notebook.kernel`. */
export class ClassicKernel {
  readonly comm_manager = new ClassicCommManager(this);

  /**
   * Run code in the kernel. It shows nothing by itself: the callbacks hear what it says. Without a
   * kernel it runs as soon as there is one.
   *
   * @returns The id of the message; an empty text if there is no kernel yet.
   * @throws TypeError if the code is not a text.
   */
  execute(
    code: string,
    callbacks?: IExecuteCallbacks | null,
    options?: ExecuteOptions | null
  ): string {
    if (typeof code !== 'string') {
      throw new TypeError(`kernel.execute takes a text, not ${describe(code)}`);
    }
    const asks = {allow_stdin: callbacks?.input !== undefined};
    const content = {...EXECUTE, ...asks, ...options, code};
    const hear = hearing(callbacks, 'kernel.execute');
    const ask = callbacks?.input && fenced(callbacks.input, 'callbacks.input', 'kernel.execute');
    const run = (connection: Kernel.IKernelConnection) => {
      const future = connection.requestExecute(content as never);
      if (ask) {
        future.onStdin = msg => {
          this._asking = msg.header as KernelMessage.IHeader<'input_request'>;
          return ask(msg as KernelMessage.IInputRequestMsg);
        };
      }
      return hear(future as unknown as Kernel.IShellFuture);
    };
    return this.whenConnected(run, ({evalue}) => {
      console.error(`lite_comms: kernel.execute has not run ${JSON.stringify(code)}: ${evalue}`);
    });
  }

  /**
   * Send something: at once, or when there is a kernel, in the order of the calls. Scripts of a saved
   * notebook run before its kernel is there. When it has gone, nothing waits for another one.
   *
   * @throws Error if too much waits already, or there is no kernel any more.
   */
  whenConnected: WhenConnected = (send, fail) => {
    if (this._connection && this._waiting.length === 0) {
      return send(this._connection);
    }
    if (!this._connection && !this._isExpected) {
      throw new Error('the notebook has no kernel any more');
    }
    if (this._waiting.length >= MOST_WAITING) {
      throw new Error(`the notebook has no kernel yet, and ${MOST_WAITING} messages wait for it`);
    }
    const node = scriptNode();
    this._waiting.push({send: connection => runFor(node, () => send(connection)), fail});
    return '';
  };

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
    this._isExpected &&= !connection;
    this._asking = null;
    this.comm_manager.reconnect();
    // Later: all who follow the notebook's kernel should know of this one first.
    queueMicrotask(() => this._sendWaiting());
  }

  /** The notebook is closed. */
  dispose(): void {
    this.connect(null);
    this._isExpected = false;
    this._waiting.splice(0).forEach(({fail}) => fail(DISCONNECTED));
  }

  private _sendWaiting(): void {
    while (this._connection && this._waiting.length > 0) {
      const [{send, fail}] = this._waiting as [IWaiting];
      try {
        send(this._connection);
      } catch (error) {
        fail(errorOf(error));
      }
      this._waiting.shift(); // not before: what a callback sends meanwhile comes behind it
    }
  }

  private _connection: Kernel.IKernelConnection | null = null;
  /** There has been none yet. */
  private _isExpected = true;
  private readonly _waiting: IWaiting[] = [];
  private _asking: KernelMessage.IHeader<'input_request'> | null = null;
}

interface IWaiting {
  readonly send: Parameters<WhenConnected>[0];
  readonly fail: Parameters<WhenConnected>[1];
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
    checkTarget(f, target_name);
    const make = (comm: IKernelComm) => ClassicComm.of(this._connection!, comm);
    const answer = (comm: ClassicComm, msg: IMessage) => f(comm, asClassic(msg) as IOpenMsg);
    this._register(target_name, opener(make, answer));
  }

  /** The comms of the module `lite-comms`. */
  readonly comms: IComms = {
    open: (targetName, data, options = {}) => {
      const open = LateLine.opening(targetName, this._kernel.whenConnected);
      return openComm(targetName, data, options, open);
    },
    registerTarget: (targetName, f) => {
      checkTarget(f, targetName);
      const make = (comm: IKernelComm) => Comm.on(new KernelLine(this._connection!, comm));
      const open = opener(make, f as ModuleTarget);
      this._register(targetName, open);
      return () => {
        if (this._targets.get(targetName) === open) {
          this.unregister_target(targetName);
        }
      };
    }
  };

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
   * Open a comm to a target of the kernel. Without a kernel it opens as soon as there is one.
   *
   * @throws Error if the id is in use, or the data cannot be sent; no comm is left behind then.
   */
  new_comm(
    target_name: string,
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    comm_id?: string | null,
    buffers?: readonly Bytes[] | null
  ): ClassicComm {
    return ClassicComm.open(
      target_name,
      {data, callbacks, metadata, buffers, comm_id},
      this._kernel.whenConnected
    );
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

  private _register(target_name: string, open: Opener): void {
    this.unregister_target(target_name);
    this._targets.set(target_name, open);
    if (this._connection) {
      addTarget(this._connection, target_name, open);
    }
  }

  private get _connection(): Kernel.IKernelConnection | null {
    return this._kernel.connection;
  }

  private readonly _kernel: ClassicKernel;
  private readonly _targets = new Map<string, Opener>();
}
