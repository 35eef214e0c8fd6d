/**
 * The page's end of a comm.
 *
 * Way of a message: the user's JavaScript, this file, a line: JupyterLab's kernel connection, or another.
 */
import {errorOf} from '../wire/comm_messages';
import {ClosedError, fence, named} from './errors';
import {attachTo, type ILine, type IStyle, PLAIN} from './line';
import {
  type IAttachOptions,
  type IMessage,
  type ISendOptions,
  type Mark,
  markOf,
  prepare
} from './messages';
import {Inbox} from './parts/inbox';
import {Latest} from './parts/latest';
import {type IRequestOptions, type RequestHandler, Requests} from './parts/requests';
import {held} from './parts/waiting';

/** How newest-only data is sent. */
export interface ILatestOptions extends ISendOptions {
  /** Only the newest message of each key goes; without it, all messages have one key. */
  readonly key?: string | undefined;
}

/**
 * The page's end of a comm: a two-way channel between the page and Python.
 *
 * Messages that come before there is a callback are kept for it, or for `for await`: the last 1,000 of
 * them, 64 MB together.
 */
export class Comm implements AsyncIterable<IMessage> {
  private constructor(
    private readonly _line: ILine,
    private readonly _style: IStyle
  ) {
    this._inbox = new Inbox(this);
    this._latest = new Latest(message => void _line.send(message), this);
    this._requests = new Requests(
      (data, options, mark) => void this._post(data, options, mark),
      this,
      _style.name('onRequest')
    );
    _line.onMsg = msg => this._receive(_style.message(msg));
    _line.onClose = msg => this._ended(_style.message(msg));
  }

  /** The comm at the end of a line. @internal */
  static on(line: ILine, style = PLAIN): Comm {
    return new Comm(line, style);
  }

  /** The name of the target. */
  get targetName(): string {
    return this._line.targetName;
  }

  /** The id of the comm, the same at both ends. */
  get commId(): string {
    return this._line.commId;
  }

  /** Whether the comm is closed. */
  get isClosed(): boolean {
    return this._hasEnded || this._line.isClosed;
  }

  /**
   * Send a message.
   *
   * @param data - A value that JSON can hold, as it is at this moment; Python finds it in
   * `msg["content"]["data"]`.
   * @returns The id of the message; an empty text if it waits for the kernel.
   * @throws ClosedError if the comm is closed, or an Error if the data cannot be sent; nothing is sent then.
   */
  send(data?: unknown, options: IAttachOptions = {}): string {
    return this._post(data, options);
  }

  /**
   * Send a message, but only the newest one of each key, at most one in a frame of the screen, and not
   * before the kernel has handled the one before, for up to two seconds. The last one always arrives. It leaves
   * before what is sent by other calls afterwards.
   *
   * @throws As `send`.
   */
  sendLatest(data?: unknown, {key = '', ...options}: ILatestOptions = {}): void {
    this._try(() => this._latest.put(key, prepare(data, options, this)));
  }

  /**
   * Ask the other end, and wait for its answer: what its `on_request` handler returns is in
   * `content.data`. Many may wait at the same time; they are answered in any order.
   *
   * @returns The reply. The promise is rejected with a `RequestError` if the handler raises, or there is
   * none; a `TimeoutError` after `timeout_ms`; the signal's reason, by default an `AbortError`, when the signal is
   * aborted; a `ClosedError` if the comm is closed, or gets closed; an Error if the data cannot be sent.
   */
  async request<T = unknown>(data?: unknown, options: IRequestOptions = {}): Promise<IMessage<T>> {
    return (await this._requests.ask(data, options)) as IMessage<T>;
  }

  /**
   * Register the function that answers requests of the other end; an earlier one is replaced.
   *
   * It returns the data of the answer, any JSON value, or a promise of it; for an answer with buffers or metadata,
   * it returns what `reply(data, {buffers, metadata})` of its second argument makes. What it throws is a `RequestError`
   * at the other end. The requests of a comm begin in their order, and do not wait for one another.
   *
   * @throws TypeError if `f` is not a function.
   */
  onRequest<T = unknown>(f: RequestHandler<T>): void {
    this._requests.answerBy(f as RequestHandler);
  }

  /**
   * Register the function for messages; an earlier one is replaced. If it returns a promise, the next message
   * of this comm waits for it; replies and requests do not. It also gets the messages that came before there was one.
   *
   * @throws TypeError if `f` is not a function.
   */
  onMsg<T = unknown>(f: (msg: IMessage<T>) => unknown): void {
    this._onMsg = fence(f as (msg: IMessage) => unknown, this._style.name('onMsg'), this);
    const early = this._inbox.giveUp(taken(this));
    if (early.length > 0) {
      void this._inTurn(() => Promise.resolve());
      early.forEach(msg => void this._hear(msg));
    }
  }

