/** Requests of a host page, and those of the kernel to it. */
import {describe, expect, it} from 'vitest';
import {commFrame} from '../../src/wire/bridge';
import {settled} from '../parts/worlds';
import {abortedSoon, connected, failed, frames, message, say, shown} from './a_host_page';

describe('a request', () => {
  const asked = (more: object) => message('comm_msg', {q: 1}, {lite_comms: more});

  it('is answered, in any order', async () => {
    const comm = (await connected()).open('sum');
    const [one, two] = [comm.request({q: 1}), comm.request({q: 1})];
    await say(
      message('comm_msg', 2, {lite_comms: {reply: '2'}}),
      message('comm_msg', null, {lite_comms: {reply: '1'}, m: 1}),
      message('comm_msg', 3, {lite_comms: {reply: '1'}})
    );
    expect([(await one).content.data, (await one).metadata['m'], (await two).content.data]).toEqual(
      [null, 1, 2]
    );
    expect(frames.slice(1)).toEqual([asked({request: '1'}), asked({request: '2'})]);
  });

  it('ends with the error of the kernel', async () => {
    const comm = (await connected()).open('sum');
    const request = comm.request().catch(error => error);
    const error = {ename: 'ValueError', evalue: 'no', traceback: ['line']};
    await say(message('comm_msg', {}, {lite_comms: {reply: '1', error}}));
    expect(await request).toMatchObject({
      name: 'RequestError',
      message: 'ValueError: no',
      ...error
    });
  });

  it.each([
    ['TimeoutError', () => ({timeout_ms: 1})],
    ['AbortError', () => ({signal: abortedSoon()})]
  ])('ends with %s, and the kernel is told', async (name, options) => {
    const comm = (await connected()).open('sum');
    expect((await failed(comm.request({q: 1}, options())))[0]).toBe(name);
    await settled();
    expect(frames.at(-1)).toEqual(message('comm_msg', {}, {lite_comms: {cancel: '1'}}));
  });

  it.each([null, undefined, Infinity, 2 ** 31])('has no limit with %s', async timeout_ms => {
    const comm = (await connected()).open('sum');
    const asked = comm.request({}, {timeout_ms});
    await settled();
    await say(message('comm_msg', 1, {lite_comms: {reply: '1'}}));
    expect((await asked).content.data).toBe(1);
  });

  it.each([
    3,
    null,
    {ename: 'ValueError', evalue: 'no'},
    {ename: 'ValueError', evalue: 1, traceback: []},
    {ename: 'ValueError', evalue: 'no', traceback: [1]}
  ])('ends with a ProtocolError when the error is not understood: %j', async error => {
    const comm = (await connected()).open('sum');
    const request = comm.request().catch(error => error);
    await say(message('comm_msg', {}, {lite_comms: {reply: '1', error}}));
    expect(await request).toMatchObject({
      name: 'RequestError',
      ename: 'ProtocolError',
      evalue: `metadata.lite_comms.error is not understood: ${JSON.stringify(error)}`
    });
  });

  it('has no attachments, nor has a message', async () => {
    const comm = (await connected()).open('sum');
    const parts = {attachments: [new Blob()]};
    const why = "comm 'sum' (host-1): a host page cannot send attachments";
    expect(await failed(comm.request({}, parts as never))).toEqual(['TypeError', why]);
    expect(() => comm.send({}, parts as never)).toThrow(why);
  });

  it('has no key of its own in the metadata', async () => {
    const comm = (await connected()).open('sum');
    expect(await failed(comm.request({}, {metadata: {lite_comms: 1}}))).toEqual([
      'TypeError',
      "metadata: the key 'lite_comms' is reserved"
    ]);
  });

  const REQUEST = message('comm_msg', {q: 1}, {lite_comms: {request: '7'}});

  it.each([
    [3, 3],
    [undefined, null],
    [
      {data: 1, metadata: 2},
      {data: 1, metadata: 2}
    ]
  ])('of the kernel is answered with what the handler returns: %j', async (returned, data) => {
    const comm = (await connected()).open('sum');
    const asked: unknown[] = [];
    comm.onRequest(async msg => {
      asked.push(msg);
      return returned;
    });
    await say(REQUEST);
    expect(asked).toEqual([
      {content: {comm_id: 'host-1', data: {q: 1}}, metadata: {}, buffers: []}
    ]);
    expect(frames[1]).toEqual(message('comm_msg', data, {lite_comms: {reply: '7'}}));
  });

  it('of the kernel is answered with metadata and buffers', async () => {
    const comm = (await connected()).open('sum');
    comm.onRequest((_, {reply}) =>
      reply([1], {metadata: {m: 1}, buffers: [new Uint8Array([5, 6])]})
    );
    await say(REQUEST);
    const ids = {type: 'comm_msg', comm_id: 'host-1'} as const;
    expect(frames[1]).toEqual(
      commFrame(ids, [1], {m: 1, lite_comms: {reply: '7'}}, [new Uint8Array([5, 6]).buffer])
    );
  });

  it.each([
    [
      'nobody answers',
      undefined,
      'NoRequestHandler',
      "comm 'sum' (host-1) has no handler; onRequest registers one"
    ],
    [
      'the handler throws',
      () => {
        throw new RangeError('too much');
      },
      'RangeError',
      'too much'
    ],
    [
      'the handler throws a symbol',
      () => {
        throw Symbol('no');
      },
      'Error',
      'Symbol(no)'
    ],
    [
      'the handler throws what has no text',
      () => {
        throw Object.create(null);
      },
      'Error',
      'no text'
    ],
    ['it returns no JSON', () => 1n, 'TypeError', 'Do not know how to serialize a BigInt']
  ])('of the kernel is answered with an error when %s', async (_, f, ename, evalue) => {
    const comm = (await connected()).open('sum');
    if (f) {
      comm.onRequest(f);
    }
    await say(REQUEST);
    const {metadata} = JSON.parse(frames[1].content);
    expect(metadata.lite_comms).toMatchObject({reply: '7', error: {ename, evalue}});
  });

  it('of the kernel is not answered under an id that is being answered, and that is shown', async () => {
    const comm = (await connected()).open('sum');
    const asked: unknown[] = [];
    comm.onRequest(msg => {
      asked.push(msg);
      return new Promise(() => undefined);
    });
    await say(REQUEST, REQUEST);
    expect([asked.length, frames.length]).toEqual([1, 1]);
    expect(shown).toEqual([
      ["lite_comms: comm 'sum' (host-1): the other end asks twice under the id '7'"]
    ]);
  });

  it('of the kernel is cancelled: the handler is told, and sends no reply', async () => {
    const comm = (await connected()).open('sum');
    let told = false;
    comm.onRequest(
      (_, {signal}) =>
        new Promise(resolve => {
          signal.onabort = () => {
            told = true;
            resolve(1);
          };
        })
    );
    await say(REQUEST, message('comm_msg', {}, {lite_comms: {cancel: '7'}}));
    expect([told, frames.length]).toEqual([true, 1]);
  });
});
