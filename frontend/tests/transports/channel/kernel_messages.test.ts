/** Messages of the kernel, and the state that JupyterLab shows for it. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {
  channel,
  client,
  comm,
  FakeClient,
  idle,
  type Message,
  open,
  type Plain,
  reply,
  request,
  start,
  warned,
  worker
} from './a_channel';

describe('a message of the kernel', () => {
  const frame = ['comm', 'comm_msg', '{"comm_id":"c","data":{"a":1}}', '{"m":1}', '{"msg_id":"p"}'];

  it('is delivered with its parent, metadata and buffers, in one session', async () => {
    await open();
    const {buffer} = new Uint8Array([7]);
    worker.say(...frame, buffer);
    worker.say(...frame);
    const [first, second] = client.got;
    expect(first).toMatchObject({
      channel: 'iopub',
      content: {comm_id: 'c', data: {a: 1}},
      metadata: {m: 1},
      parent_header: {msg_id: 'p'},
      header: {msg_type: 'comm_msg', session: 'kernel', username: '', version: '5.3'}
    });
    expect((first!.buffers![0] as DataView).buffer).toBe(buffer);
    expect(second!.buffers).toEqual([]);
    expect(first!.header.msg_id).not.toBe(second!.header.msg_id);
  });

  it('keeps its place among the outputs', async () => {
    await open();
    const cell = request('execute_request', 'a');
    const print = (s: string) => reply('stream', cell, {name: 'stdout', text: s});
    const stock = vi.fn();
    channel.fromKernel(print('one'), stock);
    worker.say(...frame);
    channel.fromKernel(print('two'), stock);
    expect(client.got.map(msg => msg.header.msg_type)).toEqual(['stream', 'comm_msg', 'stream']);
    expect(stock).not.toHaveBeenCalled();
  });

  it('is an error that JupyterLite tells again at the end of the cell: once is enough', async () => {
    await open();
    const cell = request('execute_request', 'a');
    const error = {ename: 'E', evalue: 'v', traceback: ['t']};
    const other = {...error, evalue: 'w'};
    const tell = (content: Plain, of = cell) =>
      channel.fromKernel(reply('error', of, content), vi.fn());
    channel.take(cell, client);
    worker.say('comm', 'error', JSON.stringify(error), '{}', JSON.stringify(cell.header));
    tell(error);
    worker.say('comm', 'error', JSON.stringify(other), '{}', JSON.stringify(cell.header));
    tell(error);
    tell({...error, traceback: []});
    tell(error, request('execute_request', 'b'));
    expect(client.heard).toEqual([
      ['error', error, 'a'],
      ['error', other, 'a'],
      ['error', error, 'b']
    ]);
  });

  it('is an error that JupyterLite tells again: the last hundred are remembered, not all', async () => {
    await open();
    const cell = request('execute_request', 'a');
    channel.take(cell, client);
    const errors = Array.from({length: 101}, (_, i) => ({
      ename: 'E',
      evalue: `${i}`,
      traceback: ['t']
    }));
    for (const error of errors) {
      worker.say('comm', 'error', JSON.stringify(error), '{}', JSON.stringify(cell.header));
    }
    const told = client.heard;
    for (const error of errors) {
      channel.fromKernel(reply('error', cell, error), vi.fn());
    }
    expect(client.heard).toEqual([...told, ['error', errors[0], 'a']]);
    expect(told.length).toBe(101);
  });

  it('takes the stock path when it is a reply', async () => {
    await open();
    const stock = vi.fn();
    const msg = reply('execute_reply', request('execute_request', 'a'), {status: 'ok'});
    channel.fromKernel(msg, stock);
    expect([stock.mock.calls, client.got]).toEqual([[[msg]], []]);
  });

  it('takes the stock path while the port is not open', async () => {
    start();
    const stock = vi.fn();
    channel.fromKernel(reply('stream', request('execute_request', 'a'), {}), stock);
    expect(stock).toHaveBeenCalledOnce();
  });

  it('reaches each client as a copy of its own', async () => {
    await open();
    const other = new FakeClient();
    channel.add(other);
    worker.say(...frame, new Uint8Array([7]).buffer);
    channel.fromKernel(reply('stream', request('execute_request', 'a'), {text: 'x'}), vi.fn());
    for (const got of [client.got, other.got]) {
      (got[0]!.content as Plain)['data'] = 'spoilt';
      (got[0]!.parent_header as Plain)['msg_id'] = 'spoilt';
      (got[0]!.buffers![0] as DataView).setUint8(0, got === client.got ? 1 : 2);
      (got[1]!.content as Plain)['text'] += got === client.got ? '1' : '2';
    }
    expect([client, other].map(({got}) => (got[0]!.buffers![0] as DataView).getUint8(0))).toEqual([
      1, 2
    ]);
    expect([client, other].map(({got}) => got[1]!.content)).toEqual([{text: 'x1'}, {text: 'x2'}]);
  });

  it('has one id, whichever client gets it', async () => {
    await open();
    const other = new FakeClient();
    channel.add(other);
    worker.say(...frame);
    channel.take(comm('1'), client);
    worker.say(...frame);
    const ids = client.got.map(({header}) => header.msg_id);
    expect(other.got.map(({header}) => header.msg_id)).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
  });

  it('has a parent header that no earlier message shares', async () => {
    await open();
    worker.say(...frame);
    (client.got[0]!.parent_header as Plain)['msg_id'] = 'spoilt';
    worker.say(...frame);
    expect(client.heard[1]![2]).toBe('p');
  });

  it('has the session of all others, whichever way it takes', async () => {
    await open();
    const print = reply('stream', request('execute_request', 'a'), {});
    channel.fromKernel(print, vi.fn());
    const stock = channel.withSession(reply('execute_reply', comm('1'), {}));
    expect([client.got[0]!, stock].map(({header}) => header.session)).toEqual(['kernel', 'kernel']);
  });

  it('is JSON, as on the stock path', async () => {
    await open();
    const cell = request('execute_request', 'a');
    channel.fromKernel(reply('display_data', cell, {data: {x: NaN, y: undefined}}), vi.fn());
    channel.fromKernel(reply('display_data', cell, {data: {x: 2n ** 60n}}), vi.fn());
    channel.fromKernel(reply('stream', cell, {text: 'next'}), vi.fn());
    expect(client.got.map(({content}) => content)).toEqual([{data: {x: null}}, {text: 'next'}]);
    expect(warned).toEqual(["lite_comms: a message 'display_data' of the kernel is no JSON"]);
  });

  it('that comes by the stock path after the hello has DataViews too', async () => {
    await open();
    const memory = new Uint8Array([1, 2, 3]).subarray(1);
    const msg = {...reply('comm_msg', comm('1'), {}), buffers: [memory]} as unknown as Message;
    channel.fromKernel(msg, vi.fn());
    const view = client.got[0]!.buffers![0] as DataView;
    expect([view.byteLength, view.getInt8(0), view.buffer.byteLength]).toEqual([2, 2, 2]);
  });

  it('reaches the others when JupyterLab refuses it for one client', async () => {
    await open();
    const other = new FakeClient();
    channel.add(other);
    client.deliver = () => {
      throw new Error('no such message');
    };
    worker.say(...frame);
    expect([other.got.length, worker.posted]).toEqual([1, []]);
    expect(warned).toEqual(["lite_comms: JupyterLab refuses a 'comm_msg' message"]);
  });

  it('whose JSON is broken is answered with an error', async () => {
    await open();
    worker.say('comm', 'comm_msg', '{', '{}', '{}');
    expect(worker.posted).toEqual([['error', expect.stringMatching('SyntaxError'), 0]]);
  });

  it('does not reach a client that is closed or gone', async () => {
    await open();
    const gone = new FakeClient();
    channel.add(gone);
    channel.remove(gone);
    client.isOpen = false;
    worker.say(...frame);
    expect([client.got, gone.got]).toEqual([[], []]);
  });

  it('that is no frame is answered with an error', async () => {
    await open();
    worker.say('nonsense');
    expect(worker.posted).toEqual([['error', 'FrameError: unknown frame type "nonsense"', 0]]);
  });
});

describe('the state that JupyterLab shows', () => {
  beforeEach(() => void vi.useFakeTimers());
  const shown = () => client.heard.filter(([, , parent]) => parent === undefined);

  it('does not change for a message that is handled soon', async () => {
    await open();
    channel.take(comm('1'), client);
    vi.advanceTimersByTime(50);
    worker.say('ack', 1);
    vi.advanceTimersByTime(1000);
    expect(shown()).toEqual([]);
  });

  it('is busy while a message takes long, and idle after', async () => {
    await open();
    channel.take(comm('1'), client);
    vi.advanceTimersByTime(150);
    worker.say('ack', 1);
    expect(shown()).toEqual([
      ['status', {execution_state: 'busy'}, undefined],
      ['status', {execution_state: 'idle'}, undefined]
    ]);
  });

  it('is busy for a slow message on the stock path as well', async () => {
    channel.observe(reply('status', comm('1'), {execution_state: 'busy'}));
    vi.advanceTimersByTime(150);
    channel.observe(idle(comm('1')));
    expect(shown()).toEqual([
      ['status', {execution_state: 'busy'}, undefined],
      ['status', {execution_state: 'idle'}, undefined]
    ]);
  });

  it('is busy at once where a callback says something, for its log entry ends with a status', async () => {
    await open();
    const says = (n: number) => {
      const parent = JSON.stringify(comm(`${n}`).header);
      worker.say('comm', 'stream', '{"name":"stdout","text":"x"}', '{}', parent);
    };
    channel.take(comm('1'), client);
    says(1);
    worker.say('ack', 1);
    expect(shown()).toEqual([['status', {execution_state: 'busy'}, undefined]]);
    vi.advanceTimersByTime(50);
    says(1); // a task that goes on
    vi.advanceTimersByTime(99);
    expect(shown()).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(shown().slice(1)).toEqual([['status', {execution_state: 'idle'}, undefined]]);
    channel.take(comm('2'), client);
    says(2);
    vi.advanceTimersByTime(1000);
    expect(shown().slice(2)).toEqual([['status', {execution_state: 'busy'}, undefined]]);
    worker.say('ack', 2);
    expect(shown().slice(3)).toEqual([['status', {execution_state: 'idle'}, undefined]]);
  });

  it('is busy at once also where it says so on the stock path', () => {
    channel.fromKernel({...reply('stream', comm('0'), {}), parent_header: undefined!}, vi.fn());
    expect(shown()).toEqual([]);
    channel.fromKernel(reply('error', comm('1'), {}), vi.fn());
    vi.advanceTimersByTime(1000);
    expect(shown()).toEqual([
      ['status', {execution_state: 'busy'}, undefined],
      ['status', {execution_state: 'idle'}, undefined]
    ]);
  });

  it('is left to the cell while one runs', async () => {
    await open();
    channel.take(request('execute_request', 'a'), client);
    channel.take(comm('1'), client);
    vi.advanceTimersByTime(150);
    worker.say('ack', 1);
    expect(shown()).toEqual([]);
  });
});
