/** The clock of the worker, `lite_comms/_live/clock.js`: where it sees a Stop. */
import {readFileSync} from 'node:fs';
import {expect, it} from 'vitest';

/** What is used of it here. */
interface IClock {
  watch(place: Int32Array): void;
  isStopped(): boolean;
}

const source = readFileSync(
  new URL('../../../lite_comms/_live/clock.js', import.meta.url),
  'utf-8'
);
const make = (0, eval)(source) as (pyodide: object, port: object, signal: number) => IClock;

/** With a port that takes memory, or refuses it. */
const clock = (watch: () => void) => make({_module: {HEAP32: new Int32Array(4)}}, {watch}, 63);

const stopped = () => {
  const words = new Int32Array(new SharedArrayBuffer(16));
  words[0] = 1;
  return words;
};

it('sees a Stop in memory that the page shares', () => {
  const seen = clock(() => undefined);
  seen.watch(stopped());
  expect(seen.isStopped()).toBe(true);
});

it('does not look at memory that is refused', () => {
  const refusing = clock(() => {
    throw new RangeError('too small');
  });
  expect(() => refusing.watch(stopped())).toThrow(RangeError);
  expect(refusing.isStopped()).toBe(false);
});
