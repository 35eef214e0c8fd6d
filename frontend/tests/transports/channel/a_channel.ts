/** A channel with a client and a Worker that are not real, for tests that import this. */
import type {KernelMessage} from '@jupyterlab/services';
import {afterEach, beforeEach, vi} from 'vitest';
import {Channel} from '../../../src/transports/channel/channel';
import type {IOptions} from '../../../src/transports/channel/options';
import type {IClient} from '../../../src/transports/clients';
import {VERSION} from '../../../src/wire/frames';

export type Message = KernelMessage.IMessage;
export type Plain = {[key: string]: unknown};

/** Stands for the kernel's Worker: what is posted to it, and what it posts. */
export class FakeWorker extends EventTarget {
  readonly posted: unknown[][] = [];
  readonly transferred: Transferable[] = [];

  postMessage({lite_comms}: {lite_comms: unknown[]}, transfer: Transferable[]): void {
    // Several frames, or one.
    this.posted.push(
      ...(Array.isArray(lite_comms[0]) ? (lite_comms as unknown[][]) : [lite_comms])
    );
    this.transferred.push(...transfer);
  }

  say(...wire: unknown[]): void {
    this.dispatchEvent(new MessageEvent('message', {data: {lite_comms: wire}}));
  }
}

/** Stands for a client's socket. */
export class FakeClient implements IClient {
  isOpen = true;
  readonly session = 'client';
  readonly got: Message[] = [];
  readonly stock: Message[] = [];
  deliver = (msg: Message) => void this.got.push(msg);
  sendStock = (msg: Message) => void this.stock.push(msg);

  /** Type, content and the id of the parent: what tells a message from the others. */
  get heard(): unknown[][] {
    return this.got.map(msg => [
      msg.header.msg_type,
      msg.content,
      (msg.parent_header as {msg_id?: string}).msg_id
    ]);
  }
}

const OPTIONS = {
  id: 'kernel',
  version: '0.1.0',
  isInjected: false,
  expected: true,
  live: true,
  canRestart: true,
  onDeaf: () => () => undefined,
  onDied: () => undefined
};

/** Resolves when comm messages that were sent together have left. */
export const left = () => Promise.resolve();

/** What the page says of itself. */
export const HELLO = ['hello', VERSION, '0.1.0', 'begun', 'live'];

export let channel: Channel;
export let client: FakeClient;
export let worker: FakeWorker;
let becomeReady: () => void;
export let warned: string[];

/** Another channel, which no client uses yet. */
export function makeChannel(more: Partial<IOptions> = {}, onEnd?: () => void): void {
  channel = new Channel({...OPTIONS, ...more}, onEnd);
}

beforeEach(() => {
  makeChannel();
  client = new FakeClient();
  channel.add(client);
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation(text => void warned.push(text));
  vi.spyOn(console, 'error').mockImplementation(text => void warned.push(text));
});

afterEach(() => void vi.useRealTimers());

export function start(): void {
  worker = new FakeWorker();
  const ready = new Promise<void>(resolve => {
    becomeReady = resolve;
  });
  channel.attach(worker as unknown as Worker, {ready});
}

export async function ready(): Promise<void> {
  becomeReady();
  await Promise.resolve();
  await Promise.resolve();
}

/** A kernel that has said hello and is ready. */
export async function open(...can: string[]): Promise<void> {
  start();
  worker.say('hello', VERSION, '0.1.0', ...can);
  await ready();
  worker.posted.length = 0;
}

export function request(
  msg_type: string,
  msg_id: string,
  content: Plain = {},
  buffers = []
): Message {
  const header = {msg_id, msg_type, session: 'page', date: '', username: '', version: '5.3'};
  return {channel: 'shell', header, parent_header: {}, metadata: {}, content, buffers} as never;
}

export function reply(msg_type: string, parent: Message, content: Plain): Message {
  const msg = request(msg_type, `re-${parent.header.msg_id}`, content);
  msg.channel = msg_type === 'execute_reply' ? 'shell' : 'iopub';
  msg.parent_header = parent.header;
  return msg;
}

export const comm = (
  id: string,
  msg_type = 'comm_msg',
  content: Plain = {comm_id: 'c', data: {}}
) => request(msg_type, id, content);
export const text = ({header, metadata, content}: Message) =>
  JSON.stringify({header, metadata, content});
export const idle = (parent: Message) => reply('status', parent, {execution_state: 'idle'});
