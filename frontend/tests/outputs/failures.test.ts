/** What is kept of the failures of kernels. */
import {expect, it} from 'vitest';
import {type Failure, Failures} from '../../src/outputs/failures';

it('of the failures of a kernel the latest are kept, until they are forgotten', () => {
  const failures = new Failures();
  const heard: string[] = [];
  failures.subscribe(id => heard.push(id));
  const all = Array.from({length: 25}, () => ({}) as Failure);
  all.forEach(failure => failures.add('k', failure));
  expect(failures.of('k')).toEqual(all.slice(-20));
  expect(failures.of('other')).toEqual([]);
  failures.forget('k');
  failures.forget('other');
  expect(failures.of('k')).toEqual([]);
  expect(heard.length).toBe(26);
});
