/** Comm messages that are sent while cells wait or run. */
import {describe, expect, it, vi} from 'vitest';
import {VERSION} from '../../../src/wire/frames';
import {
  channel,
  client,
  comm,
  idle,
  left,
  type Message,
  open,
  type Plain,
  ready,
  reply,
  request,
  start,
  text,
  worker
} from './a_channel';

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
