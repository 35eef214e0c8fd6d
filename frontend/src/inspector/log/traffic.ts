/**
 * The comm messages of one kernel, both ways, on any path: what JupyterLab's connections to it say of all
 * that they send and receive. Nothing listens before there is a Traffic, or after it is disposed.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {type ISignal, Signal} from '@lumino/signaling';
import type {Failure} from '../../outputs/failures';
import {COMM_TYPES} from '../../wire/comm_messages';
import {Comms} from './comms';
import {Judge} from './judge';
import {Log} from './log';
import {Problems} from './problems';
import {Rates} from './rates';
import {
  type Direction,
  type IMark,
  type IRecord,
  cutError,
  makeRecord,
  mark,
  release
} from './record';
import {Timing} from './timing';

type Message = KernelMessage.IMessage;

/** What is used of a connection of JupyterLab. */
export type IConnection = Pick<
  Kernel.IKernelConnection,
  'anyMessage' | 'disposed' | 'hasComm' | 'isDisposed' | 'status' | 'statusChanged'
>;

/** Errors by which lite_comms says that it cannot send a value. */
const REFUSED: ReadonlySet<string> = new Set(['EncodeError', 'BufferFormatError']);

export class Traffic {
  /** @param hasTarget - Whether a connection has a comm target; undefined if that cannot be told. */
  constructor(
    private readonly _hasTarget: (connection: object, target: string) => boolean | undefined
  ) {}

  readonly log = new Log();
  readonly comms = new Comms();
  readonly rates = new Rates();
  readonly problems = new Problems();

  /** Emitted with each message, and whatever else is learned. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** In milliseconds since 1970, with fractions; it goes on evenly if the clock is set meanwhile. */
  now(): number {
    return this._origin + performance.now();
  }

  /** Whether messages are counted only. */
  get isPaused(): boolean {
    return this._isPaused;
  }

  set isPaused(isPaused: boolean) {
    this._isPaused = isPaused;
    this._changed.emit();
  }

  /** How many messages have not been kept, because of a pause. */
  get skipped(): number {
    return this._skipped;
  }

  /** Listen to a connection until it is disposed. */
  follow(connection: IConnection): void {
    if (connection.isDisposed || this._connections.has(connection)) {
      return;
    }
    this._connections.add(connection);
    if (connection.status === 'busy') {
      this._timing.assumeRunning();
    }
    connection.anyMessage.connect(this._onMessage, this);
    connection.statusChanged.connect(this._onStatus, this);
    connection.disposed.connect(this._leave, this);
  }

  /** Listen no more; what is known stays. */
  leaveAll(): void {
    [...this._connections].forEach(connection => this._leave(connection));
  }

  clear(): void {
    this.log.clear();
    this.problems.clear();
    this._skipped = 0;
    this._changed.emit();
  }

  /** Learn what comms the kernel has. */
  found(comms: {readonly [comm_id: string]: {readonly target_name?: string} | undefined}): void {
    for (const [comm_id, comm] of Object.entries(comms)) {
      this.comms.found(comm_id, comm?.target_name ?? null);
    }
    this._changed.emit();
  }

  /** The kernel is gone, or another one has taken its place. */
  end(): void {
    this.comms.end(this.now());
    this._timing.end();
    this._changed.emit();
  }

  /** Look for queues that grow; called about every second. */
  look(): void {
    for (const {waiting, comm_id, target_name} of this.comms.look()) {
      const text = String(waiting);
      const time = this.now();
      this.problems.add({kind: 'queue', text, time, comm_id, target_name, record: null});
      this._changed.emit();
    }
  }

  dispose(): void {
    this.leaveAll();
    Signal.clearData(this);
    this.clear();
  }

  private _leave(connection: IConnection): void {
    this._connections.delete(connection);
    connection.anyMessage.disconnect(this._onMessage, this);
    connection.statusChanged.disconnect(this._onStatus, this);
    connection.disposed.disconnect(this._leave, this);
  }

  private _onStatus(connection: unknown, status: KernelMessage.Status): void {
    const [first] = this._connections;
    const isOver = status === 'restarting' || status === 'autorestarting' || status === 'dead';
    if (connection === first && isOver) {
      this.end();
    }
  }

