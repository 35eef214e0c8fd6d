import {readFileSync} from 'node:fs';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import type {Comm} from '../../src/api/comm';
import type {IMessage} from '../../src/api/messages';
import {ids} from '../../src/api/parts/requests';
import {alone, type FakeLine, pair} from '../parts/lines';

/** Also those of Python's tests. */
const malformed: {error: unknown; field: string}[] = JSON.parse(
  readFileSync(new URL('../../../tests/request_errors.json', import.meta.url), 'utf-8')
);

let comm: Comm;
let line: FakeLine;
let shown: unknown[][];

beforeEach(() => {
  Object.assign(ids, {last: 0, page: ''});
  ({comm, line} = alone());
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => shown.push(args));
});

afterEach(() => {
  vi.useRealTimers();
  expect(shown).toEqual([]);
});

const dataOf = ({content}: IMessage) => content.data;

/** How a promise has ended. */
const ending = (promise: Promise<unknown>) =>
  promise.then(
    value => ['resolved', value],
    ({name, message}: Error) => [name, message]
  );

const turn = () => new Promise(resolve => setTimeout(resolve));

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
    ({comm, line} = alone());
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

describe('on_request', () => {
  /** Have the other end ask, and return what this one has answered. */
  const ask = async (data: unknown = {}, id = '1') => {
    const before = line.sent.length;
    line.say(data, {lite_comms: {request: id}});
    await turn();
    return line.wire.slice(before);
  };

  it.each([
    ['a value', 3, 3],
    ['null', null, null],
    ['nothing', undefined, null],
    ['what looks like a reply', {data: 1, buffers: []}, {data: 1, buffers: []}],
    ['a promise', Promise.resolve([1]), [1]]
  ])('that returns %s answers with it', async (_, value, data) => {
    comm.onRequest(() => value);
    expect(await ask()).toEqual([[data, {lite_comms: {reply: '1'}}]]);
  });

  it('gets the message, and answers with buffers and metadata by reply()', async () => {
    comm.onRequest<{n: number}>((msg, {reply}) =>
      reply(msg.content.data.n + 1, {buffers: [new Uint8Array([5])], metadata: {m: 1}})
    );
    expect(await ask({n: 1})).toEqual([[2, {m: 1, lite_comms: {reply: '1'}}]]);
    expect((line.sent[0]!.buffers![0] as DataView).getUint8(0)).toBe(5);
  });

  it.each([
    ['raises', () => fail(), 'RangeError', 'no room'],
    ['rejects', async () => fail(), 'RangeError', 'no room'],
    [
      'returns binary data',
      () => ({picture: new Uint8Array(1)}),
      'TypeError',
      "onRequest of comm 't' (one) has returned binary data in 'picture': return reply(data, {buffers})"
    ],
    [
      'returns a function',
      () => () => 1,
      'TypeError',
      "onRequest of comm 't' (one) has returned a function, which is no data"
    ]
  ])('that %s answers with the error', async (_, f, ename, evalue) => {
    comm.onRequest(f);
    const [[data, metadata]] = (await ask()) as [[unknown, {lite_comms: {error: {traceback: []}}}]];
    const {traceback} = metadata.lite_comms.error;
    expect(data).toEqual({});
    expect(metadata).toEqual({lite_comms: {reply: '1', error: {ename, evalue, traceback}}});
    expect(traceback.length).toBeGreaterThan(1);
  });

  const fail = () => {
    throw new RangeError('no room');
  };

  it('whose buffers cannot be sent answers with that error', async () => {
    comm.onRequest((_, {reply}) => reply(1, {buffers: ['text' as never]}));
    const [[, metadata]] = (await ask()) as [[unknown, {lite_comms: {error: object}}]];
    expect(metadata.lite_comms.error).toMatchObject({
      ename: 'TypeError',
      evalue: "buffers[0] of comm 't' (one) is neither an ArrayBuffer nor a view, but string"
    });
  });

  it('gets the metadata without what makes it a request', async () => {
    comm.onRequest(msg => msg.metadata);
    line.say({}, {lite_comms: {request: '1'}, m: 2});
    await turn();
    expect(line.wire).toEqual([[{m: 2}, {lite_comms: {reply: '1'}}]]);
  });

  it('is not called for a second request of an id that it is still at, which is shown', async () => {
    const asked: unknown[] = [];
    comm.onRequest(msg => {
      asked.push(dataOf(msg));
      return new Promise(() => undefined);
    });
    await ask('a', '1');
    await ask('b', '1');
    expect([asked, line.sent]).toEqual([['a'], []]);
    expect(shown.splice(0)).toEqual([
      ["lite_comms: comm 't' (one): the other end asks twice under the id '1'"]
    ]);
  });

  it('that is missing is an error that says so', async () => {
    const error = {
      ename: 'NoRequestHandler',
      evalue: "comm 't' (one) has no handler; onRequest registers one",
      traceback: []
    };
    expect(await ask()).toEqual([[{}, {lite_comms: {reply: '1', error}}]]);
  });

  it('refuses what is not a function', () => {
    expect(() => comm.onRequest(3 as never)).toThrow(
      "onRequest of comm 't' (one) takes a function, not number"
    );
  });

  it('begins in the order of the requests, and answers in any', async () => {
    const begun: unknown[] = [];
    const ends: (() => void)[] = [];
    comm.onRequest(msg => {
      begun.push(dataOf(msg));
      return new Promise(resolve => ends.push(() => resolve(dataOf(msg))));
    });
    await ask('a', '1');
    await ask('b', '2');
    expect(begun).toEqual(['a', 'b']);
    ends[1]!();
    await turn();
    ends[0]!();
    await turn();
    expect(line.wire).toEqual([
      ['b', {lite_comms: {reply: '2'}}],
      ['a', {lite_comms: {reply: '1'}}]
    ]);
  });

  it.each([
    ['cancels', () => line.say({}, {lite_comms: {cancel: '1'}}), 'AbortError'],
    ['closes the comm', () => line.end(), 'ClosedError']
  ])('is told by its signal that the other end %s, and answers nothing', async (_, end, name) => {
    let signal: AbortSignal | undefined;
    comm.onRequest((_, context) => {
      ({signal} = context);
      return new Promise(resolve => signal!.addEventListener('abort', () => resolve(1)));
    });
    await ask();
    end();
    await turn();
    expect([signal!.aborted, signal!.reason.name, line.sent]).toEqual([true, name, []]);
  });

  it.each([
    ['an exception of its own', () => new RangeError('late'), 1],
    ['the reason of its signal', (signal: AbortSignal) => signal.reason, 0],
    ['an AbortError', () => new DOMException('stopped', 'AbortError'), 0]
  ])('that raises %s when nobody waits any longer', async (_, errorOf, times) => {
    comm.onRequest((_, {signal}) => {
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(errorOf(signal)))
      );
    });
    await ask();
    line.say({}, {lite_comms: {cancel: '1'}});
    await turn();
    const text = "lite_comms: the onRequest callback of comm 't' (one) raised";
    expect(shown.splice(0).map(([text, error]) => [text, `${error}`])).toEqual(
      Array(times).fill([text, 'RangeError: late'])
    );
    expect(line.sent).toEqual([]);
  });

  it('that cannot answer at all shows why', async () => {
    comm.onRequest(() => 1);
    line.broken = new Error('Kernel is dead');
    await ask();
    expect(shown.splice(0).map(([line, error]) => [line, `${error}`])).toEqual([
      [
        "lite_comms: the end of a request of comm 't' (one) cannot be told",
        "Error: comm 't' (one) cannot send: Kernel is dead"
      ]
    ]);
  });
});

