/**
 * The way of the messages of one kernel, step 3: routes them between its clients' sockets and its
 * port, and keeps their order. Which way a message takes is decided by the state machine in
 * `channel_state.ts`; this hands it what happens, and does what it says.
 *
 * What the kernel says takes one way for all its messages while the port is open: outputs, status
 * and comm messages go to the sockets as objects. Replies take JupyterLite's own, which is
 * synchronous in this direction; but for that of a cell that has failed, at which JupyterLite would
 * empty its queue.
 */
import {KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES, type IReason} from '../../wire/comm_messages';
import type {IFromKernel, ToPage} from '../../wire/frames';
import {Clients, type IClient} from '../clients';
import {Actions} from './actions';
import type {IKernel, IOptions} from './options';
import {Peer} from './peer';
import {type IUnfinished, Queue} from './queue';
import {canStop, type Event, type State, takes} from './state';
import {step} from './step';
import {type ITaken, kindOf, takeMessage} from './taken';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;

export class Channel {
  /** @param onEnd - Called when there is neither a kernel nor a client any more. */
  constructor(
    private readonly _options: IOptions,
    private readonly _onEnd: () => void = () => undefined
  ) {
    this._clients = new Clients(_options.id, () => this._queue.hasExecutions);
    this._actions = new Actions(_options, this._clients, this._queue, (msg, client) =>
      this.take(msg, client)
    );
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
    if (!this._peer && this._clients.isEmpty) {
      this._onEnd();
    }
  }

  /**
   * A kernel has been made, at first or by a restart.
   *
   * @param isPython - Whether it may have its half of lite_comms.
   */
  attach(worker: Worker, kernel: IKernel, isPython = true): Peer {
    const {id, onDeaf} = this._options;
    if (this._peer) {
      this.detach(this._peer);
    }
    const peer: Peer = new Peer(
      worker,
      this._options,
      frame => this._onFrame(peer, frame),
      commIds => onDeaf(id, this._queue.runsCell ? commIds : [])
    );
    this._peer = peer;
    this._step({type: 'made', isExpected: isPython && this._options.expected});
    const unless = (event: Event<ITaken>) => this._peer === peer && this._step(event);
    kernel.ready.then(
      () => unless({type: 'ready', path: this._queue}),
      (reason: unknown) => unless(this._died(String(reason)))
    );
    return peer;
  }

  /**
   * Take over a kernel that has run without a channel: what was sent to it is on JupyterLite's path.
   *
   * @param unfinished - The messages that JupyterLite may not have handled, in order.
   * @param current - The id of the one that it is handling, if it is one of them.
   */
  resume(unfinished: readonly IUnfinished[], current: string | undefined): void {
    this._step({type: 'found'});
    this._queue.resume(unfinished, current, msg_id => {
      this._clients.busy.end(msg_id);
      this._onQueueChange();
    });
    const isComm = ({msg: {header}}: IUnfinished) =>
      header.msg_id === current && COMM_TYPES.has(header.msg_type);
    if (unfinished.some(isComm)) {
      this._clients.busy.isShown(current!);
    }
  }

  /** Ask the kernel's half, which may have said hello to nobody, to say it again. */
  ask(): void {
    this._peer?.ask();
  }

  /** A client has thrown away all that it was waiting for. */
  forget(session: string): void {
    this._queue.forget(session);
    this._peer?.forget(session);
    this._step({type: 'forgotten', session});
    this._onQueueChange();
  }

  /** Answer in the place of the kernel, which will not do it, so that nobody waits for ever. */
  abandon(why: IReason): void {
    this._step({type: 'abandoned', why});
  }

  /** Tell JupyterLab, in a server's words, that the kernel is restarted because it has died. */
  announceRestart(): void {
    this._clients.announceRestart();
  }

