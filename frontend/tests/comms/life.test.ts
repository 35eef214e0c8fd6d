/** What JupyterLab's connections and comms hear of the end of a kernel of JupyterLite. */
import type {KernelMessage} from '@jupyterlab/services';
import {describe, expect, it, vi} from 'vitest';
import {ClassicKernel} from '../../src/comms/classic';
import {commsOf} from '../../src/install/reach';
import {VERSION} from '../../src/wire/frames';
import {connect, lite} from '../parts/lite';
import {ended, errors, open, restart, RESTARTED, SHUT_DOWN, told} from './ends';

describe('a comm of the page', () => {
  it('is told once, and why, when its kernel restarts', async () => {
    const connection = await connect();
    const comm = open(connection, 'a');
    open(connection, 'b');
    await restart(connection);
    expect(told).toEqual([
      ['a', RESTARTED],
      ['b', RESTARTED]
    ]);
    expect([comm.isDisposed, connection.hasComm('a'), errors]).toEqual([true, false, []]);
  });

  it('is told on the connection of another client as well', async () => {
    const connection = await connect();
    const other = lite.manager.connectTo({model: connection.model, handleComms: true});
    await other.info;
    open(other, 'a');
    await restart(connection);
    expect(told).toEqual([['a', RESTARTED]]);
  });

  it('is told when its kernel is shut down', async () => {
    const connection = await connect();
    open(connection, 'a');
    await connection.shutdown();
    expect(told).toEqual([['a', SHUT_DOWN]]);
  });

  it('is told when its connection is closed, while the kernel goes on', async () => {
    const connection = await connect();
    open(connection, 'a');
    connection.dispose();
    await Promise.resolve();
    expect(told).toEqual([
      ['a', {ename: 'Disconnected', evalue: "the page's connection to the kernel has been closed"}]
    ]);
  });

  it('is told nothing where it is one of ipywidgets', async () => {
    const connection = await connect();
    open(connection, 'a', 'jupyter.widget');
    open(connection, 'b', 'jupyter.widget.control');
    await restart(connection);
    expect([told, connection.hasComm('a')]).toEqual([[], false]);
  });

  it('that closes itself, or raises, when it is told does not keep the others from it', async () => {
    const connection = await connect();
    const comm = open(connection, 'a');
    comm.onClose = () => {
      throw new Error('oh');
    };
    const classic = new ClassicKernel();
    classic.connect(connection);
    const second = classic.comm_manager.new_comm('t', {}, null, null, 'b');
    second.on_close(({content}) => {
      told.push([content.comm_id, second.close()]);
      second.send({});
    });
    open(connection, 'c');
    await restart(connection);
    expect(told).toEqual([
      ['b', undefined],
      ['c', RESTARTED]
    ]);
    expect(errors.map(([text]) => text)).toEqual([
      "lite_comms: onClose of comm 't' (a) raised",
      "lite_comms: the on_close callback of comm 't' (b) raised"
    ]);
  });

  it('of another client can be opened anew as well', {timeout: 20_000}, async () => {
    const connection = await connect();
    const other = lite.manager.connectTo({model: connection.model, handleComms: true});
    await other.info;
    open(other, 'a').onClose = () => void open(other, 'again');
    await restart(connection);
    // JupyterLab waits for its kernel_info_request first, for some seconds.
    await vi.waitFor(
      () =>
        expect(lite.worker!.posted.map(([type, , text]) => [type, text]).slice(1)).toEqual([
          ['comm', expect.stringContaining('"comm_id":"again"')]
        ]),
      10_000
    );
  });

  it('is told when the kernel it is sent to could not start', async () => {
    lite.start = Promise.reject(new Error('no Python'));
    lite.start.catch(() => undefined);
    const connection = await lite.manager.startNew({name: 'python'});
    await vi.waitFor(() => expect(lite.died.length).toBe(1));
    await vi.waitFor(() => expect(connection.connectionStatus).toBe('connected'));
    const sent = open(connection, 'a').send({});
    await sent.done;
    expect(told).toEqual([
      ['a', {ename: 'KernelDied', evalue: expect.stringMatching('no Python')}]
    ]);
    expect(connection.hasComm('a')).toBe(false);
  });

  it('can be opened anew by what is told, and reaches the new kernel', async () => {
    const connection = await connect();
    open(connection, 'a').onClose = () => void open(connection, 'again');
    await restart(connection);
    await vi.waitFor(() =>
      expect(lite.worker!.posted.map(([type, , text]) => [type, text]).slice(1)).toEqual([
        ['comm', expect.stringContaining('"comm_id":"again"')]
      ])
    );
  });
});

