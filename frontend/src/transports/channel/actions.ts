/** Performs the actions of a channel's state machine, with its clients and the kernel's half. */
import type {KernelMessage} from '@jupyterlab/services';
import {COMM_TYPES} from '../../wire/comm_messages';
import type {Clients} from '../clients';
import type {IOptions} from './options';
import type {Peer} from './peer';
import type {Queue} from './queue';
import type {Action, Event, IDeath, IRefused} from './state';
import {type ITaken, takeMessage, toMessage} from './taken';

/** How long comm messages are held until JupyterLite's path is quiet. */
const LONGEST_HOLD_MS = 1000;

export class Actions {
  /** @param _report - Reports an event to the state machine. */
  constructor(
    private readonly _options: IOptions,
    private readonly _clients: Clients,
    private readonly _queue: Queue,
    private readonly _report: (event: Event<ITaken>) => void
  ) {}

  /** @param peer - The kernel's half, or null if there is no kernel. */
  do(action: Action<ITaken>, peer: Peer | null): void {
    switch (action.do) {
      case 'stock': {
        const {message} = action;
        if (message.attachments.length > 0) {
          this._clients.lose(message.msg);
          break;
        }
        this._queue.sent(message.msg, message.isAborted);
        message.client.sendStock(toMessage(message));
        break;
      }
      case 'post':
        // It was sent before the kernel's half has said what it can do.
        if (action.message.attachments.length > 0 && !peer!.takesAttachments) {
          this._clients.lose(action.message.msg);
          break;
        }
        peer!.do(action);
        break;
      case 'busy':
        this._clients.begin(action.message.msg.header);
        break;
      case 'takeBack':
        this._queue.takeBack().forEach(msg => this._sendAgain(msg));
        break;
      case 'send':
        this._send(action.message);
        break;
      case 'limit':
        setTimeout(() => this._report({type: 'waited'}), LONGEST_HOLD_MS);
        break;
      case 'warn':
        peer!.port.warn(action.text);
        break;
      case 'refuse':
        this._refuse(action, peer);
        break;
      case 'deny':
        this._clients.deny(action.message.msg, action.why);
        break;
      case 'die':
        this._die(action, peer!);
        break;
      case 'greet':
        peer!.do(action);
        this._queue.takeRunningAsBegun();
        break;
      default:
        peer!.do(action);
    }
  }

  private _send(message: ITaken): void {
    this._report({type: 'sent', message, path: this._queue});
  }

  /** Send a message that was taken back; JupyterLite's path does not refuse as much. */
  private _sendAgain(msg: KernelMessage.IMessage): void {
    let taken: ITaken;
    try {
      taken = takeMessage(msg, this._clients.of(msg.header.session)!);
    } catch (error) {
      console.error('lite_comms: a comm message has not been sent', error);
      this._clients.end(msg.header);
      return;
    }
    this._send(taken);
  }

  /** Answer what is held and what the kernel has not handled; returns whether a cell shows why. */
  private _refuse(
    {held, why, isReady}: IRefused<ITaken>,
    peer: Peer | null,
    isWithComms = true
  ): boolean {
    const headers = [
      ...this._queue.empty(),
      ...(peer?.empty() ?? []),
      ...held.map(({msg}) => msg.header)
    ];
    const isMeant = ({msg_type}: KernelMessage.IHeader) => isWithComms || !COMM_TYPES.has(msg_type);
    return this._clients.refuseAll(headers.filter(isMeant), why, isReady);
  }

  private _die(death: IDeath<ITaken>, peer: Peer): void {
    const {why, reason, restarts} = death;
    console.error(`lite_comms: ${why.evalue}`);
    peer.dispose();
    this._clients.busy.clear();
    // At a restart JupyterLab rejects all pending messages. An idle from here would tell the sender of
    // a comm message that it was handled.
    const isTold = this._refuse(death, peer, !restarts);
    this._options.onDied(this._options.id, reason, restarts, isTold);
  }
}
