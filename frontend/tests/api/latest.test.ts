// @vitest-environment jsdom
/** What sendLatest sends, and when. */
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {pair} from '../parts/lines';
import {comm, dataOf, line} from './a_comm';

describe('sendLatest', () => {
  let frames: FrameRequestCallback[];

  beforeEach(() => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
    frames = [];
    vi.stubGlobal('requestAnimationFrame', (f: FrameRequestCallback) => frames.push(f));
    vi.stubGlobal('cancelAnimationFrame', (id: number) => (frames[id - 1] = () => undefined));
    see('visible');
  });

  afterEach(() => vi.unstubAllGlobals());

  const see = (state: DocumentVisibilityState) =>
    vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  const draw = () => frames.splice(0).forEach(frame => frame(0));
  const sent = () => line.sent.map(dataOf);

  /** What is handled at once has been handled. */
  const soon = () => Promise.resolve();

  it('sends the newest of each key with the next frame, in the order of the calls', async () => {
    comm.sendLatest('a1', {key: 'a'});
    comm.sendLatest('b1', {key: 'b'});
    comm.sendLatest('a2', {key: 'a', metadata: {m: 1}, buffers: [new Uint8Array([3])]});
    expect([sent(), frames.length]).toEqual([[], 1]);
    draw();
    expect(line.wire).toEqual([
      ['b1', {}],
      ['a2', {m: 1}]
    ]);
    expect((line.sent[1]!.buffers![0] as DataView).getUint8(0)).toBe(3);
    await soon();
    draw();
    comm.sendLatest('a3', {key: 'a'});
    draw();
    expect(sent()).toEqual(['b1', 'a2', 'a3']);
  });

  it('waits until the kernel has handled the one before', async () => {
    let handle: (why?: Error) => void = () => undefined;
    line.handled = new Promise((resolve, reject) => {
      handle = why => (why ? reject(why) : resolve(undefined));
    });
    comm.sendLatest(1);
    draw();
    comm.sendLatest(2);
    draw();
    comm.sendLatest(3);
    draw();
    expect(sent()).toEqual([1]);
    handle();
    await soon();
    draw();
    expect(sent()).toEqual([1, 3]);
  });

  it.each([
    ['for two seconds at most', () => void vi.advanceTimersByTime(2_000)],
    ['not for one that is lost', (lose: () => void) => lose()]
  ])('waits %s', async (_, pass) => {
    let lose = () => {};
    line.handled = new Promise((_, reject) => {
      lose = () => reject(new Error('the kernel is gone'));
    });
    comm.sendLatest(1);
    draw();
    comm.sendLatest(2);
    vi.advanceTimersByTime(1_999);
    draw();
    expect(sent()).toEqual([1]);
    pass(lose);
    await soon();
    draw();
    expect(sent()).toEqual([1, 2]);
  });

  it('what other calls send does not wait', () => {
    line.handled = new Promise(() => undefined);
    comm.sendLatest(1);
    draw();
    comm.sendLatest(2);
    comm.send(3);
    expect(sent()).toEqual([1, 2, 3]);
  });

  it('sends one message for 10,000 in a frame, as it was at the last call', () => {
    const data = {n: 0};
    for (; data.n < 10_000; data.n++) {
      comm.sendLatest(data);
    }
    draw();
    expect(sent()).toEqual([{n: 9_999}]);
  });

  it.each([
    ['send', () => void comm.send('next'), ['newest', 'next']],
    ['a request', () => void comm.request('next'), ['newest', 'next']],
    ['close', () => void comm.close('next'), ['newest', 'next']]
  ])('leaves before %s', (_, call, data) => {
    comm.sendLatest('old');
    comm.sendLatest('newest');
    call();
    draw();
    vi.runAllTimers();
    expect(sent()).toEqual(data);
  });

  it('goes by a timer in a page that is hidden before it draws', async () => {
    comm.sendLatest(1);
    see('hidden');
    vi.advanceTimersByTime(100);
    draw();
    await soon();
    expect([sent(), vi.getTimerCount()]).toEqual([[1], 0]);
  });

  it('goes soon in a page that is hidden, where timers come late', async () => {
    see('hidden');
    comm.sendLatest(1);
    comm.sendLatest(2);
    expect([sent(), vi.getTimerCount()]).toEqual([[], 0]);
    await vi.waitFor(() => expect(sent()).toEqual([2]));
    comm.sendLatest(3);
    comm.send(4);
    comm.sendLatest(5);
    await vi.waitFor(() => expect(sent()).toEqual([2, 3, 4, 5]));
    expect(frames).toEqual([]);
  });

  it('sends nothing when the other end has closed the comm', () => {
    comm.sendLatest(1);
    line.end();
    draw();
    vi.runAllTimers();
    expect(sent()).toEqual([]);
    expect(() => comm.sendLatest(2)).toThrow("comm 't' (one) is closed");
  });

  it('refuses what cannot be sent at the call, and shows what fails later', () => {
    const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    expect(() => comm.sendLatest({n: 1n})).toThrow("comm 't' (one) cannot send: ");
    comm.sendLatest(1);
    line.broken = new Error('Kernel is dead');
    draw();
    expect(shown.mock.calls).toEqual([
      ["lite_comms: comm 't' (one) has not sent the last of send_latest", line.broken]
    ]);
  });

  it('arrives at the other end as any message', () => {
    const {here, there} = pair();
    const heard: unknown[] = [];
    there.comm.onMsg(msg => heard.push(dataOf(msg)));
    here.comm.sendLatest(1);
    draw();
    expect(heard).toEqual([1]);
  });
});
