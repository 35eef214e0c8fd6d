/** Messages that are under way in JupyterLite when lite_comms comes to a kernel. */
import {KernelMessage} from '@jupyterlab/services';
import {expect, it, vi} from 'vitest';
import {connectKernels} from '../../src/install/connect';
import {findPresent} from '../../src/install/present';
import {VERSION} from '../../src/wire/frames';
import {connect, lite, OPTIONS} from '../parts/lite';
import {answer, execute, posted, takeOver} from './a_takeover';

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
