import type {KernelMessage} from '@jupyterlab/services';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {Channel} from '../../../src/transports/channel/channel';
import type {IClient} from '../../../src/transports/clients';
import {VERSION} from '../../../src/wire/frames';

type Message = KernelMessage.IMessage;
type Plain = {[key: string]: unknown};

/** Stands for the kernel's Worker: what is posted to it, and what it posts. */
class FakeWorker extends EventTarget {
  readonly posted: unknown[][] = [];
  readonly transferred: Transferable[] = [];

  postMessage({lite_comms}: {lite_comms: unknown[]}, transfer: Transferable[]): void {
    // Several frames, or one.
    this.posted.push(
      ...(Array.isArray(lite_comms[0]) ? (lite_comms as unknown[][]) : [lite_comms])
    );
    this.transferred.push(...transfer);
  }

  say(...wire: unknown[]): void {
    this.dispatchEvent(new MessageEvent('message', {data: {lite_comms: wire}}));
  }
}

/** Stands for a client's socket. */
class FakeClient implements IClient {
  isOpen = true;
  readonly session = 'client';
  readonly got: Message[] = [];
  readonly stock: Message[] = [];
  deliver = (msg: Message) => void this.got.push(msg);
  sendStock = (msg: Message) => void this.stock.push(msg);

  /** Type, content and the id of the parent: what tells a message from the others. */
  get heard(): unknown[][] {
    return this.got.map(msg => [
      msg.header.msg_type,
      msg.content,
      (msg.parent_header as {msg_id?: string}).msg_id
    ]);
  }
}

const OPTIONS = {
  id: 'kernel',
  version: '0.1.0',
  isInjected: false,
  expected: true,
  live: true,
  canRestart: true,
  onDeaf: () => () => undefined,
  onDied: () => undefined
};

/** Resolves when comm messages that were sent together have left. */
const left = () => Promise.resolve();

/** What the page says of itself. */
const HELLO = ['hello', VERSION, '0.1.0', 'begun', 'live'];

let channel: Channel;
let client: FakeClient;
let worker: FakeWorker;
let becomeReady: () => void;
let warned: string[];

beforeEach(() => {
  channel = new Channel(OPTIONS);
  client = new FakeClient();
  channel.add(client);
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation(text => void warned.push(text));
  vi.spyOn(console, 'error').mockImplementation(text => void warned.push(text));
});

afterEach(() => void vi.useRealTimers());

function start(): void {
  worker = new FakeWorker();
  const ready = new Promise<void>(resolve => {
    becomeReady = resolve;
  });
  channel.attach(worker as unknown as Worker, {ready});
}

async function ready(): Promise<void> {
  becomeReady();
  await Promise.resolve();
  await Promise.resolve();
}

/** A kernel that has said hello and is ready. */
async function open(...can: string[]): Promise<void> {
  start();
  worker.say('hello', VERSION, '0.1.0', ...can);
  await ready();
  worker.posted.length = 0;
}

function request(msg_type: string, msg_id: string, content: Plain = {}, buffers = []): Message {
  const header = {msg_id, msg_type, session: 'page', date: '', username: '', version: '5.3'};
  return {channel: 'shell', header, parent_header: {}, metadata: {}, content, buffers} as never;
}

function reply(msg_type: string, parent: Message, content: Plain): Message {
  const msg = request(msg_type, `re-${parent.header.msg_id}`, content);
  msg.channel = msg_type === 'execute_reply' ? 'shell' : 'iopub';
  msg.parent_header = parent.header;
  return msg;
}

const comm = (id: string, msg_type = 'comm_msg', content: Plain = {comm_id: 'c', data: {}}) =>
  request(msg_type, id, content);
const text = ({header, metadata, content}: Message) => JSON.stringify({header, metadata, content});
const idle = (parent: Message) => reply('status', parent, {execution_state: 'idle'});

