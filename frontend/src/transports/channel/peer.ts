/**
 * The kernel's half of lite_comms, as its channel talks to it over the port: does the actions of the
 * state machine that post frames, and remembers each comm message until the kernel has handled it.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {SharedMemory} from '../../live/shared';
import {Stops} from '../../live/stop';
import {type IHello, NO_MESSAGE, type ToPage, VERSION} from '../../wire/frames';
import {Port} from '../port';
import type {Can, PeerAction} from './state';
import type {ITaken} from './taken';

type Header = KernelMessage.IHeader;

/** What this page tells the kernel about itself. */
export interface IPage {
  /** The version of this package, for the hello. */
  readonly version: string;
  /** Whether a kernel has brought this package to the page, which the site has without it. */
  readonly isInjected: boolean;
  /** Whether kernels of this page handle messages within synchronous code. */
  readonly live: boolean;
}

/** How much the kernel can read of what is sent while a cell runs, where it cannot wait for messages. */
const INBOX_BYTES = 2 ** 22;

export class Peer {
  /**
   * @param onFrame - Called with each frame of the kernel, in their order.
   * @param onDeaf - Called when the kernel has not noticed a Stop for long, with the comms of the
   * messages that it has not handled; returns what to do when it has.
   */
  constructor(
    worker: Worker,
    private readonly _page: IPage,
    onFrame: (frame: ToPage) => void,
    private readonly _onDeaf: (commIds: readonly string[]) => () => void
  ) {
    this.port = new Port(worker, onFrame);
  }

  readonly port: Port;

  do(action: PeerAction<ITaken>): void {
    switch (action.do) {
      case 'greet':
        this._greet(action.can);
        break;
      case 'later':
        this.port.post(this._hello('later'));
        break;
      case 'bye':
      case 'idle':
        this.port.post({type: action.do});
        break;
      case 'post':
        this._post(action.message, action.mayWait);
        break;
      case 'leave':
        this._leave();
        break;
    }
  }

  /** Ask the kernel's half, which may have said hello to nobody, to say it again. */
  ask(): void {
    this.port.post(this._hello('asks'));
  }

  /** Send Stop to a kernel that can be interrupted. */
  interrupt(): void {
    if (this._stops) {
      this.port.post({type: 'interrupt', number: this._stops.press()});
    }
  }

  /** The kernel has noticed the interrupts up to this one. */
  interrupted(number: number): void {
    this._stops?.noticed(number);
  }

  /** The kernel has handled a message; returns its header, unless nobody waits for it. */
  handled(id: number): Header | undefined {
    this._inbox?.handled(id);
    const header = this._unanswered.get(id)?.header;
    this._unanswered.delete(id);
    return header;
  }

  /** Forget what one client has sent. */
  forget(session: string): void {
    this._unanswered.forEach(({header}, id) => {
      if (header.session === session) {
        this._unanswered.delete(id);
      }
    });
  }

  /** Forget the messages that the kernel has not handled, and return them, in order. */
  empty(): Header[] {
    const headers = [...this._unanswered.values()].map(({header}) => header);
    this._unanswered.clear();
    return headers;
  }

  dispose(): void {
    this.port.dispose();
    this._leave();
  }

  private _hello(...more: string[]): IHello {
    const {version, live, isInjected} = this._page;
    const can = ['begun', ...(live ? ['live'] : []), ...(isInjected ? ['injected'] : []), ...more];
    return {type: 'hello', version: VERSION, package: version, can};
  }

  private _greet(can: Can): void {
    this.port.post(this._hello());
    if (!can.has('interrupt') || this._stops) {
      return;
    }
    let shared: SharedMemory | null = null;
    // WebKitGTK has isolated pages without shared memory.
    if (globalThis.crossOriginIsolated && globalThis.SharedArrayBuffer) {
      const hasInbox = this._page.live && can.has('inbox');
      shared = new SharedMemory(hasInbox ? INBOX_BYTES : 0);
      this._inbox = hasInbox ? shared : null;
      this.port.post({type: 'watch', places: [shared.words, this._lastId]});
    }
    this._stops = new Stops(
      frame => this.port.post(frame),
      shared,
      () => this._onDeaf([...this._unanswered.values()].map(({comm_id}) => comm_id))
    );
  }

  private _post({msg: {header, content}, frame}: ITaken, may_wait: boolean): void {
    const {comm_id} = content as KernelMessage.ICommMsgMsg['content'];
    const id = ++this._lastId;
    this._unanswered.set(id, {header, comm_id});
    const numbered = {...frame!, id, may_wait};
    if (may_wait) {
      this._inbox?.put(numbered);
    }
    this.port.post(numbered);
  }

  private _leave(): void {
    this._stops?.dispose();
    this._stops = null;
    this._inbox = null;
  }

  private _stops: Stops | null = null;
  /** Memory in which the kernel reads what is sent while a cell runs. */
  private _inbox: SharedMemory | null = null;
  /** What has gone over the port and is not handled, by its id. */
  private readonly _unanswered = new Map<number, {header: Header; comm_id: string}>();
  private _lastId = NO_MESSAGE;
}
