/** A request, and all the ways in which it ends. */
import {readFileSync} from 'node:fs';
import {describe, expect, it, vi} from 'vitest';
import {comm, dataOf, line, makeComm} from './a_comm';

/** Also those of Python's tests. */
const malformed: {error: unknown; field: string}[] = JSON.parse(
  readFileSync(new URL('../../../tests/request_errors.json', import.meta.url), 'utf-8')
);

/** How a promise has ended. */
const ending = (promise: Promise<unknown>) =>
  promise.then(
    value => ['resolved', value],
    ({name, message}: Error) => [name, message]
  );

describe('a request', () => {
  it('is a message with its data as it is given, and an id in its metadata', () => {
    void comm.request({n: 1}, {metadata: {m: 2}, buffers: [new Uint8Array([7])]});
    void comm.request();
    expect(line.wire).toEqual([
      [{n: 1}, {m: 2, lite_comms: {request: '1'}}],
      [{}, {lite_comms: {request: '2'}}]
    ]);
    expect((line.sent[0]!.buffers![0] as DataView).getUint8(0)).toBe(7);
  });

  it('is resolved with the reply as it came: any JSON value, metadata, buffers', async () => {
    const asked = comm.request();
    const view = new DataView(new ArrayBuffer(1));
    line.say([null, 3], {lite_comms: {reply: '1'}, m: 4}, [view]);
    expect(await asked).toMatchObject({content: {data: [null, 3]}, buffers: [view]});
    expect((await asked).metadata).toEqual({m: 4});
  });

  it('has an id that no other page uses', async () => {
    vi.resetModules();
    const another = await import('../../src/api/parts/requests');
    vi.resetModules();
    const third = await import('../../src/api/parts/requests');
    expect(another.ids.page).toMatch(/^\d+-\d+-$/);
    expect(third.ids.page).not.toBe(another.ids.page);
  });

  it('is not taken for one of an earlier comm, whose answer comes late', async () => {
    void comm.request().catch(() => undefined);
    comm.close();
    makeComm();
    const asked = comm.request();
    line.say('late', {lite_comms: {reply: '1'}});
    line.say('mine', {lite_comms: {reply: '2'}});
    expect(dataOf(await asked)).toBe('mine');
  });

  it('takes the reply that has its id, whatever their order', async () => {
    const asked = [comm.request('a'), comm.request('b')];
    line.say('for b', {lite_comms: {reply: '2'}});
    line.say('for a', {lite_comms: {reply: '1'}});
    expect((await Promise.all(asked)).map(dataOf)).toEqual(['for a', 'for b']);
  });

  it('is rejected with the exception of the other end', async () => {
    const error = {ename: 'ValueError', evalue: 'no', traceback: ['line 1', 'line 2']};
    const asked = comm.request();
    line.say({}, {lite_comms: {reply: '1', error}});
    await expect(asked).rejects.toMatchObject({name: 'RequestError', ...error});
    await expect(asked).rejects.toThrow("request of comm 't' (one): ValueError: no");
  });

  it.each(malformed)('is rejected by an error without a valid $field', async ({error, field}) => {
    const asked = comm.request();
    line.say({}, {lite_comms: {reply: '1', error}});
    await expect(asked).rejects.toMatchObject({
      name: 'RequestError',
      ename: 'ProtocolError',
      evalue: `the answer's metadata.lite_comms.error has no valid ${field}: ${JSON.stringify(error)}`
    });
  });

  it('ends after its time, and the other end is told', async () => {
    vi.useFakeTimers();
    const asked = ending(comm.request({}, {timeout_ms: 50}));
    await vi.advanceTimersByTimeAsync(49);
    expect(line.sent.length).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await asked).toEqual(['TimeoutError', "request of comm 't' (one): no answer in 50 ms"]);
    expect(line.wire[1]).toEqual([{}, {lite_comms: {cancel: '1'}}]);
    line.say('late', {lite_comms: {reply: '1'}}); // dropped
  });

  it('that is answered is not cancelled after its time', async () => {
    vi.useFakeTimers();
    const asked = comm.request({}, {timeout_ms: 50});
    line.say(1, {lite_comms: {reply: '1'}});
    await asked;
    await vi.advanceTimersByTimeAsync(100);
    expect([line.sent.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('of an endless time does not end at once', async () => {
    vi.useFakeTimers();
    const asked = comm.request({}, {timeout_ms: Infinity});
    await vi.advanceTimersByTimeAsync(1000);
    line.say('answer', {lite_comms: {reply: '1'}});
    expect(dataOf(await asked)).toBe('answer');
  });

  it('ends when its signal is aborted, with the reason of the signal', async () => {
    const stop = new AbortController();
    const asked = ending(comm.request({}, {signal: stop.signal}));
    stop.abort();
    expect((await asked)[0]).toBe('AbortError');
    expect(line.wire[1]).toEqual([{}, {lite_comms: {cancel: '1'}}]);
  });

  it('is cancelled once, also when its time ends as its signal is aborted', async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const asked = ending(comm.request({}, {timeout_ms: 50, signal: stop.signal}));
    vi.advanceTimersByTime(50);
    expect((await asked)[0]).toBe('AbortError');
    expect(line.wire.slice(1)).toEqual([[{}, {lite_comms: {cancel: '1'}}]]);
  });

  it('whose signal is aborted already is not sent', async () => {
    const reason = new Error('changed my mind');
    await expect(comm.request({}, {signal: AbortSignal.abort(reason)})).rejects.toBe(reason);
    expect(line.sent).toEqual([]);
  });

  it('that is answered listens to its signal no longer', async () => {
    const stop = new AbortController();
    const asked = comm.request({}, {signal: stop.signal});
    line.say(1, {lite_comms: {reply: '1'}});
    await asked;
    stop.abort();
    expect(line.sent.length).toBe(1);
  });

  it.each([
    ['this end', () => void comm.close(), ''],
    ['the other end', () => line.end(), ''],
    [
      'the other end with a reason',
      () => line.end({lite_comms: {ename: 'KernelRestarted', evalue: 'again'}}),
      'KernelRestarted: again'
    ]
  ])('ends when %s closes the comm', async (_, close, reason) => {
    const asked = comm.request();
    close();
    await expect(asked).rejects.toMatchObject({
      name: 'ClosedError',
      message: `comm 't' (one) is closed${reason && `: ${reason}`}`,
      reason
    });
    await expect(comm.request()).rejects.toMatchObject({name: 'ClosedError', reason});
  });

  it.each([
    ['data that cannot be sent', {n: 1n}, {}, "comm 't' (one) cannot send: "],
    [
      'metadata of ours',
      {},
      {metadata: {lite_comms: 1}},
      "comm 't' (one) cannot send: metadata of a request or reply on comm 't' (one) has the key " +
        "'lite_comms'"
    ],
    ['a text for a time', {}, {timeout_ms: '50' as never}, 'is no time: 50'],
    ['no time', {}, {timeout_ms: 'soon' as never}, "timeout_ms of request of comm 't' (one)"],
    [
      'a negative time',
      {},
      {timeout_ms: -1},
      "timeout_ms of request of comm 't' (one) is no time: -1"
    ]
  ])('with %s is rejected, and not sent', async (_, data, options, message) => {
    await expect(comm.request(data, options)).rejects.toThrow(message);
    expect(line.sent).toEqual([]);
  });

  it('is rejected when the line fails', async () => {
    line.broken = new Error('Kernel is dead');
    await expect(comm.request()).rejects.toThrow("comm 't' (one) cannot send: Kernel is dead");
  });

  it('is no ordinary message: no callback gets it, nor what belongs to it', async () => {
    const heard: unknown[] = [];
    comm.onMsg(msg => heard.push(dataOf(msg)));
    line.say('reply', {lite_comms: {reply: '9'}});
    line.say('cancel', {lite_comms: {cancel: '9'}});
    line.say('not ours', {lite_comms: {request: 9}});
    line.say('ordinary', {lite_comms: 'x'});
    expect(heard).toEqual(['not ours', 'ordinary']);
  });
});
