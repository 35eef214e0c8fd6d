/** The state machine of a channel: each row of its table, and its rules with events at random. */
import {describe, expect, it} from 'vitest';
import {
  type Action,
  canStop,
  type Event,
  heldOf,
  hold,
  type IMessage,
  type IPath,
  isComm,
  type Kind,
  type State,
  takes
} from '../../../src/transports/channel/state';
import {step} from '../../../src/transports/channel/step';
import {VERSION} from '../../../src/wire/frames';

interface INumbered extends IMessage {
  readonly number: number;
}

const message = (kind: Kind, number = 0, session = 'a'): INumbered => ({
  kind,
  number,
  session,
  isAborted: false
});
const [COMM, OPEN, CELL] = [message('comm', 1), message('open', 2), message('cell', 3)];

const CAN = new Set(['begun', 'interrupt']);
const WHY = {ename: 'E', evalue: 'v'};
const QUIET: IPath = {hasExecutions: false, cells: 'none', isQuiet: true};
const BUSY: IPath = {hasExecutions: false, cells: 'none', isQuiet: false};
const QUEUED: IPath = {hasExecutions: true, cells: 'queued', isQuiet: true};
const BEGUN: IPath = {hasExecutions: true, cells: 'begun', isQuiet: true};

type S = State<INumbered>;
const NONE: S = {is: 'none'};
const DEAD: S = {is: 'dead', why: WHY};
const starting = (can: Set<string> | null, ...held: INumbered[]): S => ({
  is: 'starting',
  isExpected: true,
  can,
  held: hold(held)
});
const stock = (more: Partial<S & {is: 'stock'}> = {}): S => ({
  is: 'stock',
  isReady: true,
  can: null,
  owesIdle: false,
  held: null,
  ...more
});
const open = (held: INumbered[] = [], more: Partial<S & {is: 'open'}> = {}): S => ({
  is: 'open',
  isReady: true,
  can: CAN,
  owesIdle: false,
  held: hold(held),
  ...more
});
const late = (...held: INumbered[]) => stock({can: CAN, held: hold(held)});
const LATE = late();
const STATES = [NONE, starting(null), starting(CAN, COMM), stock(), LATE, open([COMM]), DEAD];

const ready = (path = QUIET): Event<INumbered> => ({type: 'ready', path});
const hello = (path = QUIET, version = VERSION): Event<INumbered> => ({
  type: 'hello',
  version,
  can: CAN,
  path
});
const sent = (message: INumbered, path = QUIET): Event<INumbered> => ({
  type: 'sent',
  message,
  path
});
const moved = (path: IPath): Event<INumbered> => ({type: 'moved', path});
const died = (canRestart = true): Event<INumbered> => ({type: 'died', reason: 'r', canRestart});
const BYE = {type: 'bye'} as const;
const FOUND = {type: 'found'} as const;
const GONE = {type: 'gone'} as const;
const WAITED = {type: 'waited'} as const;
const STOPPED = {type: 'stopped'} as const;
const ABANDONED = {type: 'abandoned', why: WHY} as const;
const FORGOTTEN = {type: 'forgotten', session: 'b'} as const;

const GREET = {do: 'greet', can: CAN} as const;
const LEAVE = {do: 'leave'} as const;
const post = (message: INumbered, mayWait = false) => ({do: 'post', message, mayWait}) as const;
const toStock = (message: INumbered) => ({do: 'stock', message}) as const;
const send = (message: INumbered) => ({do: 'send', message}) as const;
const busy = (message: INumbered) => ({do: 'busy', message}) as const;
const warn = (text: string) => ({do: 'warn', text: expect.stringContaining(text)}) as never;
const refuse = (held: INumbered[], isReady: boolean) =>
  ({do: 'refuse', held, why: WHY, isReady}) as const;

type Row = [string, S, Event<INumbered>, S, ...Action<INumbered>[]];

