import {expect, it} from 'vitest';
import {alwaysWaitAsync, letAnswersBeAwaited} from '../../src/live/isolation';

const shared = (value: number) => new Int32Array(new SharedArrayBuffer(4)).fill(value);

const isolated = () => ({Atomics: {waitAsync: Atomics.waitAsync}, crossOriginIsolated: true});

it('has waitAsync give a promise also when there is nothing to wait for', async () => {
  const page = isolated();
  expect(page.Atomics.waitAsync(shared(1), 0, 0).value).toBe('not-equal');
  alwaysWaitAsync(page);
  const waiting = page.Atomics.waitAsync(shared(1), 0, 0);
  expect(waiting.async).toBe(true);
  expect(waiting.value).toBeInstanceOf(Promise);
  expect(await waiting.value).toBe('not-equal');
});

it.each(['{"a":"even"}', '{"a":"odd"}'])(
  'waits until the answer %s, which is being written, is complete',
  async answer => {
    const page = isolated();
    alwaysWaitAsync(page);
    const array = new Int32Array(new SharedArrayBuffer(Math.ceil(answer.length / 2) * 4));
    const units = new Uint16Array(array.buffer);
    const write = (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        units[i] = answer.charCodeAt(i);
      }
    };
    const read = () => String.fromCharCode(...units.slice(0, answer.length));
    write(0, 5);
    const {value} = page.Atomics.waitAsync(array, 0, 0);
    setTimeout(write, 20, 5, answer.length);
    await value;
    expect(read()).toBe(answer);
  }
);

it('leaves a true wait alone', async () => {
  const page = isolated();
  alwaysWaitAsync(page);
  const array = shared(0);
  const waiting = page.Atomics.waitAsync(array, 0, 0);
  Atomics.notify(array, 0);
  expect(await waiting.value).toBe('ok');
});

it('leaves a page alone that is not isolated', () => {
  const page = {...isolated(), crossOriginIsolated: false};
  alwaysWaitAsync(page);
  expect(page.Atomics.waitAsync).toBe(Atomics.waitAsync);
});

it('does nothing where the browser has no waitAsync', () => {
  const page = {Atomics: {} as typeof Atomics, crossOriginIsolated: true};
  alwaysWaitAsync(page);
  expect(page.Atomics).toEqual({});
});

it('lets what waitAsync says at once be awaited, and no other string', async () => {
  const undo = letAnswersBeAwaited({crossOriginIsolated: true});
  const {value} = Atomics.waitAsync(shared(1), 0, 0) as {value: unknown};
  const then = (value as Promise<string>).then(answer => `it is ${answer}`);
  expect(await then).toBe('it is not-equal');
  expect(['', 'ok', 'then'].map(text => (text as {then?: unknown}).then)).toEqual([
    undefined,
    undefined,
    undefined
  ]);
  expect(await ('not-equal' as unknown)).toBe('not-equal');
  undo();
  expect((value as {then?: unknown}).then).toBe(undefined);
});

it('leaves strings alone on other pages', () => {
  letAnswersBeAwaited({crossOriginIsolated: false});
  expect(('not-equal' as {then?: unknown}).then).toBe(undefined);
});
