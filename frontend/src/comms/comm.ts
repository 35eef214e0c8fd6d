/**
 * The page's end of a comm, as in the classic Jupyter Notebook.
 *
 * Way of a message: the user's JavaScript, this file, the comm of `api/`, JupyterLab's kernel connection.
 * Names, argument orders and defaults are those of "Comms" in the documentation of the Jupyter
 * Notebook; the messages are those of "Custom Messages" in the Jupyter messaging specification.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {Comm, type ILatestOptions} from '../api/comm';
import {named} from '../api/errors';
import {type IKernelComm, type IKernelConnection, KernelLine} from '../api/kernel/line';
import type {ILine, IStyle} from '../api/line';
import type {Bytes, IAttachOptions, IMessage, IOutgoing, ISendOptions} from '../api/messages';
import {openComm} from '../api/open';
import type {IRequestContext, IRequestOptions} from '../api/parts/requests';
import {attach} from '../wire/attachments';
import {commClose, type IReason} from '../wire/comm_messages';
import {asClassic, hearing, type ICallbacks} from './hear';

/** What the user gives with a message. */
export interface IContent {
  readonly data?: unknown;
  readonly callbacks?: ICallbacks | null | undefined;
  readonly metadata?: object | null | undefined;
  readonly buffers?: readonly Bytes[] | null | undefined;
}

/**
 * Sends something at once, or when there is a kernel; an empty text stands for the id until then.
 * `fail` is called instead when there will be no kernel, or `send` throws then.
 */
export type WhenConnected = (
  send: (connection: Kernel.IKernelConnection) => string,
  fail: (why: IReason) => void
) => string;

type Msg = KernelMessage.ICommMsgMsg;

/** Methods are named with underscores, and messages are those of the classic Notebook. */
const CLASSIC: IStyle = {
  name: method => method.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
  message: asClassic
};

/** The page's end of a comm. */
export class ClassicComm implements AsyncIterable<Msg> {
  private constructor(private readonly _comm: Comm) {}

  /**
   * The page's end of a comm that the kernel has opened.
   *
   * @param target_name - The name that the kernel has used, where JupyterLab knows another.
   */
  static of(
    connection: IKernelConnection,
    comm: IKernelComm,
    target_name = comm.targetName
  ): ClassicComm {
    return new ClassicComm(Comm.on(new KernelLine(connection, comm, target_name), CLASSIC));
  }

  /**
   * Open a comm to a target of the kernel, when there is one. If it cannot be opened then, it is closed.
   *
   * @throws Error if the data cannot be sent; where there is a kernel, also if the id is in use, or the
   * connection fails. No comm is left behind then.
   */
  static open(
    target_name: string,
    {data, comm_id, ...content}: IContent & {readonly comm_id?: string | null | undefined},
    whenConnected: WhenConnected
  ): ClassicComm {
    const options = {commId: comm_id, ...optionsOf(content, `comm '${target_name}'`)};
    const open = LateLine.opening(target_name, whenConnected);
    return new ClassicComm(openComm(target_name, data, options, open, CLASSIC));
  }

  get target_name(): string {
    return this._comm.targetName;
  }

  get comm_id(): string {
    return this._comm.commId;
  }

  /**
   * Send a message to the kernel's end.
   *
   * @param options - `attachments`: see `IAttachOptions`.
   * @returns The id of the message; an empty text if there is no kernel yet.
   * @throws ClosedError if the comm is closed, or Error if the data cannot be sent; nothing is sent then.
   */
  send(
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    buffers?: readonly Bytes[] | null,
    options?: Pick<IAttachOptions, 'attachments'> | null
  ): string {
    const attachments = options?.attachments;
    return this._comm.send(data, {
      ...this._options({callbacks, metadata, buffers}),
      attachments
    });
  }

  /** Close both ends. A second call does nothing and returns undefined. */
  close(
    data?: unknown,
    callbacks?: ICallbacks | null,
    metadata?: object | null,
    buffers?: readonly Bytes[] | null
  ): string | undefined {
    return this._comm.close(data, this._options({callbacks, metadata, buffers}));
  }

  /** Send only the newest message of each key, at most one a frame; see `Comm.sendLatest`. */
  send_latest(data?: unknown, options?: ILatestOptions): void {
    this._comm.sendLatest(data, options);
  }

