// @vitest-environment jsdom
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import type {Comm} from '../../src/api/comm';
import type {IMessage} from '../../src/api/messages';
import {ids} from '../../src/api/parts/requests';
import {alone, type FakeLine, pair} from '../parts/lines';

let comm: Comm;
let line: FakeLine;

const dataOf = ({content}: IMessage) => content.data;
const turn = () => new Promise(resolve => setTimeout(resolve));

beforeEach(() => {
  Object.assign(ids, {last: 0, page: ''});
  ({comm, line} = alone());
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('for await', () => {
  it('gets each message in order, those from before as well, and ends at the close', async () => {
    line.say(1);
    line.say(2);
    const heard: unknown[] = [];
    const all = (async () => {
      for await (const msg of comm) {
        heard.push(dataOf(msg));
      }
      return 'ended';
    })();
    await turn();
    line.say(3);
    await turn();
    expect(heard).toEqual([1, 2, 3]);
    line.say(4);
    line.end();
    expect([await all, heard]).toEqual(['ended', [1, 2, 3, 4]]);
  });

  it('can be left and begun again, and loses nothing', async () => {
    const next = async () => {
      for await (const msg of comm) {
        return dataOf(msg);
      }
      return 'ended';
    };
    line.say(1);
    line.say(2);
    expect([await next(), await next()]).toEqual([1, 2]);
    comm.close();
    expect(await next()).toBe('ended');
  });

  it('of two that wait gives each message to one, in turn', async () => {
    const [a, b] = [comm[Symbol.asyncIterator](), comm[Symbol.asyncIterator]()];
    const both = [a.next(), b.next()];
    line.say(1);
    line.say(2);
    expect((await Promise.all(both)).map(({value}) => dataOf(value!))).toEqual([1, 2]);
  });

  it('is an error where a callback takes the messages, or begins to', async () => {
    const waiting = comm[Symbol.asyncIterator]().next();
    comm.onMsg(() => undefined);
    const why = "comm 't' (one): its callback takes the messages";
    await expect(waiting).rejects.toThrow(why);
    await expect(comm[Symbol.asyncIterator]().next()).rejects.toThrow(why);
  });

  it('keeps the last 1,000 messages, and says once that it drops some', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    for (let i = 0; i < 1002; i++) {
      line.say(i);
    }
    line.end();
    const heard: unknown[] = [];
    for await (const msg of comm) {
      heard.push(dataOf(msg));
    }
    expect([heard.length, heard[0], heard.at(-1)]).toEqual([1000, 2, 1001]);
    expect(warned.mock.calls).toEqual([
      [
        "lite_comms: comm 't' (one) has no callback for messages; it keeps 1000 of them or 64 MB, " +
          'and the oldest ones are now dropped'
      ]
    ]);
  });

  it('keeps the newest message whatever its size', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const large = {byteLength: 100 * 2 ** 20} as DataView;
    line.say(1, {}, [large]);
    line.say(2, {}, [large]);
    line.end();
    const heard: unknown[] = [];
    for await (const msg of comm) {
      heard.push(dataOf(msg));
    }
    expect(heard).toEqual([2]);
  });
});

describe('onMsg', () => {
  it('gets the messages that came before it, then those that come, in order', async () => {
    line.say(1);
    line.say(2);
    const heard: unknown[] = [];
    comm.onMsg(msg => heard.push(dataOf(msg)));
    expect(heard).toEqual([]);
    line.say(3);
    await turn();
    line.say(4);
    expect(heard).toEqual([1, 2, 3, 4]);
  });

  it('that returns a promise gets the next message of its comm when that has settled', async () => {
    const heard: unknown[] = [];
    const ends: (() => void)[] = [];
    comm.onMsg(msg => {
      heard.push(dataOf(msg));
      return new Promise<void>(resolve => ends.push(resolve));
    });
    line.say(1);
    line.say(2);
    await turn();
    expect(heard).toEqual([1]);
    ends[0]!();
    await turn();
    expect(heard).toEqual([1, 2]);
  });

  it('holds what JupyterLab handles next, unless something waits for a message', async () => {
    const {comm: other, line: otherLine} = alone();
    let end = () => undefined as void;
    comm.onMsg(() => new Promise<void>(resolve => (end = resolve)));
    const message = {header: {msg_id: '', msg_type: ''}, metadata: {}, content: {data: 1}};
    const handled = line.onMsg(message as never)!;
    const state = {isOver: false};
    void handled.then(() => (state.isOver = true));
    await turn();
    expect(state.isOver).toBe(false);
    const asked = other.request();
    await turn();
    expect(state.isOver).toBe(true);
    expect(line.onMsg(message as never)).toBe(undefined);
    end();
    otherLine.say(1, {lite_comms: {reply: '1'}});
    await asked;
  });

  it('of a comm that this end has closed gets nothing that waited', async () => {
    const heard: unknown[] = [];
    comm.onMsg(async msg => {
      heard.push(dataOf(msg));
      await null;
      comm.close();
    });
    line.say(1);
    line.say(2);
    await turn();
    expect(heard).toEqual([1]);
  });
});

describe('onClose', () => {
  it('comes behind the messages whose callbacks are still at work, once', async () => {
    const heard: unknown[] = [];
    comm.onMsg(async msg => {
      await turn();
      heard.push(dataOf(msg));
    });
    comm.onClose(msg => heard.push(msg.metadata['why']));
    line.say(1);
    line.end({why: 'done'});
    line.end({why: 'again'});
    expect(comm.isClosed).toBe(true);
    await turn();
    await turn();
    expect(heard).toEqual([1, 'done']);
  });

  it('is told of a close that came before it', async () => {
    line.end({why: 'early'});
    const heard: unknown[] = [];
    comm.onClose(msg => heard.push(msg.metadata['why']));
    await turn();
    expect(heard).toEqual(['early']);
  });
});

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
