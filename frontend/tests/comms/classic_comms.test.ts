// @vitest-environment jsdom
/** Comms as the classic Notebook has them: opened, used and closed. */
import {describe, expect, it, vi} from 'vitest';
import {ClosedError} from '../../src/api/errors';
import {kernel, shown, wire} from './a_classic_kernel';

describe('new_comm', () => {
  it('opens a comm with data, metadata and a given id', () => {
    const comm = kernel.comm_manager.new_comm('echo', {foo: 6}, null, {m: 1}, 'my-id');
    expect([comm.comm_id, comm.target_name]).toEqual(['my-id', 'echo']);
    expect(wire.wire).toEqual([
      ['comm_open', {comm_id: 'my-id', target_name: 'echo', data: {foo: 6}}, {m: 1}]
    ]);
  });

  it('makes an id and empty data by itself', () => {
    const comm = kernel.comm_manager.new_comm('echo');
    expect(comm.comm_id).toMatch(/^[0-9a-f]{32}$/);
    expect(wire.wire).toEqual([
      ['comm_open', {comm_id: comm.comm_id, target_name: 'echo', data: {}}, {}]
    ]);
  });

  it('refuses an id that is in use', () => {
    kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    expect(() => kernel.comm_manager.new_comm('other', {}, null, null, 'one')).toThrow(
      "comm 'other' (one) cannot be opened: its comm_id is in use"
    );
  });

  it.each([
    ['a BigInt', {n: 1n}],
    [
      'circular data',
      Object.assign(Object.create(null), {
        get self() {
          return this;
        }
      })
    ]
  ])('leaves no comm behind when the data is %s', (_, data) => {
    expect(() => kernel.comm_manager.new_comm('echo', data, null, null, 'one')).toThrow(
      "comm 'echo' (one) cannot be opened: "
    );
    expect([wire.wire, wire.hasComm('one')]).toEqual([[], false]);
  });

  it('leaves no comm behind when the connection fails', () => {
    wire.broken = new Error('Kernel is dead');
    expect(() => kernel.comm_manager.new_comm('echo', {}, null, null, 'one')).toThrow(
      "comm 'echo' (one) cannot be opened: Kernel is dead"
    );
    expect(wire.hasComm('one')).toBe(false);
  });
});

describe('send', () => {
  it('sends data and metadata, and returns the id of the message', () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    const id = comm.send({foo: 7}, null, {m: 2});
    expect(wire.wire[1]).toEqual(['comm_msg', {comm_id: 'one', data: {foo: 7}}, {m: 2}]);
    expect(id).toBe(wire.sent[1]!.header.msg_id);
  });

  it('takes the data as it is at the call', () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    const data = {list: [1]};
    comm.send(data);
    data.list.push(2);
    expect(wire.sent[1]!.content).toEqual({comm_id: 'one', data: {list: [1]}});
  });

  it('copies the bytes of a view, and only these', () => {
    const comm = kernel.comm_manager.new_comm('echo');
    const memory = new Float64Array([1, 2, 3, 4]);
    comm.send({}, null, null, [memory.subarray(1, 3), memory.buffer]);
    memory.fill(0);
    const [part, whole] = wire.sent[1]!.buffers as ArrayBuffer[];
    expect([...new Float64Array(part!)]).toEqual([2, 3]);
    expect([...new Float64Array(whole!)]).toEqual([1, 2, 3, 4]);
  });

  it.each([
    [
      'an item that the list leaves out',
      [, new ArrayBuffer(1)],
      "buffers[0] of comm 'echo' (one) is neither an ArrayBuffer nor a view, but undefined"
    ],
    [
      'an item that is not binary',
      ['text'],
      "buffers[0] of comm 'echo' (one) is neither an ArrayBuffer nor a view, but string"
    ],
    [
      'something that is no array',
      new ArrayBuffer(1),
      "buffers of comm 'echo' (one): an array is needed, not object"
    ]
  ])('names %s', (_, buffers, message) => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    expect(() => comm.send({}, null, null, buffers as never)).toThrow(message);
    expect(wire.sent.length).toBe(1);
  });

  it.each([[[1]], ['text']])('refuses the metadata %j', metadata => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    expect(() => comm.send({}, null, metadata as never)).toThrow(
      "metadata of comm 'echo' (one): an object is needed, not "
    );
    expect(wire.sent.length).toBe(1);
  });

  it('on a closed comm raises and names it', () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    comm.close();
    expect(() => comm.send({})).toThrow("comm 'echo' (one) is closed");
  });

  it('that fails leaves the comm open', () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    expect(() => comm.send({n: 1n})).toThrow("comm 'echo' (one) cannot send: ");
    comm.send({n: 1});
    expect(wire.wire[1]).toEqual(['comm_msg', {comm_id: 'one', data: {n: 1}}, {}]);
  });
});