describe('a comm message of the page', () => {
  it('takes the stock path where no kernel has a port', () => {
    expect(channel.take(comm('1'), client)).toBe(false);
  });

  it('waits while the kernel starts, and goes over the port once it is ready', async () => {
    start();
    const messages = [comm('1', 'comm_open'), comm('2')];
    expect(messages.map(msg => channel.take(msg, client))).toEqual([true, true]);
    worker.say('hello', VERSION, '0.1.0');
    expect(worker.posted).toEqual([HELLO]);
    await ready();
    expect(worker.posted.slice(1)).toEqual([
      ['comm', 1, text(messages[0]!), false],
      ['comm', 2, text(messages[1]!), false]
    ]);
  });

  it('that waited goes by the stock path, once, when the kernel has no hello', async () => {
    start();
    const messages = [comm('1', 'comm_open'), comm('2')];
    messages.forEach(msg => channel.take(msg, client));
    await ready();
    expect([client.stock, worker.posted]).toEqual([messages, []]);
    expect(warned).toEqual([
      "lite_comms: the kernel's half did not answer; its comms take JupyterLite's own path"
    ]);
  });

  it('makes a request behind it wait as well, as it was when it was sent', async () => {
    start();
    channel.take(comm('1'), client);
    const header = {msg_id: 'cell', msg_type: 'execute_request', session: 'a'};
    const cell = {channel: 'shell', header, parent_header: {}, metadata: {}, content: {code: '1'}};
    expect(channel.take(cell as never, client)).toBe(true);
    cell.content.code = 'spoilt';
    await ready();
    expect(client.stock[1]!.content).toEqual({code: '1'});
  });

  it('goes by the stock path when the kernel speaks another version', async () => {
    start();
    worker.say('hello', VERSION + 1, '9.9.9');
    channel.take(comm('1'), client);
    await ready();
    expect([client.stock.length, worker.posted]).toEqual([1, [HELLO]]);
    expect(warned[0]).toMatch(`version ${VERSION + 1} of the protocol, the page ${VERSION}`);
  });

  it('is taken with copies of its buffers, which are transferred', async () => {
    await open();
    const memory = new Uint8Array([1, 2, 3]);
    channel.take({...comm('1'), buffers: [memory.subarray(1)]} as Message, client);
    const buffer = worker.posted[0]![4] as ArrayBuffer;
    expect([...new Uint8Array(buffer)]).toEqual([2, 3]);
    expect([worker.transferred, memory.byteLength]).toEqual([[buffer], 3]);
  });

  it.each([
    ['leaves one out', [, new ArrayBuffer(1)]],
    ['has something else', [5]]
  ])('raises where the list of its buffers %s, and costs no other message', async (_, buffers) => {
    await open();
    const why = /^buffers\[0\] of a comm_msg of comm c: .* must be an ArrayBuffer or a view, not/;
    expect(() => channel.take({...comm('1'), buffers} as never, client)).toThrow(why);
    channel.take(comm('2'), client);
    expect(worker.posted).toEqual([['comm', 1, text(comm('2')), false]]);
  });

  it('that cannot be posted raises, and leaves its id to the next one', async () => {
    await open();
    vi.spyOn(worker, 'postMessage').mockImplementationOnce(() => {
      throw new Error('no memory');
    });
    expect(() =>
      channel.take({...comm('1'), buffers: [new ArrayBuffer(1)]} as never, client)
    ).toThrow('no memory');
    channel.take({...comm('2'), buffers: [new ArrayBuffer(1)]} as never, client);
    expect(worker.posted.map(([, id]) => id)).toEqual([1]);
  });

  it('that cannot be written raises, and nothing is sent', async () => {
    await open();
    expect(() => channel.take(comm('1', 'comm_msg', {n: 1n}), client)).toThrow('BigInt');
    expect([worker.posted, client.got]).toEqual([[], []]);
  });

  it('is answered with busy at once, and with idle when it has been handled', async () => {
    await open();
    channel.take(comm('1'), client);
    channel.take(comm('2'), client);
    worker.say('ack', 1, 2);
    expect(client.heard).toEqual([
      ['status', {execution_state: 'busy'}, '1'],
      ['status', {execution_state: 'busy'}, '2'],
      ['status', {execution_state: 'idle'}, '1'],
      ['status', {execution_state: 'idle'}, '2']
    ]);
  });

  it('that the kernel cannot use is shown, and is idle too', async () => {
    await open();
    channel.take(comm('1'), client);
    worker.say('error', 'no sense', 1);
    expect(warned).toEqual(['lite_comms: the kernel cannot use a message: no sense']);
    expect(client.heard.at(-1)).toEqual(['status', {execution_state: 'idle'}, '1']);
  });

  it('and errors without end are counted, not all shown', async () => {
    await open();
    for (let i = 0; i < 150; i++) {
      worker.say('error', 'no sense', 0);
    }
    const first = Array.from(
      {length: 5},
      () => 'lite_comms: the kernel cannot use a message: no sense'
    );
    const later = [10, 100].map(n => `${first[0]} (${n} so far)`);
    expect(warned.splice(0)).toEqual([...first, ...later]);
    await open(); // another kernel
    worker.say('error', 'no sense', 0);
    expect(warned).toEqual([first[0]]);
  });

  it('and so are other versions and messages that JupyterLab refuses, together', async () => {
    await open();
    client.deliver = () => {
      throw new Error('no such message');
    };
    for (let i = 0; i < 75; i++) {
      worker.say('comm', 'comm_msg', '{}', '{}', '{}');
      worker.say('hello', VERSION + 1, '9');
    }
    expect(warned.length).toBe(7);
    expect(warned[0]).toBe("lite_comms: JupyterLab refuses a 'comm_msg' message");
    expect(warned[1]).toMatch('lite_comms: the kernel speaks version');
    expect(warned[6]).toMatch('(100 so far)');
    const {channel: _, ...msg} = reply('stream', comm('1'), {n: 1n});
    for (let i = 0; i < 1000; i++) {
      channel.fromKernel({channel: 'iopub', ...msg} as Message, vi.fn());
    }
    expect(warned.splice(7)).toEqual([
      "lite_comms: a message 'stream' of the kernel is no JSON (1000 so far)"
    ]);
  });

  it('is answered by the header that it had, whatever its sender does to it', async () => {
    await open();
    const msg = comm('1');
    channel.take(msg, client);
    msg.header.msg_id = 'spoilt';
    worker.say('ack', 1);
    expect(client.heard.map(([, , parent]) => parent)).toEqual(['1', '1']);
  });

  it('is posted before JupyterLab hears of it', async () => {
    await open();
    client.deliver = () => {
      client.deliver = () => undefined;
      channel.take(comm('2'), client);
    };
    channel.take(comm('1'), client);
    await left();
    expect(
      worker.posted.map(([, , message]) => JSON.parse(message as string).header.msg_id)
    ).toEqual(['1', '2']);
  });

  it('that waits holds back what is sent after it, so that the stock path has both in order', async () => {
    start();
    const [info, before] = [request('kernel_info_request', 'i'), request('execute_request', 'a')];
    expect([info, before].map(msg => channel.take(msg, client))).toEqual([false, false]);
    const sent = [comm('1'), request('execute_request', 'b'), comm('2')];
    expect(sent.map(msg => channel.take(msg, client))).toEqual([true, true, true]);
    await ready();
    expect(client.stock).toEqual(sent);
  });

  it('is not the only kind: others take the stock path', async () => {
    await open();
    const others = ['execute_request', 'complete_request', 'comm_info_request'];
    expect(others.map(type => channel.take(request(type, type), client))).toEqual([
      false,
      false,
      false
    ]);
  });
});

