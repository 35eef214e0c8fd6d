/** Requests between two ends that both ask and answer. */
import {describe, expect, it} from 'vitest';
import type {Comm} from '../../src/api/comm';
import {pair} from '../parts/lines';
import {dataOf, shown, turn} from './a_comm';

describe('between two ends', () => {
  it('a handler of a message may ask, and the answer comes while it waits', async () => {
    const {here, there} = pair();
    there.comm.onRequest(msg => `${dataOf(msg)}!`);
    const heard: unknown[] = [];
    here.comm.onMsg(async () => heard.push(dataOf(await here.comm.request('hm'))));
    there.comm.send();
    await turn();
    expect(heard).toEqual(['hm!']);
  });

  it('a handler of a request may ask back', async () => {
    const {here, there} = pair();
    here.comm.onRequest(() => 'you');
    there.comm.onRequest(async () => `me and ${dataOf(await there.comm.request())}`);
    expect(dataOf(await here.comm.request())).toBe('me and you');
  });

  it('each request of a storm ends exactly once', async () => {
    // Numbers that look random, the same in each run.
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const later = () => new Promise(resolve => setTimeout(resolve, random() * 8));
    const counts: {[how: string]: number} = {};
    const count = (how: string) => (counts[how] = (counts[how] ?? 0) + 1);
    let [asked, running] = [0, 0];
    const ends = async (side: {comm: Comm}, other: {comm: Comm}) => {
      const kind = random();
      const stop = new AbortController();
      const options = {
        ...(kind < 0.2 && {timeout_ms: random() * 6}),
        ...(kind > 0.2 && kind < 0.4 && {signal: stop.signal})
      };
      asked++;
      const number = asked;
      const promise = side.comm.request({number, kind: random()}, options);
      setTimeout(() => stop.abort(), random() * 6);
      if (random() < 0.005) {
        setTimeout(() => (random() < 0.5 ? side : other).comm.close(), random() * 6);
      }
      try {
        count(dataOf(await promise) === number ? 'answered' : 'wrong answer');
      } catch (error) {
        count((error as Error).name);
      }
    };
    const answers = (side: {comm: Comm}) =>
      side.comm.onRequest<{number: number; kind: number}>(async ({content}) => {
        running++;
        try {
          const {number, kind} = content.data;
          if (kind < 0.1) {
            throw new Error('as it happens');
          }
          await later();
          if (kind < 0.2) {
            throw new Error('late');
          }
          return number;
        } finally {
          running--;
        }
      });
    for (let round = 0; round < 20; round++) {
      const queue: (() => void)[] = [];
      const {here, there} = pair(come => {
        queue.push(come);
        setTimeout(() => queue.shift()!(), random() * 2);
      });
      answers(here);
      answers(there);
      const all = [];
      for (let i = 0; i < 100; i++) {
        all.push(i % 2 ? ends(here, there) : ends(there, here));
        if (random() < 0.1) {
          await later();
        }
      }
      await Promise.all(all);
    }
    await expect.poll(() => running).toBe(0);
    // What is raised when nobody waits any longer is shown.
    expect(new Set(shown.splice(0).map(([, error]) => `${error}`))).toEqual(
      new Set(['Error: late'])
    );
    const names = ['AbortError', 'ClosedError', 'RequestError', 'TimeoutError', 'answered'];
    expect(Object.keys(counts).sort()).toEqual(names);
    expect(Object.values(counts).reduce((a, b) => a + b)).toBe(asked);
    expect(asked).toBe(2000);
  }, 60_000);
});
