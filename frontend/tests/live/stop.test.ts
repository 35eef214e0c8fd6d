import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {SharedMemory} from '../../src/live/shared';
import {Stops} from '../../src/live/stop';
import type {IFromPage, IWatch} from '../../src/wire/frames';

let watched: IWatch[];
let good: Set<string>;
let told: string[];

beforeEach(() => {
  vi.useFakeTimers();
  watched = [];
  good = new Set();
  told = [];
  let made = 0;
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => {
    good.add(`blob:${++made}`);
    return `blob:${made}`;
  });
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation(url => void good.delete(url));
});

afterEach(() => void vi.useRealTimers());

const make = (shared: SharedMemory | null = null) =>
  new Stops(
    frame => watched.push(frame),
    shared,
    () => {
      told.push('deaf');
      return () => void told.push('heard');
    }
  );

describe('Stop without shared memory', () => {
  it('takes back one URL for each, and sends more', () => {
    const stops = make();
    expect(watched).toEqual([{type: 'watch', places: [1, 'blob:1', 'blob:2', 'blob:3', 'blob:4']}]);
    expect(stops.press()).toBe(1);
    expect([...good]).toEqual(['blob:2', 'blob:3', 'blob:4', 'blob:5']);
    expect(stops.press()).toBe(2);
    expect(watched.slice(1)).toEqual([
      {type: 'watch', places: [5, 'blob:5']},
      {type: 'watch', places: [6, 'blob:6']}
    ]);
  });

  it('leaves no URL behind', () => {
    const stops = make();
    stops.press();
    stops.dispose();
    expect([...good]).toEqual([]);
  });
});

describe('Stop with shared memory', () => {
  it('is a number in it, and rings', () => {
    const shared = new SharedMemory(0);
    const stops = make(shared);
    stops.press();
    stops.press();
    expect([...shared.words]).toEqual([2, 0, 0, 2]);
    expect(watched).toEqual([]);
  });
});

describe('a kernel that takes no notice', () => {
  it('is told of once, and taken back when it has noticed all', () => {
    const stops = make();
    stops.press();
    vi.advanceTimersByTime(4000);
    stops.press();
    vi.advanceTimersByTime(4000);
    expect(told).toEqual(['deaf']);
    stops.noticed(1);
    expect(told).toEqual(['deaf']);
    stops.noticed(2);
    expect(told).toEqual(['deaf', 'heard']);
  });

  it.each([
    ['when it has noticed in time', (stops: Stops) => stops.noticed(1)],
    ['when it is gone', (stops: Stops) => stops.dispose()]
  ])('is not told of %s', (_, end) => {
    const stops = make();
    stops.press();
    end(stops);
    vi.advanceTimersByTime(10_000);
    expect(told).toEqual([]);
  });
});

describe('frames in shared memory', () => {
  const frame = (id: number, message: string, ...bytes: number[][]): IFromPage => ({
    type: 'comm',
    id,
    message,
    may_wait: true,
    buffers: bytes.map(each => new Uint8Array(each).buffer)
  });

  /** Read a record as the kernel does; the first that is there. */
  function read({words}: SharedMemory) {
    const size = words.buffer.byteLength - 16;
    const at = words[2]! >>> 0;
    const byte = (i: number) => new Uint8Array(words.buffer)[16 + ((at + i) % size)]!;
    const take = (from: number, length: number) =>
      new Uint8Array(Array.from({length}, (_, i) => byte(from + i)));
    const [length, id, text] = new Int32Array(take(0, 12).buffer);
    const {fields, lengths} = JSON.parse(new TextDecoder().decode(take(12, text!)));
    let from = 12 + text!;
    const buffers = lengths.map((n: number) => [...take((from += n) - n, n)]);
    words[2] = (at + length!) | 0;
    return {id, fields, buffers};
  }

  const isEmpty = ({words}: SharedMemory) => words[1] === words[2];

  it('are read as they were written, also round the end, and of any alignment', () => {
    const shared = new SharedMemory(256);
    for (let id = 1; id < 50; id++) {
      const bytes = Array.from({length: id % 5}, (_, i) => i);
      shared.put(frame(id, 'é'.repeat(id % 7), bytes, [], [id]));
      expect(read(shared)).toEqual({
        id,
        fields: [id, 'é'.repeat(id % 7), true],
        buffers: [bytes, [], [id]]
      });
      expect(isEmpty(shared)).toBe(true);
    }
  });

  it('are so beyond four billion bytes', () => {
    const shared = new SharedMemory(256);
    shared.words[1] = shared.words[2] = -20;
    shared.put(frame(1, 'across', [1, 2]));
    expect(read(shared)).toEqual({id: 1, fields: [1, 'across', true], buffers: [[1, 2]]});
    expect(shared.words[2]).toBeGreaterThan(0);
  });

  it('wait for room, in their order, and those behind them too', () => {
    const shared = new SharedMemory(128);
    const sent = [1, 2, 3].map(id => frame(id, 'x'.repeat(50), [id]));
    sent.forEach(each => shared.put(each));
    // What was sent belongs to the kernel from then on.
    sent.forEach(({buffers}) => structuredClone(buffers, {transfer: [...buffers]}));
    expect(read(shared).id).toBe(1);
    expect(isEmpty(shared)).toBe(true);
    shared.handled(1);
    expect(read(shared)).toMatchObject({id: 2, buffers: [[2]]});
    shared.handled(2);
    expect(read(shared).id).toBe(3);
  });

  it('are forgotten when they have come another way', () => {
    const shared = new SharedMemory(64);
    shared.put(frame(1, 'x'.repeat(100)));
    shared.put(frame(2, 'y'));
    expect(isEmpty(shared)).toBe(true);
    shared.handled(1);
    expect(read(shared).id).toBe(2);
  });
});