  /** A kernel is gone, with all that it was to answer. */
  detach(peer: Peer): void {
    peer.dispose();
    if (this._peer !== peer) {
      return;
    }
    this._peer = null;
    this._step({type: 'gone'});
    this._queue.empty();
    this._clients.busy.clear();
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
    if (!takes(this._state, kindOf(msg))) {
      this._queue.sent(msg);
      return false;
    }
    this._step({type: 'sent', message: takeMessage(msg, client), path: this._queue});
    return true;
  }

  /** A message that was not taken could not be sent by JupyterLite's own path either. */
  unsent(msg: Message): void {
    this._queue.unsent(msg);
    this._onQueueChange();
  }

  /** Pass on a message of the kernel; `stock` is JupyterLite's own way. */
  fromKernel(msg: Message, stock: (msg: Message) => void): void {
    this.observe(msg);
    if (this._peer && isFailure(msg)) {
      // JupyterLite would empty its queue at it, of all that waits there, and say nothing.
      this._queue.failed((msg.parent_header as Header).msg_id);
      this._clients.stock(msg);
    } else if (this._state.is === 'open' && msg.channel === 'iopub') {
      this._clients.stock(msg);
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
      this._clients.busy[execution_state === 'idle' ? 'end' : 'begin'](msg_id);
    }
    this._onQueueChange();
  }

  /** Stop what runs in the kernel, or is to run while it starts; returns whether that can be done. */
  interrupt(): boolean {
    if (!canStop(this._state)) {
      return false;
    }
    this._step({type: 'stopped'});
    this._queue.stopped();
    this._peer?.interrupt();
    this._onQueueChange();
    return true;
  }

  /** Give a message of the kernel that took JupyterLite's own path the session of all others. */
  withSession<M extends Message>(msg: M): M {
    return this._peer ? this._clients.withSession(msg) : msg;
  }

  private _onFrame(peer: Peer, frame: ToPage): void {
    switch (frame.type) {
      case 'hello': {
        const {version, can} = frame;
        this._step({type: 'hello', version, can: new Set(can), path: this._queue});
        break;
      }
      case 'comm':
        this._deliver(peer, frame);
        break;
      case 'ack':
        frame.ids.forEach(id => this._onHandled(peer, id));
        break;
      case 'error':
        peer.port.complain(`the kernel cannot use a message: ${frame.reason}`);
        this._onHandled(peer, frame.id);
        break;
      case 'bye':
        this._step({type: 'bye'});
        break;
      case 'begun':
        this._queue.began(frame.msg_id);
        this._onQueueChange();
        break;
      case 'interrupted':
        peer.interrupted(frame.number);
        break;
      case 'died':
        this._step(this._died(frame.reason));
        break;
    }
  }

  private _died(reason: string): Event<ITaken> {
    return {type: 'died', reason, canRestart: this._options.canRestart};
  }

  /** Something has left JupyterLite's queue, or is not to run any more. */
  private _onQueueChange(): void {
    if (!this._queue.hasExecutions) {
      this._clients.told.clear();
    }
    this._step({type: 'moved', path: this._queue});
  }

  /** Go to the next state, and then do what follows: it may be told others, who send more at once. */
  private _step(event: Event<ITaken>): void {
    const [state, actions] = step(this._state, event);
    this._state = state;
    actions.forEach(action => this._actions.do(action, this._peer));
  }

  private _onHandled(peer: Peer, id: number): void {
    const header = peer.handled(id);
    if (header) {
      this._clients.end(header);
    }
  }

  private _deliver(peer: Peer, frame: IFromKernel): void {
    try {
      this._clients.comm(frame);
    } catch (error) {
      peer.port.refuse(error);
    }
  }

  private _state: State<ITaken> = {is: 'none'};
  private _peer: Peer | null = null;

  private readonly _clients: Clients;
  private readonly _actions: Actions;
  private readonly _queue = new Queue(session => this._clients.of(session) !== undefined);
}

function isFailure(msg: Message): boolean {
  return KernelMessage.isExecuteReplyMsg(msg) && msg.content.status === 'error';
}
