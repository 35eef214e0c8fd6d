/** The host page's end of a comm. */
import {commFrame, type CommIds, type ICommMessage, type ICommOpen, isRecord} from '../wire/bridge';
import {failure, fenced, type IWait} from './errors';
import {type Bytes, type IMessage, type IParts, type RequestHandler, Requests} from './requests';

/** Posts a frame; its buffers are transferred. */
export type Post = (frame: object, buffers?: ArrayBuffer[]) => void;

/** A frame, and its buffers. */
type Prepared = [frame: object, buffers: ArrayBuffer[]];

/** What a message that `sendLatest` sends may have beside its data. */
export interface ILatestParts extends IParts {
  /** Only the newest message of each key goes; without it, all messages have one key. */
  readonly key?: string | undefined;
}

/** Called with a message of the kernel. */
export type Handler = (msg: IMessage) => unknown;

/** How many messages are kept while nobody takes any; those behind them are dropped. */
const MOST_EARLY = 1_000;
/** About a frame of the screen. A page that is hidden draws none. */
const LATEST_MS = 16;

/** One end of a two-way channel between the host page and the kernel. */
export class Comm implements AsyncIterable<IMessage> {
  /** @internal */
  constructor(
    /** The target that it was opened for. */
    readonly targetName: string,
    /** Its id, on this page. */
    readonly commId: string,
    private readonly _post: Post,
    private readonly _forget: () => void
  ) {
    this._requests = new Requests(`${this}`, (data, parts) => this._send('comm_msg', data, parts));
  }

  /** Whether either end has closed it. */
  get isClosed(): boolean {
    return this._isClosed;
  }

  /**
   * Send a message to the kernel's end.
   *
   * @throws ClosedError if the comm is closed, TypeError if a value is no JSON. Nothing is sent then.
   */
  send(data?: unknown, parts: IParts = {}): void {
    this._send('comm_msg', data, parts);
  }

  /**
   * Send a message, but only the newest one of each key, at most one in 16 ms. It leaves before what
   * is sent by other calls afterwards.
   *
   * @throws As `send`.
   */
  sendLatest(data?: unknown, {key = '', ...parts}: ILatestParts = {}): void {
    const frame = this._frame('comm_msg', data, parts);
    this._latest.delete(key); // the order is that of those that go
    this._latest.set(key, frame);
    this._timer ??= setTimeout(() => this._flush(), LATEST_MS);
  }

  /**
   * Send a request; the promise is that of the reply.
   *
   * It is rejected with an `Error` whose `name` is `RequestError` (what the kernel's end has raised, with
   * `ename`, `evalue` and `traceback`), `TimeoutError`, `AbortError` or `ClosedError`.
   */
  request(data?: unknown, options: IParts & IWait = {}): Promise<IMessage> {
    return this._requests.ask(data, options);
  }

  /**
   * Register the function that answers requests of the kernel; an earlier one is replaced.
   *
   * It returns the data of the answer, any JSON value, or a promise of it; for an answer with buffers or metadata, what
   * `reply(data, {buffers, metadata})` of its second argument makes. What it throws is a `RequestError` in Python.
   */
  onRequest(f: RequestHandler): void {
    this._requests.handler = f;
  }

  /** Register the function for messages; an earlier one is replaced. It also gets those that came before there was one. */
  onMsg(f: Handler): void {
    this._onMsg = f;
    this._wake();
    this._early.splice(0).forEach(msg => this._hear(msg));
  }

  /**
   * Wait for the messages that no `onMsg` takes: `for await (const msg of comm)`. It ends when the comm is closed and
   * none is left. Those who wait at the same time get one message each.
   *
   * @throws Error if the comm has an `onMsg`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<IMessage, void, undefined> {
    this._loops++; // they take all, at their own pace
    try {
      for (;;) {
        if (this._onMsg) {
          throw new Error(`${this}: onMsg takes its messages`);
        }
        const msg = this._early.shift();
        if (msg) {
          yield msg;
        } else if (this._isClosed) {
          return;
        } else {
          await new Promise<void>(resolve => void this._waiting.push(resolve));
        }
      }
    } finally {
      this._loops--;
    }
  }

  /**
   * Register the function that is called once when the other end closes the comm, also if it has done so already.
   * The message's `metadata.lite_comms` says why, with `ename` and `evalue`, if there is a reason.
   */
  onClose(f: Handler): void {
    this._onClose = f;
    this._tell();
  }

