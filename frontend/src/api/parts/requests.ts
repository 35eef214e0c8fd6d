/** Questions with an answer over a comm, both ways; see PROTOCOL.md, "Requests". Each ends exactly once. */
import {errorOf} from '../../wire/comm_messages';
import {checkFunction, named, RequestError} from '../errors';
import {
  type IAttachOptions,
  type IMessage,
  isBinary,
  type ISendOptions,
  type Mark,
  withoutMark
} from '../messages';
import {whileWaiting} from './waiting';

/** How long to wait for the answer, and what goes with the question. */
export interface IRequestOptions extends IAttachOptions {
  /** How many milliseconds to wait at most; without it, until an answer comes or the comm closes. */
  readonly timeout_ms?: number | null | undefined;
  /** Ends the wait, and tells the other end, when it is aborted. */
  readonly signal?: AbortSignal | null | undefined;
}

/** What the handler of a request gets beside the message. */
export interface IRequestContext {
  /** Aborted when the asking end does not wait any longer: cancelled, timed out, or the comm closed. */
  readonly signal: AbortSignal;
  /** Make an answer that has metadata or buffers; return it from the handler. */
  reply(data?: unknown, options?: ISendOptions): Reply;
}

/** The function that answers requests: it returns the data, or a `reply(...)`, or a promise of either. */
export type RequestHandler<T = unknown> = (msg: IMessage<T>, context: IRequestContext) => unknown;

/** An answer with metadata or buffers; made by the function `reply` that a handler gets. */
export class Reply {
  /** @internal */
  constructor(
    readonly data: unknown,
    readonly options: ISendOptions
  ) {}
}

/**
 * One count for all comms: an answer to a comm that is closed must not reach one that has its id now. On a
 * server several pages may hold one comm and hear each other's answers: each page has ids of its own.
 */
export const ids = {last: 0, page: `${crypto.getRandomValues(new Uint32Array(2)).join('-')}-`};

/** The longest time of a timer; what is longer is for ever. */
const MOST_MS = 2 ** 31 - 1;

interface IWaiting {
  resolve(msg: IMessage): void;
  reject(why: unknown): void;
}

type Post = (data: unknown, options: ISendOptions, mark: Mark) => void;

export class Requests {
  /**
   * @param _post - Sends a message of the comm, or throws.
   * @param _field - The name of the method that registers the handler.
   */
  constructor(
    private readonly _post: Post,
    private readonly _who: object,
    private readonly _field: string
  ) {}

