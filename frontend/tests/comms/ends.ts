/** Comms whose end is noted, and kernels that restart, for tests that import this. */
import type {Kernel} from '@jupyterlab/services';
import {beforeEach, expect, vi} from 'vitest';
import {VERSION} from '../../src/wire/frames';
import {lite, Worker} from '../parts/lite';

export const RESTARTED = {ename: 'KernelRestarted', evalue: 'the kernel has been restarted'};
export const SHUT_DOWN = {ename: 'KernelShutDown', evalue: 'the kernel has been shut down'};

export let told: [string, unknown][];
export let errors: unknown[][];

beforeEach(() => {
  told = [];
  errors = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => void errors.push(args));
});

/** A comm, whose end is noted. */
export function open(connection: Kernel.IKernelConnection, id: string, target = 't'): Kernel.IComm {
  const comm = connection.createComm(target, id);
  comm.onClose = ({content, metadata}) => {
    told.push([content.comm_id, metadata['lite_comms']]);
  };
  comm.open();
  return comm;
}

/** Restart, with a new Worker whose half says hello. */
export async function restart(connection: Kernel.IKernelConnection): Promise<void> {
  lite.worker = new Worker();
  const count = lite.kernels.length;
  const restarted = connection.restart();
  await vi.waitFor(() => expect(lite.kernels.length).toBe(count + 1));
  lite.worker.say('hello', VERSION, '0.1.0');
  await restarted;
}

export const ended = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    error => (error as Error).message
  );
