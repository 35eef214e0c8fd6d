/** The worker's end of the port, `lite_comms/_transports/port/port.js`, on memory that the page's half has written. */
import {readFileSync} from 'node:fs';
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {SharedMemory} from '../src/live/shared';
import type {IFromPage} from '../src/wire/frames';

/** What is used of it here. */
interface IPort {
  watch(place: Int32Array, last?: number): void;
  look(): void;
  hold(): void;
  release(): void;
  close(): void;
}

const source = readFileSync(
  new URL('../../lite_comms/_transports/port/port.js', import.meta.url),
  'utf-8'
);

let received: unknown[];
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
  posted = [];
  refused = [];
  thrown = [];
  post = (...frame) =>
    worker.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));
  const make = (0, eval)(source) as (receive: unknown, pyodide: object) => IPort;
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
  port = make(receive, {});
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
    expect(received).toEqual([1, 2]);
  });

  it('as Python refuses it, though others behind it wait already', () => {
    port.hold();
    [5, 6, 7].forEach(id => post('comm', id, '{}', false));
    refused = [5];
    port.release();
    post('comm', 7, '{}', false);
    post('comm', 8, '{}', false);
    expect(received).toEqual([6, 7, 8]);
  });

  it('as it cannot be handed to Python, though it is the first', () => {
    thrown = [2 ** 40];
    post('comm', 2 ** 40, '{}', false);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([['error', 'RangeError: too deep', 2 ** 40]]);
    expect(received).toEqual([1]);
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
