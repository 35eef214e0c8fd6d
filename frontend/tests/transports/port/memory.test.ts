/** The worker's end of the port: its lock, and the memory that the page's half has written. */
import {describe, expect, it, vi} from 'vitest';
import {SharedMemory} from '../../../src/live/shared';
import {frame, port, post, posted, received, shared} from './a_worker_port';

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

it.each([0, 4, 1024])('memory with a ring of %i bytes can be shared', size => {
  port.watch(new SharedMemory(size).words);
  post('comm', 1, '{}', false);
  expect(received).toEqual([1]);
});
