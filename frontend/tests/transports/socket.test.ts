/** Messages between JupyterLab's own connections and JupyterLite's own kernel client. */
import type {Kernel} from '@jupyterlab/services';
import {describe, expect, it, vi} from 'vitest';
import {Channel} from '../../src/transports/channel/channel';
import {VERSION} from '../../src/wire/frames';
import {connect, heard, lite, Worker} from '../parts/lite';

type Future = ReturnType<Kernel.IKernelConnection['requestExecute']>;

/** Cells, of which the first runs and the others wait in JupyterLite's queue. */
async function queued(
  connection: Kernel.IKernelConnection,
  codes: string[],
  options = {stop_on_error: true}
): Promise<Future[]> {
  const cells = codes.map(code => connection.requestExecute({code, ...options}));
  await vi.waitFor(() => expect(connection.status).toBe('busy'));
  await new Promise(resolve => setTimeout(resolve, 20));
  return cells;
}

const statuses = async (cells: Future[]) =>
  (await Promise.all(cells.map(({done}) => done))).map(reply => reply!.content.status);

describe('a kernel with a port', () => {
  it('gets a comm message while a cell runs', async () => {
    const connection = await connect();
    connection.requestExecute({code: ''});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const comm = connection.createComm('echo', 'c');
    const opened = comm.open({a: 1});
    const [frame] = lite.worker!.posted.slice(1);
    expect([frame![0], JSON.parse(frame![2] as string).content, frame![3]]).toEqual([
      'comm',
      {comm_id: 'c', target_name: 'echo', data: {a: 1}},
      true
    ]);
    lite.worker!.say('ack', 1);
    await opened.done;
    expect(lite.kernels[0]!.comms).toEqual([]);
  });

  it('gets a comm message that is sent after a cell when that has begun', async () => {
    const connection = await connect();
    lite.worker!.say('hello', VERSION, '0.1.0', 'begun');
    lite.worker!.posted.length = 0;
    const cell = connection.requestExecute({code: 'a'});
    connection.createComm('echo', 'c').open();
    await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a']));
    expect(lite.worker!.posted).toEqual([]);
    lite.worker!.say('begun', cell.msg.header.msg_id);
    expect(lite.worker!.posted.map(([type]) => type)).toEqual(['comm']);
  });

  it('gets a comm message that is sent after a cell that could not be sent', async () => {
    const connection = await connect();
    lite.worker!.say('hello', VERSION, '0.1.0', 'begun');
    lite.worker!.posted.length = 0;
    expect(() => connection.requestExecute({code: 'a', more: 1n} as never)).toThrow('BigInt');
    connection.createComm('echo', 'c').open();
    expect(lite.worker!.posted.map(([type]) => type)).toEqual(['comm']);
  });

  it('hands its messages over in one order, whichever way they take', async () => {
    const connection = await connect();
    const future = connection.requestExecute({code: ''});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const messages = heard(connection);
    lite.kernels[0]!.print('one');
    lite.worker!.say('comm', 'comm_msg', '{"comm_id":"c","data":{"n":1}}', '{}', '{}');
    lite.kernels[0]!.print('two');
    lite.kernels[0]!.end('ok');
    await future.done;
    expect(messages.map(([type]) => type).filter(type => type !== 'status')).toEqual([
      'stream',
      'comm_msg',
      'stream',
      'execute_reply'
    ]);
  });

  it('keeps the messages for two clients apart, and drops none of them', async () => {
    const first = await connect();
    const second = lite.manager.connectTo({model: first.model});
    await second.info;
    const both = [heard(first), heard(second)];
    for (const [client, text] of [
      [first, 'x'],
      [second, 'y']
    ] as const) {
      const future = client.requestExecute({code: ''});
      await vi.waitFor(() => expect(client.status).toBe('busy'));
      lite.kernels[0]!.print(text);
      lite.worker!.say('comm', 'comm_msg', '{"comm_id":"c","data":{}}', '{}', '{}');
      lite.kernels[0]!.end('ok');
      await future.done;
      await vi.waitFor(() => expect([first.status, second.status]).toEqual(['idle', 'idle']));
    }
    const iopub = both.map(messages =>
      messages.filter(([type]) => type === 'stream' || type === 'comm_msg')
    );
    expect(iopub[0]!.map(([, {text}]) => text)).toEqual(['x', undefined, 'y', undefined]);
    expect(iopub[1]).toEqual(iopub[0]);
  });

  it('goes on with its queue after a Stop', async () => {
    const connection = await connect();
    lite.worker!.say('hello', VERSION, '0.1.0', 'interrupt');
    const cells = await queued(connection, ['a', 'b']);
    await connection.interrupt();
    expect(lite.worker!.posted.at(-1)).toEqual(['interrupt', 1]);
    lite.kernels[0]!.end('ok');
    await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a', 'b']));
    lite.kernels[0]!.end('ok');
    expect(await statuses(cells)).toEqual(['ok', 'ok']);
  });

  it('begins no cell that a Stop has found waiting for its start', async () => {
    let start = () => undefined as void;
    lite.start = new Promise(resolve => (start = resolve));
    const connection = await lite.manager.startNew({name: 'python'});
    await vi.waitFor(() => expect(connection.connectionStatus).toBe('connected'));
    const first = connection.requestExecute({code: 'a'});
    connection.createComm('t', 'c').open();
    const second = connection.requestExecute({code: 'b'});
    await connection.interrupt();
    const third = connection.requestExecute({code: 'c'});
    lite.worker!.say('hello', VERSION, '0.1.0');
    start();
    await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['c']));
    lite.kernels[0]!.end('ok');
    expect(await statuses([first, second, third])).toEqual(['aborted', 'aborted', 'ok']);
  });

  it('begins no cell that was still on its way at a Stop', async () => {
    const connection = await connect();
    lite.worker!.say('hello', VERSION, '0.1.0', 'interrupt');
    const cell = connection.requestExecute({code: 'a'});
    await connection.interrupt();
    expect([await statuses([cell]), lite.kernels[0]!.executed]).toEqual([['aborted'], []]);
  });

  it('answers the cells behind one that fails, and runs those that are sent later', async () => {
    const connection = await connect();
    const cells = await queued(connection, ['a', 'b', 'c']);
    const messages = heard(connection);
    const completed = connection.requestComplete({code: '', cursor_pos: 0});
    await new Promise(resolve => setTimeout(resolve, 20));
    lite.kernels[0]!.end('error');
    expect(await statuses(cells)).toEqual(['error', 'aborted', 'aborted']);
    expect((await completed).header.msg_type).toBe('complete_reply');
    expect(
      messages.map(([type, {status, execution_state}]) => [type, status ?? execution_state])
    ).toEqual([
      ['execute_reply', 'error'],
      ['status', 'idle'],
      ...['execute_reply', 'execute_reply'].flatMap(type => [
        ['status', 'busy'],
        [type, 'aborted'],
        ['status', 'idle']
      ]),
      ['status', 'busy'],
      ['complete_reply', undefined],
      ['status', 'idle']
    ]);
    const [later] = await queued(connection, ['d']);
    lite.kernels[0]!.end('ok');
    expect((await later!.done)!.content.status).toBe('ok');
    expect(lite.kernels[0]!.executed).toEqual(['a', 'd']);
  });

  it.each([
    ['was allowed to fail', {stop_on_error: false}],
    ['is silent', {stop_on_error: true, silent: true}]
  ])('runs the cells behind one that fails and %s', async (_, options) => {
    const connection = await connect();
    const cells = await queued(connection, ['a', 'b'], options);
    lite.kernels[0]!.end('error');
    await vi.waitFor(() => expect(lite.kernels[0]!.executed).toEqual(['a', 'b']));
    lite.kernels[0]!.end('ok');
    expect(await statuses(cells)).toEqual(['error', 'ok']);
  });

  it('aborts the cells of all clients, and replies to the one that has asked', async () => {
    const first = await connect();
    const second = lite.manager.connectTo({model: first.model});
    await second.info;
    const messages = heard(second);
    const [failing] = await queued(first, ['a']);
    const [behind] = await queued(second, ['b']);
    lite.kernels[0]!.end('error');
    expect(await statuses([failing!, behind!])).toEqual(['error', 'aborted']);
    expect(messages.filter(([type]) => type === 'execute_reply')).toEqual([
      ['execute_reply', {status: 'aborted'}]
    ]);
  });

  it('answers which comms it has, each client its own question', async () => {
    const first = await connect();
    const second = lite.manager.connectTo({model: first.model});
    await second.info;
    const asked = [first.requestCommInfo({}), second.requestCommInfo({target_name: 't'})];
    const replies = await Promise.all(asked);
    expect(replies.map(({content}) => content)).toEqual(
      ['any', 't'].map(target_name => ({status: 'ok', comms: {c: {target_name}}}))
    );
  });

  it('forgets a client that has closed', async () => {
    const connection = await connect();
    const remove = vi.spyOn(Channel.prototype, 'remove');
    connection.dispose();
    await vi.waitFor(() => expect(remove).toHaveBeenCalledOnce());
  });

  it('has one port, however often kernelspecs are registered', async () => {
    const spec = {name: 'other', display_name: '', language: '', argv: [], resources: {}};
    lite.specs.register({spec, create: async () => lite.kernels[0]!});
    await connect();
    expect(lite.worker!.posted).toEqual([['hello', VERSION, '0.1.0', 'begun', 'live']]);
  });

  it('is found again after a restart, with a new Worker', async () => {
    const connection = await connect();
    const old = lite.worker!;
    lite.worker = new Worker();
    const restarted = connection.restart();
    await vi.waitFor(() => expect(lite.kernels.length).toBe(2));
    lite.worker.say('hello', VERSION, '0.1.0');
    await restarted;
    await connection.info;
    connection.createComm('echo', 'c').open();
    await vi.waitFor(() =>
      expect([old.posted.length, lite.worker!.posted.map(([type]) => type)]).toEqual([
        1,
        ['hello', 'comm']
      ])
    );
  });
});

