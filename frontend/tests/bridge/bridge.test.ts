/** A host page that is connected reaches what the kernel exposes, and nothing else. */
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {Bridge, MAX_COMMS} from '../../src/bridge/bridge';
import {Bridges} from '../../src/bridge/bridges';
import {Kernels} from '../../src/bridge/kernels';
import {Sessions} from '../../src/bridge/sessions';
import {commFrame} from '../../src/wire/bridge';
import {DISCONNECTED} from '../../src/wire/comm_messages';
import {FakeConnection, FakeSession} from '../parts/fakes';
import {settled} from '../parts/worlds';

const ORIGIN = 'https://docs.example.org';
const PATH = 'a folder/a notebook.ipynb';

let wire: FakeConnection;
let session: FakeSession;
let sessions: Sessions;
let kernels: Kernels;
let port: MessagePort;
let bridge: Bridge;
let frames: any[];
let warned: string[];

beforeEach(() => {
  wire = new FakeConnection();
  session = new FakeSession(wire);
  sessions = new Sessions();
  kernels = new Kernels();
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation((text: string) => void warned.push(text));
  kernels.follow(wire.real);
  sessions.add(session);
});

afterEach(() => port.close());

async function connect(path: string | null = PATH): Promise<void> {
  const {port1, port2} = new MessageChannel();
  port = port2;
  frames = [];
  port.onmessage = ({data}) => frames.push(data);
  bridge = new Bridge(port1, ORIGIN, path, sessions, kernels);
  await settled();
}

async function post(frame: unknown, transfer: ArrayBuffer[] = []): Promise<void> {
  port.postMessage(frame, transfer);
  await settled();
}

/** Connect to a kernel that exposes targets; what has been posted until then is forgotten. */
async function connected(...targets: string[]): Promise<void> {
  await connect();
  await expose(targets);
  frames.length = 0;
}

async function expose(targets: unknown): Promise<void> {
  const id = await wire.open('lite_comms.exposed', {targets});
  wire.comms.get(id)?.dispose();
  wire.sent.length = 0;
  await settled();
}

async function open(target_name: string, comm_id = 'a', metadata = {}): Promise<void> {
  await post(commFrame({type: 'comm_open', comm_id, target_name}, {n: 1}, metadata, []));
}

const closed = (comm_id: string, ename: string, evalue: string) =>
  commFrame({type: 'comm_close', comm_id}, {}, {lite_comms: {ename, evalue}}, []);
const disconnected = (comm_id: string) => closed(comm_id, DISCONNECTED.ename, DISCONNECTED.evalue);
const status = (status: string, reason = '') => ({type: 'status', status, reason});
const targets = (...names: string[]) => ({type: 'targets', names});

describe('the status', () => {
  it('is ready when the notebook has a kernel', async () => {
    await connect();
    expect(frames).toEqual([targets(), status('ready')]);
  });

  it('is waiting until the notebook is open', async () => {
    await connect('later.ipynb');
    expect(frames).toEqual([targets(), status('waiting', "'later.ipynb' is not open there")]);
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    sessions.add(new FakeSession(other, 'later.ipynb'));
    await settled();
    expect(frames.slice(2)).toEqual([status('ready')]);
  });

  it('is that of the only notebook without a path', async () => {
    await connect(null);
    expect(frames[1]).toEqual(status('ready'));
  });

  it('is waiting without a path where there are several', async () => {
    sessions.add(new FakeSession(null, 'b'));
    await connect(null);
    expect(frames[1]).toEqual(
      status('waiting', '2 notebooks and consoles are open there, and no path says which')
    );
  });

  it('says that the kernel restarts, and dies', async () => {
    await connected();
    for (const now of ['restarting', 'starting', 'idle', 'busy', 'dead']) {
      wire.status = now;
      wire.statusChanged.emit(now);
      session.statusChanged.emit(now);
    }
    await settled();
    expect(frames).toEqual([
      status('restarting', `the kernel of '${PATH}' is restarting`),
      status('starting', `the kernel of '${PATH}' is starting`),
      status('ready'),
      status('dead', `the kernel of '${PATH}' is dead`)
    ]);
  });

  it('is waiting again when the notebook is closed', async () => {
    await connected();
    session.dispose();
    await settled();
    expect(frames).toEqual([status('waiting', `'${PATH}' is not open there`)]);
  });
});