const TABLE: Row[] = [
  ['a kernel may come where there is none', NONE, {type: 'made', isExpected: true}, starting(null)],
  ['a kernel may follow one that died', DEAD, {type: 'made', isExpected: true}, starting(null)],

  ['one that was found is on the other path', starting(null), FOUND, stock({isReady: false})],
  [
    'ready without a hello, it is on the other path, and so is what is held',
    starting(null, COMM, CELL),
    ready(),
    stock(),
    warn('did not answer'),
    toStock(COMM),
    toStock(CELL)
  ],
  [
    'where no hello was expected, none is missed',
    {...starting(null), isExpected: false} as S,
    ready(),
    stock()
  ],
  [
    'ready after a hello, it gets what is held; only then others hear of it',
    starting(CAN, OPEN, COMM),
    ready(),
    open(),
    post(OPEN),
    post(COMM),
    busy(OPEN),
    busy(COMM)
  ],
  [
    'what is held behind a cell waits for it',
    starting(CAN, COMM, CELL, OPEN),
    ready(),
    open([OPEN]),
    post(COMM),
    toStock(CELL),
    busy(COMM),
    busy(OPEN)
  ],
  [
    'it does not wait for a cell that is not to run, whose end it may wait for in the kernel',
    starting(CAN, {...CELL, isAborted: true}, OPEN),
    ready(),
    open([], {owesIdle: true}),
    toStock({...CELL, isAborted: true}),
    post(OPEN, true),
    busy(OPEN)
  ],
  [
    'nor behind a cell where another has begun',
    starting(CAN, CELL, COMM),
    ready(BEGUN),
    open(),
    toStock(CELL),
    post(COMM, true),
    busy(COMM)
  ],
  [
    'nor where the kernel does not say when cells begin',
    starting(new Set(), CELL, COMM),
    ready(QUEUED),
    open([], {can: new Set()}),
    toStock(CELL),
    post(COMM, true),
    busy(COMM)
  ],
  ['one that was found becomes ready', stock({isReady: false}), ready(), stock()],
  ['also after its port has opened', open([COMM], {isReady: false}), ready(), open([COMM])],

  ['a hello is answered at the start', starting(null, COMM), hello(), starting(CAN, COMM), GREET],
  ['and once more when it comes once more', open([COMM]), hello(), open([COMM]), GREET],
  ['a late one opens the port', stock(), hello(), open(), GREET, {do: 'takeBack'}],
  ['or is answered later', stock(), hello(BUSY), LATE, {do: 'later'}],
  [
    'one of another version is answered, and opens nothing',
    starting(null, COMM),
    hello(QUIET, VERSION + 1),
    starting(null, COMM),
    warn(`version ${VERSION + 1} of the protocol`),
    {do: 'greet', can: new Set()}
  ],
  [
    'also a late one',
    stock(),
    hello(QUIET, VERSION + 1),
    stock(),
    warn('lite_comms.status() says what helps'),
    {do: 'greet', can: new Set()}
  ],

  ['a bye at the start', starting(CAN, COMM), BYE, starting(null, COMM), LEAVE, {do: 'bye'}],
  ['a bye after a late hello', LATE, BYE, stock(), LEAVE, {do: 'bye'}],
  ['also with a message', late(COMM), BYE, stock(), LEAVE, toStock(COMM), {do: 'bye'}],
  [
    'a bye sends what is held by the other path',
    open([COMM, OPEN], {owesIdle: true}),
    BYE,
    stock({owesIdle: true}),
    LEAVE,
    toStock(COMM),
    toStock(OPEN),
    {do: 'bye'}
  ],

  ['a message to no kernel', NONE, sent(COMM), NONE, toStock(COMM)],
  ['a message on the other path', stock(), sent(COMM), stock(), toStock(COMM)],
  [
    'after a hello it is held, so that the path becomes quiet',
    late(OPEN),
    sent(COMM, BUSY),
    late(OPEN, COMM)
  ],
  [
    'if the path is quiet, it goes over',
    LATE,
    sent(COMM),
    open(),
    GREET,
    {do: 'takeBack'},
    send(COMM)
  ],
  [
    'it goes by the other path before another kind of message',
    late(OPEN, COMM),
    sent(CELL, BUSY),
    LATE,
    toStock(OPEN),
    toStock(COMM),
    toStock(CELL)
  ],
  ['nothing is held for a cell there', LATE, sent(CELL, BUSY), LATE, toStock(CELL)],
  ['a message at the start is held', starting(CAN, OPEN), sent(COMM), starting(CAN, OPEN, COMM)],
  ['a message is posted', open(), sent(COMM), open(), post(COMM), busy(COMM)],
  [
    'it may overtake cells that wait',
    open(),
    sent(COMM, BEGUN),
    open(),
    post(COMM, true),
    busy(COMM)
  ],
  ['it is held for a cell', open([OPEN]), sent(COMM, QUEUED), open([OPEN, COMM]), busy(COMM)],
  [
    'it brings along what was held',
    open([OPEN]),
    sent(COMM, BEGUN),
    open([], {owesIdle: true}),
    post(OPEN, true),
    post(COMM, true),
    busy(COMM)
  ],
  ['a message to the dead', DEAD, sent(COMM), DEAD, {do: 'deny', message: COMM, why: WHY}],

  ['the other path is quiet', LATE, moved(QUIET), open(), GREET, {do: 'takeBack'}],
  ['the other path is not quiet', LATE, moved(BUSY), LATE],
  ['it may never be', LATE, sent(COMM, BUSY), late(COMM), {do: 'limit'}],
  ['only the first is counted from', late(OPEN), sent(COMM, BUSY), late(OPEN, COMM)],
  ['it is not for long', late(OPEN, COMM), WAITED, LATE, toStock(OPEN), toStock(COMM)],
  [
    'what is held goes over when it is, behind what is taken back',
    late(OPEN, COMM),
    moved(QUIET),
    open(),
    GREET,
    {do: 'takeBack'},
    send(OPEN),
    send(COMM)
  ],
  ['it is quiet, and nobody has said hello', stock(), moved(QUIET), stock()],
  [
    'the last execution has ended, after a bye',
    stock({owesIdle: true}),
    moved(QUIET),
    stock(),
    {do: 'idle'}
  ],
  [
    'the last execution has ended, and the port may open',
    stock({can: CAN, owesIdle: true}),
    moved(QUIET),
    open(),
    {do: 'idle'},
    GREET,
    {do: 'takeBack'}
  ],
  ['a cell begins', open([OPEN]), moved(BEGUN), open([], {owesIdle: true}), post(OPEN, true)],
  ['a cell is still to begin', open([COMM]), moved(QUEUED), open([COMM])],
  [
    'no cell is left',
    open([COMM], {owesIdle: true}),
    moved(QUIET),
    open(),
    {do: 'idle'},
    post(COMM)
  ],

  [
    'Stop is for the cells that are held',
    starting(null, COMM, CELL),
    STOPPED,
    starting(null, COMM, {...CELL, isAborted: true})
  ],
  [
    'a client has gone',
    starting(null, COMM, message('comm', 9, 'b'), OPEN),
    FORGOTTEN,
    starting(null, COMM, OPEN)
  ],
  ['a client has gone', open([message('comm', 9, 'b'), COMM]), FORGOTTEN, open([COMM])],
  ['a client has gone', late(message('comm', 9, 'b'), COMM), FORGOTTEN, late(COMM)],
  ['a kernel is to end', starting(CAN, COMM), ABANDONED, starting(CAN), refuse([COMM], false)],
  ['a kernel is to end', open([COMM]), ABANDONED, open(), refuse([COMM], true)],
  ['a kernel is to end', late(COMM), ABANDONED, LATE, refuse([COMM], true)],
  ['a kernel is to end', stock(), ABANDONED, stock(), refuse([], true)],
  ['a kernel without a port is to end', NONE, ABANDONED, NONE, refuse([], false)],
  ['the dead have nothing to answer', DEAD, ABANDONED, DEAD, refuse([], false)],
  ['a kernel has ended', open([COMM]), GONE, NONE],
  ['a kernel has ended', starting(CAN, COMM), GONE, NONE],
  ['a kernel has ended', LATE, GONE, NONE],
  ['the dead stay dead', DEAD, GONE, DEAD]
];

