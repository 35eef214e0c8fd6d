/** Messages in a loop, or by a callback, and what is told of the end. */
import {describe, expect, it, vi} from 'vitest';
import {alone} from '../parts/lines';
import {comm, dataOf, line, turn} from './a_comm';

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

  it('counts the data as well as the buffers', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const megabytes = (count: number) => 'x'.repeat(count * 2 ** 20);
    line.say(megabytes(30));
    line.say(2);
    line.say(megabytes(40));
    line.end();
    const heard: unknown[] = [];
    for await (const msg of comm) {
      heard.push(String(dataOf(msg)).length);
    }
    expect(heard).toEqual([1, 40 * 2 ** 20]);
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
