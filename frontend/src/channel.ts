/**
 * The way of the messages of one kernel, step 3: routes them between its clients' sockets and its
 * port, and keeps their order.
 *
 * | state    | entered by                    | comm messages of the page                      |
 * |----------|-------------------------------|------------------------------------------------|
 * | stock    | no kernel, or no answer of    | take JupyterLite's own path                    |
 * |          | its half; the kernel's bye    |                                                |
 * | starting | a kernel with a Worker        | wait until it is ready, for where to go        |
 * | port     | its hello, once it is ready   | go over the port, past JupyterLite's queue     |
 *
 * While a cell runs, a comm message goes past the cells behind it. While none runs, but one is queued,
 * it waits for that to begin: it was sent later, and may need what the cell makes. A kernel that does
 * not say when cells begin gets it at once.
 *
 * What the kernel says takes one way for all its messages while the port is open: outputs, status
 * and comm messages go to the sockets as objects. Replies take JupyterLite's own, which is
 * synchronous in this direction; but for that of a cell that has failed, at which JupyterLite would
 * empty its queue.
 */
import {KernelMessage} from '@jupyterlab/services';
import {BusySign} from './busy';
import {Clients, type IClient} from './clients';
import {type IFromKernel, type IHello, NO_MESSAGE, type ToPage, VERSION} from './frames';
import type {IReason} from './life';
import {type IHeld, Outbox, toMessage} from './outbox';
import {Port} from './port';
import {COMM_TYPES, Queue} from './queue';
import {SharedMemory} from './shared';
import {Stops} from './stop';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;

/** What a channel needs of JupyterLite's kernel. */
export interface IKernel {
  readonly ready: Promise<void>;
}

export interface IOptions {
  readonly id: string;
  /** The version of this package, for the hello. */
  readonly version: string;
  /** Whether kernels of this page load their half of lite_comms when they start. */
  readonly expected: boolean;
  /** Whether a kernel has brought this package to the page, which the site has without it. */
  readonly isInjected: boolean;
  /** Whether kernels of this page handle messages within synchronous code. */
  readonly live: boolean;
  /**
   * Called when a kernel takes no notice of Stop for long; returns what to do when it has.
   * `commIds` has the comm of each message that it has not handled, while a cell runs.
   */
  readonly onDeaf: (kernelId: string, commIds: readonly string[]) => () => void;
  /** Whether a kernel that dies after its start can be made anew. */
  readonly canRestart: boolean;
  /**
   * Called when a kernel has died.
   *
   * @param restarts - Whether it is to be made anew.
   * @param isTold - Whether a cell has ended with the reason.
   */
  readonly onDied: (kernelId: string, reason: string, restarts: boolean, isTold: boolean) => void;
}

/** A message that JupyterLite may not have handled. */
export interface IUnfinished {
  readonly msg: Message;
  /** Settled when its client knows that it has been handled. */
  readonly done: Promise<unknown>;
}

/** How much the kernel can read of what is sent while a cell runs, where it cannot wait for messages. */
const INBOX_BYTES = 2 ** 22;

/** How many errors of cells are remembered. */
const MOST_TOLD = 100;

/** How many errors of the other end are shown; of those behind them the 10th, 100th, ... */
const SHOWN = 5;

export class Channel {
  /** @param onEnd - Called when there is neither a kernel nor a client any more. */
  constructor(
    private readonly _options: IOptions,
    private readonly _onEnd: () => void = () => undefined
  ) {
    this._clients = new Clients(_options.id);
  }

  /** Take in a client; it leaves when it closes. */
  add(client: IClient): void {
    this._clients.add(client);
  }

  remove(client: IClient): void {
    this._clients.remove(client);
    this.endIfUnused();
  }

  /** End, unless there is a kernel or a client. */
  endIfUnused(): void {
    if (!this._port && this._clients.isEmpty) {
      this._onEnd();
    }
  }