describe('the table', () => {
  it.each(TABLE)('%s', (_, state, event, next, ...actions) => {
    expect(step(state, event)).toEqual([next, actions]);
  });

  it.each([
    [starting(CAN, COMM), true, [COMM], false, 'could not start (r)\nRestart it'],
    [stock({isReady: false}), true, [], false, 'could not start (r)\nRestart it'],
    [stock(), false, [], false, 'has died (r)\nRestart it'],
    [late(COMM), true, [COMM], true, 'has died (r)\nIt starts anew'],
    [open([COMM, OPEN]), true, [COMM, OPEN], true, 'has died (r)\nIt starts anew']
  ])('a kernel dies: %#', (state, canRestart, held, restarts, text) => {
    const isReady = state.is !== 'starting' && (state as S & {is: 'open'}).isReady;
    const why = {ename: 'KernelDied', evalue: expect.stringContaining(`the kernel ${text}`)};
    expect(step(state, died(canRestart))).toEqual([
      {is: 'dead', why},
      [{do: 'die', held, why, isReady, reason: 'r', restarts}]
    ]);
  });

  it.each([
    [NONE, [FOUND, ready(), hello(), BYE, died(), GONE, moved(QUIET), STOPPED, FORGOTTEN, WAITED]],
    [starting(null, COMM), [moved(QUIET), STOPPED, FORGOTTEN, WAITED]],
    [stock(), [FOUND, STOPPED, FORGOTTEN, moved(BEGUN), ready(), WAITED]],
    [open([COMM]), [WAITED]],
    [open(), [FOUND, STOPPED, FORGOTTEN, moved(BEGUN), moved(QUIET), ready()]],
    [DEAD, [FOUND, ready(), hello(), BYE, died(), moved(QUIET), STOPPED, FORGOTTEN, WAITED]]
  ] as [S, Event<INumbered>[]][])('has no other row that changes %o', (state, events) => {
    events.forEach(event => expect(step(state, event)).toEqual([state, []]));
  });

  it('is the same each time: what it was given is not changed', () => {
    for (const [, state, event] of TABLE) {
      const before = structuredClone([state, event]);
      step(state, event);
      expect([state, event]).toEqual(before);
    }
  });
});