  /** Ask the kernel's end; the promise is of its reply. See `Comm.request`. */
  async request(data?: unknown, options?: IRequestOptions): Promise<Msg> {
    return (await this._comm.request(data, options)) as Msg;
  }

  /** Register the function that answers requests of the kernel's end. See `Comm.onRequest`. */
  on_request(f: (msg: Msg, context: IRequestContext) => unknown): void {
    this._comm.onRequest(f as Parameters<Comm['onRequest']>[0]);
  }

  /** Close because the target function failed, and tell the kernel why, if that can be sent. */
  refuse(error: unknown): void {
    this._comm.refuse(error);
  }

  /** Register the function for messages of the kernel. */
  on_msg(f: (msg: Msg) => unknown): void {
    this._comm.onMsg(f as (msg: IMessage) => unknown);
  }

  /** Register the function that is called when the kernel closes the comm, or ends. */
  on_close(f: (msg: KernelMessage.ICommCloseMsg) => unknown): void {
    this._comm.onClose(f as (msg: IMessage) => unknown);
  }

  /** The messages that no `on_msg` takes, until the comm is closed. */
  [Symbol.asyncIterator](): AsyncIterator<Msg> {
    return this._comm[Symbol.asyncIterator]() as AsyncIterator<Msg, void>;
  }

  toString(): string {
    return `${this._comm}`;
  }

  private _options(content: IContent): ISendOptions {
    try {
      return optionsOf(content, `${this}`);
    } catch (error) {
      throw named(error, `${this} cannot send`);
    }
  }
}

function optionsOf({callbacks, metadata, buffers}: IContent, who: string): ISendOptions {
  const hear = hearing(callbacks, who);
  return {metadata, buffers, sent: future => void hear(future as Kernel.IShellFuture)};
}

/** A line that is opened when there is a kernel; until then, what is sent waits. */
export class LateLine implements ILine {
  onMsg: ILine['onMsg'] = () => undefined;
  onClose: ILine['onClose'] = () => undefined;

  private constructor(
    readonly targetName: string,
    readonly commId: string,
    private readonly _whenConnected: WhenConnected
  ) {}

  /** Opens a line, now or later; see `openComm`. */
  static opening(targetName: string, whenConnected: WhenConnected) {
    return (commId: string, message: IOutgoing): ILine => {
      const line = new LateLine(targetName, commId, whenConnected);
      whenConnected(
        connection => line._open(connection, message),
        why => line._fail(why)
      );
      return line;
    };
  }

  get isClosed(): boolean {
    return this._line?.isClosed === true;
  }

  attach(buffers: ArrayBuffer[], attachments: unknown, who: object): void {
    attach(buffers, attachments, this._connection, who);
  }

  send(message: IOutgoing): string {
    return this._by(line => line.send(message), message);
  }

  close(message: IOutgoing): string {
    return this._by(line => line.close(message), message);
  }

  dispose(): void {
    this._line?.dispose();
  }

  private _open(connection: Kernel.IKernelConnection, message: IOutgoing): string {
    this._connection = connection;
    this._line = KernelLine.open(connection, this.targetName, this.commId, message);
    this._line.onMsg = msg => this.onMsg(msg);
    this._line.onClose = msg => this.onClose(msg);
    return '';
  }

  /** It could not be opened when there was a kernel, or there will be none. */
  private _fail(why: IReason): void {
    console.error(`lite_comms: ${this} has not been opened: ${why.evalue}`);
    void this.onClose(commClose(this.commId, '', why));
  }

  private _by(send: (line: ILine) => string, {options}: IOutgoing): string {
    if (this._line) {
      return send(this._line);
    }
    return this._whenConnected(
      () => (this._line ? send(this._line) : ''), // it is told if it could not be opened
      ({evalue}) => {
        if (this._line) {
          console.error(`lite_comms: ${this} has not sent what waited for the kernel: ${evalue}`);
          options.failed?.(new Error(evalue));
        }
      }
    );
  }

  toString(): string {
    return `comm '${this.targetName}' (${this.commId})`;
  }

  /** Null until there is a kernel. */
  private _connection: Kernel.IKernelConnection | null = null;
  private _line: ILine | null = null;
}
