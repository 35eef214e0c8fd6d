/**
 * The kernel's half of lite_comms, as its channel talks to it over the port: performs the actions that
 * post frames, and remembers each comm message until the kernel has handled it.
 */
import type {KernelMessage} from '@jupyterlab/services';
import {WorkerEnd} from '../../live/end';
import {SharedMemory} from '../../live/shared';
import {Stops} from '../../live/stop';
import {type IHello, NO_MESSAGE, type ToPage, VERSION} from '../../wire/frames';
import {Port} from '../port';
import type {Can, PeerAction} from './state';
import type {ITaken} from './taken';

type Header = KernelMessage.IHeader;

/** What the page says about itself in its hello. */
export interface IPage {
  /** The version of this package. */
  readonly version: string;
  /** Whether a kernel has brought this package to the page, which the site has without it. */
  readonly isInjected: boolean;
  /** Whether kernels of this page handle messages within synchronous code. */
  readonly live: boolean;
}

/** A comm message that has been posted. */
interface ISent {
  readonly header: Header;
  readonly comm_id: string;
  /** Whether its client waits for it no longer; the kernel may still answer with it as the parent. */
  readonly isForgotten: boolean;
}

/** The size of the ring in shared memory that a kernel reads while its event loop does not turn. */
const INBOX_BYTES = 2 ** 22;

export class Peer {
  /**
   * @param onFrame - Called with each frame of the kernel, in their order.
   * @param onDeaf - Called when the kernel has not noticed a Stop for seconds, with the comms of the
   * messages it has not handled; returns what to call when it does.
   */
  constructor(
    worker: Worker,
    private readonly _page: IPage,
    onFrame: (frame: ToPage) => void,
    private readonly _onDeaf: (commIds: readonly string[]) => () => void
  ) {
    this.port = new Port(worker, frame =>
      frame.type === 'lock' ? this._end.watch(frame.name) : onFrame(frame)
    );
    this._end = new WorkerEnd(() => onFrame({type: 'died', reason: 'its worker has ended'}));
  }

  readonly port: Port;
  /** Whether the kernel's half takes attachments. */
  takesAttachments = false;

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

  /** Ask the kernel's half to say hello again. */
  ask(): void {
    this.port.post(this._hello('asks'));
  }

  /** Send an interrupt, if the kernel understands it. */
  interrupt(): void {
    if (this._stops) {
      this.port.post({type: 'interrupt', number: this._stops.press()});
    }
  }

  /** Report that the kernel has dealt with the interrupts up to this one. */
  interrupted(number: number): void {
    this._stops?.noticed(number);
  }

  /** The header of a message that the kernel has not acknowledged. */
  headerOf(id: number): Header | undefined {
    return this._unanswered.get(id)?.header;
  }

  /** Remove a message that the kernel has handled; returns its header, or undefined. */
  handled(id: number): Header | undefined {
    this._inbox?.handled(id);
    const sent = this._unanswered.get(id);
    this._unanswered.delete(id);
    return sent?.isForgotten === false ? sent.header : undefined;
  }

  /** Note that nobody waits any longer for what one client has sent. */
  forget(session: string): void {
    this._unanswered.forEach((sent, id) => {
      if (sent.header.session === session) {
        this._unanswered.set(id, {...sent, isForgotten: true});
      }
    });
  }

  /** Remove the messages that the kernel has not handled, and return their headers, in order. */
  empty(): Header[] {
    const sent = [...this._unanswered.values()].filter(({isForgotten}) => !isForgotten);
    this._unanswered.clear();
    return sent.map(({header}) => header);
  }

  dispose(): void {
    this._end.dispose();
    this.port.dispose();
    this._leave();
  }

  private _hello(...more: string[]): IHello {
    const {version, live, isInjected} = this._page;
    const abilities = {begun: true, live, injected: isInjected, locks: WorkerEnd.canBeSeen};
    const can = Object.entries(abilities).flatMap(([name, is]) => (is ? [name] : []));
    return {type: 'hello', version: VERSION, package: version, can: [...can, ...more]};
  }

  private _greet(can: Can): void {
    this.port.post(this._hello());
    this.takesAttachments = can.has('attachments');
    if (!can.has('interrupt') || this._stops) {
      return;
    }
    let shared: SharedMemory | null = null;
    // In WebKitGTK an isolated page may have no shared memory.
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

  private _post({msg: {header, content}, frame, attachments}: ITaken, may_wait: boolean): void {
    const {comm_id} = content as KernelMessage.ICommMsgMsg['content'];
    const id = this._lastId + 1;
    const numbered = {...frame!, id, may_wait};
    if (attachments.length > 0) {
      // Shared memory cannot hold them; there the kernel waits for the frame.
      this.port.post({type: 'attach', id, attachments});
    } else if (may_wait) {
      this._inbox?.put(numbered);
    }
    this.port.post(numbered);
    // What cannot be posted is an error, and leaves its id to the next one: the kernel misses none.
    this._lastId = id;
    this._unanswered.set(id, {header, comm_id, isForgotten: false});
  }

  private _leave(): void {
    this._stops?.dispose();
    this._stops = null;
    this._inbox = null;
  }

  private readonly _end: WorkerEnd;
  private _stops: Stops | null = null;
  /** Where the kernel reads what is sent while a cell runs, if it does. */
  private _inbox: SharedMemory | null = null;
  /** What has been posted and is not handled, by its id in the order of posting. */
  private readonly _unanswered = new Map<number, ISent>();
  private _lastId = NO_MESSAGE;
}