it('takes comm messages where they do not take the other path, and what is behind them', () => {
  const kinds: Kind[] = ['comm', 'open', 'cell', 'info', 'other'];
  const taken = (state: S) => kinds.filter(kind => takes(state, kind));
  expect(STATES.map(taken)).toEqual([
    [],
    ['comm', 'open'],
    ['comm', 'open', 'cell', 'other'],
    [],
    ['comm', 'open'],
    ['comm', 'open'],
    kinds
  ]);
  expect(taken(late(COMM))).toEqual(['comm', 'open', 'cell', 'other']);
});

it('stops what runs where the kernel can be interrupted, and what is held at its start', () => {
  expect(STATES.map(canStop)).toEqual([false, true, true, false, false, true, true]);
  expect(canStop(open([], {can: new Set(['begun'])}))).toBe(false);
});

/** The same numbers for the same seed, from 0 to below 1 (mulberry32). */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface IEntry {
  readonly message: INumbered;
  hasBegun: boolean;
}

/** A channel with all that is around it, at random; it fails when a rule is broken. */
class World {
  constructor(seed: number) {
    this._random = numbers(seed);
    this._can = new Set(['begun', 'interrupt'].filter(() => this._random() < 0.7));
  }

  /** Something happens. */
  turn(): void {
    const {is} = this.state;
    const n = this._random() * 100;
    if (n < 45) {
      this._send(
        this._pick(['comm', 'comm', 'open', 'cell', 'info', 'other']),
        this._pick(['a', 'b'])
      );
    } else if (n < 65) {
      this._advance();
    } else if (n < 75) {
      this._do({type: 'ready', path: this._path});
    } else if (n < 86) {
      if (is !== 'none' && is !== 'dead') {
        const version = this._random() < 0.9 ? VERSION : VERSION + 1;
        this._hellos += version === VERSION ? 1 : 0;
        this._do({type: 'hello', version, can: this._can, path: this._path});
      }
    } else if (n < 91) {
      if (is !== 'none' && is !== 'dead') {
        this._byes++;
        this._do({type: 'bye'});
        this._hellos = 0;
        expect(this._byes).toBe(0);
      }
    } else if (n < 93) {
      this._stop();
    } else if (n < 95) {
      const session = this._pick(['a', 'b']);
      this._lose(heldOf(this.state).filter(message => message.session === session));
      this._entries = this._entries.filter(({message}) => message.session !== session);
      this._do({type: 'forgotten', session});
      this._move();
    } else if (n < 96) {
      this._entries = [];
      this._do({type: 'abandoned', why: WHY});
    } else if (n < 96.5) {
      this._do({type: 'waited'});
      this._move();
    } else if (n < 97) {
      this._do({type: 'died', reason: 'r', canRestart: true});
    } else {
      this._remake();
    }
    this._check();
  }

