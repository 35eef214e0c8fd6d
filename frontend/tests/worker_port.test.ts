/** The worker's end of the port, `lite_comms/_port.js`, on memory that the page's half has written. */
import {readFileSync} from 'node:fs';
import {beforeEach, describe, expect, it, vi} from 'vitest';
import type {IFromPage} from '../src/frames';
import {SharedMemory} from '../src/shared';

/** What is used of it here. */
interface IPort {
  watch(place: Int32Array, last?: number): void;
  look(): void;
  close(): void;
}

const source = readFileSync(new URL('../../lite_comms/_port.js', import.meta.url), 'utf-8');

let received: unknown[];
let post: (...frame: unknown[]) => void;
let port: IPort;
let posted: unknown[][];
let refused: number[];
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
  post = (...frame) =>
    worker.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));
  const make = (0, eval)(source) as (receive: unknown, pyodide: object) => IPort;
  const receive = (type: string, id: number) =>
    refused.includes(id) ? undefined : received.push(type === 'comm' ? id : type) > 0;
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

  it('as its memory is too small', () => {
    const small = new Int32Array(new SharedArrayBuffer(8));
    expect(() => port.watch(small, 2 ** 40)).toThrow(RangeError);
    post('comm', 1, '{}', false);
    expect(received).toEqual([1]);
  });
});
