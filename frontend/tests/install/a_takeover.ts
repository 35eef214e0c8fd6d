/** Kernels of JupyterLite before and after lite_comms takes them over, for tests that import this. */
import type {Kernel} from '@jupyterlab/services';
import {afterEach, beforeEach, expect, vi} from 'vitest';
import {connectKernels} from '../../src/install/connect';
import {findPresent} from '../../src/install/present';
import {VERSION} from '../../src/wire/frames';
import {lite, OPTIONS} from '../parts/lite';

beforeEach(() => lite.undo());
afterEach(() => lite.undo());

/** What a kernel that a notebook has loaded lite_comms into brings to the page. */
export async function takeOver() {
  const present = await findPresent(lite.manager, lite.client);
  const options = {...OPTIONS, isInjected: true, expected: false};
  lite.undo = connectKernels(lite.manager, lite.specs, lite.client, options, present);
}

export const answer = (...can: string[]) => lite.worker!.say('hello', VERSION, '0.1.0', ...can);
export const posted = () => lite.worker!.posted.map(([type]) => type);
export const execute = async (connection: Kernel.IKernelConnection, code: string) => {
  const cell = connection.requestExecute({code, stop_on_error: true});
  await vi.waitFor(() => expect(lite.kernels.at(-1)!.executed).toContain(code));
  return cell;
};
