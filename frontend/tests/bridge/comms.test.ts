/** A host page that is connected reaches what the kernel exposes, and nothing else. */
import {describe, expect, it, vi} from 'vitest';
import {MAX_COMMS} from '../../src/bridge/bridge';
import {commFrame} from '../../src/wire/bridge';
import {DISCONNECTED} from '../../src/wire/comm_messages';
import {FakeConnection, FakeSession} from '../parts/fakes';
import {settled} from '../parts/worlds';
import {
  bridge,
  closed,
  connect,
  connected,
  disconnected,
  expose,
  frames,
  kernels,
  open,
  openNotebook,
  ORIGIN,
  port,
  post,
  session,
  sessions,
  status,
  targets,
  warned,
  wire
} from './a_bridge';

describe('a comm of the host page', () => {
  it('is opened with its origin in the metadata, and an id that the host page has not chosen', async () => {
    await connected('sum');
    await open('sum', 'a', {m: 2});
    const [[type, content, metadata]] = wire.wire as any;
    expect([type, content.target_name, content.data, metadata]).toEqual([
      'comm_open',
      'sum',
      {n: 1},
      {m: 2, lite_comms: {origin: ORIGIN}}
    ]);
    expect(content.comm_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(frames).toEqual([]);
  });

  it.each([{origin: 'https://site.example.org'}, null, undefined, 'x', {request: '1'}])(
    'has its own origin there, whatever it says: %j',
    async lite_comms => {
      await connected('sum');
      await open('sum', 'a', {lite_comms});
      expect(wire.wire[0]![2]).toEqual({lite_comms: {origin: ORIGIN}});
    }
  );

  it.each([
    'product',
    '__proto__',
    'constructor',
    'toString',
    '*',
    '',
    'Sum',
    'lite_comms.exposed'
  ])("to '%s', which is not exposed, is refused, and nothing reaches the kernel", async name => {
    await connected('sum');
    await open(name);
    const why = `the notebook does not expose a comm target "${name}"`;
    expect([wire.wire, frames]).toEqual([[], [closed('a', 'PermissionError', why)]]);
    expect(warned).toEqual([`lite_comms: a comm of ${ORIGIN} is refused: ${why}`]);
  });

  it('is refused where the kernel has said nothing: it may have no lite_comms', async () => {
    await connected();
    await open('sum');
    expect([wire.wire, frames.length]).toEqual([[], 1]);
  });

  it('is refused when another kernel has exposed the target', async () => {
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    await other.open('lite_comms.exposed', {targets: ['sum']});
    await connected();
    await open('sum');
    expect([wire.wire, other.wire, frames.length]).toEqual([[], [], 1]);
  });

  it('is refused after a restart, until the notebook has exposed the target again', async () => {
    await connected('sum');
    wire.statusChanged.emit('restarting');
    await open('sum');
    expect([wire.wire, frames]).toEqual([
      [],
      [
        targets(),
        closed('a', 'PermissionError', 'the notebook does not expose a comm target "sum"')
      ]
    ]);
  });

  it('is opened after the notebook has been closed, its kernel kept, and opened again', async () => {
    await connected('sum');
    session.dispose();
    openNotebook();
    await settled();
    expect(frames.slice(-2)).toEqual([targets('sum'), status('ready')]);
    await open('sum');
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open']);
  });

  it('sends messages both ways, with buffers', async () => {
    await connected('sum');
    await open('sum');
    const buffer = new Uint8Array([1, 2]).buffer;
    await post(
      commFrame({type: 'comm_msg', comm_id: 'a'}, [1], {lite_comms: {request: '1'}}, [buffer]),
      [buffer]
    );
    const [comm_id] = wire.comms.keys();
    expect(wire.wire[1]).toEqual(['comm_msg', {comm_id, data: [1]}, {lite_comms: {request: '1'}}]);
    expect(wire.sent[1]!.buffers).toEqual([new Uint8Array([1, 2]).buffer]);
    await wire.say(comm_id!, {x: 3}, [new DataView(new Uint8Array([7, 8, 9]).buffer, 1)]);
    await settled();
    expect(frames).toEqual([
      commFrame({type: 'comm_msg', comm_id: 'a'}, {x: 3}, {}, [new Uint8Array([8, 9]).buffer])
    ]);
  });

  it('is closed by the kernel', async () => {
    await connected('sum');
    await open('sum');
    await wire.close([...wire.comms.keys()][0]!, {bye: 1});
    await settled();
    expect(frames).toEqual([commFrame({type: 'comm_close', comm_id: 'a'}, {bye: 1}, {}, [])]);
  });

  it('is closed by the host page', async () => {
    await connected('sum');
    await open('sum');
    const [comm_id] = wire.comms.keys();
    await post(commFrame({type: 'comm_close', comm_id: 'a'}, {bye: 1}, {}, []));
    expect(wire.wire[1]).toEqual(['comm_close', {comm_id, data: {bye: 1}}, {}]);
    expect(frames).toEqual([]);
  });

  it.each(['comm_msg', 'comm_close'] as const)(
    'is closed at both ends, with the reason, if its %s cannot be sent: nobody waits for ever',
    async type => {
      await connected('sum');
      await open('sum');
      const [comm_id] = wire.comms.keys();
      const send = wire.sendShellMessage.bind(wire);
      vi.spyOn(wire, 'sendShellMessage').mockImplementationOnce(() => {
        wire.sendShellMessage = send;
        throw new RangeError(`a ${type} of comm ${comm_id} cannot be sent`);
      });
      await post(commFrame({type, comm_id: 'a'}, {}, {}, []));
      const why = {ename: 'RangeError', evalue: `a ${type} of comm a cannot be sent`};
      expect(wire.wire.slice(1)).toEqual([['comm_close', {comm_id, data: {}}, {lite_comms: why}]]);
      expect(frames).toEqual([
        commFrame({type: 'comm_close', comm_id: 'a'}, {}, {lite_comms: why}, [])
      ]);
    }
  );

  it('cannot be opened twice, nor send when it is not open: another comm of the page has the id', async () => {
    await connected('sum');
    const theirs = wire.createComm('jupyter.widget', 'widget');
    await open('sum', 'widget');
    await open('sum', 'widget');
    await post(commFrame({type: 'comm_msg', comm_id: 'b'}, {}, {}, []));
    await post(commFrame({type: 'comm_close', comm_id: '__proto__'}, {}, {}, []));
    expect(frames).toEqual([
      {type: 'error', reason: 'the comm_id "widget" is in use'},
      closed('b', 'LookupError', 'there is no comm "b"'),
      closed('__proto__', 'LookupError', 'there is no comm "__proto__"')
    ]);
    expect([wire.wire.length, wire.comms.get('widget'), theirs.isDisposed]).toEqual([
      1,
      theirs,
      false
    ]);
  });

  it('is refused above a number that are open, and not when some have been closed', async () => {
    await connected('sum');
    for (let i = 0; i < MAX_COMMS; i++) {
      port.postMessage(
        commFrame({type: 'comm_open', comm_id: `${i}`, target_name: 'sum'}, {}, {}, [])
      );
    }
    await open('sum', 'more');
    const why = `${MAX_COMMS} comms of this host page are open, the limit`;
    expect(frames).toEqual([closed('more', 'LimitError', why)]);
    await post(commFrame({type: 'comm_close', comm_id: '7'}, {}, {}, []));
    await open('sum', 'another');
    expect(frames).toHaveLength(1);
    expect(wire.wire).toHaveLength(MAX_COMMS + 2);
  });

  it('is closed, with the reason, when the kernel restarts', async () => {
    await connected('sum');
    await open('sum');
    wire.status = 'restarting';
    session.statusChanged.emit('restarting');
    await settled();
    expect(frames.slice(1)).toEqual([
      closed('a', 'KernelRestarted', 'the kernel has been restarted')
    ]);
  });

  it('is closed when the notebook takes another kernel', async () => {
    await connected('sum');
    await open('sum');
    const other = new FakeConnection('other');
    kernels.follow(other.real);
    session.change(other);
    await settled();
    expect(frames).toEqual([disconnected('a'), targets()]);
    expect(wire.wire.slice(1).map(([type, , metadata]) => [type, metadata])).toEqual([
      ['comm_close', {lite_comms: DISCONNECTED}]
    ]);
  });

  it.each([
    ['restarting', 'KernelRestarted', 'the kernel has been restarted'],
    ['autorestarting', 'KernelDied', 'the kernel has died'],
    ['dead', 'KernelDied', 'the kernel has died'],
    ['terminating', 'KernelShutDown', 'the kernel has been shut down']
  ])('is closed with the reason that fits when the kernel is %s', async (now, ename, evalue) => {
    await connected('sum');
    await open('sum');
    wire.status = now;
    session.statusChanged.emit(now);
    await settled();
    expect(frames.at(-1)).toEqual(closed('a', ename, evalue));
  });

  it('stays when the notebook is renamed', async () => {
    await connected('sum');
    await open('sum');
    session.path = 'renamed.ipynb';
    session.statusChanged.emit('idle');
    await settled();
    expect([frames, wire.wire.length]).toEqual([[], 1]);
  });

  it('stays without a path when a second notebook is opened', async () => {
    await connect(null);
    await expose(['sum']);
    await open('sum');
    frames.length = 0;
    sessions.add(new FakeSession(new FakeConnection('other'), 'b'));
    await settled();
    expect([frames, wire.wire.length]).toEqual([[], 1]);
  });

  it('is closed at both ends when the notebook is closed and its kernel kept', async () => {
    await connected('sum');
    await open('sum');
    session.dispose();
    await settled();
    expect(frames[0]).toEqual(disconnected('a'));
    expect(wire.wire.slice(1).map(([type, , metadata]) => [type, metadata])).toEqual([
      ['comm_close', {lite_comms: DISCONNECTED}]
    ]);
  });

  it('is closed though another one cannot be', async () => {
    await connected('sum');
    await open('sum', 'a');
    await open('sum', 'b');
    [...wire.comms.values()][0]!.close = () => {
      throw new Error('the kernel is dead');
    };
    await post({type: 'bye', reason: 'enough'});
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open', 'comm_open', 'comm_close']);
    expect(warned).toEqual([
      `lite_comms: a comm of ${ORIGIN} stays open in the kernel: Error: the kernel is dead`
    ]);
  });

  it('is closed in the kernel when the host page ends the connection', async () => {
    await connected('sum');
    await open('sum');
    await post({type: 'bye', reason: 'enough'});
    await open('sum', 'b');
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open', 'comm_close']);
    expect(wire.wire[1]![2]).toEqual({});
  });

  it('is closed in the kernel when this page goes, and the host page is told', async () => {
    await connected('sum');
    await open('sum');
    bridge.close('the page has been left');
    await settled();
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open', 'comm_close']);
    expect(frames).toEqual([{type: 'bye', reason: 'the page has been left'}]);
  });
});