describe('what waits for the kernel', () => {
  it('is rejected at a restart, and nothing of it reaches the new kernel', async () => {
    const connection = await connect();
    const cell = connection.requestExecute({code: ''});
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const comm = open(connection, 'a');
    const waiting = [cell.done, comm.send({}).done].map(ended);
    await restart(connection);
    expect(await Promise.all(waiting)).toEqual([
      'Canceled future for execute_request message before replies were done',
      'Canceled future for comm_msg message before replies were done'
    ]);
    await connection.info;
    expect(lite.worker!.posted.map(([type]) => type)).toEqual(['hello']);
  });

  it('ends for another client, which is connected to the new kernel', async () => {
    const connection = await connect();
    const other = lite.manager.connectTo({model: connection.model, handleComms: true});
    await other.info;
    const cell = other.requestExecute({code: ''});
    const shown: KernelMessage.IMessage[] = [];
    cell.onIOPub = msg => void shown.push(msg);
    await vi.waitFor(() => expect(other.status).toBe('busy'));
    const sent = ended(open(other, 'a').send({}).done);
    await restart(connection);
    expect((await cell.done)!.content).toMatchObject({status: 'error', ...RESTARTED});
    expect(shown.map(({content}) => content)).toContainEqual({...RESTARTED, traceback: []});
    expect(await sent).toBe('resolved');
    await vi.waitFor(() => expect(other.connectionStatus).toBe('connected'));
    open(other, 'b');
    await vi.waitFor(() => expect(lite.worker!.posted.at(-1)![0]).toBe('comm'));
  });

  it('is rejected when the kernel is shut down', async () => {
    const connection = await connect();
    const cell = ended(connection.requestExecute({code: ''}).done);
    await connection.shutdown();
    expect(await cell).toMatch('Canceled');
  });
});

it('tells the target of each message that a kernel has not handled at a Stop', async () => {
  const connection = await connect();
  lite.worker!.say('hello', VERSION, '0.1.0', 'interrupt');
  connection.requestExecute({code: ''});
  await vi.waitFor(() => expect(connection.status).toBe('busy'));
  open(connection, 'a', 'slider').send({});
  open(connection, 'b', 'plot').dispose();
  const timers = vi.mocked(vi.spyOn(globalThis, 'setTimeout'));
  await lite.client.interrupt(connection.id);
  const [onTimeout] = timers.mock.calls.find(([, ms]) => ms === 5000)!;
  (onTimeout as () => void)();
  expect(lite.deaf).toEqual([[connection.id, ['slider', 'slider', 'b']]]);
});

it('leaves nothing behind at a restart: no listener on the old Worker, no timer', async () => {
  const connection = await connect();
  const old = lite.worker!;
  const removed = vi.spyOn(old, 'removeEventListener');
  const added = vi.mocked(vi.spyOn(globalThis, 'setTimeout'));
  open(connection, 'a');
  void lite.client.interrupt(connection.id);
  const before = added.mock.results.length;
  const clear = vi.spyOn(globalThis, 'clearTimeout');
  await restart(connection);
  const timers = added.mock.results.slice(0, before).map(({value}) => value as unknown);
  expect(removed.mock.calls.map(([type]) => type)).toEqual(['message', 'error']);
  expect(clear.mock.calls.map(([timer]) => timer)).toEqual(expect.arrayContaining(timers));
});

it('finds the comms of a connection, and none where its field is not as expected', async () => {
  const connection = await connect();
  const comm = open(connection, 'a');
  expect([commsOf(connection), commsOf({}), commsOf({_comms: []})]).toEqual([[comm], [], []]);
});

describe('those who listen to the status of a kernel', () => {
  it('are each told once, also behind one that fails, until they no longer listen', async () => {
    const connection = await connect();
    const heard: string[] = [];
    const first = (_: unknown, status: string) => void heard.push(`first ${status}`);
    const receiver = {
      told: (_: unknown, status: string) => void heard.push(`receiver ${status}`)
    };
    const {statusChanged} = connection;
    statusChanged.connect(() => {
      throw new Error('of a listener');
    });
    expect([statusChanged.connect(first), statusChanged.connect(first)]).toEqual([true, false]);
    statusChanged.connect(receiver.told, receiver);
    const update = (status: string) =>
      (connection as unknown as {_updateStatus(status: string): void})._updateStatus(status);
    update('busy');
    expect(heard.sort()).toEqual(['first busy', 'receiver busy']);
    expect(errors.flat().map(String)).toContain('Error: of a listener');
    expect(statusChanged.disconnect(first, {})).toBe(false);
    expect(statusChanged.disconnect(first)).toBe(true);
    expect(statusChanged.disconnect(receiver.told, receiver)).toBe(true);
    update('idle');
    expect(heard.length).toBe(2);
  });

  it('are not told when one before them has taken them away, or has just added them', async () => {
    const connection = await connect();
    const {statusChanged} = connection;
    const heard: string[] = [];
    const late = () => void heard.push('late');
    const gone = () => void heard.push('gone');
    statusChanged.connect(() => {
      heard.push('first');
      statusChanged.disconnect(gone);
      statusChanged.connect(late);
    });
    statusChanged.connect(gone);
    (connection as unknown as {_updateStatus(status: string): void})._updateStatus('busy');
    expect(heard).toEqual(['first']);
  });
});