  /**
   * A kernel has been made, at first or by a restart.
   *
   * @param isPython - Whether it may have its half of lite_comms.
   */
  attach(worker: Worker, kernel: IKernel, isPython = true): Port {
    if (this._port) {
      this.detach(this._port);
    }
    const port = new Port(
      worker,
      frame => this._onFrame(port, frame),
      error => this._refuse(port, error)
    );
    this._port = port;
    this._state = 'starting';
    this._dead = null;
    this._isPython = isPython;
    this._isReady = false;
    this._complaints = 0;
    kernel.ready.then(
      () => {
        if (this._port === port && !this._dead) {
          this._isReady = true;
          if (this._state === 'starting') {
            this._settle(isPython);
          }
        }
      },
      (reason: unknown) => this._die(port, String(reason))
    );
    return port;
  }

  /**
   * Take over a kernel that has run without a channel: what was sent to it is on JupyterLite's path.
   *
   * @param unfinished - The messages that JupyterLite may not have handled, in order.
   * @param current - The id of the one that it is handling, if it is one of them.
   */
  resume(unfinished: readonly IUnfinished[], current: string | undefined): void {
    if (this._port) {
      this._state = 'stock';
    }
    for (const {msg, done} of unfinished) {
      const {msg_id, msg_type} = msg.header;
      this._queue.sent(msg);
      if (msg_id === current) {
        this._queue.handles(msg_id);
        if (COMM_TYPES.has(msg_type)) {
          this._busy.isShown(msg_id);
        }
      }
      // The kernel's own idle may have been on its way to the client before.
      const finish = () => {
        this._queue.handled(msg_id);
        this._busy.end(msg_id);
        this._onQueueChange();
      };
      done.then(finish, finish);
    }
  }

  /** Ask the kernel's half, which may have said hello to nobody, to say it again. */
  ask(): void {
    if (this._isPython) {
      this._port?.post(this._hello('asks'));
    }
  }

  /** A client has thrown away all that it was waiting for. */
  forget(session: string): void {
    this._queue.forget(session);
    this._outbox.forget(session);
    this._onQueueChange();
  }

  /**
   * Answer in the place of the kernel, which will not do it, so that nobody waits for ever.
   *
   * @param isWithComms - Whether comm messages are answered, too: there is no answer that says that
   * they were lost.
   */
  abandon(why: IReason, isWithComms = true): boolean {
    const waiting = [...this._queue.empty(), ...this._outbox.empty()].filter(
      ({msg_type}) => isWithComms || !COMM_TYPES.has(msg_type)
    );
    // JupyterLite's queue handles one message at a time, the first; none before it is ready.
    const unbegun = {...why, evalue: 'this cell has not run: the kernel has ended before'};
    const wasBehind = ({msg_type}: Header, i: number) =>
      msg_type === 'execute_request' && i > 0 && this._isReady;
    waiting.forEach((header, i) => {
      this._clients.refuse(header, wasBehind(header, i) ? unbegun : why);
    });
    return waiting.some(
      (header, i) => header.msg_type === 'execute_request' && !wasBehind(header, i)
    );
  }

  /** Tell JupyterLab, in a server's words, that the kernel is restarted because it has died. */
  announceRestart(): void {
    this._clients.status('restarting');
  }

  /** The kernel behind a port is gone, with all that it was to answer. */
  detach(port: Port): void {
    port.dispose();
    if (this._port !== port) {
      return;
    }
    this._port = null;
    this._forget();
    this._asked = false;
    this._queue.empty();
    this._outbox.reset();
    this._busy.clear();
    this.endIfUnused();
  }

  /**
   * Take a message of the page, if it has a shorter way than JupyterLite's own.
   *
   * @throws what JSON.stringify throws; nothing is sent then.
   */
  take(msg: Message, client: IClient): boolean {
    if (msg.channel !== 'shell') {
      return false;
    }
    const isComm = COMM_TYPES.has(msg.header.msg_type);
    if (this._dead) {
      const why = this._dead;
      if (isComm) {
        // Later, as if it came from a kernel: page code may open one anew each time that one closes.
        setTimeout(() => this._clients.refuseComm(msg, why));
      } else {
        this._clients.refuse(msg.header, why);
      }
      return true;
    }
    if (this._state === 'port' && isComm) {
      const held = this._outbox.hold(msg, client, true);
      this._flush();
      this._showBusy(held);
      return true;
    }
    // What is sent after a comm message that waits, waits too; but for the question by which
    // JupyterLab learns that the kernel is there.
    const waits = isComm || (this._outbox.hasHeld && msg.header.msg_type !== 'kernel_info_request');
    if (this._state === 'starting' && waits) {
      this._outbox.hold(msg, client, isComm);
      return true;
    }
    this._queue.sent(msg);
    return false;
  }

