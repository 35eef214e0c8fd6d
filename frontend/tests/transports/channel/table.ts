/** The table of a channel's state machine: in a state, at an event, what is next and what is done. */
import {expect} from 'vitest';
import type {Action, Event} from '../../../src/transports/channel/state';
import {VERSION} from '../../../src/wire/frames';
import {
  ABANDONED,
  BEGUN,
  BUSY,
  BYE,
  CAN,
  CELL,
  COMM,
  DEAD,
  FORGOTTEN,
  FOUND,
  GONE,
  hello,
  type INumbered,
  late,
  LATE,
  message,
  moved,
  NONE,
  OPEN,
  open,
  QUEUED,
  QUIET,
  ready,
  type S,
  sent,
  starting,
  stock,
  STOPPED,
  WAITED,
  WHY
} from './states';

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

export const TABLE: Row[] = [
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
