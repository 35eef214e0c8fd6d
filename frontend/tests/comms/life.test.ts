/** What JupyterLab's connections and comms hear of the end of a kernel of JupyterLite. */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {Signal} from '@lumino/signaling';
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {ClassicKernel} from '../../src/comms/classic';
import {commsOf, decorateFactories, followConnections} from '../../src/install/reach';
import {Channel} from '../../src/transports/channel/channel';
import {VERSION} from '../../src/wire/frames';
import {connect, lite, OPTIONS, Worker} from '../parts/lite';

const RESTARTED = {ename: 'KernelRestarted', evalue: 'the kernel has been restarted'};
const SHUT_DOWN = {ename: 'KernelShutDown', evalue: 'the kernel has been shut down'};

let told: [string, unknown][];
let errors: unknown[][];

beforeEach(() => {
  told = [];
  errors = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => void errors.push(args));
});

/** A comm, whose end is noted. */
function open(connection: Kernel.IKernelConnection, id: string, target = 't'): Kernel.IComm {
  const comm = connection.createComm(target, id);
  comm.onClose = ({content, metadata}) => {
    told.push([content.comm_id, metadata['lite_comms']]);
  };
  comm.open();
  return comm;
}

/** Restart, with a new Worker whose half says hello. */
async function restart(connection: Kernel.IKernelConnection): Promise<void> {
  lite.worker = new Worker();
  const count = lite.kernels.length;
  const restarted = connection.restart();
  await vi.waitFor(() => expect(lite.kernels.length).toBe(count + 1));
  lite.worker.say('hello', VERSION, '0.1.0');
  await restarted;
}

const ended = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    error => (error as Error).message
  );

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