  /** A message that was not taken could not be sent by JupyterLite's own path either. */
  unsent(msg: Message): void {
    this._queue.unsent(msg);
    this._onQueueChange();
  }

  /** Pass on a message of the kernel; `stock` is JupyterLite's own way. */
  fromKernel(msg: Message, stock: (msg: Message) => void): void {
    this.observe(msg);
    if (this._port && isFailure(msg)) {
      // JupyterLite would empty its queue at it, of all that waits there, and say nothing.
      this._queue.failed((msg.parent_header as Header).msg_id);
      this._clients.stock(msg);
    } else if (this._state === 'port' && msg.channel === 'iopub') {
      // JupyterLite tells a cell's error at its end; the kernel's half has told it at once.
      const {header, parent_header, content} = msg;
      if (header.msg_type !== 'error' || !this._hasTold(parent_header, content)) {
        this._clients.stock(msg);
      }
    } else {
      stock(msg);
    }
  }

  /** Whether a message is a cell that is not to run, because one before it has failed. */
  isAborted({header}: Message): boolean {
    return this._queue.isAborted(header.msg_id);
  }

  /** Whether a message that JupyterLite is about to handle has gone over the port instead. */
  isTakenBack({header}: Message): boolean {
    return this._queue.isTakenBack(header.msg_id);
  }

  /** Learn from a message of the kernel, whichever way it takes; twice does no harm. */
  observe(msg: Message): void {
    if (!this._queue.heard(msg)) {
      return;
    }
    const {msg_id, msg_type} = msg.parent_header as Header;
    if (msg.header.msg_type === 'status' && COMM_TYPES.has(msg_type)) {
      const {execution_state} = (msg as KernelMessage.IStatusMsg).content;
      this._busy[execution_state === 'idle' ? 'end' : 'begin'](msg_id);
    }
    this._onQueueChange();
  }

  /** Stop what runs in the kernel, or is to run while it starts; returns whether that can be done. */
  interrupt(): boolean {
    if (!this._stops && this._state !== 'starting') {
      return false;
    }
    this._outbox.abortCells();
    this._queue.stopped();
    if (this._stops) {
      this._port?.post({type: 'interrupt', number: this._stops.press()});
    }
    this._onQueueChange();
    return true;
  }

  /** Give a message of the kernel that took JupyterLite's own path the session of all others. */
  withSession<M extends Message>(msg: M): M {
    return this._port ? this._clients.withSession(msg) : msg;
  }

  /** Remember an error of a cell, which may have many shown; the one at its end is the last. */
  private _tell(parent: object, content: object): void {
    if ((parent as Header).msg_type === 'execute_request') {
      this._told.add(errorKey(parent, content));
      if (this._told.size > MOST_TOLD) {
        this._told.delete(this._told.values().next().value!);
      }
    }
  }

  private _hasTold(parent: object, content: object): boolean {
    const {traceback} = content as KernelMessage.IErrorMsg['content'];
    // Without a traceback it is one that IPython has printed as text.
    return traceback?.length === 0 || this._told.has(errorKey(parent, content));
  }

  private _onFrame(port: Port, frame: ToPage): void {
    switch (frame.type) {
      case 'hello':
        this._onHello(port, frame.version, frame.can);
        break;
      case 'comm':
        this._deliver(port, frame);
        break;
      case 'ack':
        frame.ids.forEach(id => this._answered(id));
        break;
      case 'error':
        this._complain(`the kernel cannot use a message: ${frame.reason}`);
        this._answered(frame.id);
        break;
      case 'bye':
        this._forget();
        if (this._state === 'stock') {
          // Behind the cell that they have waited for.
          this._outbox.takeAll().forEach(held => this._sendStock(held));
        }
        port.post({type: 'bye'});
        break;
      case 'begun':
        this._queue.began(frame.msg_id);
        this._flush();
        break;
      case 'interrupted':
        this._stops?.noticed(frame.number);
        break;
      case 'died':
        this._die(port, frame.reason);
        break;
    }
  }

