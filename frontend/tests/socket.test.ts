/** JupyterLab's own connections and JupyterLite's own kernel client, with our socket between them. */
import {KernelManager, type KernelMessage, ServerConnection} from '@jupyterlab/services';
import {BaseKernel, type IKernel, KernelSpecs, LiteKernelClient} from '@jupyterlite/services';
import {WebSocket as MockSocket} from 'mock-socket';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {Channel} from '../src/channel';
import {VERSION} from '../src/frames';
import {connectKernels, followInterrupts, workerOf} from '../src/reach';

type Content = {[key: string]: unknown};

/** Stands for the kernel's Worker. */
class Worker extends EventTarget {
  readonly posted: unknown[][] = [];
  postMessage = (data: {lite_comms: unknown[]}) => void this.posted.push(data.lite_comms);
  say = (...wire: unknown[]) =>
    this.dispatchEvent(new MessageEvent('message', {data: {lite_comms: wire}}));
}

/** A kernel of JupyterLite, whose cells end when the test says so. */
class Kernel extends BaseKernel {
  readonly comms: KernelMessage.IMessage[] = [];
  constructor(options: IKernel.IOptions, _worker?: Worker) {
    super(options);
    Object.assign(this, {_worker});
  }
  print = (text: string) => this.stream({name: 'stdout', text});
  kernelInfoRequest = async () =>
    ({
      status: 'ok',
      implementation: 'test',
      implementation_version: '1',
      protocol_version: '5.3',
      banner: '',
      help_links: [],
      language_info: {name: 'python', version: '3', mimetype: '', file_extension: ''}
    }) as never;
  end: (status: string) => void = () => undefined;
  executeRequest = () =>
    new Promise<never>(resolve => {
      this.end = status => resolve({status, execution_count: 1} as never);
    });
  commOpen = async (msg: KernelMessage.ICommOpenMsg) => void this.comms.push(msg);
  commMsg = async (msg: KernelMessage.ICommMsgMsg) => void this.comms.push(msg);
  commClose = async (msg: KernelMessage.ICommCloseMsg) => void this.comms.push(msg);
  completeRequest = async () => ({}) as never;
  inspectRequest = async () => ({}) as never;
  isCompleteRequest = async () => ({}) as never;
  commInfoRequest = async (content: Content) =>
    ({status: 'ok', comms: {c: {target_name: content['target_name'] ?? 'any'}}}) as never;
  inputReply = () => undefined;
}

let manager: KernelManager;
let client: LiteKernelClient;
let specs: KernelSpecs;
let kernels: Kernel[];
let worker: Worker | undefined;
let undo: () => void;

const OPTIONS = {version: '0.1.0', expected: true, live: true, onDeaf: () => () => undefined};

// JupyterLite's client looks at it late, after the end of a test.
vi.stubGlobal('WebSocket', MockSocket);

beforeEach(() => {
  vi.stubGlobal('Worker', Worker);
  vi.spyOn(console, 'debug').mockImplementation(() => undefined);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  // It was read from the page's settings when the module was loaded.
  Object.assign(LiteKernelClient, {WS_BASE_URL: 'ws://localhost/'});
  kernels = [];
  worker = new Worker();
  specs = new KernelSpecs();
  client = new LiteKernelClient({kernelSpecs: specs});
  manager = new KernelManager({
    kernelAPIClient: client,
    kernelSpecAPIClient: {list: async () => ({default: 'python', kernelspecs: {}})} as never,
    serverSettings: ServerConnection.makeSettings({
      WebSocket: MockSocket as never,
      baseUrl: 'http://localhost/',
      wsUrl: 'ws://localhost/'
    })
  });
  undo = connectKernels(manager.serverSettings, specs, client, OPTIONS);
  specs.register({
    spec: {name: 'python', display_name: 'Python', language: 'python', argv: [], resources: {}},
    create: async options => {
      kernels.push(new Kernel(options, worker));
      return kernels.at(-1)!;
    }
  });
});

afterEach(async () => {
  await manager.ready;
  manager.dispose();
  kernels.forEach(kernel => kernel.dispose());
});

/** A connection to a new kernel, which has said hello unless it is told to be silent. */
async function connect(silent = false) {
  const connection = await manager.startNew({name: 'python'});
  if (worker && !silent) {
    worker.say('hello', VERSION, '0.1.0');
  }
  await connection.info;
  return connection;
}

const heard = (connection: {anyMessage: {connect: (slot: never) => unknown}}) => {
  const messages: [string, Content][] = [];
  connection.anyMessage.connect(((_: unknown, {msg, direction}: never) => {
    if (direction === 'recv') {
      const {header, content} = msg as KernelMessage.IMessage;
      messages.push([header.msg_type, content as Content]);
    }
  }) as never);
  return messages;
};

