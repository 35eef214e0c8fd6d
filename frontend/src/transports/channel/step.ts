/**
 * The state machine of a channel: `step` returns the next state and the actions for each event. It does
 * nothing itself, and knows nothing of JupyterLab, Workers or timers.
 *
 * | state    | the kernel                                       | comm messages of the page          |
 * |----------|--------------------------------------------------|------------------------------------|
 * | none     | does not exist                                   | take JupyterLite's own path        |
 * | starting | is starting, and may say hello meanwhile         | are held                           |
 * | stock    | runs; its half has said no hello, has said bye,  | take JupyterLite's own path; after |
 * |          | or is to be answered when that path is quiet     | a hello they are held              |
 * | open     | has said hello, and has been answered            | are posted, or held for a cell     |
 * | dead     | has crashed, which JupyterLite may not know      | are answered in its place          |
 *
 * | in              | at                | next     | actions, in this order                      |
 * |-----------------|-------------------|----------|---------------------------------------------|
 * | any             | made              | starting |                                             |
 * | starting        | found             | stock    | stock for all held                          |
 * | starting        | ready, no hello   | stock    | warn if it was expected; stock for all held |
 * | starting        | ready after hello | open     | post or keep each comm message, stock for   |
 * |                 |                   |          | the others; then busy for each comm message |
 * | stock, open     | ready             | the same | none; it counts as started                  |
 * | starting, open  | hello             | the same | greet                                       |
 * | stock           | hello, quiet path | open     | greet, takeBack, send for all held          |
 * | stock           | hello             | stock    | later                                       |
 * | alive           | hello, of another | the same | warn, greet                                 |
 * |                 | version           |          |                                             |
 * | starting        | bye               | the same | leave, bye; the hello is void               |
 * | stock, open     | bye               | stock    | leave, stock for all held, bye              |
 * | none, stock     | sent              | the same | stock                                       |
 * | stock after a   | sent              | stock or | limit if it is the first that is held; a    |
 * | hello           |                   | open     | comm message is held, and if the path is    |
 * |                 |                   |          | quiet, as at hello. Another one: stock for  |
 * |                 |                   |          | all held and for it                         |
 * | stock           | waited            | stock    | stock for all held                          |
 * | starting        | sent              | starting | none; it is held                            |
 * | open            | sent              | open     | post, busy; before a cell busy; it is held  |
 * | dead            | sent              | dead     | deny                                        |
 * | stock           | moved             | stock    | idle if a comm_open may wait for it; then,  |
 * |                 |                   | or open  | if it is quiet after a hello, as at hello   |
 * | open            | moved             | open     | idle likewise; post for all held, unless a  |
 * |                 |                   |          | cell is about to begin                      |
 * | any             | stopped           | the same | none; held cells must not run               |
 * | any             | forgotten         | the same | none; what the client has held is dropped   |
 * | any             | abandoned         | the same | refuse, with all held                       |
 * | alive           | died              | dead     | die, with all held                          |
 * | not dead        | gone              | none     | none; what is held is dropped               |
 *
 * Alive is starting, stock or open. An event that is not in the table changes nothing. These rules hold
 * for all sequences of events:
 *
 * - What is held leaves once, by the port or JupyterLite's path, or is answered or dropped as above.
 * - No comm message overtakes an earlier one, also where one goes over the port and the other does not.
 * - Comm messages are posted when open only, and a dead kernel is sent nothing.
 * - A hello is answered with at most one hello that opens the port, and none after the kernel's bye.
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
  isReady,
  type State,
  waits
} from './state';

type Step<M> = readonly [State<M>, readonly Action<M>[]];

/** Return the next state, and the actions to perform, in order. */
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
    case 'waited':
      return state.is === 'stock' ? sendHeld(state) : [state, []];
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
  if (state.is === 'stock' || state.is === 'open') {
    return [{...state, isReady: true}, []];
  }
  if (state.is !== 'starting') {
    return [state, []];
  }
  if (state.can) {
    return toOpenAtStart(state, state.can, path);
  }
  const [next, actions] = toStock(state, true);
  return [next, state.isExpected ? [{do: 'warn', text: NO_ANSWER}, ...actions] : actions];
}

