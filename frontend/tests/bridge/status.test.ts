/** What a host page hears of its notebook and of this page. */
import {describe, expect, it, vi} from 'vitest';
import {Bridges} from '../../src/bridge/bridges';
import {FakeConnection, FakeSession} from '../parts/fakes';
import {settled} from '../parts/worlds';
import {
  connect,
  connected,
  frames,
  kernels,
  ORIGIN,
  PATH,
  session,
  sessions,
  status,
  targets,
  wire
} from './a_bridge';

describe('the status', () => {
  it('is ready when the notebook has a kernel', async () => {
    await connect();
    expect(frames).toEqual([targets(), status('ready')]);
  });

  it('is waiting until the notebook is open', async () => {
    await connect('later.ipynb');
    expect(frames).toEqual([targets(), status('waiting', "'later.ipynb' is not open there")]);
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    sessions.add(new FakeSession(other, 'later.ipynb'));
    await settled();
    expect(frames.slice(2)).toEqual([status('ready')]);
  });

  it('is that of the only notebook without a path', async () => {
    await connect(null);
    expect(frames[1]).toEqual(status('ready'));
  });

  it('is waiting without a path where there are several', async () => {
    sessions.add(new FakeSession(null, 'b'));
    await connect(null);
    expect(frames[1]).toEqual(
      status('waiting', '2 notebooks and consoles are open there, and no path says which')
    );
  });

  it('says that the kernel restarts, and dies', async () => {
    await connected();
    for (const now of ['restarting', 'starting', 'idle', 'busy', 'dead']) {
      wire.status = now;
      wire.statusChanged.emit(now);
      session.statusChanged.emit(now);
    }
    await settled();
    expect(frames).toEqual([
      status('restarting', `the kernel of '${PATH}' is restarting`),
      status('starting', `the kernel of '${PATH}' is starting`),
      status('ready'),
      status('dead', `the kernel of '${PATH}' is dead`)
    ]);
  });

  it('is waiting again when the notebook is closed', async () => {
    await connected();
    session.dispose();
    await settled();
    expect(frames).toEqual([status('waiting', `'${PATH}' is not open there`)]);
  });
});

it('all host pages are told when the page unloads, and those that have gone are forgotten', async () => {
  const own = new EventTarget();
  const add = vi.spyOn(own, 'addEventListener');
  const bridges = new Bridges(Object.assign(own, {parent: null}), sessions, kernels);
  const heard: unknown[] = [];
  const ports = [1, 2, 3].map(n => {
    const {port1, port2} = new MessageChannel();
    bridges.admit(port1, ORIGIN, PATH);
    port2.onmessage = ({data}) => data.type === 'bye' && heard.push([n, data.reason]);
    return port2;
  });
  ports[0]!.postMessage({type: 'bye', reason: ''});
  await settled();
  expect(bridges.size).toBe(2);
  own.dispatchEvent(Object.assign(new Event('pagehide'), {persisted: true})); // put aside only
  expect(bridges.size).toBe(2);
  own.dispatchEvent(new Event('pagehide'));
  await settled();
  expect(heard).toEqual([
    [2, 'the page has been left'],
    [3, 'the page has been left']
  ]);
  expect([bridges.size, add.mock.calls.length]).toEqual([0, 1]);
  ports.forEach(each => each.close());
});