  private _onMessage(
    connection: Kernel.IKernelConnection | IConnection,
    {msg, direction}: Kernel.IAnyMessageArgs
  ): void {
    const isSent = direction === 'send';
    const [first] = this._connections;
    // What a kernel says comes by each of its connections.
    if (!isSent && connection !== first) {
      return;
    }
    const {msg_type} = msg.header;
    if (COMM_TYPES.has(msg_type)) {
      this._add(msg, isSent ? 'page_to_kernel' : 'kernel_to_page');
    } else if (msg_type === 'status' && !isSent) {
      this._timing.status(msg as KernelMessage.IStatusMsg, this.now());
      this._changed.emit();
    } else if (msg_type === 'error' && !isSent) {
      this.failed(msg as KernelMessage.IErrorMsg);
    }
  }

  private _add(msg: Message, direction: Direction): void {
    const {comm_id} = msg.content as {comm_id: string};
    const known = this.comms.get(comm_id);
    const record = makeRecord(msg, {
      number: this.log.next,
      time: this.now(),
      direction,
      target_name: known?.target_name ?? null,
      target_module: known?.target_module ?? null
    });
    const other = this._judge.of(record, msg, known);
    this.comms.count(record);
    this.rates.count(direction, record.nbytes, record.time);
    this._timing.add(msg, record);
    if (this._isPaused) {
      this._skipped++;
      release(record);
    } else {
      this.log.add(record);
    }
    this._note(record);
    other && this._note(other);
    this._changed.emit();
  }

  /** Learn of what has gone wrong while nobody listened, or where no message tells. */
  learn(failure: Failure): void {
    if ('kind' in failure) {
      this.problems.add({...failure, record: null});
      this._changed.emit();
    } else {
      this.failed(failure);
    }
  }

  /** An error was shown: of a callback, or of a value that lite_comms refuses. */
  failed({header, parent_header, content}: KernelMessage.IErrorMsg): void {
    const parent = parent_header as Partial<KernelMessage.IHeader>;
    const isCallback = COMM_TYPES.has(parent.msg_type ?? '');
    const isRefused = REFUSED.has(content.ename);
    if (!isCallback && !isRefused) {
      return;
    }
    const error = cutError(content);
    const {ename, evalue, traceback} = error;
    const id = parent.msg_id ?? '';
    const record = this._timing.waiting(id) ?? this.log.find(id) ?? null;
    const kind = isRefused ? 'refused' : 'error';
    const text = `${ename}: ${evalue}`;
    if (record) {
      record.error = error;
      record.hasFailed = isCallback;
      mark(record, kind, text);
      this._note(record);
    } else {
      const time = Date.parse(header.date) || this.now();
      const target_name = targetIn(traceback);
      this.problems.add({kind, text, time, comm_id: null, target_name, record: null, error});
    }
    this._changed.emit();
  }

  /** List the marks of a message that are new. */
  private _note(record: IRecord): void {
    for (const each of record.marks ?? []) {
      if (!this._noted.has(each)) {
        this._noted.add(each);
        const {time, comm_id, target_name} = record;
        this.problems.add({...each, time, comm_id, target_name, record});
      }
    }
  }

  /** `performance.timeOrigin` lags behind by the time that the computer has slept. */
  private readonly _origin = Date.now() - performance.now();
  private readonly _connections = new Set<IConnection>();
  private readonly _timing = new Timing(this.comms, record => {
    this._note(record);
    this._changed.emit();
  });
  private readonly _judge = new Judge(this._connections, (connection, target) =>
    this._hasTarget(connection, target)
  );
  private readonly _noted = new WeakSet<IMark>();
  private readonly _changed = new Signal<this, void>(this);
  private _isPaused = false;
  private _skipped = 0;
}

/** The target that the last lines of a traceback name: the kernel's half says whose callback has failed. */
function targetIn(traceback: readonly string[]): string | null {
  return /lite_comms: the .+ of comm '([^']+)' \(/.exec(traceback.join('\n'))?.[1] ?? null;
}