/** Send what was held while the kernel started: comm messages over the port, others as always. */
function toOpenAtStart<M extends IMessage>(state: IStarting<M>, can: Can, path: IPath): Step<M> {
  const held = heldOf(state);
  const actions: Action<M>[] = [];
  const waiting: M[] = [];
  let {hasExecutions, cells} = path;
  let owesIdle = false;
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
      owesIdle ||= hasExecutions && message.kind === 'open';
    }
  }
  // Last, because a client may send more in response, which must come behind.
  held.filter(isComm).forEach(message => actions.push({do: 'busy', message}));
  return [{is: 'open', isReady: true, can, owesIdle, held: hold(waiting)}, actions];
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
      return [{...state, can: null}, [{do: 'leave'}, {do: 'bye'}]];
    case 'stock':
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
  // A kernel that dies while it starts would do so again.
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
      const messages = state.held ? [...heldOf(state), message] : [message];
      const [next, posts] = post(state, messages, path);
      return [next, [...posts, busy]];
    }
    case 'dead':
      return [state, [{do: 'deny', message, why: state.why}]];
    case 'stock':
      if (state.can && isComm(message)) {
        const holding = {...state, held: {newest: message, before: state.held}};
        const [next, actions] = onFree(holding, path);
        return [next, next === holding && !state.held ? [{do: 'limit'}] : actions];
      }
      return sendHeld(state, message);
    case 'none':
      return [state, [{do: 'stock', message}]];
  }
}

function onMoved<M extends IMessage>(state: State<M>, path: IPath): Step<M> {
  if (state.is !== 'stock' && state.is !== 'open') {
    return [state, []];
  }
  const isIdle = state.owesIdle && !path.hasExecutions;
  const then = isIdle ? {...state, owesIdle: false} : state;
  const [next, actions] = onFree(then, path);
  return [next, isIdle ? [{do: 'idle'}, ...actions] : actions];
}

/** Open the port, or post what is held, if JupyterLite's path allows it now. */
function onFree<M extends IMessage>(state: IStock<M> | IOpen<M>, path: IPath): Step<M> {
  if (state.is === 'stock') {
    return state.can && path.isQuiet ? toOpen(state, state.can) : [state, []];
  }
  return state.held && !waits(state.can, path.cells)
    ? post(state, heldOf(state), path)
    : [state, []];
}

function toOpen<M>(state: IStock<M>, can: Can): Step<M> {
  const {isReady, owesIdle} = state;
  return [
    {is: 'open', isReady, can, owesIdle, held: null},
    [
      {do: 'greet', can},
      {do: 'takeBack'},
      // They are sent one after the other, because a message that is taken back may be held for a cell.
      ...heldOf(state).map(message => ({do: 'send', message}) as const)
    ]
  ];
}

function toStock<M>(state: IStarting<M> | IStock<M> | IOpen<M>, isReady: boolean): Step<M> {
  const owesIdle = state.is !== 'starting' && state.owesIdle;
  return [
    {is: 'stock', isReady, can: null, owesIdle, held: null},
    heldOf(state).map(message => ({do: 'stock', message}))
  ];
}

/** Send what is held, and any sent behind it, by JupyterLite's path; a hello stays to be answered. */
function sendHeld<M>(state: IStock<M>, ...behind: M[]): Step<M> {
  const messages = [...heldOf(state), ...behind];
  return [
    state.held ? {...state, held: null} : state,
    messages.map(message => ({do: 'stock', message}))
  ];
}

/** Post the held messages, and any sent behind them. */
function post<M extends IMessage>(state: IOpen<M>, messages: M[], path: IPath): Step<M> {
  const mayWait = path.hasExecutions;
  const owesIdle = state.owesIdle || (mayWait && messages.some(({kind}) => kind === 'open'));
  const isSame = state.held === null && state.owesIdle === owesIdle;
  return [
    isSame ? state : {...state, owesIdle, held: null},
    messages.map(message => ({do: 'post', message, mayWait}))
  ];
}

const NO_ANSWER = "the kernel's half did not answer; its comms take JupyterLite's own path";

const otherVersion = (version: number) =>
  `the kernel speaks version ${version} of the protocol, the page ${VERSION}: ` +
  "comms take JupyterLite's own path. In a cell, lite_comms.status() says what helps.";
