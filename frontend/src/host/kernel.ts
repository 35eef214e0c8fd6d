/** A kernel in the page of a site, as a host page holds it. */
import {type Frame, readFrame, type Status} from '../wire/bridge';
import {errorOf} from '../wire/comm_messages';
import {Comm, messageOf, type Post} from './comm';
import {failure, fenced, type IWait, Waiting} from './errors';
import type {IMessage, IParts} from './requests';

/** Called with a comm that the kernel has opened, and the message that it came with. */
export type Target = (comm: Comm, msg: IMessage) => unknown;

/**
 * The state of the kernel:
 *
 * - `waiting`: the notebook is not open in the page;
 * - `starting`, `ready`, `restarting`, `dead`: it has this kernel;
 * - `closed`: the page has gone, or this connection is closed. It stays so.
 */
export type KernelStatus = Status | 'closed';

/** Called with a new status; `reason` explains it, or is empty. */
export type StatusHandler = (status: KernelStatus, reason: string) => unknown;

/** A kernel. */
export class Kernel {
  /** @internal */
  constructor(private readonly _port: MessagePort) {
    _port.onmessage = ({data}) => this._receive(data);
    // Not in every browser; where it is, also a page that has crashed is noticed.
    _port.addEventListener('close', () => this._end('the page has gone'));
  }

  /** What is known of the kernel now. */
  get status(): KernelStatus {
    return this._status;
  }

  /** What explains the status; it may be empty. */
  get reason(): string {
    return this._reason;
  }

  /** Call a function at each change of the status; returns a function that unsubscribes it. */
  onStatus(f: StatusHandler): () => void {
    this._onStatus.add(f);
    return () => void this._onStatus.delete(f);
  }

  /**
   * Open a comm to a target that the notebook has exposed. If it is refused, the comm is closed, and its
   * `onClose` called with the reason.
   *
   * @throws ClosedError if the connection is closed, TypeError if a value cannot be sent.
   */
  open(target: string, data?: unknown, parts: IParts = {}): Comm {
    const comm = this._add(`host-${++this._last}`, target);
    try {
      comm.open(data, parts);
    } catch (error) {
      this._comms.delete(comm.commId);
      throw error;
    }
    return comm;
  }

  /**
   * Wait until the notebook has exposed a target.
   *
   * @returns A promise; it is rejected with an `Error` whose `name` is `TimeoutError`, `AbortError` or
   * `ClosedError`.
   */
  whenTarget(name: string, wait: IWait = {}): Promise<void> {
    if (this._exposed.has(name)) {
      return Promise.resolve();
    }
    if (this._status === 'closed') {
      return Promise.reject(this._closed());
    }
    const entry = {name, waiting: null as unknown as Waiting<void>};
    const what = () =>
      `the notebook has not exposed a target '${name}' (exposed: ${[...this._exposed].join(', ') || 'none'})`;
    entry.waiting = new Waiting<void>(what, wait, () => this._whenTarget.delete(entry));
    if (!wait.signal?.aborted) {
      this._whenTarget.add(entry);
    }
    return entry.waiting.promise;
  }

  /**
   * Register the function for comms that the kernel opens to `host:` and this name, in the place of an
   * earlier one. Returns a function that unregisters it.
   */
  registerTarget(name: string, f: Target): () => void {
    this._targets.set(name, f);
    this._post({type: 'register', target_name: name});
    return () => {
      if (this._targets.get(name) === f) {
        this._targets.delete(name);
        this._post({type: 'unregister', target_name: name});
      }
    };
  }

  /** Close the connection and all its comms. The notebook and its kernel stay. */
  close(): void {
    if (this._status !== 'closed') {
      this._post({type: 'bye', reason: 'the host page has closed the connection'});
      this._end('closed by this page');
    }
  }

  private readonly _post: Post = (frame, buffers = []) => {
    if (this._status === 'closed') {
      throw this._closed();
    }
    this._port.postMessage(frame, buffers);
  };

  private _receive(posted: unknown): void {
    try {
      this._handle(readFrame(posted));
    } catch (error) {
      console.error('lite_comms: a frame of the page is not understood', error);
    }
  }

  private _handle(frame: Frame): void {
    switch (frame.type) {
      case 'comm_open':
        this._opened(frame.comm_id, frame.target_name, messageOf(frame.comm_id, frame));
        break;
      case 'comm_msg':
      case 'comm_close':
        // One that has been closed here meanwhile hears no more.
        this._comms.get(frame.comm_id)?.handle(frame);
        break;
      case 'status':
        this._change(frame.status, frame.reason);
        break;
      case 'targets':
        this._exposed = new Set(frame.names);
        for (const {name, waiting} of [...this._whenTarget]) {
          if (this._exposed.has(name)) {
            waiting.resolve();
          }
        }
        break;
      case 'error':
        console.error(`lite_comms: the page refuses: ${frame.reason}`);
        break;
      case 'bye':
        this._end(frame.reason);
        break;
      default:
        throw new Error(`a '${frame.type}' frame is for the page only`);
    }
  }

  private _opened(id: string, target: string, msg: IMessage): void {
    const comm = this._add(id, target);
    const f = this._targets.get(target);
    void fenced(`the target function of ${comm}`, async () => {
      try {
        if (!f) {
          throw failure('LookupError', `the host page has no target '${target}'`);
        }
        await f(comm, msg);
      } catch (error) {
        const {ename, evalue} = errorOf(error);
        comm.close({}, {metadata: {lite_comms: {ename, evalue}}});
        throw error;
      }
    });
  }

  private _add(id: string, target: string): Comm {
    const comm = new Comm(target, id, this._post, () => this._comms.delete(id));
    this._comms.set(id, comm);
    return comm;
  }

  private _change(status: KernelStatus, reason: string): void {
    this._status = status;
    this._reason = reason;
    this._tell();
  }

  private _tell(): void {
    const {status, reason} = this;
    for (const f of [...this._onStatus]) {
      void fenced('onStatus', () => f(status, reason));
    }
  }

  private _end(why: string): void {
    if (this._status === 'closed') {
      return;
    }
    this._exposed = new Set();
    this._port.close();
    this._status = 'closed';
    this._reason = why;
    const error = this._closed();
    [...this._whenTarget].forEach(({waiting}) => waiting.reject(error));
    const metadata = {lite_comms: {ename: 'Disconnected', evalue: why}};
    for (const comm of [...this._comms.values()]) {
      comm.handle({type: 'comm_close', comm_id: comm.commId, data: {}, metadata, buffers: []});
    }
    this._tell();
  }

  private _closed(): Error {
    return failure('ClosedError', `the connection is closed: ${this._reason}`);
  }

  private _status: KernelStatus = 'waiting';
  private _reason = '';
  private _last = 0;
  private _exposed: ReadonlySet<string> = new Set();
  private readonly _whenTarget = new Set<{readonly name: string; waiting: Waiting<void>}>();
  private readonly _onStatus = new Set<StatusHandler>();
  private readonly _comms = new Map<string, Comm>();
  private readonly _targets = new Map<string, Target>();
}
