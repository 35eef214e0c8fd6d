/** The worker's end of the port, `lite_comms/_transports/port/port.js`, on memory that the page's half has written. */
import {readFileSync} from 'node:fs';
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {SharedMemory} from '../../../src/live/shared';
import type {IFromPage} from '../../../src/wire/frames';

/** What is used of it here. */
interface IPort {
  leave(id: number): void;
  open(locks: boolean): void;
  watch(place: Int32Array, last?: number): void;
  look(): void;
  hold(): void;
  release(): void;
  close(): void;
}

const source = readFileSync(
  new URL('../../../../lite_comms/_transports/port/port.js', import.meta.url),
  'utf-8'
);

let received: unknown[];
let bursts: number[][];
let asked: number[];
let most: number;
let failing: number;
let post: (...frame: unknown[]) => void;
let port: IPort;
let posted: unknown[][];
let refused: unknown[];
let thrown: unknown[];
let shared: SharedMemory;

beforeEach(() => {
  const worker = new EventTarget();
  vi.stubGlobal(
    'self',
    Object.assign(worker, {
      postMessage: (data: {lite_comms: unknown[]}) => posted.push(data.lite_comms)
    })
  );
  received = [];
  bursts = [];
  asked = [];
  most = Infinity;
  failing = 0;
  posted = [];
  refused = [];
  thrown = [];
  post = (...frame) =>
    worker.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));
  const make = (0, eval)(source) as (
    receive: unknown,
    receiveAll: unknown,
    pyodide: object
  ) => IPort;
  // As Python: whether it was a comm message that has been handled, or undefined if it is refused.
  const receive = (type: string, field: unknown) => {
    if (thrown.includes(field)) {
      throw new RangeError('too deep');
    }
    if (refused.includes(field)) {
      return undefined;
    }
    received.push(type === 'comm' ? field : type);
    return type === 'comm';
  };
  // As Python: how many of them it has handled.
  const receiveAll = (text: string, count: number) => {
    asked.push(count);
    let messages: [number, boolean, object][];
    try {
      messages = (JSON.parse(text) as typeof messages).slice(0, most);
    } catch {
      return 0;
    }
    bursts.push(messages.map(([id]) => id));
    for (const [i, [id]] of messages.entries()) {
      if (id === failing) {
        return -(i + 1);
      }
      if (receive('comm', id) !== true) {
        port.leave(id);
      }
    }
    return messages.length;
  };
  port = make(receive, receiveAll, {});
  shared = new SharedMemory(1024);
  return () => {
    port.close();
    vi.unstubAllGlobals();
  };
});

const frame = (id: number): IFromPage => ({
  type: 'comm',
  id,
  message: '{}',
  may_wait: true,
  buffers: []
});

describe('a lock', () => {
  it.each([true, false])(
    'is held as long as the worker lives, if the page waits: %s',
    async locks => {
      const held: unknown[] = [];
      const request = (name: string, f: () => unknown) => {
        held.push(name);
        f();
        return new Promise(() => undefined);
      };
      vi.stubGlobal('navigator', {locks: {request}});
      port.open(locks);
      expect(posted).toEqual(held.map(name => ['lock', name]));
      expect(held).toEqual(locks ? [expect.stringMatching(/^lite_comms\.[-0-9a-f]{36}$/)] : []);
    }
  );

  it('that cannot be had is none', async () => {
    vi.stubGlobal('navigator', {locks: {request: () => Promise.reject(new Error('no'))}});
    port.open(true);
    vi.stubGlobal('navigator', {});
    port.open(true);
    await Promise.resolve();
    expect(posted).toEqual([]);
  });
});

describe('a comm message in shared memory', () => {
  it('is not handled before the first one, which has still to come as a frame', () => {
    port.watch(shared.words, 0);
    shared.put(frame(2));
    port.look();
    expect(received).toEqual([]);
    post('comm', 1, '{}', false);
    expect(received).toEqual([1, 2]);
    post('comm', 2, '{}', true);
    expect(received).toEqual([1, 2]);
  });

  it('is handled when it is the next one after those that the page has posted before', () => {
    port.watch(shared.words, 3);
    shared.put(frame(4));
    port.look();
    expect(received).toEqual([4]);
  });

  it('is the next one after those that have come, whatever the page has said', () => {
    post('comm', 1, '{}', false);
    post('comm', 2, '{}', false);
    port.watch(shared.words, 1);
    shared.put(frame(2));
    shared.put(frame(3));
    port.look();
    expect(received).toEqual([1, 2, 3]);
  });

  it('is handled as it comes where an older page has not said the last id', () => {
    port.watch(shared.words);
    shared.put(frame(2));
    port.look();
    expect(received).toEqual([2]);
  });
});