describe('a kernel with a port', () => {
  it('gets a comm message while a cell runs', async () => {
    const connection = await connect();
    connection.requestExecute({code: ''});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const comm = connection.createComm('echo', 'c');
    const opened = comm.open({a: 1});
    const [frame] = worker!.posted.slice(1);
    expect([frame![0], JSON.parse(frame![2] as string).content, frame![3]]).toEqual([
      'comm',
      {comm_id: 'c', target_name: 'echo', data: {a: 1}},
      true
    ]);
    worker!.say('ack', 1);
    await opened.done;
    expect(kernels[0]!.comms).toEqual([]);
  });

  it('hands its messages over in one order, whichever way they take', async () => {
    const connection = await connect();
    const future = connection.requestExecute({code: ''});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const messages = heard(connection);
    kernels[0]!.print('one');
    worker!.say('comm', 'comm_msg', '{"comm_id":"c","data":{"n":1}}', '{}', '{}');
    kernels[0]!.print('two');
    kernels[0]!.end('ok');
    await future.done;
    expect(messages.map(([type]) => type).filter(type => type !== 'status')).toEqual([
      'stream',
      'comm_msg',
      'stream',
      'execute_reply'
    ]);
  });

  it('keeps the messages for two clients apart, and drops none of them', async () => {
    const first = await connect();
    const second = manager.connectTo({model: first.model});
    await second.info;
    const both = [heard(first), heard(second)];
    for (const [client, text] of [
      [first, 'x'],
      [second, 'y']
    ] as const) {
      const future = client.requestExecute({code: ''});
      await vi.waitFor(() => expect(client.status).toBe('busy'));
      kernels[0]!.print(text);
      worker!.say('comm', 'comm_msg', '{"comm_id":"c","data":{}}', '{}', '{}');
      kernels[0]!.end('ok');
      await future.done;
      await vi.waitFor(() => expect([first.status, second.status]).toEqual(['idle', 'idle']));
    }
    const iopub = both.map(messages =>
      messages.filter(([type]) => type === 'stream' || type === 'comm_msg')
    );
    expect(iopub[0]!.map(([, {text}]) => text)).toEqual(['x', undefined, 'y', undefined]);
    expect(iopub[1]).toEqual(iopub[0]);
  });

  it('hears of executions that Stop has thrown away', async () => {
    const connection = await connect();
    connection.requestExecute({code: 'a'});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const second = connection.requestExecute({code: 'b'});
    await new Promise(resolve => setTimeout(resolve, 20)); // it is in JupyterLite's queue
    connection.createComm('t', 'c').open();
    expect(worker!.posted.at(-1)![3]).toBe(true);
    await client.interrupt(connection.id);
    kernels[0]!.end('ok');
    expect((await second.done)!.content.status).toBe('error');
    await vi.waitFor(() => expect(worker!.posted.at(-1)).toEqual(['idle']));
  });

  it('answers which comms it has, each client its own question', async () => {
    const first = await connect();
    const second = manager.connectTo({model: first.model});
    await second.info;
    const asked = [first.requestCommInfo({}), second.requestCommInfo({target_name: 't'})];
    const replies = await Promise.all(asked);
    expect(replies.map(({content}) => content)).toEqual(
      ['any', 't'].map(target_name => ({status: 'ok', comms: {c: {target_name}}}))
    );
  });

  it('forgets a client that has closed', async () => {
    const connection = await connect();
    const remove = vi.spyOn(Channel.prototype, 'remove');
    connection.dispose();
    await vi.waitFor(() => expect(remove).toHaveBeenCalledOnce());
  });

  it('has one port, however often kernelspecs are registered', async () => {
    const spec = {name: 'other', display_name: '', language: '', argv: [], resources: {}};
    specs.register({spec, create: async () => kernels[0]!});
    await connect();
    expect(worker!.posted).toEqual([['hello', VERSION, '0.1.0', 'live']]);
  });

  it('is found again after a restart, with a new Worker', async () => {
    const connection = await connect();
    const old = worker!;
    worker = new Worker();
    const restarted = connection.restart();
    await vi.waitFor(() => expect(kernels.length).toBe(2));
    worker.say('hello', VERSION, '0.1.0');
    await restarted;
    await connection.info;
    connection.createComm('echo', 'c').open();
    await vi.waitFor(() =>
      expect([old.posted.length, worker!.posted.map(([type]) => type)]).toEqual([
        1,
        ['hello', 'comm']
      ])
    );
  });
});

describe('a kernel without one', () => {
  it.each(['has no Worker', 'says no hello'])('that %s works as in JupyterLite', async what => {
    if (what === 'has no Worker') {
      worker = undefined;
    }
    const connection = await connect(true);
    expect(vi.mocked(console.warn).mock.calls.flat().join()).toMatch(
      "comms take JupyterLite's own path"
    );
    const messages = heard(connection);
    const memory = new Uint8Array([1, 2]);
    await connection.createComm('echo', 'c').open({a: 1}, {}, [memory.buffer]).done;
    const [msg] = kernels[0]!.comms;
    expect(msg!.content).toEqual({comm_id: 'c', target_name: 'echo', data: {a: 1}});
    expect(new Uint8Array((msg!.buffers![0] as DataView).buffer)).toEqual(memory);
    expect(messages.map(([, {execution_state}]) => execution_state)).toEqual(['busy', 'idle']);
  });
});

describe('what is replaced', () => {
  it('is all given back when a part of it is not as expected', () => {
    const {serverSettings} = manager;
    undo();
    const before = {...serverSettings};
    const odd = {changed: null, factories: null} as never;
    expect(() => connectKernels(serverSettings, odd, null, OPTIONS)).toThrow();
    expect({...serverSettings}).toEqual(before);
  });

  it('is given back', () => {
    const {WebSocket, serializer} = manager.serverSettings;
    undo();
    expect([WebSocket, serializer]).not.toContain(manager.serverSettings.WebSocket);
    expect(manager.serverSettings.WebSocket).toBe(MockSocket);
  });

  it('is a Worker only where there is one', () => {
    expect([workerOf({}), workerOf({_worker: {}}), workerOf({_worker: null})]).toEqual([
      null,
      null,
      null
    ]);
  });
});

it('hears of each interrupt before JupyterLite does, and lets that go on', async () => {
  const heard: string[] = [];
  const interrupts = {
    name: 'lite',
    async interrupt(this: {name: string}, id: string) {
      heard.push(`${this.name} ${id}`);
    }
  };
  const undoIt = followInterrupts(interrupts, id => void heard.push(`we ${id}`));
  await interrupts.interrupt('a');
  undoIt();
  await interrupts.interrupt('b');
  expect(heard).toEqual(['we a', 'lite a', 'lite b']);
});
