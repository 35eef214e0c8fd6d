/**
 * One kernel's messages, step 3 of their way: routes them between the sockets of its clients and its
 * port, and keeps their order. The state machine in `step.ts` decides which way a message takes; this
 * class reports events to it.
 *
 * While the port is open, outputs, statuses and comm messages of the kernel all go to the sockets as
 * objects, so they stay in order. Replies take JupyterLite's own path, which delivers synchronously in
 * this direction, except the reply of a failed cell: JupyterLite would empty its queue on it.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {attachmentsOf} from '../../wire/attachments';
import {COMM_TYPES, type IReason} from '../../wire/comm_messages';
import type {IFromKernel, ToPage} from '../../wire/frames';
import {Clients, type IClient} from '../clients';
import {Actions} from './actions';
import type {IKernel, IOptions} from './options';
import {Peer} from './peer';
import {type IUnfinished, Queue} from './queue';
import {cannotAttach, canStop, type Event, type State, takes} from './state';
import {step} from './step';
import {isFailure, type ITaken, kindOf, takeMessage} from './taken';

type Message = KernelMessage.IMessage;
type Header = KernelMessage.IHeader;

export class Channel {
  /** @param onEnd - Called when neither a kernel nor a client is left. */
  constructor(
    private readonly _options: IOptions,
    private readonly _onEnd: () => void = () => undefined
  ) {
    this._clients = new Clients(
      _options.id,
      () => this._queue.hasExecutions,
      (what, error) =>
        this._peer
          ? this._peer.port.complain(what, error)
          : console.error(`lite_comms: ${what}`, error)
    );
    this._actions = new Actions(_options, this._clients, this._queue, event => this._step(event));
  }

  /** Add a client. Its socket removes it when it closes. */
  add(client: IClient): void {
    this._clients.add(client);
  }

  remove(client: IClient): void {
    this._clients.remove(client);
    this.endIfUnused();
  }

  /** Call `onEnd` if neither a kernel nor a client is left. */
  endIfUnused(): void {
    if (!this._peer && this._clients.isEmpty) {
      this._onEnd();
    }
  }

  /**
   * Attach to a kernel that has just been made, by a start or a restart.
   *
   * @param isPython - Whether it can load its half of lite_comms.
   * @returns what `detach` takes.
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
    const ifCurrent = (event: Event<ITaken>) => this._peer === peer && this._step(event);
    kernel.ready.then(
      () => ifCurrent({type: 'ready', path: this._queue}),
      (reason: unknown) => ifCurrent(this._died(String(reason)))
    );
    return peer;
  }

  /**
   * Take over a kernel that has been running without a channel, right after `attach`.
   *
   * @param unfinished - The messages that JupyterLite may not have handled yet, in order.
   * @param current - The id of the message it is handling, if that is one of them.
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

  /** Ask the kernel's half to say hello again: it may have done so before this page listened. */
  ask(): void {
    this._peer?.ask();
  }

  /** Forget the messages of a client that no longer waits for their replies. */
  forget(session: string): void {
    this._queue.forget(session);
    this._peer?.forget(session);
    this._step({type: 'forgotten', session});
    this._onQueueChange();
  }

  /** Answer all pending messages in the kernel's place, because it is about to end. */
  abandon(why: IReason): void {
    this._step({type: 'abandoned', why});
  }

  /** Send the status by which a server announces that it restarts a kernel that has died. */
  announceRestart(): void {
    this._clients.announceRestart();
  }

  /** Detach from a kernel that has been disposed, and drop what it has not answered. */
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
   * Send a message of the page, unless it is one for JupyterLite's own path.
   *
   * @returns Whether it was taken; if not, the caller sends it.
   * @throws what JSON.stringify and `checkComm` throw; then nothing is sent.
   */
  take(msg: Message, client: IClient): boolean {
    if (msg.channel !== 'shell') {
      return false;
    }
    if (!takes(this._state, kindOf(msg), attachmentsOf(msg).length > 0)) {
      this._queue.sent(msg);
      return false;
    }
    this._step({type: 'sent', message: takeMessage(msg, client), path: this._queue});
    return true;
  }

  /** Why a message with attachments cannot be sent now; empty if it can. */
  get cannotAttach(): string {
    return cannotAttach(this._state);
  }

  /** Report that a message which was not taken could not be sent by JupyterLite's own path. */
  unsent(msg: Message): void {
    this._queue.unsent(msg);
    this._onQueueChange();
  }

  /** Deliver a message of JupyterLite's kernel; `stock` delivers it by JupyterLite's own path. */
  fromKernel(msg: Message, stock: (msg: Message) => void): void {
    this.observe(msg);
    if (this._peer && isFailure(msg)) {
      // On it JupyterLite would silently drop everything in its queue.
      this._queue.failed((msg.parent_header as Header).msg_id);
      this._clients.deliverStock(msg);
    } else if (this._state.is === 'open' && msg.channel === 'iopub') {
      this._clients.deliverStock(msg);
    } else {
      stock(msg);
    }
  }

  /** Whether a message is a cell that must not run, because one before it failed or was stopped. */
  isAborted({header}: Message): boolean {
    return this._queue.isAborted(header.msg_id);
  }

  /** Whether a message that JupyterLite is about to handle was sent over the port instead. */
  isTakenBack({header}: Message): boolean {
    return this._queue.isTakenBack(header.msg_id);
  }

  /** Update the queue from a message of the kernel. It may be shown more than once. */
  observe(msg: Message): void {
    this._clients.says(msg.header.msg_type, msg.parent_header);
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

  /** Stop the running cell, or the held cells of a kernel that is starting; returns false if it cannot. */
  interrupt(): boolean {
    if (!canStop(this._state)) {
      // JupyterLite drops them, and does not say so.
      this._queue.dropComms();
      this._onQueueChange();
      return false;
    }
    this._step({type: 'stopped'});
    this._queue.stopped();
    this._peer?.interrupt();
    this._onQueueChange();
    return true;
  }

  /** Give a message that took JupyterLite's own path the session that the kernel's others have. */
  withSession<M extends Message>(msg: M): M {
    return this._peer ? this._clients.withSession(msg) : msg;
  }

  private _onFrame(peer: Peer, frame: ToPage): void {
    switch (frame.type) {
      case 'hello':
        this._step({...frame, can: new Set(frame.can), path: this._queue});
        break;
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

  /** JupyterLite's queue has changed: messages that wait for it may go now. */
  private _onQueueChange(): void {
    if (!this._queue.hasExecutions) {
      this._clients.told.clear();
    }
    this._step({type: 'moved', path: this._queue});
  }

  /** Change the state before doing the actions: a client that is told something may send at once. */
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
      this._clients.deliverComm(frame, id => peer.headerOf(id));
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
