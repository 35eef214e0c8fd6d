import {expect, it} from 'vitest';
import {alwaysWaitAsync} from '../src/isolation';

const shared = (value: number) => new Int32Array(new SharedArrayBuffer(4)).fill(value);

it('has waitAsync give a promise also when there is nothing to wait for', async () => {
  const atomics = {waitAsync: Atomics.waitAsync};
  expect(atomics.waitAsync(shared(1), 0, 0).value).toBe('not-equal');
  alwaysWaitAsync(atomics);
  const waiting = atomics.waitAsync(shared(1), 0, 0);
  expect(waiting.async).toBe(true);
  expect(waiting.value).toBeInstanceOf(Promise);
  expect(await waiting.value).toBe('not-equal');
});

it('leaves a true wait alone', async () => {
  const atomics = {waitAsync: Atomics.waitAsync};
  alwaysWaitAsync(atomics);
  const array = shared(0);
  const waiting = atomics.waitAsync(array, 0, 0);
  Atomics.notify(array, 0);
  expect(await waiting.value).toBe('ok');
});

it('does nothing where the browser has no waitAsync', () => {
  const atomics = {} as typeof Atomics;
  alwaysWaitAsync(atomics);
  expect(atomics).toEqual({});
});
