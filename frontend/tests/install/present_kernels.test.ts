/** Kernels and connections of JupyterLite that were there before lite_comms, and how they go on. */
import {expect, it, vi} from 'vitest';
import {connectKernels} from '../../src/install/connect';
import {findPresent} from '../../src/install/present';
import {VERSION} from '../../src/wire/frames';
import {connect, heard, lite, OPTIONS} from '../parts/lite';
import {answer, execute, posted, takeOver} from './a_takeover';

it('ends the cells of all clients when the kernel restarts', async () => {
  const first = await connect();
  const second = lite.manager.connectTo({model: first.model});
  await second.info;
  const cell = await execute(second, 'a');
  await takeOver();
  answer();
  const errors: unknown[] = [];
  cell.onIOPub = ({content}) => void errors.push((content as {ename?: string}).ename);
  await first.restart();
  await cell.done.catch(() => undefined);
  expect(errors).toContain('KernelRestarted');
});

it('asks only the kernels of Python', async () => {
  await connect();
  Object.assign(lite.kernels[0]!, {_name: 'other'});
  await takeOver();
  expect(posted()).toEqual([]);
});

it('undoes all of it where one kernel cannot be taken over', async () => {
  const connection = await connect();
  await (
    await lite.manager.startNew({name: 'python'})
  ).info;
  Object.defineProperty(lite.kernels[1]!, 'ready', {
    configurable: true,
    get: () => {
      throw new Error('odd');
    }
  });
  const {dispose, handleMessage} = lite.kernels[0]!;
  await expect(takeOver()).rejects.toThrow('odd');
  Reflect.deleteProperty(lite.kernels[1]!, 'ready');
  expect(posted()).toEqual([]);
  expect(lite.kernels[0]!).toMatchObject({dispose, handleMessage});
  const cell = connection.requestExecute({code: 'a'});
  await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a']));
  lite.kernels[0]!.end('error');
  expect((await cell.done).content.status).toBe('error');
});

it('hands over all messages, before and after, in their order', async () => {
  const connection = await connect();
  await execute(connection, 'a');
  const messages = heard(connection);
  const streams: unknown[] = [];
  connection.iopubMessage.connect((_, {header, content}) => {
    if (header.msg_type === 'stream') {
      streams.push((content as {text: string}).text);
    }
  });
  lite.kernels[0]!.print('one');
  const present = findPresent(lite.manager, lite.client);
  lite.kernels[0]!.print('two');
  const options = {...OPTIONS, isInjected: true};
  lite.undo = connectKernels(lite.manager, lite.specs, lite.client, options, await present);
  lite.kernels[0]!.print('three');
  answer();
  lite.worker!.say('comm', 'stream', '{"name":"stdout","text":"four"}', '{}', '{}');
  lite.kernels[0]!.print('five');
  await vi.waitFor(() => expect(streams).toEqual(['one', 'two', 'three', 'four', 'five']));
  expect(messages.filter(([type]) => type === 'stream').length).toBe(5);
});

it('keeps the cells behind one that fails or is stopped', async () => {
  const connection = await connect();
  const first = await execute(connection, 'a');
  const second = connection.requestExecute({code: 'b'});
  await takeOver();
  answer('interrupt');
  await connection.interrupt();
  expect(posted()).toContain('interrupt');
  lite.kernels[0]!.end('error');
  expect((await first.done).content.status).toBe('error');
  expect((await second.done).content.status).toBe('aborted');
  const third = await execute(connection, 'c');
  lite.kernels[0]!.end('ok');
  expect((await third.done).content.status).toBe('ok');
});

it('gives a restarted kernel the channel from its start', async () => {
  const connection = await connect();
  await takeOver();
  await connection.restart();
  lite.worker!.posted.length = 0;
  lite.worker!.say('hello', VERSION, '0.1.0');
  await vi.waitFor(() => expect(posted()).toEqual(['hello']));
  const comm = connection.createComm('echo', 'c');
  comm.open();
  await vi.waitFor(() => expect(posted()).toEqual(['hello', 'comm']));
});

it('gives several connections to one kernel the channel', async () => {
  const first = await connect();
  const second = lite.manager.connectTo({model: first.model});
  await second.info;
  await takeOver();
  answer();
  const both = [heard(first), heard(second)];
  lite.worker!.say('comm', 'comm_msg', '{"comm_id":"c","data":{}}', '{}', '{}');
  expect(both.map(messages => messages.map(([type]) => type))).toEqual([
    ['comm_msg'],
    ['comm_msg']
  ]);
});

it('leaves everything as it was where a part is not known', async () => {
  const connection = await connect();
  const {WebSocket, serializer} = lite.manager.serverSettings;
  const {_futures} = connection as unknown as {_futures: unknown};
  Object.assign(connection, {_futures: []});
  await expect(takeOver()).rejects.toThrow("kernel connection has no '_futures'");
  Object.assign(connection, {_futures});
  expect(lite.manager.serverSettings).toMatchObject({WebSocket, serializer});
  const cell = await execute(connection, 'a');
  lite.kernels[0]!.end('ok');
  expect((await cell.done).content.status).toBe('ok');
  expect(posted()).toEqual([]);
});

it.each([
  ['_kernelConnections', () => lite.manager],
  ['_sendMessage', () => lite.kernels[0]!]
])('names %s where it is missing', async (field, owner) => {
  await connect();
  const {[field]: before} = owner() as unknown as {[field: string]: unknown};
  Object.assign(owner(), {[field]: undefined});
  await expect(takeOver()).rejects.toThrow(`has no '${field}'`);
  Object.assign(owner(), {[field]: before});
});

it('leaves a kernel alone that has neither a Worker nor a known way to send', async () => {
  const connection = await connect();
  const other = await lite.manager.startNew({name: 'python'});
  await other.info;
  Object.assign(lite.kernels[1]!, {_worker: undefined, _sendMessage: undefined});
  const {handleMessage, dispose} = lite.kernels[1]!;
  await takeOver();
  answer();
  connection.createComm('echo', 'c').open();
  expect(posted().at(-1)).toBe('comm');
  expect(lite.kernels[1]!).toMatchObject({handleMessage, dispose});
});

it('can be undone, also for what was there before', async () => {
  const connection = await connect();
  await takeOver();
  answer();
  lite.undo();
  const cell = await execute(connection, 'a');
  lite.kernels[0]!.print('one');
  lite.kernels[0]!.end('ok');
  expect((await cell.done).content.status).toBe('ok');
  const opened = connection.createComm('echo', 'c').open();
  await opened.done;
  expect(lite.kernels[0]!.comms.length).toBe(1);
});

it('finds nothing where no kernel runs', async () => {
  const there = (await findPresent({}, lite.client))();
  expect([there.kernels, there.connections]).toEqual([[], []]);
});
