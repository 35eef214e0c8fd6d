/** States of a channel, and events, for the tests of its state machine. */
import {
  type Event,
  hold,
  type IMessage,
  type IPath,
  type Kind,
  type State
} from '../../../src/transports/channel/state';
import {VERSION} from '../../../src/wire/frames';

export interface INumbered extends IMessage {
  readonly number: number;
}

export const message = (kind: Kind, number = 0, session = 'a'): INumbered => ({
  kind,
  number,
  session,
  isAborted: false
});
export const [COMM, OPEN, CELL] = [message('comm', 1), message('open', 2), message('cell', 3)];

export const CAN = new Set(['begun', 'interrupt']);
export const WHY = {ename: 'E', evalue: 'v'};
export const QUIET: IPath = {hasExecutions: false, cells: 'none', isQuiet: true};
export const BUSY: IPath = {hasExecutions: false, cells: 'none', isQuiet: false};
export const QUEUED: IPath = {hasExecutions: true, cells: 'queued', isQuiet: true};
export const BEGUN: IPath = {hasExecutions: true, cells: 'begun', isQuiet: true};

export type S = State<INumbered>;
export const NONE: S = {is: 'none'};
export const DEAD: S = {is: 'dead', why: WHY};
export const starting = (can: Set<string> | null, ...held: INumbered[]): S => ({
  is: 'starting',
  isExpected: true,
  can,
  held: hold(held)
});
export const stock = (more: Partial<S & {is: 'stock'}> = {}): S => ({
  is: 'stock',
  isReady: true,
  can: null,
  owesIdle: false,
  held: null,
  ...more
});
export const open = (held: INumbered[] = [], more: Partial<S & {is: 'open'}> = {}): S => ({
  is: 'open',
  isReady: true,
  can: CAN,
  owesIdle: false,
  held: hold(held),
  ...more
});
export const late = (...held: INumbered[]) => stock({can: CAN, held: hold(held)});
export const LATE = late();
export const STATES = [
  NONE,
  starting(null),
  starting(CAN, COMM),
  stock(),
  LATE,
  open([COMM]),
  DEAD
];

export const ready = (path = QUIET): Event<INumbered> => ({type: 'ready', path});
export const hello = (path = QUIET, version = VERSION): Event<INumbered> => ({
  type: 'hello',
  version,
  can: CAN,
  path
});
export const sent = (message: INumbered, path = QUIET): Event<INumbered> => ({
  type: 'sent',
  message,
  path
});
export const moved = (path: IPath): Event<INumbered> => ({type: 'moved', path});
export const died = (canRestart = true): Event<INumbered> => ({
  type: 'died',
  reason: 'r',
  canRestart
});
export const BYE = {type: 'bye'} as const;
export const FOUND = {type: 'found'} as const;
export const GONE = {type: 'gone'} as const;
export const WAITED = {type: 'waited'} as const;
export const STOPPED = {type: 'stopped'} as const;
export const ABANDONED = {type: 'abandoned', why: WHY} as const;
export const FORGOTTEN = {type: 'forgotten', session: 'b'} as const;
