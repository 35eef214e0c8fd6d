/** The worker's end of the port: many comm messages at once. */
import {beforeEach, describe, expect, it} from 'vitest';
import {asked, bursts, port, post, posted, python, received} from './a_worker_port';

describe('a burst of comm messages', () => {
  const turn = () => new Promise(resolve => setTimeout(resolve, 20));
  const send = (lite_comms: unknown) =>
    self.dispatchEvent(new MessageEvent('message', {data: {lite_comms}}));
  const message = (id: number, text = '{}') => ['comm', id, text, false];

  beforeEach(() => post(...message(1)));

  it('enters Python at once, behind the first one, and is acknowledged in one frame', async () => {
    [2, 3, 4].forEach(id => post(...message(id)));
    expect(received).toEqual([1]);
    await turn();
    expect(bursts).toEqual([[2, 3, 4]]);
    expect(posted).toEqual([['ack', 1, 2, 3, 4]]);
  });

  it('may come in one post', async () => {
    send([message(2), message(3)]);
    await turn();
    expect([received, bursts]).toEqual([[1, 2, 3], [[2, 3]]]);
  });

  it('is handled before anything else that comes on the channel', () => {
    [2, 3].forEach(id => post(...message(id)));
    self.dispatchEvent(new MessageEvent('message', {data: {id: 'a request of comlink'}}));
    expect(received).toEqual([1, 2, 3]);
  });

  it('is handled before another frame that comes behind it', () => {
    [2, 3].forEach(id => post(...message(id)));
    post('idle');
    port.look();
    expect(received).toEqual([1, 2, 3, 'idle']);
  });

  it('has buffers in its middle, which cross on their own', () => {
    [2, 3].forEach(id => post(...message(id)));
    post(...message(4), new ArrayBuffer(1));
    [5, 6].forEach(id => post(...message(id)));
    port.look();
    expect([received, bursts]).toEqual([
      [1, 2, 3, 4, 5, 6],
      [
        [2, 3],
        [5, 6]
      ]
    ]);
  });

  it('acknowledges no message that Python has left', async () => {
    python.refused = [3];
    [2, 3, 4].forEach(id => post(...message(id)));
    await turn();
    expect(posted).toEqual([['ack', 1, 2, 4]]);
  });

  it('is taken one by one where a message is no JSON', () => {
    [2, 3].forEach(id => post(...message(id)));
    post(...message(4, 'no JSON'));
    post(...message(5));
    port.look();
    expect([received, bursts]).toEqual([[1, 2, 3, 4, 5], []]);
  });

  it('goes on in a later turn of the event loop, a hundred at a time', async () => {
    for (let id = 2; id <= 251; id++) {
      post(...message(id));
    }
    await turn();
    expect(bursts.map(({length}) => length)).toEqual([100, 100, 50]);
    expect(received.length).toBe(251);
  });

  it('is no larger than what Python can handle in its time', async () => {
    python.most = 3;
    for (let id = 2; id <= 101; id++) {
      post(...message(id));
    }
    await turn();
    expect(received).toEqual(Array.from({length: 101}, (_, i) => i + 1));
    expect(asked.slice(0, 3)).toEqual([100, 6, 6]);
  });

  it('has no more than 64 K characters', async () => {
    const long = JSON.stringify('x'.repeat(30_000));
    [2, 3, 4].forEach(id => post(...message(id, long)));
    await turn();
    expect([received, bursts]).toEqual([[1, 2, 3, 4], [[2, 3]]]);
  });

  it('does not come again where Python can handle a message no more, nor say so', async () => {
    python.failing = 3;
    [2, 3, 4, 5].forEach(id => post(...message(id)));
    await turn();
    expect(received).toEqual([1, 2, 4, 5]);
    expect(posted).toEqual([
      ['error', 'Python could not handle the message, nor say why', 3],
      ['ack', 1, 2],
      ['ack', 4, 5]
    ]);
  });

  it('stops where Python holds messages back', async () => {
    [2, 3, 4].forEach(id => post(...message(id)));
    python.most = 1;
    port.hold();
    await turn();
    expect(received).toEqual([1]);
    port.release();
    await turn();
    expect([received, bursts]).toEqual([
      [1, 2, 3, 4],
      [[2], [3]]
    ]);
  });
});