describe('a comm message sent after a cell', () => {
  const [a, b] = [request('execute_request', 'a'), request('execute_request', 'b')];
  const busy = (parent: Message) => reply('status', parent, {execution_state: 'busy'});
  const send = (...messages: Message[]) => messages.forEach(msg => channel.take(msg, client));
  /** The ids of the comm messages that were posted, and what else was. */
  const posted = () =>
    worker.posted.map(([type, , message]) =>
      type === 'comm' ? JSON.parse(message as string).header.msg_id : type
    );

  it('waits until that has begun, and goes before those that are sent later', async () => {
    await open('begun');
    send(a, comm('1', 'comm_open'), comm('2'));
    channel.observe(busy(a));
    expect(posted()).toEqual([]);
    worker.say('begun', 'a');
    await left();
    expect(posted()).toEqual(['1', '2']);
    send(comm('3'));
    expect(worker.posted.map(([, id, , may_wait]) => [id, may_wait])).toEqual([
      [1, true],
      [2, true],
      [3, true]
    ]);
  });

  it('is busy from the time it is sent, and idle when it has been handled', async () => {
    await open('begun');
    send(a, comm('1'));
    expect(client.heard).toEqual([['status', {execution_state: 'busy'}, '1']]);
    worker.say('begun', 'a');
    worker.say('ack', 1);
    expect(client.heard.slice(1)).toEqual([['status', {execution_state: 'idle'}, '1']]);
  });

  it('is the message that was sent, whatever its sender does to it later', async () => {
    await open('begun');
    const memory = new Uint8Array([1, 2]);
    const msg = {...comm('1'), buffers: [memory]} as unknown as Message;
    const before = text(msg);
    send(a, msg);
    msg.header.msg_id = 'spoilt';
    (msg.content as Plain)['comm_id'] = 'spoilt';
    memory.fill(0);
    worker.say('begun', 'a');
    expect(worker.posted[0]!.slice(2, 4)).toEqual([before, true]);
    expect([...new Uint8Array(worker.posted[0]![4] as ArrayBuffer)]).toEqual([1, 2]);
    worker.say('ack', 1);
    expect(client.heard.map(([, , parent]) => parent)).toEqual(['1', '1']);
  });

  it('goes at once while a cell runs, past those behind it', async () => {
    await open('begun');
    send(a, b);
    worker.say('begun', 'a');
    send(comm('1'));
    expect(posted()).toEqual(['1']);
  });

  it('waits for the next cell between two', async () => {
    await open('begun');
    send(a, b);
    worker.say('begun', 'a');
    channel.observe(idle(a));
    send(comm('1'));
    expect(posted()).toEqual([]);
    worker.say('begun', 'b');
    expect(posted()).toEqual(['1']);
  });

  it('waits for no other request than a cell', async () => {
    await open('begun');
    send(request('complete_request', 'c'), comm('1'));
    expect(posted()).toEqual(['1']);
  });

  it('does not wait where the kernel does not say when a cell begins', async () => {
    await open();
    send(a, comm('1'));
    expect(posted()).toEqual(['1']);
  });

  it('goes on waiting when a cell has begun that the page does not know', async () => {
    await open('begun');
    send(a, comm('1'));
    worker.say('begun', 'x');
    expect(posted()).toEqual([]);
  });

  it('does not wait for a cell that is not to run', async () => {
    await open('begun');
    send(a, b);
    worker.say('begun', 'a');
    channel.fromKernel(reply('execute_reply', a, {status: 'error'}), vi.fn());
    channel.fromKernel(idle(a), vi.fn());
    send(comm('1'));
    expect(posted()).toEqual(['1']);
  });

  it.each<[string, () => void, unknown[]]>([
    ['has ended without', () => channel.observe(idle(a)), ['1']],
    ['is stopped before', () => void channel.interrupt(), ['interrupt', '1']],
    ['is forgotten', () => channel.forget('other'), ['1']],
    ['could not be sent', () => channel.unsent(a), ['1']]
  ])('goes when the cell %s', async (_, end, expected) => {
    await open('begun', 'interrupt');
    worker.posted.length = 0;
    channel.take({...a, header: {...a.header, session: 'other'}} as Message, client);
    send(comm('1'));
    expect(posted()).toEqual([]);
    end();
    expect(posted().filter(type => type !== 'watch')).toEqual(expected);
  });

  it('may be a comm_open that waits in the kernel for the end of the cell', async () => {
    await open('begun');
    send(a, comm('1', 'comm_open'));
    worker.say('begun', 'a');
    channel.observe(idle(a));
    expect(posted()).toEqual(['1', 'idle']);
  });

  it('waits while the kernel starts, and then for the cell', async () => {
    start();
    send(a, comm('1'), b, comm('2'));
    worker.say('hello', VERSION, '0.1.0', 'begun');
    await ready();
    send(comm('3'));
    expect([client.stock, posted()]).toEqual([[b], ['hello']]);
    expect(client.heard.map(([, , parent]) => parent)).toEqual(['1', '2', '3']);
    worker.say('begun', 'a');
    await left();
    expect(posted()).toEqual(['hello', '1', '2', '3']);
  });

  it('waits for no cell that is behind it, when the kernel is ready', async () => {
    start();
    send(comm('1'), a, comm('2'));
    worker.say('hello', VERSION, '0.1.0', 'begun');
    await ready();
    expect([client.stock, posted()]).toEqual([[a], ['hello', '1']]);
    worker.say('begun', 'a');
    expect(posted()).toEqual(['hello', '1', '2']);
  });

  it('goes before what is sent by those who hear of it when the kernel is ready', async () => {
    start();
    send(comm('1'), comm('2'));
    worker.say('hello', VERSION, '0.1.0');
    client.deliver = () => {
      client.deliver = () => undefined;
      send(comm('3'));
    };
    await ready();
    expect(posted()).toEqual(['hello', '1', '2', '3']);
  });

  it("goes by the stock path, in order, at the kernel's bye", async () => {
    await open('begun');
    const memory = new Uint8Array([1, 2]);
    const messages = [{...comm('1'), buffers: [memory]} as unknown as Message, comm('2')];
    const before = messages.map(text);
    send(a, ...messages);
    (messages[0]!.content as Plain)['comm_id'] = 'spoilt';
    worker.say('bye');
    expect(client.stock.map(text)).toEqual(before);
    expect(client.stock[0]).toMatchObject({channel: 'shell', parent_header: {}});
    expect(client.stock[0]!.buffers).toEqual([memory.buffer]);
    expect(posted()).toEqual(['bye']);
    worker.say('hello', VERSION, '0.1.0', 'begun');
    channel.observe(idle(messages[0]!));
    expect(posted()).toEqual(['bye', 'hello']);
    expect(worker.posted.at(-1)!.at(-1)).toBe('later');
    channel.observe(idle(messages[1]!));
    expect(posted()).toEqual(['bye', 'hello', 'hello']);
  });

  it("does not wait for the cell that has loaded the kernel's half", async () => {
    start();
    await ready();
    send(a, b);
    channel.observe(busy(a));
    worker.say('hello', VERSION, '0.1.0', 'begun');
    send(comm('1'));
    expect(posted()).toEqual(['hello', '1']);
    channel.observe(idle(a));
    send(comm('2'));
    expect(posted()).toEqual(['hello', '1']);
  });

  it('is answered when the kernel ends before the cell begins, and not sent any more', async () => {
    await open('begun');
    send(a, comm('1'));
    channel.abandon({ename: 'E', evalue: 'v'});
    worker.say('begun', 'a');
    expect(posted()).toEqual([]);
    expect(client.heard.at(-1)).toEqual(['status', {execution_state: 'idle'}, '1']);
  });

  it('does not reach another kernel', async () => {
    await open('begun');
    send(comm('0'), a, comm('1'));
    await open('begun');
    send(comm('2'));
    expect(posted()).toEqual(['2']);
    expect(worker.posted[0]![1]).toBe(1);
  });

  it('is forgotten with the rest of its client', async () => {
    await open('begun');
    send(a);
    channel.take(
      {...comm('1'), header: {...comm('1').header, session: 'other'}} as Message,
      client
    );
    send(comm('2'));
    channel.forget('other');
    worker.say('begun', 'a');
    expect(posted()).toEqual(['2']);
  });
});

