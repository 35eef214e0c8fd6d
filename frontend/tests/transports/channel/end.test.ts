/** The ends of a kernel and of its channel. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {VERSION} from '../../../src/wire/frames';
import {
  channel,
  client,
  comm,
  FakeWorker,
  HELLO,
  idle,
  makeChannel,
  type Message,
  open,
  ready,
  request,
  start,
  warned,
  worker
} from './a_channel';

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
    makeChannel({}, onEnd);
    channel.add(client);
    const port = channel.attach(new FakeWorker() as unknown as Worker, {
      ready: Promise.resolve()
    });
    channel.remove(client);
    expect(onEnd).not.toHaveBeenCalled();
    channel.detach(port);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('is told of the end where no kernel has come', () => {
    const onEnd = vi.fn();
    makeChannel({}, onEnd);
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
