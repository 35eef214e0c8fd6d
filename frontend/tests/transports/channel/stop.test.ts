/** What reaches a kernel while its code runs: Stop, and comm messages in shared memory. */
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {VERSION} from '../../../src/wire/frames';
import {
  channel,
  client,
  comm,
  HELLO,
  idle,
  left,
  makeChannel,
  open,
  ready,
  reply,
  request,
  start,
  worker
} from './a_channel';

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
    makeChannel({onDeaf});
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
    makeChannel({onDeaf});
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
      [{}, ['interrupt']],
      [{live: false}, ['interrupt', 'inbox']]
    ] as const) {
      makeChannel(options);
      start();
      worker.say('hello', VERSION, '0.1.0', ...can);
      await ready();
      channel.take(request('execute_request', 'x'), client);
      channel.take(comm('1'), client);
      expect([words().length, words()[1]]).toEqual([4, 0]);
    }
  });
});