describe('comm messages that are sent without an interruption', () => {
  const ids = () => posts.map(frames => frames.map(([type, id]) => (type === 'comm' ? id : type)));
  let posts: unknown[][][];

  beforeEach(async () => {
    await open('interrupt');
    posts = [];
    worker.postMessage = ({lite_comms}) =>
      void posts.push(Array.isArray(lite_comms[0]) ? (lite_comms as unknown[][]) : [lite_comms]);
  });

  it('leave together, but for the first one', async () => {
    for (const id of ['1', '2', '3']) {
      channel.take(comm(id), client);
    }
    expect(ids()).toEqual([[1]]);
    await left();
    expect(ids()).toEqual([[1], [2, 3]]);
    channel.take(comm('4'), client);
    expect(ids()).toEqual([[1], [2, 3], [4]]);
  });

  it('leave before any other frame', () => {
    channel.take(comm('1'), client);
    channel.take(comm('2'), client);
    channel.interrupt();
    expect(ids().slice(0, 3)).toEqual([[1], [2], ['watch']]);
  });

  it('leave at once where they have buffers, behind those that wait', () => {
    channel.take(comm('1'), client);
    channel.take(comm('2'), client);
    channel.take({...comm('3'), buffers: [new ArrayBuffer(8)]}, client);
    expect(ids()).toEqual([[1], [2], [3]]);
  });

  it('leave meanwhile when there are many', () => {
    for (let i = 1; i <= 70; i++) {
      channel.take(comm(`${i}`), client);
    }
    expect(posts.map(frames => frames.length)).toEqual([1, 32, 32]);
  });
});

describe('a comm_open', () => {
  it('may wait for its target while an execution is queued or running', async () => {
    await open();
    const cells = [request('execute_request', 'a'), request('execute_request', 'b')];
    cells.forEach(cell => channel.take(cell, client));
    channel.take(comm('1', 'comm_open'), client);
    channel.observe(idle(cells[0]!));
    channel.take(comm('2', 'comm_open'), client);
    await left();
    expect(worker.posted.map(wire => wire[3])).toEqual([true, true]);
    channel.observe(idle(cells[1]!));
    expect(worker.posted[2]).toEqual(['idle']);
    channel.take(comm('3', 'comm_open'), client);
    expect(worker.posted[3]![3]).toBe(false);
  });

  it('may wait for an execution that was on its way when an error emptied the queue', async () => {
    await open();
    const cells = [request('execute_request', 'a'), request('execute_request', 'b')];
    cells.forEach(cell => channel.take(cell, client));
    channel.observe(reply('execute_reply', cells[0]!, {status: 'error'}));
    channel.observe(reply('status', cells[1]!, {execution_state: 'busy'}));
    channel.take(comm('1', 'comm_open'), client);
    expect(worker.posted[0]![3]).toBe(true);
  });

  it('may wait for an execution behind one that was stopped', async () => {
    await open();
    const cells = [request('execute_request', 'a'), request('execute_request', 'b')];
    cells.forEach(cell => channel.take(cell, client));
    const stopped = reply('execute_reply', cells[0]!, {status: 'error'});
    channel.observe({...stopped, metadata: {cause: 'interrupt'}} as Message);
    channel.take(comm('1', 'comm_open'), client);
    expect(worker.posted[0]![3]).toBe(true);
  });

  it('is not followed by idle when nothing had to wait', async () => {
    await open();
    const cell = request('execute_request', 'a');
    channel.take(cell, client);
    channel.observe(idle(cell));
    expect(worker.posted).toEqual([]);
  });
});