  /** The kernel answers nothing any more, though it is still there for JupyterLite. */
  private _die(port: Port, reason: string): void {
    if (this._port !== port || this._dead) {
      return;
    }
    const wasReady = this._isReady;
    // One that has died while it started would do so again.
    const restarts = wasReady && this._options.canRestart;
    const what = restarts
      ? `the kernel has died (${reason})\nIt starts anew, without variables: run your cells again.`
      : `the kernel ${wasReady ? 'has died' : 'could not start'} (${reason})\nRestart it to try again.`;
    console.error(`lite_comms: ${what}`);
    port.dispose();
    this._dead = {ename: 'KernelDied', evalue: what};
    this._forget();
    this._busy.clear();
    // JupyterLab rejects what waits for a kernel that restarts.
    const isTold = this.abandon(this._dead, !restarts);
    this._options.onDied(this._options.id, reason, restarts, isTold);
  }

  /** Its half has not spoken yet, or does not any more. */
  private _forget(): void {
    if (this._state === 'port' || !this._port) {
      this._state = 'stock';
    }
    this._greeted = false;
    this._mayOpen = false;
    this._stops?.dispose();
    this._stops = null;
    this._shared = null;
    this._can = new Set();
  }

  private _onHello(port: Port, version: number, can: readonly string[]): void {
    if (version !== VERSION) {
      console.warn(
        `lite_comms: the kernel speaks version ${version} of the protocol, the page ${VERSION}: ` +
          "comms take JupyterLite's own path. Reload the page."
      );
      this._greet(port);
      return;
    }
    this._greeted = true;
    this._can = new Set(can);
    if (this._state === 'stock') {
      // Its half was loaded by hand; no message may overtake one on JupyterLite's path.
      this._mayOpen = true;
      this._openWhenQuiet();
      if (this._mayOpen) {
        port.post(this._hello('later'));
      }
    } else {
      this._greet(port);
    }
  }

  private _hello(...more: string[]): IHello {
    const {version, live, isInjected} = this._options;
    const can = ['begun', ...(live ? ['live'] : []), ...(isInjected ? ['injected'] : []), ...more];
    return {type: 'hello', version: VERSION, package: version, can};
  }

  private _greet(port: Port): void {
    const {live, id, onDeaf} = this._options;
    port.post(this._hello());
    if (this._can.has('interrupt') && !this._stops) {
      // WebKitGTK has isolated pages without shared memory.
      if (globalThis.crossOriginIsolated && globalThis.SharedArrayBuffer) {
        this._shared = new SharedMemory(live && this._can.has('inbox') ? INBOX_BYTES : 0);
        port.post({type: 'watch', places: [this._shared.words, this._outbox.lastId]});
      }
      this._stops = new Stops(
        frame => port.post(frame),
        this._shared,
        () => onDeaf(id, this._queue.runsCell ? this._outbox.unansweredComms : [])
      );
    }
    this._queue.takeRunningAsBegun();
  }

  /** The kernel is ready: now it is known which way its comm messages go. */
  private _settle(isPython: boolean): void {
    this._state = this._greeted ? 'port' : 'stock';
    if (!this._greeted && isPython && this._options.expected) {
      console.warn(
        "lite_comms: the kernel's half did not answer; its comms take JupyterLite's own path"
      );
    }
    const waited = this._outbox.takeAll();
    const isForPort = ({frame}: IHeld) => frame !== null && this._greeted;
    for (const held of waited) {
      if (isForPort(held)) {
        this._outbox.put(held);
        this._flush();
      } else {
        this._sendStock(held);
      }
    }
    // Whoever hears of it may send more, which is to come behind.
    waited.filter(isForPort).forEach(held => this._showBusy(held));
  }

  private _sendStock(held: IHeld): void {
    this._queue.sent(held.msg, held.isAborted);
    held.client.sendStock(toMessage(held));
  }

