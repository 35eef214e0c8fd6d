/** The targets of a host page, and those that a kernel exposes. */
import {describe, expect, it} from 'vitest';
import {commFrame} from '../../src/wire/bridge';
import {FakeConnection} from '../parts/fakes';
import {settled} from '../parts/worlds';
import {connected, expose, frames, kernels, open, port, post, session, wire} from './a_bridge';

describe('a target of the host page', () => {
  it("gets what the kernel opens to 'host:' and its name", async () => {
    await connected();
    await post({type: 'register', target_name: 'chart'});
    const comm_id = await wire.open('host:chart', {n: 1});
    await settled();
    expect(frames).toEqual([
      commFrame({type: 'comm_open', comm_id: 'kernel-1', target_name: 'chart'}, {n: 1}, {}, [])
    ]);
    await post(commFrame({type: 'comm_msg', comm_id: 'kernel-1'}, {ok: 1}, {}, []));
    expect(wire.wire).toEqual([['comm_msg', {comm_id, data: {ok: 1}}, {}]]);
  });

  it.each(['jupyter.widget', 'lite_comms.exposed', 'lite_comms.callbacks'])(
    'named %s takes nothing from the page',
    async name => {
      const theirs = wire.targets.get(name);
      await connected();
      await post({type: 'register', target_name: name});
      expect(wire.targets.get(name)).toBe(theirs);
    }
  );

  it('is taken away', async () => {
    await connected();
    await post({type: 'register', target_name: 'chart'});
    await post({type: 'unregister', target_name: 'chart'});
    await post({type: 'unregister', target_name: 'nothing'});
    expect([...wire.targets.keys()]).toEqual(['lite_comms.exposed']);
  });

  it('does not get the id of a comm that the host page has opened', async () => {
    await connected('sum');
    await open('sum', 'kernel-1');
    await post({type: 'register', target_name: 'chart'});
    await wire.open('host:chart');
    await settled();
    expect(frames).toEqual([
      commFrame({type: 'comm_open', comm_id: 'kernel-2', target_name: 'chart'}, {}, {}, [])
    ]);
  });

  it('is answered by the host page that registered it last, and then by the one before', async () => {
    await connected();
    const first = port;
    const heard: unknown[] = [];
    first.onmessage = ({data}) => heard.push(data);
    await post({type: 'register', target_name: 'chart'});
    await connected();
    heard.length = 0;
    await post({type: 'register', target_name: 'chart'});
    await wire.open('host:chart');
    await settled();
    expect([heard.length, frames.length]).toEqual([0, 1]);
    await post({type: 'bye', reason: ''});
    await wire.open('host:chart');
    await settled();
    expect([heard.length, frames.length]).toEqual([1, 1]);
    first.postMessage({type: 'unregister', target_name: 'chart'});
    await settled();
    expect(wire.targets.has('host:chart')).toBe(false);
    first.close();
  });

  it('is there for the next kernel, and gone with the connection', async () => {
    await connected();
    await post({type: 'register', target_name: 'chart'});
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    session.change(other);
    expect([wire.targets.has('host:chart'), other.targets.has('host:chart')]).toEqual([
      false,
      true
    ]);
    await post({type: 'bye', reason: ''});
    expect(other.targets.has('host:chart')).toBe(false);
  });
});

it.each([[1], 'sum', {0: 'sum'}, null])(
  'what a kernel exposes must be a list of names, not %j',
  async names => {
    await connected('sum');
    await expose(names);
    expect(frames).toEqual([]);
  }
);