describe('a message of the kernel', () => {
  const frame = ['comm', 'comm_msg', '{"comm_id":"c","data":{"a":1}}', '{"m":1}', '{"msg_id":"p"}'];

  it('is delivered with its parent, metadata and buffers, in one session', async () => {
    await open();
    const {buffer} = new Uint8Array([7]);
    worker.say(...frame, buffer);
    worker.say(...frame);
    const [first, second] = client.got;
    expect(first).toMatchObject({
      channel: 'iopub',
      content: {comm_id: 'c', data: {a: 1}},
      metadata: {m: 1},
      parent_header: {msg_id: 'p'},
      header: {msg_type: 'comm_msg', session: 'kernel', username: '', version: '5.3'}
    });
    expect((first!.buffers![0] as DataView).buffer).toBe(buffer);
    expect(second!.buffers).toEqual([]);
    expect(first!.header.msg_id).not.toBe(second!.header.msg_id);
  });

  it('keeps its place among the outputs', async () => {
    await open();
    const cell = request('execute_request', 'a');
    const print = (s: string) => reply('stream', cell, {name: 'stdout', text: s});
    const stock = vi.fn();
    channel.fromKernel(print('one'), stock);
    worker.say(...frame);
    channel.fromKernel(print('two'), stock);
    expect(client.got.map(msg => msg.header.msg_type)).toEqual(['stream', 'comm_msg', 'stream']);
    expect(stock).not.toHaveBeenCalled();
  });

  it('is an error that JupyterLite tells again at the end of the cell: once is enough', async () => {
    await open();
    const cell = request('execute_request', 'a');
    const error = {ename: 'E', evalue: 'v', traceback: ['t']};
    const other = {...error, evalue: 'w'};
    const tell = (content: Plain, of = cell) =>
      channel.fromKernel(reply('error', of, content), vi.fn());
    channel.take(cell, client);
    worker.say('comm', 'error', JSON.stringify(error), '{}', JSON.stringify(cell.header));
    tell(error);
    worker.say('comm', 'error', JSON.stringify(other), '{}', JSON.stringify(cell.header));
    tell(error);
    tell({...error, traceback: []});
    tell(error, request('execute_request', 'b'));
    expect(client.heard).toEqual([
      ['error', error, 'a'],
      ['error', other, 'a'],
      ['error', error, 'b']
    ]);
  });

  it('is an error that JupyterLite tells again: the last hundred are remembered, not all', async () => {
    await open();
    const cell = request('execute_request', 'a');
    channel.take(cell, client);
    const errors = Array.from({length: 101}, (_, i) => ({
      ename: 'E',
      evalue: `${i}`,
      traceback: ['t']
    }));
    for (const error of errors) {
      worker.say('comm', 'error', JSON.stringify(error), '{}', JSON.stringify(cell.header));
    }
    const told = client.heard;
    for (const error of errors) {
      channel.fromKernel(reply('error', cell, error), vi.fn());
    }
    expect(client.heard).toEqual([...told, ['error', errors[0], 'a']]);
    expect(told.length).toBe(101);
  });

  it('takes the stock path when it is a reply', async () => {
    await open();
    const stock = vi.fn();
    const msg = reply('execute_reply', request('execute_request', 'a'), {status: 'ok'});
    channel.fromKernel(msg, stock);
    expect([stock.mock.calls, client.got]).toEqual([[[msg]], []]);
  });

  it('takes the stock path while the port is not open', async () => {
    start();
    const stock = vi.fn();
    channel.fromKernel(reply('stream', request('execute_request', 'a'), {}), stock);
    expect(stock).toHaveBeenCalledOnce();
  });

  it('reaches each client as a copy of its own', async () => {
    await open();
    const other = new FakeClient();
    channel.add(other);
    worker.say(...frame, new Uint8Array([7]).buffer);
    channel.fromKernel(reply('stream', request('execute_request', 'a'), {text: 'x'}), vi.fn());
    for (const got of [client.got, other.got]) {
      (got[0]!.content as Plain)['data'] = 'spoilt';
      (got[0]!.parent_header as Plain)['msg_id'] = 'spoilt';
      (got[0]!.buffers![0] as DataView).setUint8(0, got === client.got ? 1 : 2);
      (got[1]!.content as Plain)['text'] += got === client.got ? '1' : '2';
    }
    expect([client, other].map(({got}) => (got[0]!.buffers![0] as DataView).getUint8(0))).toEqual([
      1, 2
    ]);
    expect([client, other].map(({got}) => got[1]!.content)).toEqual([{text: 'x1'}, {text: 'x2'}]);
  });

  it('has one id, whichever client gets it', async () => {
    await open();
    const other = new FakeClient();
    channel.add(other);
    worker.say(...frame);
    channel.take(comm('1'), client);
    worker.say(...frame);
    const ids = client.got.map(({header}) => header.msg_id);
    expect(other.got.map(({header}) => header.msg_id)).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
  });

  it('has a parent header that no earlier message shares', async () => {
    await open();
    worker.say(...frame);
    (client.got[0]!.parent_header as Plain)['msg_id'] = 'spoilt';
    worker.say(...frame);
    expect(client.heard[1]![2]).toBe('p');
  });

  it('has the session of all others, whichever way it takes', async () => {
    await open();
    const print = reply('stream', request('execute_request', 'a'), {});
    channel.fromKernel(print, vi.fn());
    const stock = channel.withSession(reply('execute_reply', comm('1'), {}));
    expect([client.got[0]!, stock].map(({header}) => header.session)).toEqual(['kernel', 'kernel']);
  });

  it('is JSON, as on the stock path', async () => {
    await open();
    const cell = request('execute_request', 'a');
    channel.fromKernel(reply('display_data', cell, {data: {x: NaN, y: undefined}}), vi.fn());
    channel.fromKernel(reply('display_data', cell, {data: {x: 2n ** 60n}}), vi.fn());
    channel.fromKernel(reply('stream', cell, {text: 'next'}), vi.fn());
    expect(client.got.map(({content}) => content)).toEqual([{data: {x: null}}, {text: 'next'}]);
    expect(warned).toEqual(["lite_comms: a message 'display_data' of the kernel is no JSON"]);
  });

  it('that comes by the stock path after the hello has DataViews too', async () => {
    await open();
    const memory = new Uint8Array([1, 2, 3]).subarray(1);
    const msg = {...reply('comm_msg', comm('1'), {}), buffers: [memory]} as unknown as Message;
    channel.fromKernel(msg, vi.fn());
    const view = client.got[0]!.buffers![0] as DataView;
    expect([view.byteLength, view.getInt8(0), view.buffer.byteLength]).toEqual([2, 2, 2]);
  });

  it('reaches the others when JupyterLab refuses it for one client', async () => {
    await open();
    const other = new FakeClient();
    channel.add(other);
    client.deliver = () => {
      throw new Error('no such message');
    };
    worker.say(...frame);
    expect([other.got.length, worker.posted]).toEqual([1, []]);
    expect(warned).toEqual(["lite_comms: JupyterLab refuses a 'comm_msg' message"]);
  });

  it('whose JSON is broken is answered with an error', async () => {
    await open();
    worker.say('comm', 'comm_msg', '{', '{}', '{}');
    expect(worker.posted).toEqual([['error', expect.stringMatching('SyntaxError'), 0]]);
  });

  it('does not reach a client that is closed or gone', async () => {
    await open();
    const gone = new FakeClient();
    channel.add(gone);
    channel.remove(gone);
    client.isOpen = false;
    worker.say(...frame);
    expect([client.got, gone.got]).toEqual([[], []]);
  });

  it('that is no frame is answered with an error', async () => {
    await open();
    worker.say('nonsense');
    expect(worker.posted).toEqual([['error', 'FrameError: unknown frame type "nonsense"', 0]]);
  });
});