describe('a kernel without one', () => {
  it('leaves what waits to JupyterLite, at an error and at a Stop', async () => {
    lite.worker = undefined;
    const connection = await connect();
    const [, dropped] = await queued(connection, ['a', 'b']);
    lite.kernels[0]!.end('error');
    const [, stopped] = await queued(connection, ['c', 'd']);
    await connection.interrupt();
    lite.kernels[0]!.end('ok');
    expect((await stopped!.done)!.content).toMatchObject({ename: 'Kernel Interrupt'});
    expect(lite.kernels[0]!.executed).toEqual(['a', 'c']);
    dropped!.done.catch(() => undefined); // it has no answer, and ends with the connection
  });

  it.each(['has no Worker', 'says no hello'])('that %s works as in JupyterLite', async what => {
    if (what === 'has no Worker') {
      lite.worker = undefined;
    }
    const connection = await connect(true);
    expect(vi.mocked(console.warn).mock.calls.flat().join()).toMatch(
      "comms take JupyterLite's own path"
    );
    const messages = heard(connection);
    const memory = new Uint8Array([1, 2]);
    await connection.createComm('echo', 'c').open({a: 1}, {}, [memory.buffer]).done;
    const [msg] = lite.kernels[0]!.comms;
    expect(msg!.content).toEqual({comm_id: 'c', target_name: 'echo', data: {a: 1}});
    expect(new Uint8Array((msg!.buffers![0] as DataView).buffer)).toEqual(memory);
    expect(messages.map(([, {execution_state}]) => execution_state)).toEqual(['busy', 'idle']);
  });
});
