/**
 * The values of a channel's state machine: its states, events and actions. They use none of
 * JupyterLab's types. `step.ts` has the transitions.
 */
import {NO_PORT} from '../../wire/attachments';
import type {IReason} from '../../wire/comm_messages';

/** The kinds of messages that are treated differently; `info` is a kernel_info_request. */
export type Kind = 'open' | 'comm' | 'cell' | 'info' | 'other';

/** What the state machine knows about a message of the page. */
export interface IMessage {
  readonly kind: Kind;
  /** The session of the client that has sent it. */
  readonly session: string;
  /** Whether it is a cell that must not run. */
  readonly isAborted: boolean;
}

/** What the state machine knows about JupyterLite's own path, a queue; it is read during a step. */
export interface IPath {
  /** Whether a cell is queued or running. */
  readonly hasExecutions: boolean;
  /** `begun` if a cell has begun; otherwise `queued` if one is going to. */
  readonly cells: 'none' | 'queued' | 'begun';
  /** Whether no comm message is pending there, apart from those that can be taken back. */
  readonly isQuiet: boolean;
}

/** The abilities that the kernel's hello lists. */
export type Can = ReadonlySet<string>;

/** Messages that wait, the newest first. Adding one does not copy the others. */
export type Held<M> = {readonly newest: M; readonly before: Held<M>} | null;

interface INone {
  readonly is: 'none';
}

export interface IStarting<M> {
  readonly is: 'starting';
  /** Whether its half should say hello before the kernel is ready. */
  readonly isExpected: boolean;
  /** From its hello, or null before that. */
  readonly can: Can | null;
  readonly held: Held<M>;
}

export interface IStock<M> {
  readonly is: 'stock';
  readonly isReady: boolean;
  /** From a hello that is answered when JupyterLite's path is quiet, or null. */
  readonly can: Can | null;
  readonly owesIdle: boolean;
  /** Only comm messages, sent after that hello: with them the path would never be quiet. */
  readonly held: Held<M>;
}

export interface IOpen<M> {
  readonly is: 'open';
  readonly isReady: boolean;
  readonly can: Can;
  /** Whether a comm_open may be waiting in the kernel for the `idle` after the last execution. */
  readonly owesIdle: boolean;
  /** Only comm messages, which wait for a cell to begin. */
  readonly held: Held<M>;
}

interface IDead {
  readonly is: 'dead';
  readonly why: IReason;
}

export type State<M> = INone | IStarting<M> | IStock<M> | IOpen<M> | IDead;

export type Event<M> =
  /** A kernel with a Worker has been made. */
  | {readonly type: 'made'; readonly isExpected: boolean}
  /** It has been running without a channel. */
  | {readonly type: 'found'}
  | {readonly type: 'ready'; readonly path: IPath}
  | {readonly type: 'hello'; readonly version: number; readonly can: Can; readonly path: IPath}
  | {readonly type: 'bye'}
  | {readonly type: 'died'; readonly reason: string; readonly canRestart: boolean}
  /** It has been disposed. */
  | {readonly type: 'gone'}
  /** The page sends a message that the channel takes, see `takes`. */
  | {readonly type: 'sent'; readonly message: M; readonly path: IPath}
  /** JupyterLite's path has changed: a message has left it, or a cell has begun or was aborted. */
  | {readonly type: 'moved'; readonly path: IPath}
  /** What is held until that path is quiet has been held for long enough, see `limit`. */
  | {readonly type: 'waited'}
  /** The user has pressed Stop. */
  | {readonly type: 'stopped'}
  /** A client no longer waits for its messages. */
  | {readonly type: 'forgotten'; readonly session: string}
  /** JupyterLite is about to end the kernel. */
  | {readonly type: 'abandoned'; readonly why: IReason};

/** Actions that concern the kernel's half. */
export type PeerAction<M> =
  /** Answer a hello, and send `watch` if the kernel can be interrupted. */
  | {readonly do: 'greet'; readonly can: Can}
  /** Say that the hello is answered later. */
  | {readonly do: 'later'}
  | {readonly do: 'bye'}
  /** Say that no execution is queued or running. */
  | {readonly do: 'idle'}
  | {readonly do: 'post'; readonly message: M; readonly mayWait: boolean}
  /** End what was set up by `greet`. */
  | {readonly do: 'leave'};