describe('the state that JupyterLab shows', () => {
  beforeEach(() => void vi.useFakeTimers());
  const shown = () => client.heard.filter(([, , parent]) => parent === undefined);

  it('does not change for a message that is handled soon', async () => {
    await open();
    channel.take(comm('1'), client);
    vi.advanceTimersByTime(50);
    worker.say('ack', 1);
    vi.advanceTimersByTime(1000);
    expect(shown()).toEqual([]);
  });

  it('is busy while a message takes long, and idle after', async () => {
    await open();
    channel.take(comm('1'), client);
    vi.advanceTimersByTime(150);
    worker.say('ack', 1);
    expect(shown()).toEqual([
      ['status', {execution_state: 'busy'}, undefined],
      ['status', {execution_state: 'idle'}, undefined]
    ]);
  });

  it('is busy for a slow message on the stock path as well', async () => {
    channel.observe(reply('status', comm('1'), {execution_state: 'busy'}));
    vi.advanceTimersByTime(150);
    channel.observe(idle(comm('1')));
    expect(shown()).toEqual([
      ['status', {execution_state: 'busy'}, undefined],
      ['status', {execution_state: 'idle'}, undefined]
    ]);
  });

  it('is busy at once where a callback says something, for its log entry ends with a status', async () => {
    await open();
    const says = (n: number) => {
      const parent = JSON.stringify(comm(`${n}`).header);
      worker.say('comm', 'stream', '{"name":"stdout","text":"x"}', '{}', parent);
    };
    channel.take(comm('1'), client);
    says(1);
    worker.say('ack', 1);
    expect(shown()).toEqual([['status', {execution_state: 'busy'}, undefined]]);
    vi.advanceTimersByTime(50);
    says(1); // a task that goes on
    vi.advanceTimersByTime(99);
    expect(shown()).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(shown().slice(1)).toEqual([['status', {execution_state: 'idle'}, undefined]]);
    channel.take(comm('2'), client);
    says(2);
    vi.advanceTimersByTime(1000);
    expect(shown().slice(2)).toEqual([['status', {execution_state: 'busy'}, undefined]]);
    worker.say('ack', 2);
    expect(shown().slice(3)).toEqual([['status', {execution_state: 'idle'}, undefined]]);
  });

  it('is busy at once also where it says so on the stock path', () => {
    channel.fromKernel({...reply('stream', comm('0'), {}), parent_header: undefined!}, vi.fn());
    expect(shown()).toEqual([]);
    channel.fromKernel(reply('error', comm('1'), {}), vi.fn());
    vi.advanceTimersByTime(1000);
    expect(shown()).toEqual([
      ['status', {execution_state: 'busy'}, undefined],
      ['status', {execution_state: 'idle'}, undefined]
    ]);
  });

  it('is left to the cell while one runs', async () => {
    await open();
    channel.take(request('execute_request', 'a'), client);
    channel.take(comm('1'), client);
    vi.advanceTimersByTime(150);
    worker.say('ack', 1);
    expect(shown()).toEqual([]);
  });
});

describe("a kernel's half that comes late", () => {
  it('opens the port when nothing is under way on the stock path', async () => {
    start();
    await ready();
    const early = comm('1');
    expect(channel.take(early, client)).toBe(false);
    worker.say('hello', VERSION, '0.1.0');
    expect(worker.posted).toEqual([[...HELLO, 'later']]);
    channel.observe(idle(early));
    expect(worker.posted).toEqual([[...HELLO, 'later'], HELLO]);
    expect(channel.take(comm('2'), client)).toBe(true);
  });

  it('holds what is sent meanwhile, so that the stock path becomes quiet under any traffic', async () => {
    start();
    await ready();
    const early = comm('1');
    channel.take(early, client);
    worker.say('hello', VERSION, '0.1.0');
    expect([channel.take(comm('2'), client), channel.take(comm('3'), client)]).toEqual([
      true,
      true
    ]);
    expect([worker.posted, client.stock]).toEqual([[[...HELLO, 'later']], []]);
    channel.observe(idle(early));
    await left();
    expect(worker.posted.map(([type, id]) => [type, id])).toEqual([
      ['hello', VERSION],
      ['hello', VERSION],
      ['comm', 1],
      ['comm', 2]
    ]);
    expect(client.stock).toEqual([]);
  });

  it('sends what it holds by the stock path before a cell that comes behind it', async () => {
    start();
    await ready();
    channel.take(comm('1'), client);
    worker.say('hello', VERSION, '0.1.0');
    channel.take(comm('2'), client);
    const cell = request('execute_request', 'a');
    expect(channel.take(cell, client)).toBe(true);
    expect(client.stock.map(({header}) => header.msg_id)).toEqual(['2', 'a']);
    channel.take(comm('3'), client);
    channel.observe(idle(cell));
    await left();
    expect(worker.posted.slice(1).map(([type, id]) => [type, id])).toEqual([
      ['hello', VERSION],
      ['comm', 1]
    ]);
  });

  it('does not wait for messages that Stop has thrown away', async () => {
    start();
    await ready();
    channel.take(comm('1'), client);
    worker.say('hello', VERSION, '0.1.0');
    const cell = request('execute_request', 'a');
    channel.take(cell, client);
    expect(worker.posted).toEqual([[...HELLO, 'later']]);
    channel.observe(idle(cell));
    expect(worker.posted).toEqual([[...HELLO, 'later'], HELLO]);
  });

  describe('behind the cell that brings it', () => {
    beforeEach(async () => {
      vi.useFakeTimers();
      start();
      await ready();
      const cell = request('execute_request', 'a');
      channel.take(cell, client);
      channel.observe(reply('status', cell, {execution_state: 'busy'}));
      channel.take(comm('1'), client); // a click, behind the cell
      worker.say('hello', VERSION, '0.1.0');
      channel.take(comm('2'), client);
      expect([worker.posted, client.stock]).toEqual([[[...HELLO, 'later']], []]);
    });

    it('does not wait for what Stop drops', async () => {
      expect(channel.interrupt()).toBe(false);
      await left();
      expect(worker.posted.slice(1).map(([type]) => type)).toEqual(['hello', 'comm']);
    });

    it('holds nothing for long, and tries again', async () => {
      vi.advanceTimersByTime(1000);
      expect(client.stock.map(({header}) => header.msg_id)).toEqual(['2']);
      channel.take(comm('3'), client);
      channel.observe(idle(comm('2')));
      await left();
      expect(worker.posted.slice(1).map(([type]) => type)).toEqual(['hello', 'comm']);
      expect(client.stock.length).toBe(1);
    });
  });

  it('that has left again in the meantime is not answered', async () => {
    start();
    await ready();
    const early = comm('1');
    channel.take(early, client);
    worker.say('hello', VERSION, '0.1.0');
    worker.say('bye');
    channel.observe(idle(early));
    expect([worker.posted, channel.take(comm('2'), client)]).toEqual([
      [[...HELLO, 'later'], ['bye']],
      false
    ]);
  });
});