  /** Close both ends. A second call does nothing. */
  close(data?: unknown, parts: IParts = {}): void {
    if (!this._isClosed) {
      this._send('comm_close', data, parts);
      this._end('closed by this page');
    }
  }

  toString(): string {
    return `comm '${this.targetName}' (${this.commId})`;
  }

  /** Handle a frame of the page. @internal */
  handle({type, data, metadata, buffers}: ICommMessage | ICommOpen): void {
    const msg = messageOf(this.commId, {data, metadata, buffers});
    if (type === 'comm_close') {
      const {ename, evalue} = Object(metadata['lite_comms']);
      this._end(ename === undefined ? 'closed by the kernel' : `${ename}: ${evalue}`);
      this._untold = msg;
      this._tell();
    } else if (!this._requests.handle(msg)) {
      this._hear(msg);
    }
  }

  /** Open the kernel's end. @internal */
  open(data: unknown, parts: IParts): void {
    const ids = {type: 'comm_open', comm_id: this.commId, target_name: this.targetName} as const;
    this._post(...this._prepare(ids, data, parts));
  }

  /** Send a message, behind what `sendLatest` holds. */
  private _send(type: ICommMessage['type'], data: unknown, parts: IParts): void {
    const frame = this._frame(type, data, parts);
    this._flush();
    this._post(...frame);
  }

  private _frame(type: ICommMessage['type'], data: unknown, parts: IParts): Prepared {
    if (this._isClosed) {
      throw failure('ClosedError', `${this} is closed: ${this._why}`);
    }
    return this._prepare({type, comm_id: this.commId}, data, parts);
  }

  private _prepare(ids: CommIds, data: unknown, parts: IParts): Prepared {
    const {metadata = {}, buffers = []} = parts;
    if ('attachments' in parts) {
      throw new TypeError(`${this}: a host page cannot send attachments`);
    }
    if (!isRecord(metadata)) {
      throw new TypeError(`${this}: metadata is no object`);
    }
    const copies = Array.from(buffers, copyOf);
    return [commFrame(ids, data, metadata, copies), copies];
  }

  /** Post what `sendLatest` holds. */
  private _flush(): void {
    const frames = [...this._latest.values()];
    this._drop();
    frames.forEach(frame => this._post(...frame));
  }

  private _drop(): void {
    clearTimeout(this._timer);
    this._timer = undefined;
    this._latest.clear();
  }

  private _hear(msg: IMessage): void {
    const f = this._onMsg;
    if (f) {
      void fenced(`onMsg of ${this}`, () => f(msg));
    } else if (this._loops || this._early.length < MOST_EARLY) {
      this._early.push(msg);
      this._wake();
    } else if (!this._dropped++) {
      console.warn(`lite_comms: ${this}: nobody takes its messages; ${MOST_EARLY} are kept`);
    }
  }

  private _wake(): void {
    this._waiting.splice(0).forEach(goOn => goOn());
  }

  private _tell(): void {
    const [f, msg] = [this._onClose, this._untold];
    if (f && msg) {
      this._untold = undefined;
      void fenced(`onClose of ${this}`, () => f(msg));
    }
  }

  private _end(why: string): void {
    this._isClosed = true;
    this._why = why;
    this._drop();
    this._wake();
    this._forget();
    this._requests.end(failure('ClosedError', `${this} is closed: ${why}`));
  }

  private readonly _requests: Requests;
  private _isClosed = false;
  private _why = '';
  private _onMsg: Handler | undefined;
  private _onClose: Handler | undefined;
  private readonly _early: IMessage[] = [];
  /** How many `for await` run. */
  private _loops = 0;
  private _dropped = 0;
  /** Those who wait in `for await`. */
  private readonly _waiting: (() => void)[] = [];
  private readonly _latest = new Map<string, Prepared>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  /** The message that has closed it, while nobody has heard it. */
  private _untold: IMessage | undefined;
}

export function messageOf(
  comm_id: string,
  {data, metadata, buffers}: Pick<ICommMessage, 'data' | 'metadata' | 'buffers'>
): IMessage {
  const views = buffers.map(buffer => new DataView(buffer));
  return {content: {comm_id, data}, metadata, buffers: views};
}

function copyOf(bytes: Bytes): ArrayBuffer {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  if (!ArrayBuffer.isView(view)) {
    throw new TypeError('buffers takes ArrayBuffers and views on them');
  }
  // A slice of shared memory itself would be shared, too, and could not be transferred.
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer;
}
