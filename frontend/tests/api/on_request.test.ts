/** A handler of requests: what it is given, and what the other end gets of it. */
import {describe, expect, it} from 'vitest';
import {comm, dataOf, line, shown, turn} from './a_comm';

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

  it.each([
    [Symbol('no'), 'Symbol(no)'],
    [Object.create(null), 'no text']
  ])('that throws what is no error answers all the same', async (thrown, evalue) => {
    comm.onRequest(() => {
      throw thrown;
    });
    const error = {ename: 'Error', evalue, traceback: []};
    expect(await ask()).toEqual([[{}, {lite_comms: {reply: '1', error}}]]);
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
