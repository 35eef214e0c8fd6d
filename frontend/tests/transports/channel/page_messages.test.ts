/** Comm messages of the page: which way they go, and how they are answered. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {VERSION} from '../../../src/wire/frames';
import {
  channel,
  client,
  comm,
  HELLO,
  left,
  type Message,
  open,
  ready,
  reply,
  request,
  start,
  text,
  warned,
  worker
} from './a_channel';

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