describe('a comm of the host page', () => {
  it('is opened with its origin in the metadata, and an id that the host page has not chosen', async () => {
    await connected('sum');
    await open('sum', 'a', {m: 2});
    const [[type, content, metadata]] = wire.wire as any;
    expect([type, content.target_name, content.data, metadata]).toEqual([
      'comm_open',
      'sum',
      {n: 1},
      {m: 2, lite_comms: {origin: ORIGIN}}
    ]);
    expect(content.comm_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(frames).toEqual([]);
  });

  it.each([{origin: 'https://site.example.org'}, null, undefined, 'x', {request: '1'}])(
    'has its own origin there, whatever it says: %j',
    async lite_comms => {
      await connected('sum');
      await open('sum', 'a', {lite_comms});
      expect(wire.wire[0]![2]).toEqual({lite_comms: {origin: ORIGIN}});
    }
  );

  it.each([
    'product',
    '__proto__',
    'constructor',
    'toString',
    '*',
    '',
    'Sum',
    'lite_comms.exposed'
  ])("to '%s', which is not exposed, is refused, and nothing reaches the kernel", async name => {
    await connected('sum');
    await open(name);
    const why = `the notebook does not expose a comm target "${name}"`;
    expect([wire.wire, frames]).toEqual([[], [closed('a', 'PermissionError', why)]]);
    expect(warned).toEqual([`lite_comms: a comm of ${ORIGIN} is refused: ${why}`]);
  });

  it('is refused where the kernel has said nothing: it may have no lite_comms', async () => {
    await connected();
    await open('sum');
    expect([wire.wire, frames.length]).toEqual([[], 1]);
  });

  it('is refused when another kernel has exposed the target', async () => {
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    await other.open('lite_comms.exposed', {targets: ['sum']});
    await connected();
    await open('sum');
    expect([wire.wire, other.wire, frames.length]).toEqual([[], [], 1]);
  });

  it('is refused after a restart, until the notebook has exposed the target again', async () => {
    await connected('sum');
    wire.statusChanged.emit('restarting');
    await open('sum');
    expect([wire.wire, frames]).toEqual([
      [],
      [
        targets(),
        closed('a', 'PermissionError', 'the notebook does not expose a comm target "sum"')
      ]
    ]);
  });

  it('is opened after the notebook has been closed, its kernel kept, and opened again', async () => {
    await connected('sum');
    session.dispose();
    wire = new FakeConnection();
    kernels.follow(wire.real);
    sessions.add(new FakeSession(wire));
    await settled();
    expect(frames.slice(-2)).toEqual([targets('sum'), status('ready')]);
    await open('sum');
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open']);
  });

  it('sends messages both ways, with buffers', async () => {
    await connected('sum');
    await open('sum');
    const buffer = new Uint8Array([1, 2]).buffer;
    await post(
      commFrame({type: 'comm_msg', comm_id: 'a'}, [1], {lite_comms: {request: '1'}}, [buffer]),
      [buffer]
    );
    const [comm_id] = wire.comms.keys();
    expect(wire.wire[1]).toEqual(['comm_msg', {comm_id, data: [1]}, {lite_comms: {request: '1'}}]);
    expect(wire.sent[1]!.buffers).toEqual([new Uint8Array([1, 2]).buffer]);
    await wire.say(comm_id!, {x: 3}, [new DataView(new Uint8Array([7, 8, 9]).buffer, 1)]);
    await settled();
    expect(frames).toEqual([
      commFrame({type: 'comm_msg', comm_id: 'a'}, {x: 3}, {}, [new Uint8Array([8, 9]).buffer])
    ]);
  });

  it('is closed by the kernel', async () => {
    await connected('sum');
    await open('sum');
    await wire.close([...wire.comms.keys()][0]!, {bye: 1});
    await settled();
    expect(frames).toEqual([commFrame({type: 'comm_close', comm_id: 'a'}, {bye: 1}, {}, [])]);
  });

  it('is closed by the host page', async () => {
    await connected('sum');
    await open('sum');
    const [comm_id] = wire.comms.keys();
    await post(commFrame({type: 'comm_close', comm_id: 'a'}, {bye: 1}, {}, []));
    expect(wire.wire[1]).toEqual(['comm_close', {comm_id, data: {bye: 1}}, {}]);
    expect(frames).toEqual([]);
  });

  it.each(['comm_msg', 'comm_close'] as const)(
    'is closed at both ends, with the reason, if its %s cannot be sent: nobody waits for ever',
    async type => {
      await connected('sum');
      await open('sum');
      const [comm_id] = wire.comms.keys();
      const send = wire.sendShellMessage.bind(wire);
      vi.spyOn(wire, 'sendShellMessage').mockImplementationOnce(() => {
        wire.sendShellMessage = send;
        throw new RangeError(`a ${type} of comm ${comm_id} cannot be sent`);
      });
      await post(commFrame({type, comm_id: 'a'}, {}, {}, []));
      const why = {ename: 'RangeError', evalue: `a ${type} of comm a cannot be sent`};
      expect(wire.wire.slice(1)).toEqual([['comm_close', {comm_id, data: {}}, {lite_comms: why}]]);
      expect(frames).toEqual([
        commFrame({type: 'comm_close', comm_id: 'a'}, {}, {lite_comms: why}, [])
      ]);
    }
  );

  it('cannot be opened twice, nor send when it is not open: another comm of the page has the id', async () => {
    await connected('sum');
    const theirs = wire.createComm('jupyter.widget', 'widget');
    await open('sum', 'widget');
    await open('sum', 'widget');
    await post(commFrame({type: 'comm_msg', comm_id: 'b'}, {}, {}, []));
    await post(commFrame({type: 'comm_close', comm_id: '__proto__'}, {}, {}, []));
    expect(frames).toEqual([
      {type: 'error', reason: 'the comm_id "widget" is in use'},
      closed('b', 'LookupError', 'there is no comm "b"'),
      closed('__proto__', 'LookupError', 'there is no comm "__proto__"')
    ]);
    expect([wire.wire.length, wire.comms.get('widget'), theirs.isDisposed]).toEqual([
      1,
      theirs,
      false
    ]);
  });

  it('is refused above a number that are open, and not when some have been closed', async () => {
    await connected('sum');
    for (let i = 0; i < MAX_COMMS; i++) {
      port.postMessage(
        commFrame({type: 'comm_open', comm_id: `${i}`, target_name: 'sum'}, {}, {}, [])
      );
    }
    await open('sum', 'more');
    const why = `${MAX_COMMS} comms of this host page are open, the limit`;
    expect(frames).toEqual([closed('more', 'LimitError', why)]);
    await post(commFrame({type: 'comm_close', comm_id: '7'}, {}, {}, []));
    await open('sum', 'another');
    expect(frames).toHaveLength(1);
    expect(wire.wire).toHaveLength(MAX_COMMS + 2);
  });

  it('is closed, with the reason, when the kernel restarts', async () => {
    await connected('sum');
    await open('sum');
    wire.status = 'restarting';
    session.statusChanged.emit('restarting');
    await settled();
    expect(frames.slice(1)).toEqual([
      closed('a', 'KernelRestarted', 'the kernel has been restarted')
    ]);
  });

  it('is closed when the notebook takes another kernel', async () => {
    await connected('sum');
    await open('sum');
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    session.change(other);
    await settled();
    expect(frames).toEqual([disconnected('a'), targets()]);
    expect(wire.wire.slice(1).map(([type, , metadata]) => [type, metadata])).toEqual([
      ['comm_close', {lite_comms: DISCONNECTED}]
    ]);
  });

  it.each([
    ['restarting', 'KernelRestarted', 'the kernel has been restarted'],
    ['autorestarting', 'KernelDied', 'the kernel has died'],
    ['dead', 'KernelDied', 'the kernel has died'],
    ['terminating', 'KernelShutDown', 'the kernel has been shut down']
  ])('is closed with the reason that fits when the kernel is %s', async (now, ename, evalue) => {
    await connected('sum');
    await open('sum');
    wire.status = now;
    session.statusChanged.emit(now);
    await settled();
    expect(frames.at(-1)).toEqual(closed('a', ename, evalue));
  });

  it('stays when the notebook is renamed', async () => {
    await connected('sum');
    await open('sum');
    session.path = 'renamed.ipynb';
    session.statusChanged.emit('idle');
    await settled();
    expect([frames, wire.wire.length]).toEqual([[], 1]);
  });

  it('stays without a path when a second notebook is opened', async () => {
    await connect(null);
    await expose(['sum']);
    await open('sum');
    frames.length = 0;
    sessions.add(new FakeSession(new FakeConnection('other'), 'b'));
    await settled();
    expect([frames, wire.wire.length]).toEqual([[], 1]);
  });

  it('is closed at both ends when the notebook is closed and its kernel kept', async () => {
    await connected('sum');
    await open('sum');
    session.dispose();
    await settled();
    expect(frames[0]).toEqual(disconnected('a'));
    expect(wire.wire.slice(1).map(([type, , metadata]) => [type, metadata])).toEqual([
      ['comm_close', {lite_comms: DISCONNECTED}]
    ]);
  });

  it('is closed though another one cannot be', async () => {
    await connected('sum');
    await open('sum', 'a');
    await open('sum', 'b');
    [...wire.comms.values()][0]!.close = () => {
      throw new Error('the kernel is dead');
    };
    await post({type: 'bye', reason: 'enough'});
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open', 'comm_open', 'comm_close']);
    expect(warned).toEqual([
      `lite_comms: a comm of ${ORIGIN} stays open in the kernel: Error: the kernel is dead`
    ]);
  });

  it('is closed in the kernel when the host page ends the connection', async () => {
    await connected('sum');
    await open('sum');
    await post({type: 'bye', reason: 'enough'});
    await open('sum', 'b');
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open', 'comm_close']);
    expect(wire.wire[1]![2]).toEqual({});
  });

  it('is closed in the kernel when this page goes, and the host page is told', async () => {
    await connected('sum');
    await open('sum');
    bridge.close('the page has been left');
    await settled();
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open', 'comm_close']);
    expect(frames).toEqual([{type: 'bye', reason: 'the page has been left'}]);
  });
});

describe('a target of the host page', () => {
  it("gets what the kernel opens to 'host:' and its name", async () => {
    await connected();
    await post({type: 'register', target_name: 'chart'});
    const comm_id = await wire.open('host:chart', {n: 1});
    await settled();
    expect(frames).toEqual([
      commFrame({type: 'comm_open', comm_id: 'kernel-1', target_name: 'chart'}, {n: 1}, {}, [])
    ]);
    await post(commFrame({type: 'comm_msg', comm_id: 'kernel-1'}, {ok: 1}, {}, []));
    expect(wire.wire).toEqual([['comm_msg', {comm_id, data: {ok: 1}}, {}]]);
  });

  it.each(['jupyter.widget', 'lite_comms.exposed', 'lite_comms.callbacks'])(
    'named %s takes nothing from the page',
    async name => {
      const theirs = wire.targets.get(name);
      await connected();
      await post({type: 'register', target_name: name});
      expect(wire.targets.get(name)).toBe(theirs);
    }
  );

  it('is taken away', async () => {
    await connected();
    await post({type: 'register', target_name: 'chart'});
    await post({type: 'unregister', target_name: 'chart'});
    await post({type: 'unregister', target_name: 'nothing'});
    expect([...wire.targets.keys()]).toEqual(['lite_comms.exposed']);
  });

  it('does not get the id of a comm that the host page has opened', async () => {
    await connected('sum');
    await open('sum', 'kernel-1');
    await post({type: 'register', target_name: 'chart'});
    await wire.open('host:chart');
    await settled();
    expect(frames).toEqual([
      commFrame({type: 'comm_open', comm_id: 'kernel-2', target_name: 'chart'}, {}, {}, [])
    ]);
  });

  it('is answered by the host page that registered it last, and then by the one before', async () => {
    await connected();
    const first = port;
    const heard: unknown[] = [];
    first.onmessage = ({data}) => heard.push(data);
    await post({type: 'register', target_name: 'chart'});
    await connected();
    heard.length = 0;
    await post({type: 'register', target_name: 'chart'});
    await wire.open('host:chart');
    await settled();
    expect([heard.length, frames.length]).toEqual([0, 1]);
    await post({type: 'bye', reason: ''});
    await wire.open('host:chart');
    await settled();
    expect([heard.length, frames.length]).toEqual([1, 1]);
    first.postMessage({type: 'unregister', target_name: 'chart'});
    await settled();
    expect(wire.targets.has('host:chart')).toBe(false);
    first.close();
  });

  it('is there for the next kernel, and gone with the connection', async () => {
    await connected();
    await post({type: 'register', target_name: 'chart'});
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    session.change(other);
    expect([wire.targets.has('host:chart'), other.targets.has('host:chart')]).toEqual([
      false,
      true
    ]);
    await post({type: 'bye', reason: ''});
    expect(other.targets.has('host:chart')).toBe(false);
  });
});

describe('a frame that is not understood', () => {
  const FIELD = (field: string, type: string) =>
    `the field '${field}' of a '${type}' frame is missing or of another type`;
  const COMM = {comm_id: 'a', content: '{}', buffers: []};

  it.each([
    ['nothing', null, "there is no frame of type 'undefined'"],
    ['a text', 'comm_open', "there is no frame of type 'undefined'"],
    [
      'another type',
      {type: 'execute_request', code: '1'},
      "there is no frame of type 'execute_request'"
    ],
    ['a name of every object', {type: '__proto__'}, "there is no frame of type '__proto__'"],
    ['another one', {type: 'constructor'}, "there is no frame of type 'constructor'"],
    ['no id', {...COMM, type: 'comm_msg', comm_id: 1}, FIELD('comm_id', 'comm_msg')],
    ['no target', {...COMM, type: 'comm_open'}, FIELD('target_name', 'comm_open')],
    [
      'a target that is a list',
      {...COMM, type: 'comm_open', target_name: ['sum']},
      FIELD('target_name', 'comm_open')
    ],
    [
      'content that is no text',
      {...COMM, type: 'comm_msg', content: {}},
      FIELD('content', 'comm_msg')
    ],
    [
      'no list of buffers',
      {...COMM, type: 'comm_msg', buffers: {length: 0}},
      FIELD('buffers', 'comm_msg')
    ],
    [
      'other buffers',
      {...COMM, type: 'comm_msg', buffers: [new Uint8Array(1)]},
      FIELD('buffers', 'comm_msg')
    ],
    [
      'shared memory',
      {...COMM, type: 'comm_msg', buffers: [new SharedArrayBuffer(8)]},
      FIELD('buffers', 'comm_msg')
    ],
    [
      'metadata that is a list',
      {...COMM, type: 'comm_msg', content: '{"metadata": []}'},
      "the metadata of a 'comm_msg' frame is no object"
    ],
    [
      'a status',
      {type: 'status', status: 'ready', reason: ''},
      "a 'status' frame is for the host page only"
    ],
    [
      'targets',
      {type: 'targets', names: ['product']},
      "a 'targets' frame is for the host page only"
    ],
    ['a type that is no JSON', {type: 1n}, "there is no frame of type '1'"],
    [
      'buffers that a list leaves out',
      {...COMM, type: 'comm_msg', buffers: Object.assign([], {length: 2 ** 32 - 1})},
      FIELD('buffers', 'comm_msg')
    ]
  ])('is refused, and both sides are told: %s', async (_, frame, reason) => {
    await connected('sum');
    await post(frame);
    expect([wire.wire, frames]).toEqual([[], [{type: 'error', reason}]]);
    expect(warned).toEqual([`lite_comms: a frame of ${ORIGIN} is refused: ${reason}`]);
  });

  it('is not answered if it is an error, which is shown', async () => {
    await connected('sum');
    await post({type: 'error', reason: 'a reason'});
    expect([frames, warned]).toEqual([[], [`lite_comms: ${ORIGIN} refuses a frame: a reason`]]);
  });

  it('changes nothing: the next one is handled', async () => {
    await connected('sum');
    await post({...COMM, type: 'comm_open', target_name: 'sum', content: '{'});
    await open('sum');
    expect([frames.length, wire.wire.length]).toEqual([1, 1]);
  });

  it('adds nothing to objects by keys like __proto__', async () => {
    await connected('sum');
    const content = '{"data": {"__proto__": {"bad": 1}}, "metadata": {"__proto__": {"bad": 1}}}';
    await post({...COMM, type: 'comm_open', target_name: 'sum', content});
    expect([({} as any).bad, (wire.wire[0]![2] as any).bad]).toEqual([undefined, undefined]);
    expect(Object.keys(wire.wire[0]![2] as object)).toEqual(['__proto__', 'lite_comms']);
  });
});

it.each([[1], 'sum', {0: 'sum'}, null])(
  'what a kernel exposes must be a list of names, not %j',
  async names => {
    await connected('sum');
    await expose(names);
    expect(frames).toEqual([]);
  }
);

it('all host pages are told when the page unloads, and those that have gone are forgotten', async () => {
  const own = new EventTarget();
  const add = vi.spyOn(own, 'addEventListener');
  const bridges = new Bridges(Object.assign(own, {parent: null}), sessions, kernels);
  const heard: unknown[] = [];
  const ports = [1, 2, 3].map(n => {
    const {port1, port2} = new MessageChannel();
    bridges.admit(port1, ORIGIN, PATH);
    port2.onmessage = ({data}) => data.type === 'bye' && heard.push([n, data.reason]);
    return port2;
  });
  ports[0]!.postMessage({type: 'bye', reason: ''});
  await settled();
  expect(bridges.size).toBe(2);
  own.dispatchEvent(new Event('pagehide'));
  await settled();
  expect(heard).toEqual([
    [2, 'the page has been left'],
    [3, 'the page has been left']
  ]);
  expect([bridges.size, add.mock.calls.length]).toEqual([0, 1]);
  ports.forEach(each => each.close());
});
