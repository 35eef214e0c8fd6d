/** A classic kernel object on a connection, for tests that import this. */
import {beforeEach, vi} from 'vitest';
import {ClassicKernel} from '../../src/comms/classic';
import {FakeConnection} from '../parts/fakes';

export let wire: FakeConnection;
export let kernel: ClassicKernel;
export let shown: unknown[][];

/** The kernel object of a notebook that has no kernel yet. */
export function makeKernel(): void {
  kernel = new ClassicKernel();
}

beforeEach(() => {
  wire = new FakeConnection();
  makeKernel();
  kernel.connect(wire.real);
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => shown.push(args));
});