  /** Ask the other end. */
  async ask(data: unknown, options: IRequestOptions): Promise<IMessage> {
    const {timeout_ms, signal} = options;
    const what = `request of ${this._who}`;
    const ms = timeout_ms ?? Infinity;
    if (typeof ms !== 'number' || !(ms >= 0)) {
      throw new TypeError(`timeout_ms of ${what} is no time: ${ms}`);
    }
    signal?.throwIfAborted();
    const id = `${ids.page}${++ids.last}`;
    const answered = new Promise<IMessage>((resolve, reject) => {
      this._waiting.set(id, {resolve, reject});
    });
    const failed = (why: unknown) => this._ended(id)?.reject(named(why, what));
    try {
      this._post(data, {...options, failed}, {request: id});
    } catch (error) {
      this._ended(id);
      throw error;
    }
    const cancel = (why: unknown) => {
      const waiting = this._ended(id);
      if (waiting) {
        waiting.reject(why);
        this._tell({cancel: id});
      }
    };
    const onAbort = () => cancel(signal!.reason);
    signal?.addEventListener('abort', onAbort);
    const late = () => cancel(new DOMException(`${what}: no answer in ${ms} ms`, 'TimeoutError'));
    const timer = ms <= MOST_MS ? setTimeout(late, ms) : undefined;
    try {
      return await whileWaiting(answered);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Register the function that answers. */
  answerBy(handler: RequestHandler): void {
    checkFunction(handler, this._field, this._who);
    this._handler = handler;
  }

  /** Handle a message that is part of a request. */
  take(mark: Mark, marked: IMessage): void {
    const msg = withoutMark(marked);
    if ('request' in mark) {
      if (this._running.has(mark.request)) {
        const what = `${this._who}: the other end asks twice under the id '${mark.request}'`;
        console.error(`lite_comms: ${what}`);
        return;
      }
      void this._answer(mark.request, msg);
    } else if ('cancel' in mark) {
      const running = this._running.get(mark.cancel);
      this._running.delete(mark.cancel);
      running?.abort();
    } else {
      const waiting = this._ended(mark.reply);
      if (mark.error) {
        waiting?.reject(new RequestError(mark.error, this._who));
      } else {
        waiting?.resolve(msg);
      }
    }
  }

  /** The comm is closed: end what waits, and cancel what runs. */
  end(why: Error): void {
    const [waiting, running] = [[...this._waiting.values()], [...this._running.values()]];
    this._waiting.clear();
    this._running.clear();
    waiting.forEach(({reject}) => reject(why));
    running.forEach(controller => controller.abort(why));
  }

  /** A request of this end that has not ended, which it has now. */
  private _ended(id: string): IWaiting | undefined {
    const waiting = this._waiting.get(id);
    this._waiting.delete(id);
    return waiting;
  }

  private async _answer(id: string, msg: IMessage): Promise<void> {
    const controller = new AbortController();
    this._running.set(id, controller);
    const {signal} = controller;
    const isAwaited = () => this._running.get(id) === controller;
    let answer: () => void;
    try {
      const value = await this._handle(msg, signal);
      const {data, options} = value instanceof Reply ? value : new Reply(value, {});
      const given = answerOf(data, `${this._field} of ${this._who}`);
      answer = () => this._post(given, options, {reply: id});
    } catch (error) {
      // Shown, unless the handler ends as its signal has told it to.
      if (!isAwaited() && error !== signal.reason && (error as Error)?.name !== 'AbortError') {
        console.error(`lite_comms: the ${this._field} callback of ${this._who} raised`, error);
      }
      answer = () => this._post({}, {}, {reply: id, error: errorOf(error)});
    }
    if (!isAwaited()) {
      return;
    }
    this._running.delete(id);
    try {
      answer();
    } catch (error) {
      this._tell({reply: id, error: errorOf((error as Error).cause ?? error)});
    }
  }

  private _handle(msg: IMessage, signal: AbortSignal): unknown {
    if (!this._handler) {
      const error = new Error(`${this._who} has no handler; ${this._field} registers one`);
      throw Object.assign(error, {name: 'NoRequestHandler', stack: ''});
    }
    const reply: IRequestContext['reply'] = (data, options = {}) => new Reply(data, options);
    return this._handler(msg, {signal, reply});
  }

  /** Tell the other end how a request has ended, if that can be sent. */
  private _tell(mark: Mark): void {
    try {
      this._post({}, {}, mark);
    } catch (error) {
      console.error(`lite_comms: the end of a request of ${this._who} cannot be told`, error);
    }
  }

  private _handler: RequestHandler | undefined;
  /** Those of this end that have no answer yet. */
  private readonly _waiting = new Map<string, IWaiting>();
  /** Those of the other end whose handler runs. */
  private readonly _running = new Map<string, AbortController>();
}

/** Copy the data of an answer: any JSON value, null for nothing. */
function answerOf(data: unknown, who: string): unknown {
  const text = JSON.stringify(data ?? null, (key, value: unknown) => {
    if (isBinary(value)) {
      throw new TypeError(
        `${who} has returned binary data${key && ` in '${key}'`}: return reply(data, {buffers})`
      );
    }
    return value;
  });
  if (text === undefined) {
    throw new TypeError(`${who} has returned a ${typeof data}, which is no data`);
  }
  return JSON.parse(text);
}
