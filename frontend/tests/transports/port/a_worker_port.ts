/** The worker's end of the port, `lite_comms/_transports/port/port.js`, for tests that import this. */
import {readFileSync} from 'node:fs';
import {beforeEach, vi} from 'vitest';
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

/** What stands for Python does as a test says here. */
interface IPython {
  /** How many messages it handles at once. */
  most: number;
  /** The id of a message that it can neither handle nor refuse. */
  failing: number;
  /** Ids of messages that it refuses. */
  refused: unknown[];
  /** Ids of messages that it cannot be handed. */
  thrown: unknown[];
}

export let python: IPython;
export let received: unknown[];
export let bursts: number[][];
export let asked: number[];
export let post: (...frame: unknown[]) => void;
export let port: IPort;
export let posted: unknown[][];
export let shared: SharedMemory;

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
  python = {most: Infinity, failing: 0, refused: [], thrown: []};
  posted = [];
  post = (...frame) =>
    worker.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));
  const make = (0, eval)(source) as (
    receive: unknown,
    receiveAll: unknown,
    pyodide: object
  ) => IPort;
  // As Python: whether it was a comm message that has been handled, or undefined if it is refused.
  const receive = (type: string, field: unknown) => {
    if (python.thrown.includes(field)) {
      throw new RangeError('too deep');
    }
    if (python.refused.includes(field)) {
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
      messages = (JSON.parse(text) as typeof messages).slice(0, python.most);
    } catch {
      return 0;
    }
    bursts.push(messages.map(([id]) => id));
    for (const [i, [id]] of messages.entries()) {
      if (id === python.failing) {
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

export const frame = (id: number): IFromPage => ({
  type: 'comm',
  id,
  message: '{}',
  may_wait: true,
  buffers: []
});
