/**
 * The state of a channel: what it knows of its kernel, and what follows from each event.
 *
 * | state    | the kernel                                         | comm messages of the page               |
 * |----------|----------------------------------------------------|-----------------------------------------|
 * | none     | there is none                                      | take JupyterLite's own path             |
 * | starting | it starts, and may say hello meanwhile             | are held                                |
 * | stock    | it runs, and its half does not answer, has left,   | take JupyterLite's own path             |
 * |          | or has come late and waits for that path           |                                         |
 * | open     | its half has said hello, and was answered          | are posted, or held for a queued cell   |
 * | dead     | it has crashed; JupyterLite may not know           | are refused                             |
 *
 * The transitions, with the actions in the order in which they are done. "Stays" leaves the state; a dash
 * is an event that does nothing there.
 *
 * | event     | none     | starting                         | stock                          | open                         | dead     |
 * |-----------|----------|----------------------------------|--------------------------------|------------------------------|----------|
 * | made      | starting | starting                         | starting                       | starting                     | starting |
 * | found     | -        | stock; held to stock             | -                              | -                            | -        |
 * | ready     | -        | open if it has said hello, else  | stays                          | stays                        | -        |
 * |           |          | stock; held are sent             |                                |                              |          |
 * | hello     | -        | stays; greet                     | open if quiet: greet, take     | stays; greet                 | -        |
 * |           |          |                                  | back; else stays: later        |                              |          |
 * | bye       | -        | stays without its hello; bye     | stays without its hello; bye   | stock; held to stock, bye    | -        |
 * | died      | -        | dead; held refused               | dead                           | dead; held refused           | -        |
 * | gone      | none     | none                             | none                           | none                         | dead     |
 * | sent      | to stock | held                             | to stock                       | posted, or held              | refused  |
 * | moved     | -        | -                                | idle if asked; open if quiet   | idle if asked; held posted   | -        |
 * | stopped   | -        | stays; held cells aborted        | -                              | -                            | -        |
 * | forgotten | -        | stays; those of a client dropped | -                              | the same                     | -        |
 * | abandoned | refuse   | stays; held refused              | refuse                         | stays; held refused          | refuse   |
 *
 * A hello in another version is answered, so that the kernel can say so as well, and changes nothing.
 *
 * Rules that the tests hold with events at random:
 * - What is held leaves once, in order, by the port or by JupyterLite's path; or it is refused; or its
 *   client or its kernel has gone.
 * - Nothing is posted before `open` but answers to a hello and a bye, and nothing at all when dead.
 * - A hello is answered once with a hello that opens; a bye once with a bye.
 * - No comm message overtakes another, whichever way they take: the port opens only when none is
 *   under way on JupyterLite's path.
 *
 * Here are only values: no JupyterLab, no Worker, no timer. `channel.ts` does what the actions say.
 */
import {VERSION} from '../../wire/frames';
import {
  type Action,
  type Can,
  change,
  type Event,
  heldOf,
  hold,
  type IMessage,
  type IOpen,
  type IPath,
  type IStarting,
  type IStock,
  isComm,
  type State
} from './state';

type Step<M> = readonly [State<M>, readonly Action<M>[]];

/** What follows from an event: the next state, and what is to be done, in order. */
export function step<M extends IMessage>(state: State<M>, event: Event<M>): Step<M> {
  switch (event.type) {
    case 'made':
      return [{is: 'starting', isExpected: event.isExpected, can: null, held: null}, []];
    case 'found':
      return state.is === 'starting' ? toStock(state, false) : [state, []];
    case 'ready':
      return onReady(state, event.path);
    case 'hello':
      return onHello(state, event.version, event.can, event.path);
    case 'bye':
      return onBye(state);
    case 'died':
      return onDied(state, event.reason, event.canRestart);
    case 'gone':
      return [state.is === 'dead' ? state : {is: 'none'}, []];
    case 'sent':
      return onSent(state, event.message, event.path);
    case 'moved':
      return onMoved(state, event.path);
    case 'stopped':
      return [change(state, message => ({...message, isAborted: message.kind === 'cell'})), []];
    case 'forgotten':
      return [change(state, message => (message.session === event.session ? null : message)), []];
    case 'abandoned': {
      const {why} = event;
      const refuse = {do: 'refuse', held: heldOf(state), why, isReady: isReady(state)} as const;
      return [change(state, () => null), [refuse]];
    }
  }
}

function onReady<M extends IMessage>(state: State<M>, path: IPath): Step<M> {
  switch (state.is) {
    case 'starting':
      break;
    case 'stock':
    case 'open':
      return [{...state, isReady: true}, []];
    case 'none':
    case 'dead':
      return [state, []];
  }
  const {can, isExpected} = state;
  if (!can) {
    const [next, actions] = toStock(state, true);
    return [next, isExpected ? [{do: 'warn', text: NO_ANSWER}, ...actions] : actions];
  }
  const held = heldOf(state);
  const actions: Action<M>[] = [];
  const waiting: M[] = [];
  let {hasExecutions, cells} = path;
  let hasAsked = false;
  for (const message of held) {
    if (!isComm(message)) {
      actions.push({do: 'stock', message});
      hasExecutions ||= message.kind === 'cell';
      if (cells === 'none' && message.kind === 'cell' && !message.isAborted) {
        cells = 'queued';
      }
    } else if (waits(can, cells)) {
      waiting.push(message);
    } else {
      actions.push({do: 'post', message, mayWait: hasExecutions});
      hasAsked ||= hasExecutions && message.kind === 'open';
    }
  }
  // Behind all of it: whoever hears of a message may send more.
  held.filter(isComm).forEach(message => actions.push({do: 'busy', message}));
  return [{is: 'open', isReady: true, can, hasAsked, held: hold(waiting)}, actions];
}

