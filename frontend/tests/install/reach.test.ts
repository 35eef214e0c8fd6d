/** What is replaced in JupyterLab and JupyterLite, piece by piece, and given back. */
import {Signal} from '@lumino/signaling';
import {WebSocket as MockSocket} from 'mock-socket';
import {describe, expect, it} from 'vitest';
import {connectKernels} from '../../src/install/connect';
import {
  decorateFactories,
  followConnections,
  replaceInterrupt,
  workerOf
} from '../../src/install/reach';
import {Channel} from '../../src/transports/channel/channel';
import {lite, OPTIONS} from '../parts/lite';

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

it('stops by itself what it can, and leaves the rest to JupyterLite', async () => {
  const heard: string[] = [];
  const interrupts = {
    name: 'lite',
    async interrupt(this: {name: string}, id: string) {
      heard.push(`${this.name} ${id}`);
    }
  };
  const undoIt = replaceInterrupt(interrupts, id => {
    heard.push(`we ${id}`);
    return id === 'a';
  });
  await interrupts.interrupt('a');
  await interrupts.interrupt('b');
  undoIt();
  await interrupts.interrupt('a');
  expect(heard).toEqual(['we a', 'we b', 'lite b', 'lite a']);
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

it('hears of each connection until that is undone', () => {
  const heardOf: unknown[] = [];
  const kernels = {connectTo: (options: unknown) => options};
  const undo = followConnections(kernels as never, made => void heardOf.push(made));
  kernels.connectTo('a');
  undo();
  expect([heardOf, kernels.connectTo('b')]).toEqual([['a'], 'b']);
});