describe('between two ends', () => {
  it('a handler of a message may ask, and the answer comes while it waits', async () => {
    const {here, there} = pair();
    there.comm.onRequest(msg => `${dataOf(msg)}!`);
    const heard: unknown[] = [];
    here.comm.onMsg(async () => heard.push(dataOf(await here.comm.request('hm'))));
    there.comm.send();
    await turn();
    expect(heard).toEqual(['hm!']);
  });

  it('a handler of a request may ask back', async () => {
    const {here, there} = pair();
    here.comm.onRequest(() => 'you');
    there.comm.onRequest(async () => `me and ${dataOf(await there.comm.request())}`);
    expect(dataOf(await here.comm.request())).toBe('me and you');
  });

  it('each request of a storm ends exactly once', async () => {
    // Numbers that look random, the same in each run.
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const later = () => new Promise(resolve => setTimeout(resolve, random() * 8));
    const counts: {[how: string]: number} = {};
    const count = (how: string) => (counts[how] = (counts[how] ?? 0) + 1);
    let [asked, running] = [0, 0];
    const ends = async (side: {comm: Comm}, other: {comm: Comm}) => {
      const kind = random();
      const stop = new AbortController();
      const options = {
        ...(kind < 0.2 && {timeout_ms: random() * 6}),
        ...(kind > 0.2 && kind < 0.4 && {signal: stop.signal})
      };
      asked++;
      const number = asked;
      const promise = side.comm.request({number, kind: random()}, options);
      setTimeout(() => stop.abort(), random() * 6);
      if (random() < 0.005) {
        setTimeout(() => (random() < 0.5 ? side : other).comm.close(), random() * 6);
      }
      try {
        count(dataOf(await promise) === number ? 'answered' : 'wrong answer');
      } catch (error) {
        count((error as Error).name);
      }
    };
    const answers = (side: {comm: Comm}) =>
      side.comm.onRequest<{number: number; kind: number}>(async ({content}) => {
        running++;
        try {
          const {number, kind} = content.data;
          if (kind < 0.1) {
            throw new Error('as it happens');
          }
          await later();
          if (kind < 0.2) {
            throw new Error('late');
          }
          return number;
        } finally {
          running--;
        }
      });
    for (let round = 0; round < 20; round++) {
      const queue: (() => void)[] = [];
      const {here, there} = pair(come => {
        queue.push(come);
        setTimeout(() => queue.shift()!(), random() * 2);
      });
      answers(here);
      answers(there);
      const all = [];
      for (let i = 0; i < 100; i++) {
        all.push(i % 2 ? ends(here, there) : ends(there, here));
        if (random() < 0.1) {
          await later();
        }
      }
      await Promise.all(all);
    }
    await expect.poll(() => running).toBe(0);
    // What is raised when nobody waits any longer is shown.
    expect(new Set(shown.splice(0).map(([, error]) => `${error}`))).toEqual(
      new Set(['Error: late'])
    );
    const names = ['AbortError', 'ClosedError', 'RequestError', 'TimeoutError', 'answered'];
    expect(Object.keys(counts).sort()).toEqual(names);
    expect(Object.values(counts).reduce((a, b) => a + b)).toBe(asked);
    expect(asked).toBe(2000);
  }, 60_000);
});