function onHello<M extends IMessage>(
  state: State<M>,
  version: number,
  can: Can,
  path: IPath
): Step<M> {
  if (state.is === 'none' || state.is === 'dead') {
    return [state, []];
  }
  if (version !== VERSION) {
    return [
      state,
      [
        {do: 'warn', text: otherVersion(version)},
        {do: 'greet', can: new Set()}
      ]
    ];
  }
  if (state.is !== 'stock') {
    return [{...state, can}, [{do: 'greet', can}]];
  }
  // No message may overtake one on JupyterLite's path.
  return path.isQuiet ? toOpen(state, can) : [{...state, can}, [{do: 'later'}]];
}

function onBye<M extends IMessage>(state: State<M>): Step<M> {
  switch (state.is) {
    case 'starting':
    case 'stock':
      return [{...state, can: null}, [{do: 'leave'}, {do: 'bye'}]];
    case 'open': {
      const [next, actions] = toStock(state, state.isReady);
      return [next, [{do: 'leave'}, ...actions, {do: 'bye'}]];
    }
    case 'none':
    case 'dead':
      return [state, []];
  }
}

function onDied<M extends IMessage>(state: State<M>, reason: string, canRestart: boolean): Step<M> {
  if (state.is === 'none' || state.is === 'dead') {
    return [state, []];
  }
  const wasReady = isReady(state);
  // One that has died while it started would do so again.
  const restarts = wasReady && canRestart;
  const evalue = restarts
    ? `the kernel has died (${reason})\nIt starts anew, without variables: run your cells again.`
    : `the kernel ${wasReady ? 'has died' : 'could not start'} (${reason})\nRestart it to try again.`;
  const why = {ename: 'KernelDied', evalue};
  const held = heldOf(state);
  return [{is: 'dead', why}, [{do: 'die', held, why, isReady: wasReady, reason, restarts}]];
}

function onSent<M extends IMessage>(state: State<M>, message: M, path: IPath): Step<M> {
  switch (state.is) {
    case 'starting':
      return [{...state, held: {newest: message, before: state.held}}, []];
    case 'open': {
      const busy = {do: 'busy', message} as const;
      if (waits(state.can, path.cells)) {
        return [{...state, held: {newest: message, before: state.held}}, [busy]];
      }
      const [next, posts] = post(state, [...heldOf(state), message], path);
      return [next, [...posts, busy]];
    }
    case 'dead':
      return [state, [{do: 'deny', message, why: state.why}]];
    case 'none':
    case 'stock':
      return [state, [{do: 'stock', message}]];
  }
}

function onMoved<M extends IMessage>(state: State<M>, path: IPath): Step<M> {
  if (state.is !== 'stock' && state.is !== 'open') {
    return [state, []];
  }
  const isIdle = state.hasAsked && !path.hasExecutions;
  const then = isIdle ? {...state, hasAsked: false} : state;
  const [next, actions] = onFree(then, path);
  return [next, isIdle ? [{do: 'idle'}, ...actions] : actions];
}

/** What can be done now that something has left JupyterLite's path. */
function onFree<M extends IMessage>(state: IStock | IOpen<M>, path: IPath): Step<M> {
  if (state.is === 'stock') {
    return state.can && path.isQuiet ? toOpen(state, state.can) : [state, []];
  }
  return state.held && !waits(state.can, path.cells)
    ? post(state, heldOf(state), path)
    : [state, []];
}

function toOpen<M>({isReady, hasAsked}: IStock, can: Can): Step<M> {
  return [{is: 'open', isReady, can, hasAsked, held: null}, [{do: 'greet', can}, {do: 'takeBack'}]];
}

function toStock<M>(state: IStarting<M> | IOpen<M>, isReady: boolean): Step<M> {
  const hasAsked = state.is === 'open' && state.hasAsked;
  return [
    {is: 'stock', isReady, can: null, hasAsked},
    heldOf(state).map(message => ({do: 'stock', message}))
  ];
}

/** Post all that is held, and what is sent behind it. */
function post<M extends IMessage>(state: IOpen<M>, messages: M[], path: IPath): Step<M> {
  const mayWait = path.hasExecutions;
  const hasAsked = state.hasAsked || (mayWait && messages.some(({kind}) => kind === 'open'));
  const isSame = state.held === null && state.hasAsked === hasAsked;
  return [
    isSame ? state : {...state, hasAsked, held: null},
    messages.map(message => ({do: 'post', message, mayWait}))
  ];
}

/** A comm message waits for a queued cell: it was sent later, and may need what the cell makes. */
function waits(can: Can, cells: IPath['cells']): boolean {
  return cells === 'queued' && can.has('begun');
}

function isReady<M>(state: State<M>): boolean {
  return (state.is === 'stock' || state.is === 'open') && state.isReady;
}

const NO_ANSWER =
  "lite_comms: the kernel's half did not answer; its comms take JupyterLite's own path";

const otherVersion = (version: number) =>
  `lite_comms: the kernel speaks version ${version} of the protocol, the page ${VERSION}: ` +
  "comms take JupyterLite's own path. Reload the page.";