describe('the end', () => {
  it("is the kernel's bye: it is answered, and comms take the stock path", async () => {
    await open();
    worker.say('bye');
    expect(worker.posted).toEqual([['bye']]);
    expect(channel.take(comm('1'), client)).toBe(false);
  });

  it("is the kernel's bye: what waits for a kernel that starts goes by the stock path", async () => {
    start();
    const early = comm('1');
    channel.take(early, client);
    worker.say('hello', VERSION, '0.1.0');
    worker.say('bye');
    await ready();
    expect([client.stock, worker.posted]).toEqual([[early], [HELLO, ['bye']]]);
  });

  it('is told when there is neither a kernel nor a client', async () => {
    const onEnd = vi.fn();
    channel = new Channel(OPTIONS, onEnd);
    channel.add(client);
    worker = new FakeWorker();
    const port = channel.attach(worker as unknown as Worker, {ready: Promise.resolve()});
    channel.remove(client);
    expect(onEnd).not.toHaveBeenCalled();
    channel.detach(port);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('is told of the end where no kernel has come', () => {
    const onEnd = vi.fn();
    channel = new Channel(OPTIONS, onEnd);
    channel.endIfUnused();
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('of a kernel leaves nothing of it behind', async () => {
    await open();
    channel.take(comm('1'), client);
    const old = worker;
    start();
    old.say('ack', 1);
    worker.say('ack', 1);
    expect(client.heard).toEqual([['status', {execution_state: 'busy'}, '1']]);
    expect(channel.take(comm('2'), client)).toBe(true);
    expect(old.posted.length).toBe(1);
  });
});

describe('a kernel whose worker ends without a word', () => {
  let free: () => void;
  let aborted: boolean;

  beforeEach(() => {
    const request = (_: string, {signal}: {signal: AbortSignal}, f: () => void) =>
      new Promise<void>(resolve => {
        free = () => resolve(f());
        signal.addEventListener('abort', () => (aborted = true));
      });
    aborted = false;
    vi.stubGlobal('navigator', {locks: {request}});
    vi.stubGlobal('addEventListener', () => undefined);
    vi.useFakeTimers();
    return () => vi.unstubAllGlobals();
  });

  it('has died: the page says in its hello that it can notice that, and waits for a lock', async () => {
    await open();
    worker.say('hello', VERSION, '0.1.0');
    expect(worker.posted).toEqual([[...HELLO, 'locks']]);
    const cell = request('execute_request', 'a');
    channel.take(cell, client);
    worker.say('lock', 'lite_comms.1');
    free();
    await vi.advanceTimersByTimeAsync(1000);
    expect(warned[0]).toContain('the kernel has died (its worker has ended)');
    expect(aborted).toBe(true);
  });

  it('has not died when it is disposed, or has said why before', async () => {
    await open();
    worker.say('lock', 'lite_comms.1');
    worker.say('died', 'fatal');
    free();
    await vi.advanceTimersByTimeAsync(1000);
    expect([warned.length, aborted]).toEqual([1, true]);
  });
});

describe('a kernel that has died', () => {
  /** A kernel that has died while a comm_open waited in it for the end of a cell. */
  async function die(): Promise<Message> {
    await open('interrupt');
    const cell = request('execute_request', 'a');
    channel.take(cell, client);
    channel.take(comm('1', 'comm_open'), client);
    worker.say('died', 'fatal');
    worker.posted.length = 0;
    client.got.length = 0;
    return cell;
  }

  it('is sent nothing more, whatever happens', async () => {
    const cell = await die();
    worker.say('hello', VERSION, '0.1.0');
    worker.say('bye');
    channel.observe(idle(cell));
    channel.forget('page');
    channel.interrupt();
    channel.abandon({ename: 'E', evalue: 'v'});
    channel.take(comm('2'), client);
    expect(worker.posted).toEqual([]);
  });

  it('has each message answered in its place, a comm_open with a comm_close', async () => {
    vi.useFakeTimers();
    await die();
    const cell = request('execute_request', 'b');
    expect([cell, comm('2', 'comm_open')].map(msg => channel.take(msg, client))).toEqual([
      true,
      true
    ]);
    vi.advanceTimersByTime(1);
    expect(client.heard.map(([type, , parent]) => [type, parent])).toEqual([
      ['error', 'b'],
      // The reply is for the client with the session of the request.
      ['status', 'b'],
      ['comm_close', '2'],
      ['status', '2']
    ]);
    expect(client.stock).toEqual([]);
  });

  it('is dead until there is another', async () => {
    await die();
    start();
    worker.say('hello', VERSION, '0.1.0');
    await ready();
    channel.take(comm('2'), client);
    expect(worker.posted.map(([type]) => type)).toEqual(['hello', 'comm']);
  });
});

describe('Stop', () => {
  const STOP_URLS = ['watch', 1, 'blob:u', 'blob:u', 'blob:u', 'blob:u'];

  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:u');
    vi.spyOn(URL, 'revokeObjectURL').mockReturnValue();
  });

  afterEach(() => void vi.unstubAllGlobals());

  it('is sent to a kernel that knows it, by a number', () => {
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt');
    expect(worker.posted).toEqual([HELLO, STOP_URLS]);
    channel.interrupt();
    channel.interrupt();
    expect(worker.posted.filter(([type]) => type === 'interrupt')).toEqual([
      ['interrupt', 1],
      ['interrupt', 2]
    ]);
  });

  it('is not sent to one that does not, to none, and not after its bye', async () => {
    channel.interrupt();
    await open();
    channel.interrupt();
    expect(worker.posted).toEqual([]);
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt');
    worker.say('bye');
    worker.posted.length = 0;
    channel.interrupt();
    expect(worker.posted).toEqual([]);
  });

  it('is sent to a kernel that says only later that it knows it', async () => {
    await open('begun');
    worker.say('hello', VERSION, '0.1.0', 'begun', 'interrupt');
    expect(worker.posted).toEqual([HELLO, STOP_URLS]);
    channel.interrupt();
    expect(worker.posted.at(-1)).toEqual(['interrupt', 1]);
  });

  it('goes by shared memory where there is such', () => {
    vi.stubGlobal('crossOriginIsolated', true);
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt');
    const [, [, words]] = worker.posted as [unknown, [string, Int32Array]];
    expect(words.length).toBe(4);
    channel.interrupt();
    expect(words[0]).toBe(1);
  });

  it('tells which comms have messages that are not handled while a cell runs', async () => {
    const onDeaf = vi.fn((_: string, __: readonly string[]) => () => undefined);
    channel = new Channel({...OPTIONS, onDeaf});
    await open('interrupt', 'begun');
    const cell = request('execute_request', 'a');
    const stop = () => {
      channel.interrupt();
      vi.advanceTimersByTime(10_000);
      worker.say('interrupted', 99);
    };
    channel.take(comm('1', 'comm_msg', {comm_id: 'x'}), client);
    stop();
    channel.take(cell, client);
    channel.take(comm('2', 'comm_msg', {comm_id: 'y'}), client);
    channel.observe(reply('status', cell, {execution_state: 'busy'}));
    stop();
    worker.say('begun', 'a');
    stop();
    worker.say('ack', 1);
    stop();
    expect(onDeaf.mock.calls).toEqual([
      ['kernel', []],
      ['kernel', ['x']],
      ['kernel', ['x', 'y']],
      ['kernel', ['y']]
    ]);
  });

  it('tells of a kernel that takes no notice, unless that says so', () => {
    const onDeaf = vi.fn(() => () => undefined);
    channel = new Channel({...OPTIONS, onDeaf});
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt');
    channel.interrupt();
    worker.say('interrupted', 1);
    vi.advanceTimersByTime(10_000);
    expect(onDeaf).not.toHaveBeenCalled();
    channel.interrupt();
    vi.advanceTimersByTime(10_000);
    expect(onDeaf).toHaveBeenCalledWith('kernel', []);
  });
});

describe('shared memory', () => {
  beforeEach(() => void vi.stubGlobal('crossOriginIsolated', true));

  afterEach(() => void vi.unstubAllGlobals());

  const words = () => (worker.posted.find(([type]) => type === 'watch') as [string, Int32Array])[1];

  it('has a message as well while a cell runs, for a kernel that reads it there', async () => {
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt', 'inbox');
    await ready();
    channel.take(comm('1'), client);
    expect(words()[1]).toBe(0);
    channel.take(request('execute_request', 'x'), client);
    channel.take(comm('1'), client);
    expect(words()[1]).toBeGreaterThan(100);
    await left();
    expect(worker.posted.filter(([type]) => type === 'comm').length).toBe(2);
  });

  it('has a message that has waited for a cell', async () => {
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt', 'inbox', 'begun');
    await ready();
    channel.take(request('execute_request', 'x'), client);
    channel.take(comm('1'), client);
    expect(words()[1]).toBe(0);
    worker.say('begun', 'x');
    expect(words()[1]).toBeGreaterThan(100);
  });

  it('comes with the id of the last message so far', async () => {
    start();
    worker.say('hello', VERSION, '0.1.0', 'interrupt', 'inbox');
    await ready();
    channel.take(comm('1'), client);
    channel.take(comm('2'), client);
    worker.say('bye');
    const cell = request('execute_request', 'x');
    channel.take(cell, client);
    worker.say('hello', VERSION, '0.1.0', 'interrupt', 'inbox');
    channel.observe(idle(cell));
    const watched = worker.posted.filter(([type]) => type === 'watch');
    expect(watched.map(([, , last]) => last)).toEqual([0, 2]);
  });

  it('has none for another kernel, or where the site has turned it off', async () => {
    for (const [options, can] of [
      [OPTIONS, ['interrupt']],
      [{...OPTIONS, live: false}, ['interrupt', 'inbox']]
    ] as const) {
      channel = new Channel(options);
      start();
      worker.say('hello', VERSION, '0.1.0', ...can);
      await ready();
      channel.take(request('execute_request', 'x'), client);
      channel.take(comm('1'), client);
      expect([words().length, words()[1]]).toEqual([4, 0]);
    }
  });
});

it('what was taken back and cannot be sent is handled, and loses nothing behind it', async () => {
  Object.assign(client, {session: 'page'});
  start();
  const update = (id: string, state: object) => {
    const msg = comm(id, 'comm_msg', {comm_id: id, data: {method: 'update', state}});
    return {msg, done: new Promise(() => {})};
  };
  const deep = JSON.parse('{"a":'.repeat(501) + '1' + '}'.repeat(501)) as object;
  channel.resume([update('1', deep), update('2', {})], undefined);
  worker.say('hello', VERSION, '0.1.0');
  await left();
  expect(worker.posted.map(([type]) => type)).toEqual(['hello', 'comm']);
  expect(client.heard.map(([, content, id]) => [content, id])).toEqual([
    [{execution_state: 'idle'}, '1'],
    [{execution_state: 'busy'}, '2']
  ]);
  expect(warned).toEqual(['lite_comms: a comm message has not been sent']);
});

it('what was taken back is forgotten when the kernel is gone', () => {
  Object.assign(client, {session: 'page'});
  const msg = comm('1', 'comm_msg', {comm_id: 'c', data: {method: 'update', state: {}}});
  const takeBack = () => {
    start();
    channel.resume([{msg, done: new Promise(() => {})}], undefined);
    worker.say('hello', VERSION, '0.1.0');
    expect(worker.posted.map(([type]) => type)).toEqual(['hello', 'comm']);
  };
  takeBack();
  expect([1, 2].map(() => channel.isTakenBack(msg))).toEqual([true, false]);
  takeBack();
  start(); // another kernel
  expect(channel.isTakenBack(msg)).toBe(false);
});
