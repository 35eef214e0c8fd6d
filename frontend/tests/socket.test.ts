/** Messages between JupyterLab's own connections and JupyterLite's own kernel client. */
import {WebSocket as MockSocket} from 'mock-socket';
import {describe, expect, it, vi} from 'vitest';
import {Channel} from '../src/channel';
import {VERSION} from '../src/frames';
import {connectKernels, followInterrupts, workerOf} from '../src/reach';
import {connect, heard, lite, OPTIONS, Worker} from './lite';

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

  it('hears of executions that Stop has thrown away', async () => {
    const connection = await connect();
    connection.requestExecute({code: 'a'});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const second = connection.requestExecute({code: 'b'});
    await new Promise(resolve => setTimeout(resolve, 20)); // it is in JupyterLite's queue
    connection.createComm('t', 'c').open();
    expect(lite.worker!.posted.at(-1)![3]).toBe(true);
    await lite.client.interrupt(connection.id);
    lite.kernels[0]!.end('ok');
    expect((await second.done)!.content.status).toBe('error');
    await vi.waitFor(() => expect(lite.worker!.posted.at(-1)).toEqual(['idle']));
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
    expect(lite.worker!.posted).toEqual([['hello', VERSION, '0.1.0', 'live']]);
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

describe('what is replaced', () => {
  it('is all given back when a part of it is not as expected', () => {
    const {serverSettings} = lite.manager;
    lite.undo();
    const before = {...serverSettings};
    const odd = {changed: null, factories: null} as never;
    expect(() => connectKernels(lite.manager, odd, null, OPTIONS)).toThrow();
    expect({...serverSettings}).toEqual(before);
  });

  it('is given back', () => {
    const {WebSocket, serializer} = lite.manager.serverSettings;
    lite.undo();
    expect([WebSocket, serializer]).not.toContain(lite.manager.serverSettings.WebSocket);
    expect(lite.manager.serverSettings.WebSocket).toBe(MockSocket);
  });

  it('is a Worker only where there is one', () => {
    expect([workerOf({}), workerOf({_worker: {}}), workerOf({_worker: null})]).toEqual([
      null,
      null,
      null
    ]);
  });
});

it('hears of each interrupt before JupyterLite does, and lets that go on', async () => {
  const heard: string[] = [];
  const interrupts = {
    name: 'lite',
    async interrupt(this: {name: string}, id: string) {
      heard.push(`${this.name} ${id}`);
    }
  };
  const undoIt = followInterrupts(interrupts, id => void heard.push(`we ${id}`));
  await interrupts.interrupt('a');
  undoIt();
  await interrupts.interrupt('b');
  expect(heard).toEqual(['we a', 'lite a', 'lite b']);
});
