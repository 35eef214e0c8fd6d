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
let shared: SharedMemory;

beforeEach(() => {
  const worker = new EventTarget();
  vi.stubGlobal('self', Object.assign(worker, {postMessage: () => undefined}));
  received = [];
  post = (...frame) =>
    worker.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));
  const make = (0, eval)(source) as (receive: unknown, pyodide: object) => IPort;
  port = make((type: string, id: number) => received.push(type === 'comm' ? id : type) > 0, {});
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
