/** A comm of a host page. */
import {describe, expect, it, vi} from 'vitest';
import {commFrame} from '../../src/wire/bridge';
import {settled} from '../parts/worlds';
import {connected, failed, frames, message, say, shown} from './a_host_page';

describe('a comm', () => {
  it('is opened with data, metadata and buffers', async () => {
    const kernel = await connected();
    const bytes = new Uint8Array([0, 1, 2, 3]);
    const comm = kernel.open('sum', {n: 1}, {metadata: {m: 2}, buffers: [bytes.subarray(1, 3)]});
    await settled();
    const ids = {type: 'comm_open', comm_id: 'host-1', target_name: 'sum'} as const;
    expect(frames).toEqual([commFrame(ids, {n: 1}, {m: 2}, [new Uint8Array([1, 2]).buffer])]);
    expect([comm.targetName, comm.commId, comm.isClosed, bytes.length]).toEqual([
      'sum',
      'host-1',
      false,
      4
    ]);
  });

  it.each([
    ['a BigInt', {n: 1n}, {}],
    ['no buffer', {}, {buffers: ['abc']}],
    ['a buffer that the list leaves out', {}, {buffers: [, new ArrayBuffer(1)]}],
    ['shared memory', {}, {buffers: [new SharedArrayBuffer(8)]}],
    ['metadata that is a list', {}, {metadata: []}]
  ])('is not opened with %s', async (_, data, parts) => {
    const kernel = await connected();
    expect(() => kernel.open('sum', data, parts as never)).toThrow(TypeError);
    await settled();
    expect(frames).toEqual([]);
  });

  it('hears messages, and what a handler throws is shown', async () => {
    const comm = (await connected()).open('sum');
    const heard: unknown[] = [];
    comm.onMsg(msg => {
      heard.push(msg);
      throw new Error('of the handler');
    });
    await say(message('comm_msg', {a: 1}, {m: 1}), message('comm_msg', null));
    expect(heard).toEqual([
      {content: {comm_id: 'host-1', data: {a: 1}}, metadata: {m: 1}, buffers: []},
      {content: {comm_id: 'host-1', data: null}, metadata: {}, buffers: []}
    ]);
    expect(shown.map(([what]) => what)).toEqual(
      Array(2).fill("lite_comms: onMsg of comm 'sum' (host-1) raised")
    );
  });

  it('is told why it is refused', async () => {
    const comm = (await connected()).open('product');
    const why: unknown[] = [];
    comm.onClose(({metadata}) => why.push(metadata['lite_comms']));
    const asked = failed(comm.request());
    await say(message('comm_close', {}, {lite_comms: {ename: 'PermissionError', evalue: 'no'}}));
    expect([why, await asked, comm.isClosed]).toEqual([
      [{ename: 'PermissionError', evalue: 'no'}],
      ['ClosedError', "comm 'product' (host-1) is closed: PermissionError: no"],
      true
    ]);
    expect(() => comm.send()).toThrow("comm 'product' (host-1) is closed: PermissionError: no");
  });

  it('hands over what came before anyone listened', async () => {
    const comm = (await connected()).open('sum');
    await say(message('comm_msg', 1), message('comm_msg', 2), message('comm_close', 3));
    const heard: unknown[] = [];
    comm.onClose(({content}) => heard.push(['closed', content.data]));
    comm.onMsg(({content}) => heard.push(content.data));
    expect(heard).toEqual([['closed', 3], 1, 2]);
  });

  it('is iterated over until it is closed and nothing is left', async () => {
    const comm = (await connected()).open('sum');
    const heard: unknown[] = [];
    const all = async () => {
      for await (const {content} of comm) {
        heard.push(content.data);
      }
    };
    await say(message('comm_msg', 1));
    const done = [all(), all()];
    await say(message('comm_msg', 2), message('comm_msg', 3));
    expect(heard).toEqual([1, 2, 3]);
    await say(message('comm_msg', 4), message('comm_close', {}));
    await Promise.all(done);
    await all();
    expect(heard).toEqual([1, 2, 3, 4]);
  });

  it('is not iterated over beside an onMsg, which loses nothing', async () => {
    const comm = (await connected()).open('sum');
    const next = () => failed(comm[Symbol.asyncIterator]().next());
    const waits = next();
    const heard: unknown[] = [];
    comm.onMsg(({content}) => heard.push(content.data));
    await say(message('comm_msg', 1));
    const why = ['Error', "comm 'sum' (host-1): onMsg takes its messages"];
    expect([await waits, await next()]).toEqual([why, why]);
    expect(heard).toEqual([1]);
  });

  describe('with sendLatest', () => {
    const drawn = async () => {
      await new Promise(resolve => setTimeout(resolve, 30));
      await settled();
      return frames.splice(0);
    };

    async function opened() {
      const comm = (await connected()).open('sum');
      await settled();
      frames.length = 0;
      return comm;
    }

    it('sends the newest of each key as it was', async () => {
      const comm = await opened();
      const data = {n: 1};
      comm.sendLatest(0);
      comm.sendLatest(data);
      comm.sendLatest('a', {key: 'other', metadata: {m: 1}});
      data.n = 2;
      await settled();
      expect(frames).toEqual([]);
      expect(await drawn()).toEqual([
        message('comm_msg', {n: 1}),
        message('comm_msg', 'a', {m: 1})
      ]);
      expect(await drawn()).toEqual([]);
      comm.sendLatest(3);
      expect(await drawn()).toEqual([message('comm_msg', 3)]);
    });

    it('sends it before all else, and before it is closed', async () => {
      const comm = await opened();
      comm.sendLatest(1);
      comm.send(2);
      comm.sendLatest(3);
      comm.close(4);
      expect(await drawn()).toEqual([
        message('comm_msg', 1),
        message('comm_msg', 2),
        message('comm_msg', 3),
        message('comm_close', 4)
      ]);
      expect(() => comm.sendLatest(5)).toThrow('is closed: closed by this page');
    });

    it('sends nothing when the other end has closed it', async () => {
      const comm = await opened();
      comm.sendLatest(1);
      await say(message('comm_close', {}));
      expect(await drawn()).toEqual([]);
    });

    it.each([
      ['a BigInt', 1n, {}],
      ['no buffer', 1, {buffers: ['abc']}]
    ])('refuses %s at once, and keeps what waits', async (_, data, parts) => {
      const comm = await opened();
      comm.sendLatest(1);
      expect(() => comm.sendLatest(data, parts as never)).toThrow(TypeError);
      expect(await drawn()).toEqual([message('comm_msg', 1)]);
    });
  });

  it('keeps the first messages that nobody takes, and says so once; a slow loop loses none', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const kernel = await connected();
    const [idle, busy] = [kernel.open('sum'), kernel.open('sum')];
    const all = (comm_id: string) =>
      Array.from({length: 1_500}, (_, i) => message('comm_msg', i, {}, comm_id));
    await say(...all(idle.commId), message('comm_close', {}, {}, idle.commId));
    expect(warned.mock.calls).toEqual([
      ["lite_comms: comm 'sum' (host-1): nobody takes its messages; 1000 are kept"]
    ]);
    const first = busy[Symbol.asyncIterator]().next();
    await say(...all(busy.commId), message('comm_close', {}, {}, busy.commId));
    const heard = [await first];
    const count = async (comm: AsyncIterable<unknown>) => {
      let count = 0;
      for await (const _ of comm) {
        count++;
      }
      return count;
    };
    expect([heard.length, await count(busy), await count(idle)]).toEqual([1, 1_499, 1_000]);
  });

  it('keeps only the first messages again when no loop takes them any longer', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const comm = (await connected()).open('sum');
    await say(message('comm_msg', 'first'));
    for await (const _ of comm) {
      break;
    }
    await say(...Array.from({length: 1_500}, (_, i) => message('comm_msg', i)));
    const heard: unknown[] = [];
    comm.onMsg(({content}) => heard.push(content.data));
    expect([heard.length, heard.at(-1)]).toEqual([1_000, 999]);
  });

  it('loses nothing in a slow loop when another one ends', async () => {
    const comm = (await connected()).open('sum');
    await say(message('comm_msg', 'slow'), message('comm_msg', 'left'));
    const slow = comm[Symbol.asyncIterator]();
    await slow.next();
    for await (const _ of comm) {
      break;
    }
    await say(...Array.from({length: 1_500}, (_, i) => message('comm_msg', i)));
    await say(message('comm_close', {}));
    let count = 0;
    for await (const _ of slow) {
      count++;
    }
    expect(count).toBe(1_500);
  });

  it('sends a copy of a view on shared memory', async () => {
    const comm = (await connected()).open('sum');
    const shared = new Uint8Array(new SharedArrayBuffer(3), 1).fill(7) as never;
    comm.send(1, {buffers: [shared]});
    await settled();
    const [buffer] = frames.at(-1).buffers;
    expect(buffer).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(buffer)]).toEqual([7, 7]);
  });

  it('that the kernel opens is closed when its target throws, whatever that is', async () => {
    const kernel = await connected();
    kernel.registerTarget('chart', () => {
      throw Object.create(null);
    });
    const ids = {type: 'comm_open', comm_id: 'kernel-1', target_name: 'chart'} as const;
    await say(commFrame(ids, {}, {}, []));
    const why = {lite_comms: {ename: 'Error', evalue: 'no text'}};
    expect(frames.at(-1)).toEqual(message('comm_close', {}, why, 'kernel-1'));
  });

  it('is closed once', async () => {
    const comm = (await connected()).open('sum');
    comm.close({bye: 1});
    comm.close();
    await settled();
    expect(frames.slice(1)).toEqual([message('comm_close', {bye: 1})]);
  });

  it('is opened by the kernel', async () => {
    const kernel = await connected();
    const opened: unknown[] = [];
    const stop = kernel.registerTarget('chart', (comm, {content}) => {
      opened.push([comm.targetName, content.data]);
      comm.send({ok: 1});
    });
    const ids = {type: 'comm_open', comm_id: 'kernel-1', target_name: 'chart'} as const;
    await say(commFrame(ids, {n: 1}, {}, []));
    stop();
    await settled();
    expect(opened).toEqual([['chart', {n: 1}]]);
    expect(frames).toEqual([
      {type: 'register', target_name: 'chart'},
      message('comm_msg', {ok: 1}, {}, 'kernel-1'),
      {type: 'unregister', target_name: 'chart'}
    ]);
  });

  it.each([
    ['there is no such target', 'nothing', 'LookupError', "the host page has no target 'nothing'"],
    ['its function throws', 'chart', 'RangeError', 'too much']
  ])('of the kernel is closed with the reason where %s', async (_, target_name, ename, evalue) => {
    const kernel = await connected();
    kernel.registerTarget('chart', () => {
      throw new RangeError('too much');
    });
    const ids = {type: 'comm_open', comm_id: 'kernel-1', target_name} as const;
    await say(commFrame(ids, {}, {}, []));
    expect(frames[1]).toEqual(message('comm_close', {}, {lite_comms: {ename, evalue}}, 'kernel-1'));
  });
});
