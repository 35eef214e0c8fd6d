/** Kernels and connections of JupyterLite that were there before lite_comms. */
import {type Kernel, KernelMessage} from '@jupyterlab/services';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {connectKernels} from '../../src/install/connect';
import {findPresent} from '../../src/install/present';
import {VERSION} from '../../src/wire/frames';
import {connect, heard, lite, OPTIONS} from '../parts/lite';

beforeEach(() => lite.undo());
afterEach(() => lite.undo());

/** What a kernel that a notebook has loaded lite_comms into brings to the page. */
async function takeOver() {
  const present = await findPresent(lite.manager, lite.client);
  const options = {...OPTIONS, isInjected: true, expected: false};
  lite.undo = connectKernels(lite.manager, lite.specs, lite.client, options, present);
}

const answer = (...can: string[]) => lite.worker!.say('hello', VERSION, '0.1.0', ...can);
const posted = () => lite.worker!.posted.map(([type]) => type);
const execute = async (connection: Kernel.IKernelConnection, code: string) => {
  const cell = connection.requestExecute({code, stop_on_error: true});
  await vi.waitFor(() => expect(lite.kernels.at(-1)!.executed).toContain(code));
  return cell;
};

it('asks a kernel that runs to say hello again', async () => {
  await connect();
  await takeOver();
  expect(lite.worker!.posted).toEqual([
    ['hello', VERSION, '0.1.0', 'begun', 'live', 'injected', 'asks']
  ]);
});

it('opens the port in the middle of a cell', async () => {
  const connection = await connect();
  const first = await execute(connection, 'a');
  const second = connection.requestExecute({code: 'b'});
  await takeOver();
  answer('begun');
  connection.createComm('echo', 'c').open({a: 1});
  expect(posted()).toEqual(['hello', 'hello', 'comm']);
  expect(lite.worker!.posted.at(-1)![3]).toBe(true);

  lite.kernels[0]!.end('ok');
  expect((await first.done).content.status).toBe('ok');
  await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a', 'b']));
  lite.kernels[0]!.end('ok');
  expect((await second.done).content.status).toBe('ok');
});

it('opens the port when no comm message is under way on the path of JupyterLite', async () => {
  const connection = await connect();
  const cell = await execute(connection, 'a');
  const comm = connection.createComm('echo', 'c');
  const opened = comm.open({n: 1});
  await takeOver();
  answer();
  const sent = comm.send({n: 2});
  expect(posted()).toEqual(['hello', 'hello']);
  expect(lite.worker!.posted.at(-1)!.at(-1)).toBe('later');

  lite.kernels[0]!.end('ok');
  await Promise.all([cell.done, opened.done]);
  expect(lite.kernels[0]!.comms.map(({content}) => (content as {data: unknown}).data)).toEqual([
    {n: 1}
  ]);
  await vi.waitFor(() => expect(posted()).toEqual(['hello', 'hello', 'hello', 'comm']));
  lite.worker!.say('ack', 1);
  await sent.done;
  comm.send({n: 3});
  expect(posted()).toEqual(['hello', 'hello', 'hello', 'comm', 'comm']);
});

it('takes back what ipywidgets has sent behind a cell, and opens the port in it', async () => {
  const connection = await connect();
  const cell = await execute(connection, 'a');
  const comm = connection.createComm('jupyter.widget.control', 'c');
  const before = [comm.open({}), comm.send({method: 'request_states'})];
  await takeOver();
  answer('begun');
  await Promise.resolve(); // they leave together
  expect(posted()).toEqual(['hello', 'hello', 'comm', 'comm']);
  comm.send({n: 1});
  const ids = lite.worker!.posted.slice(2).map(([, id]) => id);
  lite.worker!.say('ack', ...ids);
  await Promise.all(before.map(({done}) => done));
  lite.kernels[0]!.end('ok');
  await cell.done;
  const next = await execute(connection, 'b');
  lite.kernels[0]!.end('ok');
  await next.done;
  expect(lite.kernels[0]!.comms).toEqual([]);
  expect(posted()).toEqual(['hello', 'hello', 'comm', 'comm', 'comm', 'idle']);
});