export type Action<M> =
  | PeerAction<M>
  /** Send a message by JupyterLite's own path. */
  | {readonly do: 'stock'; readonly message: M}
  /** Report a comm message as busy to the clients, who may send more in response. */
  | {readonly do: 'busy'; readonly message: M}
  /** Take back the comm messages on JupyterLite's path, and send them again. */
  | {readonly do: 'takeBack'}
  /** Send a message again that was held. */
  | {readonly do: 'send'; readonly message: M}
  /** Report `waited` soon: the path may never become quiet. */
  | {readonly do: 'limit'}
  | {readonly do: 'warn'; readonly text: string}
  | IRefusal<M>
  | IDeath<M>
  /** Answer a message that is sent to a kernel that has died. */
  | {readonly do: 'deny'; readonly message: M; readonly why: IReason};

/** Answer what is held, and what the kernel has not handled, in the kernel's place. */
export interface IRefusal<M> extends IRefused<M> {
  readonly do: 'refuse';
}

/** The same for a kernel that has died, and report its death. */
export interface IDeath<M> extends IRefused<M> {
  readonly do: 'die';
  readonly reason: string;
  /** Whether it should be restarted. */
  readonly restarts: boolean;
}

export interface IRefused<M> {
  readonly held: readonly M[];
  readonly why: IReason;
  /** Whether the kernel had started, and so was handling the first of them. */
  readonly isReady: boolean;
}

export const isComm = ({kind}: {readonly kind: Kind}) => kind === 'open' || kind === 'comm';

/**
 * Whether the channel takes a message of this kind, or leaves it to JupyterLite's own path. What is
 * sent after a held message must not overtake it, except a kernel_info_request, by which JupyterLab learns
 * that the kernel is there. What has attachments is taken always: that path would lose them.
 */
export function takes<M>(state: State<M>, kind: Kind, hasAttachments = false): boolean {
  if (hasAttachments) {
    return true;
  }
  switch (state.is) {
    case 'open':
      return isComm({kind});
    case 'starting':
      return isComm({kind}) || (state.held !== null && kind !== 'info');
    case 'stock':
      return state.can !== null && (isComm({kind}) || (state.held !== null && kind !== 'info'));
    case 'dead':
      return true;
    case 'none':
      return false;
  }
}

/** Why a message with attachments cannot be sent; empty if it can, or waits until it may. */
export function cannotAttach<M>(state: State<M>): string {
  if ((state.is === 'open' || state.is === 'starting') && state.can) {
    return state.can.has('attachments') ? '' : OTHER_KERNEL;
  }
  return state.is === 'starting' && state.isExpected ? '' : NO_PORT;
}

/** Whether the channel handles Stop. While a kernel starts, it aborts the cells that are held. */
export function canStop<M>(state: State<M>): boolean {
  const isOpen = state.is === 'open' && state.can.has('interrupt');
  return isOpen || state.is === 'starting' || state.is === 'dead';
}

/** Whether a comm message waits for a queued cell. It was sent later, and may need what the cell defines. */
export function waits(can: Can, cells: IPath['cells']): boolean {
  return cells === 'queued' && can.has('begun');
}

/** Whether the kernel has started. */
export function isReady<M>(state: State<M>): boolean {
  return (state.is === 'stock' || state.is === 'open') && state.isReady;
}

/** The held messages, in the order of sending. */
export function heldOf<M>(state: State<M>): M[] {
  const messages: M[] = [];
  let held = 'held' in state ? state.held : null;
  for (; held; held = held.before) {
    messages.push(held.newest);
  }
  return messages.reverse();
}

export function hold<M>(messages: readonly M[]): Held<M> {
  return messages.reduce<Held<M>>((before, newest) => ({newest, before}), null);
}

/** Replace each held message by what `f` returns for it, or drop it at null. */
export function change<M>(state: State<M>, f: (message: M) => M | null): State<M> {
  return 'held' in state ? {...state, held: hold(heldOf(state).map(f).filter(isThere))} : state;
}

const isThere = <M>(message: M | null): message is M => message !== null;

const OTHER_KERNEL =
  "the kernel's half of lite_comms is another version, which takes no attachments";