describe('a kernel that dies', () => {
  /** Restart what has died, with a new Worker. */
  async function die(connection: Kernel.IKernelConnection): Promise<string[]> {
    const statuses: string[] = [];
    connection.statusChanged.connect((_, status) => void statuses.push(status));
    const old = lite.worker!;
    lite.worker = new Worker();
    old.say('died', 'RuntimeError: unreachable');
    old.say('died', 'again');
    await vi.waitFor(() => expect(lite.kernels.length).toBe(2));
    lite.worker.say('hello', VERSION, '0.1.0');
    await vi.waitFor(() => expect(connection.status).toBe('idle'));
    return statuses.filter(status => status.endsWith('starting'));
  }

  const DIED =
    'the kernel has died (RuntimeError: unreachable)\nIt starts anew, without variables: run your cells again.';

  it('starts anew, as on a server, and its comms are told', async () => {
    const connection = await connect();
    open(connection, 'a');
    open(connection, 'b', 'jupyter.widget');
    expect(await die(connection)).toEqual(['restarting', 'autorestarting']);
    expect(told).toEqual([['a', {ename: 'KernelDied', evalue: 'RuntimeError: unreachable'}]]);
    expect(lite.died).toEqual([[connection.id, 'RuntimeError: unreachable', true, false]]);
    expect(errors).toEqual([[`lite_comms: ${DIED}`]]);
    open(connection, 'c');
    await vi.waitFor(() => expect(lite.worker!.posted.at(-1)![0]).toBe('comm'));
    await restart(connection);
    expect(told.slice(1)).toEqual([['c', RESTARTED]]);
  });

  it('ends the cell that runs, and the one behind it, with an error', async () => {
    const connection = await connect();
    const cells = ['a', 'b'].map(code => connection.requestExecute({code}));
    const shown: unknown[] = [];
    cells.forEach(cell => {
      cell.onIOPub = ({header, content}) => {
        if (header.msg_type === 'error') {
          shown.push(content);
        }
      };
    });
    await vi.waitFor(() => expect(connection.status).toBe('busy'));
    const info = ended(connection.requestComplete({code: '', cursor_pos: 0}));
    const sent = ended(open(connection, 'a').send({}).done);
    await die(connection);
    const ends = await Promise.all(cells.map(cell => cell.done));
    expect(shown).toEqual([
      {ename: 'KernelDied', evalue: DIED, traceback: []},
      {
        ename: 'KernelDied',
        evalue: 'this cell has not run: the kernel has ended before',
        traceback: []
      }
    ]);
    expect(ends.map(reply => reply!.content.status)).toEqual(['error', 'error']);
    // The first cell shows the reason.
    expect(lite.died[0]!.at(-1)).toBe(true);
    expect([await info, await sent]).toEqual([
      'resolved',
      'Canceled future for comm_msg message before replies were done'
    ]);
  });

  it('has comms that can be opened anew by what is told', async () => {
    const connection = await connect();
    open(connection, 'a').onClose = () => void open(connection, 'again');
    await die(connection);
    await vi.waitFor(() =>
      expect(lite.worker!.posted.at(-1)).toEqual([
        'comm',
        1,
        expect.stringContaining('"comm_id":"again"'),
        false
      ])
    );
    expect(told).toEqual([]);
  });

  it('reaches its other clients as well', async () => {
    const connection = await connect();
    const other = lite.manager.connectTo({model: connection.model, handleComms: true});
    await other.info;
    open(other, 'a');
    await die(connection);
    await vi.waitFor(() => expect([other.status, told.length]).toEqual(['idle', 1]));
    open(other, 'b');
    await vi.waitFor(() => expect(lite.worker!.posted.at(-1)![0]).toBe('comm'));
  });

  it.each(['script', 'start'])(
    'at the start, because of its %s, is not restarted until the user does it',
    async what => {
      let fail: (reason: string) => void = () => undefined;
      lite.start = new Promise((_, reject) => {
        fail = reject;
      });
      const connection = await lite.manager.startNew({name: 'python'});
      await vi.waitFor(() => expect(connection.connectionStatus).toBe('connected'));
      const early = connection.requestExecute({code: ''});
      const comm = open(connection, 'a');
      if (what === 'script') {
        lite.worker!.dispatchEvent(new Event('error'));
      } else {
        fail('no Python');
      }
      const reason = what === 'script' ? "its worker's script cannot be loaded" : 'no Python';
      await vi.waitFor(() => expect(lite.died).toEqual([[connection.id, reason, false, true]]));
      expect([told, comm.isDisposed]).toEqual([
        [['a', {ename: 'KernelDied', evalue: reason}]],
        true
      ]);
      const cells = [early, connection.requestExecute({code: ''})].map(cell => cell.done);
      for (const reply of await Promise.all(cells)) {
        expect(reply!.content).toMatchObject({
          ename: 'KernelDied',
          evalue: `the kernel could not start (${reason})\nRestart it to try again.`
        });
      }
      expect(lite.kernels.length).toBe(1);
      expect(lite.dismissed).toEqual([]);
      lite.start = Promise.resolve();
      await lite.client.restart(connection.id);
      expect(lite.dismissed).toEqual([connection.id]);
    }
  );

  it('ends for good where it cannot be restarted, and the next end is told as well', async () => {
    const connection = await connect();
    open(connection, 'a');
    const {restart} = lite.client;
    lite.client.restart = async () => {
      throw new Error('no memory');
    };
    lite.worker!.say('died', 'RuntimeError: unreachable');
    await vi.waitFor(() => expect(told.length).toBe(1));
    expect(told[0]).toMatchObject(['a', {ename: 'KernelDied'}]);
    lite.client.restart = restart;
    open(connection, 'b');
    await connection.shutdown();
    expect(told[1]).toEqual(['b', SHUT_DOWN]);
  });

  it('is not one in whose worker a task has failed', async () => {
    await connect();
    lite.worker!.dispatchEvent(Object.assign(new Event('error'), {message: 'Uncaught 1'}));
    expect([lite.died, lite.kernels.length]).toEqual([[], 1]);
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

it('leaves no channel behind where a kernel cannot be made', async () => {
  const channels = new Map<string, Channel>();
  const channelOf = (id: string) => {
    const channel =
      channels.get(id) ??
      new Channel({...OPTIONS, id, canRestart: false} as never, () => void channels.delete(id));
    channels.set(id, channel);
    return channel;
  };
  const specs = {
    factories: new Map([['broken', async (_: object) => Promise.reject(new Error('no kernel'))]]),
    changed: new Signal({})
  };
  const undo = decorateFactories(specs as never, channelOf, {} as never);
  await expect(specs.factories.get('broken')!({id: 'k'})).rejects.toThrow('no kernel');
  expect(channels.size).toBe(0);
  undo();
});

it('finds the comms of a connection, and none where its field is not as expected', async () => {
  const connection = await connect();
  const comm = open(connection, 'a');
  expect([commsOf(connection), commsOf({}), commsOf({_comms: []})]).toEqual([[comm], [], []]);
});

it('hears of each connection until that is undone', () => {
  const heardOf: unknown[] = [];
  const kernels = {connectTo: (options: unknown) => options};
  const undo = followConnections(kernels as never, made => void heardOf.push(made));
  kernels.connectTo('a');
  undo();
  expect([heardOf, kernels.connectTo('b')]).toEqual([['a'], 'b']);
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