describe('shared memory that holds what is no message', () => {
  const [WRITTEN, RING] = [1, 16];
  const forge = (length: number, id: number, text: string) => {
    const {words} = shared;
    const record = new Uint8Array(words.buffer, RING * 4);
    const bytes = new TextEncoder().encode(text);
    record.set(new Uint8Array(new Int32Array([length, id, bytes.length]).buffer));
    record.set(bytes, 12);
    Atomics.store(words, WRITTEN, 12 + bytes.length);
  };

  it.each<[string, number, string]>([
    ['a record without an end', 0, '{}'],
    ['a record that is longer than what is there', 1_000, '{}'],
    ['a text that is no JSON', 13, '{'],
    ['buffers without an end', 44, '{"fields":[2,"",true],"lengths":[1e12]}']
  ])('is given up, and what is posted is handled: %s', async (_, length, text) => {
    post('comm', 1, '{}', false);
    port.watch(shared.words, 1);
    forge(length, 2, text);
    port.look();
    port.look();
    post('comm', 2, '{}', true);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(received).toEqual([1, 2]);
    expect(posted.filter(([type]) => type === 'error')).toEqual([
      ['error', expect.stringMatching(/^the shared memory cannot be read: /), 0]
    ]);
  });
});

describe('a burst of comm messages', () => {
  const turn = () => new Promise(resolve => setTimeout(resolve, 20));
  const send = (lite_comms: unknown) =>
    self.dispatchEvent(new MessageEvent('message', {data: {lite_comms}}));
  const message = (id: number, text = '{}') => ['comm', id, text, false];

  beforeEach(() => post(...message(1)));

  it('enters Python at once, behind the first one, and is acknowledged in one frame', async () => {
    [2, 3, 4].forEach(id => post(...message(id)));
    expect(received).toEqual([1]);
    await turn();
    expect(bursts).toEqual([[2, 3, 4]]);
    expect(posted).toEqual([['ack', 1, 2, 3, 4]]);
  });

  it('may come in one post', async () => {
    send([message(2), message(3)]);
    await turn();
    expect([received, bursts]).toEqual([[1, 2, 3], [[2, 3]]]);
  });

  it('is handled before anything else that comes on the channel', () => {
    [2, 3].forEach(id => post(...message(id)));
    self.dispatchEvent(new MessageEvent('message', {data: {id: 'a request of comlink'}}));
    expect(received).toEqual([1, 2, 3]);
  });

  it('is handled before another frame that comes behind it', () => {
    [2, 3].forEach(id => post(...message(id)));
    post('idle');
    port.look();
    expect(received).toEqual([1, 2, 3, 'idle']);
  });

  it('has buffers in its middle, which cross on their own', () => {
    [2, 3].forEach(id => post(...message(id)));
    post(...message(4), new ArrayBuffer(1));
    [5, 6].forEach(id => post(...message(id)));
    port.look();
    expect([received, bursts]).toEqual([
      [1, 2, 3, 4, 5, 6],
      [
        [2, 3],
        [5, 6]
      ]
    ]);
  });

  it('acknowledges no message that Python has left', async () => {
    refused = [3];
    [2, 3, 4].forEach(id => post(...message(id)));
    await turn();
    expect(posted).toEqual([['ack', 1, 2, 4]]);
  });

  it('is taken one by one where a message is no JSON', () => {
    [2, 3].forEach(id => post(...message(id)));
    post(...message(4, 'no JSON'));
    post(...message(5));
    port.look();
    expect([received, bursts]).toEqual([[1, 2, 3, 4, 5], []]);
  });

  it('goes on in a later turn of the event loop, a hundred at a time', async () => {
    for (let id = 2; id <= 251; id++) {
      post(...message(id));
    }
    await turn();
    expect(bursts.map(({length}) => length)).toEqual([100, 100, 50]);
    expect(received.length).toBe(251);
  });

  it('is no larger than what Python can handle in its time', async () => {
    most = 3;
    for (let id = 2; id <= 101; id++) {
      post(...message(id));
    }
    await turn();
    expect(received).toEqual(Array.from({length: 101}, (_, i) => i + 1));
    expect(asked.slice(0, 3)).toEqual([100, 6, 6]);
  });

  it('has no more than 64 K characters', async () => {
    const long = JSON.stringify('x'.repeat(30_000));
    [2, 3, 4].forEach(id => post(...message(id, long)));
    await turn();
    expect([received, bursts]).toEqual([[1, 2, 3, 4], [[2, 3]]]);
  });

  it('does not come again where Python can handle a message no more, nor say so', async () => {
    failing = 3;
    [2, 3, 4, 5].forEach(id => post(...message(id)));
    await turn();
    expect(received).toEqual([1, 2, 4, 5]);
    expect(posted).toEqual([
      ['error', 'Python could not handle the message, nor say why', 3],
      ['ack', 1, 2],
      ['ack', 4, 5]
    ]);
  });

  it('stops where Python holds messages back', async () => {
    [2, 3, 4].forEach(id => post(...message(id)));
    most = 1;
    port.hold();
    await turn();
    expect(received).toEqual([1]);
    port.release();
    await turn();
    expect([received, bursts]).toEqual([
      [1, 2, 3, 4],
      [[2], [3]]
    ]);
  });
});

