/** The host page's end of a comm. */
import {commFrame, type ICommMessage, type ICommOpen, isRecord} from '../wire/bridge';
import {failure, fenced, type IWait} from './errors';
import {type Answer, type Bytes, type IMessage, type IParts, Requests} from './requests';

/** Posts a frame; its buffers are transferred. */
export type Post = (frame: object, buffers?: ArrayBuffer[]) => void;

/** Called with a message of the kernel. */
export type Handler = (msg: IMessage) => unknown;

/** One end of a two-way channel between the host page and the kernel. */
export class Comm {
  constructor(
    /** The target that it was opened for. */
    readonly target: string,
    /** Its id, on this page. */
    readonly id: string,
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
   * Send a request; the promise is that of the reply.
   *
   * It is rejected with an `Error` whose `name` is `RequestError` (what the kernel's end has raised, with
   * `ename`, `evalue` and `traceback`), `TimeoutError`, `AbortError` or `ClosedError`.
   */
  request(data?: unknown, options: IParts & IWait = {}): Promise<IMessage> {
    return this._requests.ask(data, options);
  }

  /** Register the function that answers requests of the kernel, in the place of an earlier one. */
  onRequest(f: Answer): void {
    this._requests.answer = f;
  }

  /** Register the function for messages of the kernel, in the place of an earlier one. */
  onMsg(f: Handler): void {
    this._onMsg = f;
  }

  /**
   * Register the function that is called when the other end closes the comm. `metadata.lite_comms` of
   * its message says why, if there is a reason: `{ename, evalue}`.
   */
  onClose(f: Handler): void {
    this._onClose = f;
  }

  /** Close both ends. A second call does nothing. */
  close(data?: unknown, parts: IParts = {}): void {
    if (!this._isClosed) {
      this._send('comm_close', data, parts);
      this._end('closed by this page');
    }
  }

  toString(): string {
    return `comm '${this.target}' (${this.id})`;
  }

  /** Handle a frame of the page. */
  handle({type, data, metadata, buffers}: ICommMessage | ICommOpen): void {
    const msg = messageOf(this.id, {data, metadata, buffers});
    if (type === 'comm_close') {
      const {ename, evalue} = Object(metadata['lite_comms']);
      this._end(ename === undefined ? 'closed by the kernel' : `${ename}: ${evalue}`);
      void fenced(`onClose of ${this}`, () => this._onClose(msg));
    } else if (!this._requests.handle(msg)) {
      void fenced(`onMsg of ${this}`, () => this._onMsg(msg));
    }
  }

  /** Open the kernel's end. */
  open(data: unknown, {metadata = {}, buffers = []}: IParts): void {
    const copies = buffers.map(copyOf);
    const ids = {type: 'comm_open', comm_id: this.id, target_name: this.target} as const;
    this._post(commFrame(ids, data ?? {}, metadata, copies), copies);
  }

  private _send(type: 'comm_msg' | 'comm_close', data: unknown, parts: IParts): void {
    if (this._isClosed) {
      throw failure('ClosedError', `${this} is closed: ${this._why}`);
    }
    const {metadata = {}, buffers = []} = parts;
    if (!isRecord(metadata)) {
      throw new TypeError(`${this}: metadata is no object`);
    }
    const copies = buffers.map(copyOf);
    this._post(commFrame({type, comm_id: this.id}, data, metadata, copies), copies);
  }

  private _end(why: string): void {
    this._isClosed = true;
    this._why = why;
    this._forget();
    this._requests.end(failure('ClosedError', `${this} is closed: ${why}`));
  }

  private readonly _requests: Requests;
  private _isClosed = false;
  private _why = '';
  private _onMsg: Handler = () => undefined;
  private _onClose: Handler = () => undefined;
}

export function messageOf(
  comm_id: string,
  {data, metadata, buffers}: Pick<ICommMessage, 'data' | 'metadata' | 'buffers'>
): IMessage {
  const views = buffers.map(buffer => new DataView(buffer));
  return {content: {comm_id, data}, metadata, buffers: views};
}

function copyOf(bytes: Bytes): ArrayBuffer {
  const isView = ArrayBuffer.isView(bytes);
  if (!isView && !(bytes instanceof ArrayBuffer)) {
    throw new TypeError('buffers takes ArrayBuffers and views on them');
  }
  return isView
    ? bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
    : bytes.slice(0);
}