  /** Something has left JupyterLite's queue, or is not to run any more. */
  private _onQueueChange(): void {
    if (!this._queue.hasExecutions) {
      this._told.clear();
    }
    if (this._asked && !this._queue.hasExecutions) {
      this._asked = false;
      this._port?.post({type: 'idle'});
    }
    this._openWhenQuiet();
    this._flush();
  }

  private _openWhenQuiet(): void {
    if (!this._mayOpen || !this._port) {
      return;
    }
    const waiting = this._queue.takeBack(session => this._clients.of(session) !== undefined);
    if (waiting) {
      this._mayOpen = false;
      this._state = 'port';
      this._greet(this._port);
      for (const msg of waiting) {
        this.take(msg, this._clients.of(msg.header.session)!);
      }
    }
  }

  /** Post the comm messages that wait, in order, unless a cell is to begin before. */
  private _flush(): void {
    while (this._outbox.hasHeld && this._state === 'port' && !this._waitsForCell) {
      const may_wait = this._queue.hasExecutions;
      const {frame, header} = this._outbox.next(may_wait);
      if (this._shared && this._can.has('inbox') && may_wait) {
        this._shared.put(frame);
      }
      this._port!.post(frame);
      this._asked ||= may_wait && header.msg_type === 'comm_open';
    }
  }

  private get _waitsForCell(): boolean {
    return this._can.has('begun') && this._queue.isBeforeCell;
  }

  private _showBusy({msg: {header}}: IHeld): void {
    this._clients.status('busy', header);
    this._busy.begin(header.msg_id);
  }

  private _answered(id: number): void {
    this._shared?.handled(id);
    const header = this._outbox.answered(id);
    if (header) {
      this._clients.status('idle', header);
      this._busy.end(header.msg_id);
    }
  }

  private _deliver(port: Port, frame: IFromKernel): void {
    try {
      this._clients.comm(frame);
      if (frame.msg_type === 'error' && this._queue.hasExecutions) {
        this._tell(JSON.parse(frame.parent), JSON.parse(frame.content));
      }
    } catch (error) {
      this._refuse(port, error);
    }
  }

  private _refuse(port: Port, error: unknown): void {
    this._complain('the kernel sent what cannot be read', error);
    port.post({type: 'error', reason: String(error), id: NO_MESSAGE});
  }

  /** Tell of what should never happen, and may do so again and again. */
  private _complain(what: string, ...more: unknown[]): void {
    const count = ++this._complaints;
    if (count <= SHOWN) {
      console.error(`lite_comms: ${what}`, ...more);
    } else if (Number.isInteger(Math.log10(count))) {
      console.error(`lite_comms: ${what} (${count} so far)`, ...more);
    }
  }

  private _complaints = 0;
  private _state: 'stock' | 'starting' | 'port' = 'stock';
  private _port: Port | null = null;
  /** The kernel's half has said hello, in our version. */
  private _greeted = false;
  /** It said so late: the port opens when no comm message is under way on JupyterLite's path. */
  private _mayOpen = false;
  private _isPython = false;
  /** It has started. */
  private _isReady = false;
  /** Why it answers nothing any more. */
  private _dead: IReason | null = null;

  /** What its half can do. */
  private _can: ReadonlySet<string> = new Set();
  private _stops: Stops | null = null;
  private _shared: SharedMemory | null = null;

  private readonly _clients: Clients;
  private readonly _queue = new Queue();
  private readonly _outbox = new Outbox();
  /** A comm_open may wait in the kernel for the end of executions. */
  private _asked = false;

  /** The errors of cells that the kernel's half has told while they were running. */
  private readonly _told = new Set<string>();

  private readonly _busy = new BusySign(
    state => this._clients.status(state),
    () => this._queue.hasExecutions
  );
}

function isFailure(msg: Message): boolean {
  return KernelMessage.isExecuteReplyMsg(msg) && msg.content.status === 'error';
}

function errorKey(parent: object, content: object): string {
  const {ename, evalue, traceback} = content as KernelMessage.IErrorMsg['content'];
  return JSON.stringify([(parent as Header).msg_id, ename, evalue, traceback]);
}