  state: S = NONE;
  /** What has become of each message that the channel has taken: how often, and what at last. */
  readonly ends = new Map<INumbered['number'], string[]>();
  readonly counts: {[action: string]: number} = {};

  private _send(kind: Kind, session: string): void {
    const message = {kind, session, isAborted: false, number: ++this._sent};
    if (takes(this.state, kind)) {
      this.ends.set(message.number, []);
      this._do({type: 'sent', message, path: this._path});
    } else {
      this._entries.push({message, hasBegun: false});
    }
  }

  /** The first message on JupyterLite's path begins, or has been handled. */
  private _advance(): void {
    const first = this._entries[0];
    if (!first || this.state.is === 'none' || this.state.is === 'starting') {
      return;
    }
    if (first.hasBegun || first.message.isAborted) {
      this._entries.shift();
    } else {
      first.hasBegun = true;
    }
    this._move();
  }

  private _move(): void {
    this._do({type: 'moved', path: this._path});
  }

  private _stop(): void {
    if (canStop(this.state)) {
      this._do({type: 'stopped'});
      if (!this._entries.some(({hasBegun}) => hasBegun)) {
        this._entries = this._entries.map(entry => ({
          ...entry,
          message: {...entry.message, isAborted: entry.message.kind === 'cell'}
        }));
      }
    } else {
      this._entries = this._entries.filter(({message, hasBegun}) => hasBegun || !isComm(message));
    }
    this._move();
  }

  /** The kernel ends, and another may be made, with nothing on its path. */
  private _remake(): void {
    this._lose(heldOf(this.state));
    this._entries = [];
    this._owesIdle = false;
    this._hellos = 0;
    this._do({type: 'gone'});
    expect(heldOf(this.state)).toEqual([]);
    if (this._random() < 0.8) {
      this._do({type: 'made', isExpected: true});
      if (this._random() < 0.2) {
        this._entries = [{message: message('comm', ++this._sent), hasBegun: false}];
        this._do({type: 'found'});
      }
    }
  }

  private get _path(): IPath {
    const cells = this._entries.filter(({message}) => message.kind === 'cell');
    const isToBegin = cells.some(({message}) => !message.isAborted);
    const comms = this._entries.filter(({message}) => isComm(message));
    return {
      hasExecutions: cells.length > 0,
      cells: cells.some(({hasBegun}) => hasBegun) ? 'begun' : isToBegin ? 'queued' : 'none',
      // Those of client b cannot be taken back.
      isQuiet: comms.every(({hasBegun, message}) => !hasBegun && message.session === 'a')
    };
  }

  private _do(event: Event<INumbered>): void {
    const before = this.state;
    const [state, actions] = step(before, event);
    this.state = state;
    for (const action of actions) {
      this.counts[action.do] = (this.counts[action.do] ?? 0) + 1;
      this._perform(action, before);
    }
  }

