/** What JupyterLab's connections and comms hear when their kernel dies. */
import type {Kernel} from '@jupyterlab/services';
import {describe, expect, it, vi} from 'vitest';
import {VERSION} from '../../src/wire/frames';
import {connect, lite, Worker} from '../parts/lite';
import {ended, errors, open, restart, RESTARTED, SHUT_DOWN, told} from './ends';

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
