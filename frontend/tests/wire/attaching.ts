/** Messages with attachments to a kernel of JupyterLite, for tests that import this. */
import type {Kernel as LabKernel} from '@jupyterlab/services';
import {afterEach, beforeEach, vi} from 'vitest';
import {attach} from '../../src/wire/attachments';
import {VERSION} from '../../src/wire/frames';
import {lite} from '../parts/lite';

export const NO_PORT =
  'its attachments need the direct channel of lite_comms, which does not reach this kernel';
export const OTHER =
  "the kernel's half of lite_comms is another version, which takes no attachments";

export let shown: unknown[][];

beforeEach(() => {
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => void shown.push(args));
});

afterEach(() => void vi.restoreAllMocks());

/** Comm messages that are sent together leave when the code that sends them awaits. */
export const turn = () => new Promise(resolve => setTimeout(resolve));

/** Have the kernel say that it can do this too. */
export const hello = (...can: string[]) => lite.worker!.say('hello', VERSION, '0.1.0', ...can);

/** Buffers of a message with these attachments. */
export function attached(given: unknown, connection: LabKernel.IKernelConnection | null = null) {
  const buffers: ArrayBuffer[] = [];
  attach(buffers, given, connection, {toString: () => "comm 'files' (c)"});
  return buffers;
}

/** Open a comm and send a message with attachments. */
export function send(connection: LabKernel.IKernelConnection, given: unknown) {
  const comm = connection.createComm('files', 'c');
  comm.open();
  return comm.send({n: 1}, {}, attached(given));
}

/** The frames from the first comm message on, without their JSON. */
export const posted = () =>
  lite
    .worker!.posted.flatMap(wire => (Array.isArray(wire[0]) ? (wire as unknown[][]) : [wire]))
    .filter(([type]) => type === 'comm' || type === 'attach')
    .map(([type, id, ...rest]) => (type === 'attach' ? [type, id, ...rest] : [type, id]));