  /**
   * Register the function that is called once when the other end closes the comm, or ends; also if it has
   * done so already. The message's `metadata.lite_comms` says why, with `ename` and `evalue`, if there is a reason.
   *
   * @throws TypeError if `f` is not a function.
   */
  onClose(f: (msg: IMessage) => unknown): void {
    this._onClose = fence(f, this._style.name('onClose'), this);
    const msg = this._unheard;
    if (msg) {
      this._unheard = undefined;
      void this._inTurn(() => Promise.resolve());
      void this._inTurn(() => this._onClose!(msg));
    }
  }

  /**
   * Close both ends; what waits for an answer is rejected. A second call does nothing.
   *
   * @returns As `send`; undefined if it was closed already.
   * @throws Error if the data cannot be sent; it stays open then.
   */
  close(data?: unknown, options: ISendOptions = {}): string | undefined {
    if (this.isClosed) {
      return undefined;
    }
    const id = this._try(() => {
      const message = prepare(data, options, this);
      this._latest.flush();
      return this._line.close(message);
    });
    this._onMsg = undefined; // also for what waits for its turn
    this._end('');
    return id;
  }

  /**
   * Wait for the messages that no callback takes: `for await (const msg of comm)`. It ends when the comm is closed and
   * none is left. Those who wait at the same time get one message each, in turn.
   *
   * @throws Error if the comm has an `onMsg` callback.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<IMessage, void, undefined> {
    for (;;) {
      if (this._onMsg) {
        throw taken(this);
      }
      const msg = await this._inbox.next();
      if (!msg) {
        return;
      }
      yield msg;
    }
  }

  /** Close because the target function failed, and tell the other end why, if that can be sent. @internal */
  refuse(error: unknown): void {
    const {ename, evalue} = errorOf(error);
    try {
      this.close({}, {metadata: {lite_comms: {ename, evalue}}});
    } catch (failure) {
      console.error(`lite_comms: the kernel is not told that ${this} is closed`, failure);
      this._line.dispose();
      this._end('');
    }
  }

  toString(): string {
    return `comm '${this.targetName}' (${this.commId})`;
  }

  /** Send a comm_msg, behind what `sendLatest` holds. */
  private _post(data: unknown, options: IAttachOptions, mark?: Mark): string {
    return this._try(() => {
      const message = prepare(data, options, this, mark);
      attachTo(this._line, message.buffers, options.attachments, this);
      this._latest.flush();
      return this._line.send(message);
    });
  }

  private _try<T>(send: () => T): T {
    if (this.isClosed) {
      throw new ClosedError(this, this._reason);
    }
    try {
      return send();
    } catch (error) {
      throw named(error, `${this} cannot send`);
    }
  }

  private _receive(msg: IMessage): Promise<void> | undefined {
    const mark = markOf(msg);
    if (mark) {
      this._requests.take(mark, msg);
      return undefined;
    }
    if (this._onMsg) {
      return held(this._hear(msg));
    }
    this._inbox.put(msg);
    return undefined;
  }

  /** Call the callback for messages, behind the one that it is still at. */
  private _hear(msg: IMessage): Promise<void> | undefined {
    return this._inTurn(() => this._onMsg?.(msg));
  }

  private _inTurn(call: () => Promise<void> | undefined): Promise<void> | undefined {
    const turn = this._turn ? this._turn.then(call) : call();
    if (turn) {
      this._turn = turn;
      void turn.then(() => {
        if (this._turn === turn) {
          this._turn = undefined;
        }
      });
    }
    return turn;
  }

  /** The other end has closed the comm, or ended. */
  private _ended(msg: IMessage): Promise<void> | undefined {
    if (this._hasEnded) {
      return undefined;
    }
    const {ename, evalue} = (msg.metadata?.['lite_comms'] ?? {}) as {[key: string]: unknown};
    this._end(ename ? `${ename}: ${evalue}` : '');
    if (!this._onClose) {
      this._unheard = msg;
      return undefined;
    }
    return held(this._inTurn(() => this._onClose!(msg)));
  }

  private _end(reason: string): void {
    this._hasEnded = true;
    this._reason = reason;
    this._latest.drop();
    this._inbox.end();
    this._requests.end(new ClosedError(this, reason));
  }

  private readonly _inbox: Inbox;
  private readonly _latest: Latest;
  private readonly _requests: Requests;
  private _onMsg: Fenced | undefined;
  private _onClose: Fenced | undefined;
  /** A close for which there was no callback yet. */
  private _unheard: IMessage | undefined;
  /** The promise of the last callback that was queued, until it settles; the next callback waits for it. */
  private _turn: Promise<void> | undefined;
  private _hasEnded = false;
  private _reason = '';
}

type Fenced = (msg: IMessage) => Promise<void> | undefined;

function taken(comm: Comm): Error {
  return new Error(`${comm}: its callback takes the messages`);
}
