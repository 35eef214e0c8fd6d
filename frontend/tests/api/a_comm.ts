/** A comm, at whose other end is nobody, for tests that import this; what it shows is looked at. */
import {afterEach, beforeEach, expect, vi} from 'vitest';
import type {Comm} from '../../src/api/comm';
import type {IMessage} from '../../src/api/messages';
import {ids} from '../../src/api/parts/requests';
import {alone, type FakeLine} from '../parts/lines';

export let comm: Comm;
export let line: FakeLine;
export let shown: unknown[][];

/** Another comm instead of this one. */
export function makeComm(): void {
  ({comm, line} = alone());
}

beforeEach(() => {
  Object.assign(ids, {last: 0, page: ''});
  makeComm();
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => shown.push(args));
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  // A test takes out what it expects.
  expect(shown).toEqual([]);
});

export const dataOf = ({content}: IMessage) => content.data;
export const turn = () => new Promise(resolve => setTimeout(resolve));
