/** Frames of a host page that nobody understands. */
import {describe, expect, it} from 'vitest';
import {connected, frames, open, ORIGIN, post, warned, wire} from './a_bridge';

describe('a frame that is not understood', () => {
  const FIELD = (field: string, type: string) =>
    `the field '${field}' of a '${type}' frame is missing or of another type`;
  const COMM = {comm_id: 'a', content: '{}', buffers: []};

  it.each([
    ['nothing', null, "there is no frame of type 'undefined'"],
    ['a text', 'comm_open', "there is no frame of type 'undefined'"],
    [
      'another type',
      {type: 'execute_request', code: '1'},
      "there is no frame of type 'execute_request'"
    ],
    ['a name of every object', {type: '__proto__'}, "there is no frame of type '__proto__'"],
    ['another one', {type: 'constructor'}, "there is no frame of type 'constructor'"],
    ['no id', {...COMM, type: 'comm_msg', comm_id: 1}, FIELD('comm_id', 'comm_msg')],
    ['no target', {...COMM, type: 'comm_open'}, FIELD('target_name', 'comm_open')],
    [
      'a target that is a list',
      {...COMM, type: 'comm_open', target_name: ['sum']},
      FIELD('target_name', 'comm_open')
    ],
    [
      'content that is no text',
      {...COMM, type: 'comm_msg', content: {}},
      FIELD('content', 'comm_msg')
    ],
    [
      'no list of buffers',
      {...COMM, type: 'comm_msg', buffers: {length: 0}},
      FIELD('buffers', 'comm_msg')
    ],
    [
      'other buffers',
      {...COMM, type: 'comm_msg', buffers: [new Uint8Array(1)]},
      FIELD('buffers', 'comm_msg')
    ],
    [
      'shared memory',
      {...COMM, type: 'comm_msg', buffers: [new SharedArrayBuffer(8)]},
      FIELD('buffers', 'comm_msg')
    ],
    [
      'metadata that is a list',
      {...COMM, type: 'comm_msg', content: '{"metadata": []}'},
      "the metadata of a 'comm_msg' frame is no object"
    ],
    [
      'a status',
      {type: 'status', status: 'ready', reason: ''},
      "a 'status' frame is for the host page only"
    ],
    [
      'targets',
      {type: 'targets', names: ['product']},
      "a 'targets' frame is for the host page only"
    ],
    ['a type that is no JSON', {type: 1n}, "there is no frame of type '1'"],
    [
      'buffers that a list leaves out',
      {...COMM, type: 'comm_msg', buffers: Object.assign([], {length: 2 ** 32 - 1})},
      FIELD('buffers', 'comm_msg')
    ]
  ])('is refused, and both sides are told: %s', async (_, frame, reason) => {
    await connected('sum');
    await post(frame);
    expect([wire.wire, frames]).toEqual([[], [{type: 'error', reason}]]);
    expect(warned).toEqual([`lite_comms: a frame of ${ORIGIN} is refused: ${reason}`]);
  });

  it('is not answered if it is an error, which is shown', async () => {
    await connected('sum');
    await post({type: 'error', reason: 'a reason'});
    expect([frames, warned]).toEqual([[], [`lite_comms: ${ORIGIN} refuses a frame: a reason`]]);
  });

  it('changes nothing: the next one is handled', async () => {
    await connected('sum');
    await post({...COMM, type: 'comm_open', target_name: 'sum', content: '{'});
    await open('sum');
    expect([frames.length, wire.wire.length]).toEqual([1, 1]);
  });

  it('adds nothing to objects by keys like __proto__', async () => {
    await connected('sum');
    const content = '{"data": {"__proto__": {"bad": 1}}, "metadata": {"__proto__": {"bad": 1}}}';
    await post({...COMM, type: 'comm_open', target_name: 'sum', content});
    expect([({} as any).bad, (wire.wire[0]![2] as any).bad]).toEqual([undefined, undefined]);
    expect(Object.keys(wire.wire[0]![2] as object)).toEqual(['__proto__', 'lite_comms']);
  });
});
