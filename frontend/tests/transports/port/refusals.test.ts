/** The worker's end of the port: frames that it refuses. */
import {describe, expect, it} from 'vitest';
import {SharedMemory} from '../../../src/live/shared';
import {frame, port, post, posted, python, received, shared} from './a_worker_port';

describe('a frame that is refused changes nothing', () => {
  const errors = () => posted.filter(([type]) => type === 'error');
  const send = (frame: unknown) =>
    self.dispatchEvent(new MessageEvent('message', {data: {lite_comms: frame}}));

  it.each([null, 5, 'comm', {length: 1}])('as it is no list: %j', frame => {
    send(frame);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([['error', 'a frame must be a list', 0]]);
    expect(received).toEqual([1]);
  });

  it.each([2 ** 53, 0, -1, 1.5, NaN, '2', null, undefined])('as its id is %s', id => {
    post('comm', id, '{}', false);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([
      ['error', `the id of a comm message must count from 1, and is ${id}`, 0]
    ]);
    expect(received).toEqual([1]);
  });

  it('as it does not follow the one before', () => {
    post('comm', 1, '{}', false);
    post('comm', 2 ** 40, '{}', false);
    post('comm', 3, '{}', false);
    post('comm', 2, '{}', false);
    port.look();
    expect(errors()).toEqual([
      ['error', `the comm message ${2 ** 40} does not come after 1`, 2 ** 40],
      ['error', 'the comm message 3 does not come after 1', 3]
    ]);
    expect(received).toEqual([1, 2]);
  });

  it('as Python refuses it, though it is the first', () => {
    python.refused = [2 ** 40];
    post('comm', 2 ** 40, 'no JSON', false);
    post('comm', 1, '{}', false);
    post('comm', 2, '{}', false);
    port.look();
    expect(received).toEqual([1, 2]);
  });

  it('as Python refuses it, though others behind it wait already', () => {
    port.hold();
    [5, 6, 7].forEach(id => post('comm', id, '{}', false));
    python.refused = [5];
    port.release();
    post('comm', 7, '{}', false);
    post('comm', 8, '{}', false);
    port.look();
    expect(received).toEqual([6, 7, 8]);
  });

  it('as it cannot be handed to Python, though it is the first', () => {
    python.thrown = [2 ** 40];
    post('comm', 2 ** 40, '{}', false);
    post('comm', 1, '{}', false);
    expect(errors()).toEqual([['error', 'RangeError: too deep', 2 ** 40]]);
    expect(received).toEqual([1]);
  });

  it('as it is nested too deeply, and Python is not asked', () => {
    const content = {comm_id: 'c', data: JSON.parse('['.repeat(600) + ']'.repeat(600)) as unknown};
    const deep = JSON.stringify({header: {msg_type: 'comm_msg'}, metadata: {}, content});
    const error = 'a comm_msg of comm c cannot be handled: it is nested more than 500 levels deep';
    const shared = new SharedMemory(2 ** 14);
    port.watch(shared.words, 0);
    shared.put(frame(1));
    shared.put({...frame(2), message: deep});
    shared.put(frame(3));
    port.look();
    port.hold();
    post('comm', 4, '{}', false);
    post('comm', 5, deep, false, new ArrayBuffer(1));
    post('comm', 6, '['.repeat(2000), false);
    post('comm', 7, '{}', false);
    port.release();
    port.look();
    expect(received).toEqual([1, 3, 4, 7]);
    expect(errors()).toEqual([
      ['error', error, 2],
      ['error', error, 5],
      ['error', error.replace('comm_msg of comm c', 'comm message'), 6]
    ]);
  });

  it('as Python refuses what was first in shared memory', () => {
    python.refused = [2 ** 30];
    port.watch(shared.words);
    shared.put(frame(2 ** 30));
    port.look();
    post('comm', 1, '{}', false);
    expect(received).toEqual([1]);
  });

  it('as an interrupt is refused whose number is the id of a comm message that waits', () => {
    port.hold();
    post('comm', 1, '{}', false);
    python.refused = [1];
    post('interrupt', 1);
    python.refused = [];
    post('comm', 3, '{}', false);
    expect(errors()).toEqual([['error', 'the comm message 3 does not come after 1', 3]]);
  });

  it('as an interrupt cannot be handed to Python: its number is no id of a message', () => {
    python.thrown = [7];
    post('interrupt', 7);
    expect(errors()).toEqual([['error', 'RangeError: too deep', 0]]);
  });

  const head = 16;
  it.each([
    ['too small', new Int32Array(new SharedArrayBuffer(head - 8))],
    ['of no power of two', new Int32Array(new SharedArrayBuffer(head + 12))],
    ['seen in part', new Int32Array(new SharedArrayBuffer(head + 16), 0, 4)],
    ['seen from its middle', new Int32Array(new SharedArrayBuffer(head + 16), 16)]
  ])('as its memory is %s', (_, words) => {
    const message = 'shared memory must be 16 bytes and 0 or a power of two more';
    expect(() => port.watch(words, 2 ** 40)).toThrow(new RangeError(message));
    post('comm', 1, '{}', false);
    expect(received).toEqual([1]);
  });
});
