/**
 * The values of a channel's state machine, without JupyterLab's types: its states, what happens to it,
 * and what it does at that. `step.ts` has the transitions, and when each of these comes.
 */
import type {IReason} from '../../wire/comm_messages';

/** What a message is to the channel; `info` is the question by which JupyterLab learns that a kernel is there. */
export type Kind = 'open' | 'comm' | 'cell' | 'info' | 'other';

/** What is known here of a message of the page. */
export interface IMessage {
  readonly kind: Kind;
  /** That of the client which has sent it. */
  readonly session: string;
  /** Whether it is a cell that is not to run. */
  readonly isAborted: boolean;
}

/** What is known here of JupyterLite's own path, a queue; it is read while an event is handled. */
export interface IPath {
  /** Whether a cell is queued or running. */
  readonly hasExecutions: boolean;
  /** Whether a cell has begun; if none has, whether one is to begin. */
  readonly cells: 'none' | 'queued' | 'begun';
  /** Whether no comm message is under way there but such as can be taken back. */
  readonly isQuiet: boolean;
}

/** What the kernel's half can do, by its hello. */
export type Can = ReadonlySet<string>;

/** Messages that wait, the newest first: to add one copies nothing, however many there are. */
export type Held<M> = {readonly newest: M; readonly before: Held<M>} | null;

interface INone {
  readonly is: 'none';
}

export interface IStarting<M> {
  readonly is: 'starting';
  /** Whether its half should say hello before it is ready. */
  readonly isExpected: boolean;
  /** Of its hello, if it has said one in our version. */
  readonly can: Can | null;
  readonly held: Held<M>;
}

export interface IStock {
  readonly is: 'stock';
  readonly isReady: boolean;
  /** Of its hello, if that is to be answered when JupyterLite's path is quiet. */
  readonly can: Can | null;
  readonly owesIdle: boolean;
}

export interface IOpen<M> {
  readonly is: 'open';
  readonly isReady: boolean;
  readonly can: Can;
  /** Whether a comm_open may wait in the kernel until it is told that no execution is left. */
  readonly owesIdle: boolean;
  /** Comm messages only. */
  readonly held: Held<M>;
}

interface IDead {
  readonly is: 'dead';
  readonly why: IReason;
}

export type State<M> = INone | IStarting<M> | IStock | IOpen<M> | IDead;

export type Event<M> =
  /** A kernel with a Worker has been made. */
  | {readonly type: 'made'; readonly isExpected: boolean}
  /** It has run without a channel: what was sent to it is on JupyterLite's path. */
  | {readonly type: 'found'}
  | {readonly type: 'ready'; readonly path: IPath}
  | {readonly type: 'hello'; readonly version: number; readonly can: Can; readonly path: IPath}
  | {readonly type: 'bye'}
  | {readonly type: 'died'; readonly reason: string; readonly canRestart: boolean}
  /** It has been disposed, and its Worker with it. */
  | {readonly type: 'gone'}
  /** The page has sent a message that the channel takes, see `takes`. */
  | {readonly type: 'sent'; readonly message: M; readonly path: IPath}
  /** A message has left JupyterLite's path, or a cell has begun or is not to run. */
  | {readonly type: 'moved'; readonly path: IPath}
  /** The user has stopped what runs or waits. */
  | {readonly type: 'stopped'}
  /** A client waits for none of its messages any longer. */
  | {readonly type: 'forgotten'; readonly session: string}
  /** JupyterLite ends the kernel: what waits is answered in its place. */
  | {readonly type: 'abandoned'; readonly why: IReason};

/** An action that posts frames, or ends what only an open port has. */
export type PeerAction<M> =
  /** Answer a hello, and watch for Stop if the kernel can be interrupted. */
  | {readonly do: 'greet'; readonly can: Can}
  /** Say that the answer to a hello comes later. */
  | {readonly do: 'later'}
  | {readonly do: 'bye'}
  /** Say that the last execution has ended. */
  | {readonly do: 'idle'}
  | {readonly do: 'post'; readonly message: M; readonly mayWait: boolean}
  /** The kernel's half does not answer any longer. */
  | {readonly do: 'leave'};

export type Action<M> =
  | PeerAction<M>
  /** Send a message by JupyterLite's own path. */
  | {readonly do: 'stock'; readonly message: M}
  /** Tell the clients that a comm message is being handled; they may send more at that. */
  | {readonly do: 'busy'; readonly message: M}
  /** Take the comm messages back that are on JupyterLite's path, and send them again. */
  | {readonly do: 'takeBack'}
  | {readonly do: 'warn'; readonly text: string}
  | IRefusal<M>
  | IDeath<M>
  /** Answer a message that was sent to a kernel that has died. */
  | {readonly do: 'deny'; readonly message: M; readonly why: IReason};

/** Answer what is held, and what the kernel has not handled, in its place. */
export interface IRefusal<M> extends IRefused<M> {
  readonly do: 'refuse';
}

/** The same for a kernel that has died, and tell of its death. */
export interface IDeath<M> extends IRefused<M> {
  readonly do: 'die';
  readonly reason: string;
  /** Whether it is to be made anew. */
  readonly restarts: boolean;
}

export interface IRefused<M> {
  readonly held: readonly M[];
  readonly why: IReason;
  /** Whether the kernel had started, so that it may have been handling the first of them. */
  readonly isReady: boolean;
}

export const isComm = ({kind}: {readonly kind: Kind}) => kind === 'open' || kind === 'comm';

/**
 * Whether the channel takes a message of this kind, or leaves it to JupyterLite's own path. What is
 * sent after a held message is held, too, but for the question by which JupyterLab learns that the
 * kernel is there.
 */
export function takes<M>(state: State<M>, kind: Kind): boolean {
  switch (state.is) {
    case 'open':
      return isComm({kind});
    case 'starting':
      return isComm({kind}) || (state.held !== null && kind !== 'info');
    case 'dead':
      return true;
    case 'none':
    case 'stock':
      return false;
  }
}

/** Whether Stop is the channel's to do. While a kernel starts, it is for the cells that are held. */
export function canStop<M>(state: State<M>): boolean {
  const isOpen = state.is === 'open' && state.can.has('interrupt');
  return isOpen || state.is === 'starting' || state.is === 'dead';
}

/** What is held, in the order of sending. */
export function heldOf<M>(state: State<M>): M[] {
  const messages: M[] = [];
  let held = state.is === 'starting' || state.is === 'open' ? state.held : null;
  for (; held; held = held.before) {
    messages.push(held.newest);
  }
  return messages.reverse();
}

export function hold<M>(messages: readonly M[]): Held<M> {
  return messages.reduce<Held<M>>((before, newest) => ({newest, before}), null);
}

/** Change each held message, or drop it. */
export function change<M>(state: State<M>, f: (message: M) => M | null): State<M> {
  const isHolding = state.is === 'starting' || state.is === 'open';
  return isHolding ? {...state, held: hold(heldOf(state).map(f).filter(isThere))} : state;
}

const isThere = <M>(message: M | null): message is M => message !== null;