it.each([
  [{method: 'custom', content: {}}, undefined],
  [{method: 'update', state: {}}, [new ArrayBuffer(1)]]
])('takes back nothing that its sender may have changed', async (data, buffers) => {
  const connection = await connect();
  const cell = await execute(connection, 'a');
  const comm = connection.createComm('jupyter.widget.control', 'c');
  comm.open({});
  comm.send(data, {}, buffers);
  await takeOver();
  answer('begun');
  expect(posted()).toEqual(['hello', 'hello']);
  lite.kernels[0]!.end('ok');
  await cell.done;
  await vi.waitFor(() => expect(posted()).toEqual(['hello', 'hello', 'hello']));
  expect(lite.kernels[0]!.comms.length).toBe(2);
});

it('knows of what is sent while it looks', async () => {
  const connection = await connect();
  const cell = await execute(connection, 'a');
  const present = await findPresent(lite.manager, lite.client);
  const opened = connection.createComm('echo', 'c').open();
  const options = {...OPTIONS, isInjected: true};
  lite.undo = connectKernels(lite.manager, lite.specs, lite.client, options, present);
  answer();
  expect(posted()).toEqual(['hello', 'hello']);
  lite.kernels[0]!.end('ok');
  await Promise.all([cell.done, opened.done]);
  expect(posted()).toEqual(['hello', 'hello', 'hello']);
});

it('sends what a connection still holds back once, when it does', async () => {
  const connection = await connect();
  const held = connection as unknown as {_pendingMessages: unknown[]; _sendPending(): void};
  const update = {comm_id: 'c', data: {method: 'update', state: {}}};
  const messages = [1, 2].map(() =>
    KernelMessage.createMessage({
      msgType: 'comm_msg',
      channel: 'shell',
      session: connection.clientId,
      content: update
    })
  );
  // As while it connects, or waits for the kernel's info.
  held._pendingMessages.push(messages[0]);
  messages.forEach(msg => connection.sendShellMessage(msg, false));
  await takeOver();
  answer();
  expect(posted()).toEqual(['hello', 'hello']);
  held._pendingMessages.shift();
  held._sendPending();
  await Promise.resolve(); // they leave together
  const ids = lite
    .worker!.posted.slice(2)
    .map(([, , msg]) => JSON.parse(msg as string).header.msg_id);
  expect(ids).toEqual(messages.map(({header}) => header.msg_id));
});

it('does not wait for what has been handled', async () => {
  const connection = await connect();
  await connection.createComm('echo', 'c').open().done;
  // It is kept, though it is over.
  const cell = connection.requestExecute({code: 'a'}, false);
  await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a']));
  lite.kernels[0]!.end('ok');
  await cell.done;
  await takeOver();
  answer();
  expect(posted()).toEqual(['hello', 'hello']);
  connection.createComm('echo', 'd').open();
  expect(lite.worker!.posted.at(-1)![3]).toBe(false);
});

it('forgets what JupyterLite has dropped or handled', async () => {
  const connection = await connect();
  const failing = await execute(connection, 'a');
  const comm = connection.createComm('jupyter.widget.control', 'c');
  // They wait behind a cell that fails.
  comm.open({});
  comm.send({n: 1});
  await new Promise(resolve => setTimeout(resolve, 20));
  lite.kernels[0]!.end('error');
  await failing.done;
  const loading = await execute(connection, 'b');
  await takeOver();
  answer('begun');
  expect(posted()).toEqual(['hello', 'hello']);
  lite.kernels[0]!.end('ok');
  await loading.done;
  expect(lite.kernels[0]!.comms).toEqual([]);
});

it('waits for the comm message that is being handled, and shows that it has been', async () => {
  const connection = await connect();
  let end = (): void => undefined;
  lite.kernels[0]!.commMsg = () =>
    new Promise(resolve => (end = () => resolve(undefined as never)));
  const comm = connection.createComm('jupyter.widget', 'c');
  comm.open({});
  const sent = comm.send({method: 'update', state: {}});
  await vi.waitFor(() => expect(connection.status).toBe('busy'));
  await new Promise(resolve => setTimeout(resolve, 20));
  await takeOver();
  answer('begun');
  expect(posted()).toEqual(['hello', 'hello']);
  end();
  await sent.done;
  await vi.waitFor(() => expect(posted()).toEqual(['hello', 'hello', 'hello']));
  await vi.waitFor(() => expect(connection.status).toBe('idle'));
});

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