describe('a frame that is refused changes nothing', () => {
  const errors = () => posted.filter(([type]) => type === 'error');
  const send = (frame: unknown) =>
    self.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));

  it.each([null, 5, 'comm', {length: 1}])('as it is no list: %j', frame => {
    send(frame);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([['error', 'a frame must be a list', 0]]);
    expect(received).toEqual([1]);
  });

  it.each([2 ** 53, 0, -1, 1.5, NaN, '2', null, undefined])('as its id is %s', id => {
    post('comm', id, '{}', false);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([
      ['error', `the id of a comm message must count from 1, and is ${id}`, 0]
    ]);
    expect(received).toEqual([1]);
  });

  it('as it does not follow the one before', () => {
    post('comm', 1, '{}', false);
    post('comm', 2 ** 40, '{}', false);
    post('comm', 3, '{}', false);
    post('comm', 2, '{}', false);
    port.look();
    expect(errors()).toEqual([
      ['error', `the comm message ${2 ** 40} does not come after 1`, 2 ** 40],
      ['error', 'the comm message 3 does not come after 1', 3]
    ]);
    expect(received).toEqual([1, 2]);
  });

  it('as Python refuses it, though it is the first', () => {
    refused = [2 ** 40];
    post('comm', 2 ** 40, 'no JSON', false);
    post('comm', 1, '{}', false);
    post('comm', 2, '{}', false);
    port.look();
    expect(received).toEqual([1, 2]);
  });

  it('as Python refuses it, though others behind it wait already', () => {
    port.hold();
    [5, 6, 7].forEach(id => post('comm', id, '{}', false));
    refused = [5];
    port.release();
    post('comm', 7, '{}', false);
    post('comm', 8, '{}', false);
    port.look();
    expect(received).toEqual([6, 7, 8]);
  });

  it('as it cannot be handed to Python, though it is the first', () => {
    thrown = [2 ** 40];
    post('comm', 2 ** 40, '{}', false);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([['error', 'RangeError: too deep', 2 ** 40]]);
    expect(received).toEqual([1]);
  });

  it('as it is nested too deeply, and Python is not asked', () => {
    const content = {comm_id: 'c', data: JSON.parse('['.repeat(600) + ']'.repeat(600)) as unknown};
    const deep = JSON.stringify({header: {msg_type: 'comm_msg'}, metadata: {}, content});
    const error = 'a comm_msg of comm c cannot be handled: it is nested more than 500 levels deep';
    shared = new SharedMemory(2 ** 14);
    port.watch(shared.words, 0);
    shared.put(frame(1));
    shared.put({...frame(2), message: deep});
    shared.put(frame(3));
    port.look();
    port.hold();
    post('comm', 4, '{}', false);
    post('comm', 5, deep, false, new ArrayBuffer(1));
    post('comm', 6, '['.repeat(2000), false);
    post('comm', 7, '{}', false);
    port.release();
    port.look();
    expect(received).toEqual([1, 3, 4, 7]);
    expect(errors()).toEqual([
      ['error', error, 2],
      ['error', error, 5],
      ['error', error.replace('comm_msg of comm c', 'comm message'), 6]
    ]);
  });

  it('as Python refuses what was first in shared memory', () => {
    refused = [2 ** 30];
    port.watch(shared.words);
    shared.put(frame(2 ** 30));
    port.look();
    post('comm', 1, '{}', false);
    expect(received).toEqual([1]);
  });

  it('as an interrupt is refused whose number is the id of a comm message that waits', () => {
    port.hold();
    post('comm', 1, '{}', false);
    refused = [1];
    post('interrupt', 1);
    refused = [];
    post('comm', 3, '{}', false);
    expect(errors()).toEqual([['error', 'the comm message 3 does not come after 1', 3]]);
  });

  it('as an interrupt cannot be handed to Python: its number is no id of a message', () => {
    thrown = [7];
    post('interrupt', 7);
    expect(errors()).toEqual([['error', 'RangeError: too deep', 0]]);
  });

  const head = 16;
  it.each([
    ['too small', new Int32Array(new SharedArrayBuffer(head - 8))],
    ['of no power of two', new Int32Array(new SharedArrayBuffer(head + 12))],
    ['seen in part', new Int32Array(new SharedArrayBuffer(head + 16), 0, 4)],
    ['seen from its middle', new Int32Array(new SharedArrayBuffer(head + 16), 16)]
  ])('as its memory is %s', (_, words) => {
    const message = 'shared memory must be 16 bytes and 0 or a power of two more';
    expect(() => port.watch(words, 2 ** 40)).toThrow(new RangeError(message));
    post('comm', 1, '{}', false);
    expect(received).toEqual([1]);
  });
});

it.each([0, 4, 1024])('memory with a ring of %i bytes can be shared', size => {
  port.watch(new SharedMemory(size).words);
  post('comm', 1, '{}', false);
  expect(received).toEqual([1]);
});
