/** A kernel's half that is loaded when messages are under way already. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {VERSION} from '../../../src/wire/frames';
import {
  channel,
  client,
  comm,
  HELLO,
  idle,
  left,
  ready,
  reply,
  request,
  start,
  warned,
  worker
} from './a_channel';

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
