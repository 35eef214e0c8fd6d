/**
 * Questions and answers on a comm: `metadata.lite_comms` of a message says what it is. See "Requests" in
 * PROTOCOL.md.
 */
import {isRecord, isText, listOf} from '../wire/bridge';
import {errorOf} from '../wire/comm_messages';
import {failure, type IWait, Waiting} from './errors';

/** Binary data of a message. It is copied when it is sent. */
export type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** What a message may have beside its data. */
export interface IParts {
  readonly metadata?: object | undefined;
  readonly buffers?: readonly Bytes[] | undefined;
}

/** A message of the kernel. */
export interface IMessage {
  readonly content: {readonly comm_id: string; readonly data: unknown};
  readonly metadata: {readonly [name: string]: unknown};
  readonly buffers: readonly DataView[];
}

/** What the handler of a request gets beside the message. */
export interface IRequestContext {
  /** Aborted when the kernel does not wait any longer. */
  readonly signal: AbortSignal;
  /** Make an answer that has metadata or buffers; return it from the handler. */
  reply(data?: unknown, parts?: IParts): Reply;
}

/** The function that answers requests: it returns the data, or a `reply(...)`, or a promise of either. */
export type RequestHandler = (msg: IMessage, context: IRequestContext) => unknown;

/** An answer with metadata or buffers; made by the function `reply` that a handler gets. */
export class Reply {
  /** @internal */
  constructor(
    readonly data: unknown,
    readonly parts: IParts
  ) {}
}

type Send = (data: unknown, parts: IParts) => void;

/** The requests of one comm, both ways. */
export class Requests {
  /**
   * @param who - Names the comm.
   * @param send - Sends a comm_msg; its metadata is added to what the user gives.
   */
  constructor(
    private readonly _who: string,
    private readonly _send: Send
  ) {}

  handler: RequestHandler | null = null;

  /** Send a request; the promise is that of the reply. */
  ask(data: unknown, {timeout_ms, signal, ...parts}: IParts & IWait): Promise<IMessage> {
    const id = `${++this._last}`;
    // A reply, or the end of the comm, has taken it out before: the kernel is not told then.
    const forget = (error?: unknown) => {
      if (this._asked.delete(id) && error !== undefined) {
        try {
          this._send({}, withOurs({}, {cancel: id}));
        } catch {
          // The connection has just ended, and with it the request at the other end.
        }
      }
    };
    const waiting = new Waiting<IMessage>(
      () => `a request on ${this._who}`,
      {timeout_ms, signal},
      forget
    );
    if (!signal?.aborted) {
      this._asked.set(id, waiting);
      try {
        this._send(data, withOurs(parts, {request: id}));
      } catch (error) {
        this._asked.delete(id);
        waiting.reject(error);
      }
    }
    return waiting.promise;
  }

  /** Handle a message of the kernel, if it is a request, a reply or a cancellation. */
  handle(marked: IMessage): boolean {
    const {lite_comms: ours, ...metadata} = marked.metadata;
    const msg = {...marked, metadata};
    if (!isRecord(ours)) {
      return false;
    }
    const {request, reply, cancel, error} = ours;
    if (typeof request === 'string') {
      void this._answer(request, msg);
    } else if (typeof reply === 'string') {
      const waiting = this._asked.get(reply);
      this._asked.delete(reply);
      if (error === undefined) {
        waiting?.resolve(msg);
      } else {
        const {ename, evalue, traceback} = readError(error);
        waiting?.reject(failure('RequestError', `${ename}: ${evalue}`, {ename, evalue, traceback}));
      }
    } else if (typeof cancel === 'string') {
      this._answering.get(cancel)?.abort();
      this._answering.delete(cancel);
    } else {
      return false;
    }
    return true;
  }

  /** The comm is closed: nothing is answered any more. */
  end(why: Error): void {
    const asked = [...this._asked.values()];
    this._asked.clear();
    asked.forEach(waiting => waiting.reject(why));
    this._answering.forEach(each => each.abort());
    this._answering.clear();
  }

  private async _answer(id: string, msg: IMessage): Promise<void> {
    if (this._answering.has(id)) {
      console.error(`lite_comms: ${this._who}: the other end asks twice under the id '${id}'`);
      return;
    }
    const controller = new AbortController();
    this._answering.set(id, controller);
    const send = ({data, parts}: Reply, more: object = {}) => {
      if (this._answering.get(id) === controller) {
        this._send(data ?? null, withOurs(parts, {reply: id, ...more}));
      }
    };
    const reply: IRequestContext['reply'] = (data, parts = {}) => new Reply(data, parts);
    try {
      if (!this.handler) {
        throw failure('NoRequestHandler', `${this._who} has no handler; onRequest registers one`);
      }
      const answer = await this.handler(msg, {signal: controller.signal, reply});
      send(answer instanceof Reply ? answer : reply(answer));
    } catch (error) {
      send(reply({}), {error: errorOf(error)});
    } finally {
      if (this._answering.get(id) === controller) {
        this._answering.delete(id);
      }
    }
  }

  private _last = 0;
  private readonly _asked = new Map<string, Waiting<IMessage>>();
  private readonly _answering = new Map<string, AbortController>();
}

/** What an error says, if it is understood. */
function readError(error: unknown): {ename: string; evalue: string; traceback: string[]} {
  const {ename, evalue, traceback} = Object(error);
  if (isText(ename) && isText(evalue) && listOf(isText)(traceback)) {
    return {ename, evalue, traceback};
  }
  const wrong = `metadata.lite_comms.error is not understood: ${JSON.stringify(error)}`;
  return {ename: 'ProtocolError', evalue: wrong, traceback: []};
}

function withOurs({metadata = {}, ...parts}: IParts, ours: object): IParts {
  if ('lite_comms' in metadata) {
    throw new TypeError("metadata: the key 'lite_comms' is reserved");
  }
  return {...parts, metadata: {...metadata, lite_comms: ours}};
}