describe('close', () => {
  it('tells the kernel once', () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    const id = comm.close({why: 'done'}, null, {m: 3});
    expect([id, comm.close()]).toEqual([wire.sent[1]!.header.msg_id, undefined]);
    expect(wire.wire.slice(1)).toEqual([
      ['comm_close', {comm_id: 'one', data: {why: 'done'}}, {m: 3}]
    ]);
  });

  it('by the page does not call on_close', () => {
    const comm = kernel.comm_manager.new_comm('echo');
    const heard = vi.fn();
    comm.on_close(heard);
    comm.close();
    expect(heard).not.toHaveBeenCalled();
  });

  it('by the kernel calls on_close with the message', async () => {
    const comm = kernel.comm_manager.new_comm('echo');
    const heard: unknown[] = [];
    comm.on_close(msg => heard.push(msg.content.data));
    await wire.close(comm.comm_id, {bye: 1});
    expect(heard).toEqual([{bye: 1}]);
  });

  it('by the kernel has closed the comm for its on_close, whose error is shown', async () => {
    const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    const closed: unknown[] = [];
    comm.on_close(() => {
      closed.push(comm.close());
      comm.send({});
    });
    await wire.close('one');
    expect([closed, wire.sent.length, wire.hasComm('one')]).toEqual([[undefined], 1, false]);
    expect(shown).toHaveBeenCalledExactlyOnceWith(
      "lite_comms: the on_close callback of comm 'echo' (one) raised",
      new ClosedError("comm 'echo' (one)")
    );
  });

  it('that fails leaves the comm open, with its on_close', async () => {
    const comm = kernel.comm_manager.new_comm('echo');
    const heard: unknown[] = [];
    comm.on_close(msg => heard.push(msg.content.data));
    expect(() => comm.close({n: 1n})).toThrow('cannot send');
    await wire.close(comm.comm_id, {bye: 1});
    expect(heard).toEqual([{bye: 1}]);
  });
});

describe('on_msg', () => {
  it('hears each message with its data and buffers', async () => {
    const comm = kernel.comm_manager.new_comm('echo');
    const heard: unknown[] = [];
    comm.on_msg(msg => heard.push([msg.content.data, msg.buffers]));
    const view = new DataView(new ArrayBuffer(2));
    await wire.say(comm.comm_id, {foo: 1}, [view]);
    expect(heard).toEqual([[{foo: 1}, [view]]]);
  });

  it('that raises is shown with the comm, and hears the next message', async () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    const error = new Error('oh');
    const heard: unknown[] = [];
    comm.on_msg(msg => {
      heard.push(msg.content.data);
      throw error;
    });
    await wire.say('one', {n: 1});
    await wire.say('one', {n: 2});
    expect(heard).toEqual([{n: 1}, {n: 2}]);
    const line = "lite_comms: the on_msg callback of comm 'echo' (one) raised";
    expect(shown).toEqual([
      [line, error],
      [line, error]
    ]);
  });

  it('refuses what is not a function', () => {
    const comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
    expect(() => comm.on_msg(3 as never)).toThrow(
      "on_msg of comm 'echo' (one) takes a function, not number"
    );
  });
});