  private _perform(action: Action<INumbered>, before: S): void {
    if (['greet', 'later', 'bye', 'idle', 'post'].includes(action.do)) {
      expect([before.is, this.state.is]).not.toContain('dead');
      expect(this.state.is).not.toBe('none');
    }
    switch (action.do) {
      case 'greet':
        if (action.can === this._can) {
          expect(this._hellos).toBeGreaterThan(0);
          this._hellos = 0;
        }
        break;
      case 'bye':
        this._byes--;
        break;
      case 'post':
        expect(this.state.is).toBe('open');
        expect(isComm(action.message)).toBe(true);
        expect(action.mayWait).toBe(this._path.hasExecutions);
        expect(this._path.cells === 'queued' && this._can.has('begun')).toBe(false);
        // None that was sent before is still on its way.
        expect(this._underWay.filter(number => number < action.message.number)).toEqual([]);
        this._end(action.message, 'post');
        this._owesIdle ||= action.mayWait && action.message.kind === 'open';
        break;
      case 'stock':
        expect(this.state.is).not.toBe('dead');
        this._end(action.message, 'stock');
        this._entries.push({message: action.message, hasBegun: false});
        break;
      case 'idle':
        expect([this._owesIdle, this._path.hasExecutions]).toEqual([true, false]);
        this._owesIdle = false;
        break;
      case 'takeBack': {
        const taken = this._entries.filter(({message}) => isComm(message));
        this._entries = this._entries.filter(({message}) => !isComm(message));
        for (const {message} of taken) {
          expect(takes(this.state, message.kind)).toBe(true);
          this.ends.set(message.number, []);
        }
        for (const {message} of taken) {
          this._do({type: 'sent', message, path: this._path});
        }
        break;
      }
      case 'send':
        this._do({type: 'sent', message: action.message, path: this._path});
        break;
      case 'refuse':
      case 'die':
        action.held.forEach(message => this._end(message, 'refuse'));
        this._owesIdle &&= action.do === 'refuse';
        this._entries = [];
        break;
      case 'deny':
        this._end(action.message, 'deny');
        break;
      case 'busy':
      case 'leave':
      case 'later':
      case 'limit':
      case 'warn':
        break;
    }
  }

  /** The comm messages that the kernel has still to get, in no order. */
  private get _underWay(): number[] {
    const waiting = [...this._entries.map(({message}) => message), ...heldOf(this.state)].filter(
      isComm
    );
    return waiting.map(({number}) => number);
  }

  private _end({number}: INumbered, how: string): void {
    this.ends.get(number)!.push(how);
  }

  private _lose(messages: INumbered[]): void {
    messages.forEach(message => this._end(message, 'lost'));
  }

  /** What holds between two events. */
  private _check(): void {
    const held = heldOf(this.state).map(({number}) => number);
    expect(held).toEqual([...held].sort((a, b) => a - b));
    // Each has left once, or is held.
    const isWrong = ([number, ends]: [number, string[]]) =>
      ends.length !== (held.includes(number) ? 0 : 1);
    expect([...this.ends].filter(isWrong)).toEqual([]);
    if (this.state.is === 'open' && held.length > 0) {
      expect([this._path.cells, this._can.has('begun')]).toEqual(['queued', true]);
    }
    if (this.state.is === 'stock' && held.length > 0) {
      expect([this.state.can, this._path.isQuiet]).toEqual([this._can, false]);
    }
    expect('owesIdle' in this.state && this.state.owesIdle).toBe(this._owesIdle);
  }

  private readonly _random: () => number;
  private readonly _can: ReadonlySet<string>;
  private readonly _pick = <T>(values: T[]): T =>
    values[Math.floor(this._random() * values.length)]!;
  private _entries: IEntry[] = [];
  private _sent = 0;
  /** Those in our version that are not answered. */
  private _hellos = 0;
  private _byes = 0;
  private _owesIdle = false;
}

describe('with events at random', () => {
  it.each([1, 2, 4])('the rules hold: %i', seed => {
    const counts: {[action: string]: number} = {};
    const reached = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const world = new World(seed * 1000 + i);
      for (let turn = 0; turn < 80; turn++) {
        world.turn();
        reached.add(world.state.is);
      }
      for (const [action, count] of Object.entries(world.counts)) {
        counts[action] = (counts[action] ?? 0) + count;
      }
    }
    // It has seen all of the machine.
    expect([...reached].sort()).toEqual(['dead', 'none', 'open', 'starting', 'stock']);
    expect(Object.keys(counts).sort()).toEqual(
      'busy bye deny die greet idle later leave limit post refuse send stock takeBack warn'.split(
        ' '
      )
    );
  });
});
