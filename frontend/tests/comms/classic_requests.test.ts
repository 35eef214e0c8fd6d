// @vitest-environment jsdom
/** Requests, streams and attachments on a classic comm. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {ids} from '../../src/api/parts/requests';
import type {ClassicComm} from '../../src/comms/comm';
import {attachmentsOf} from '../../src/wire/attachments';
import {kernel, makeKernel, shown, wire} from './a_classic_kernel';

describe('requests and streams', () => {
  let comm: ClassicComm;

  beforeEach(() => {
    Object.assign(ids, {last: 0, page: ''});
    comm = kernel.comm_manager.new_comm('echo', {}, null, null, 'one');
  });

  const say = (data: unknown, mark: object = {}) => {
    const msg = wire.message('comm_msg', {comm_id: 'one', data});
    return wire.comms.get('one')!.onMsg({...msg, metadata: {lite_comms: mark}} as never);
  };

  it('have a reply as the classic Notebook would have handed it over', async () => {
    const asked = comm.request({n: 1}, {timeout_ms: 1000});
    await say({n: 2}, {reply: '1'});
    expect(await asked).toMatchObject({msg_type: 'comm_msg', content: {data: {n: 2}}});
    expect(wire.wire[1]).toEqual([
      'comm_msg',
      {comm_id: 'one', data: {n: 1}},
      {lite_comms: {request: '1'}}
    ]);
  });

  it('have a handler that gets such a message, and answers', async () => {
    comm.on_request(({msg_type, content}: object & {msg_type?: string; content: object}) => [
      msg_type,
      content
    ]);
    await say(3, {request: '5'});
    await Promise.resolve();
    expect(wire.wire[1]).toEqual([
      'comm_msg',
      {comm_id: 'one', data: ['comm_msg', {comm_id: 'one', data: 3}]},
      {lite_comms: {reply: '5'}}
    ]);
  });

  it('name what is wrong as the classic methods are called', async () => {
    expect(() => comm.on_request(3 as never)).toThrow(
      "on_request of comm 'echo' (one) takes a function, not number"
    );
    await say(3, {request: '5'});
    await Promise.resolve();
    expect(wire.sent[1]!.metadata['lite_comms']).toMatchObject({
      error: {evalue: "comm 'echo' (one) has no handler; on_request registers one"}
    });
  });

  it('have messages in a loop, and the newest only', async () => {
    comm.send_latest('old');
    comm.send_latest('new', {metadata: {m: 1}});
    comm.send('next');
    expect(wire.wire.slice(1)).toEqual([
      ['comm_msg', {comm_id: 'one', data: 'new'}, {m: 1}],
      ['comm_msg', {comm_id: 'one', data: 'next'}, {}]
    ]);
    await say(1);
    await wire.close('one');
    const heard: unknown[] = [];
    for await (const msg of comm) {
      heard.push([(msg as {msg_type?: string}).msg_type, msg.content.data]);
    }
    expect(heard).toEqual([['comm_msg', 1]]);
  });

  it('wait for the kernel as all else does, and end if there will be none', async () => {
    makeKernel();
    const early = kernel.comm_manager.new_comm('echo', {}, null, null, 'early');
    const asked = early.request('first');
    kernel.connect(wire.real);
    await Promise.resolve();
    expect(wire.wire.slice(1)).toMatchObject([
      ['comm_open', {comm_id: 'early'}, {}],
      ['comm_msg', {comm_id: 'early', data: 'first'}, {lite_comms: {request: '1'}}]
    ]);
    await wire.close('early');
    await expect(asked).rejects.toMatchObject({name: 'ClosedError'});
    makeKernel();
    const never = kernel.comm_manager.new_comm('echo').request();
    kernel.dispose();
    await expect(never).rejects.toMatchObject({
      name: 'ClosedError',
      reason: "Disconnected: the page's connection to the kernel has been closed"
    });
  });

  it('end if what waited for the kernel cannot be sent then', async () => {
    makeKernel();
    const early = kernel.comm_manager.new_comm('echo', {}, null, null, 'early');
    const asked = early.request();
    const send = wire.sendShellMessage.bind(wire);
    vi.spyOn(wire, 'sendShellMessage').mockImplementation(msg => {
      if (msg.header.msg_type === 'comm_msg') {
        throw new Error('no way');
      }
      return send(msg);
    });
    kernel.connect(wire.real);
    await expect(asked).rejects.toThrow("request of comm 'echo' (early): no way");
    expect(shown).toEqual([
      ["lite_comms: comm 'echo' (early) has not sent what waited for the kernel: no way"]
    ]);
  });
});

describe('attachments', () => {
  const attached = () => wire.sent.map(attachmentsOf);
  const answer = (why: string) => {
    const serializer = {[Symbol.for('lite_comms.cannotAttach')]: () => why};
    Object.assign(wire, {serverSettings: {serializer}});
  };

  it('are the last argument of send', () => {
    answer('');
    const comm = kernel.comm_manager.new_comm('files');
    comm.send({n: 1}, null, null, null, {attachments: [new ReadableStream()]});
    expect(attached()).toEqual([[], [expect.any(ReadableStream)]]);
  });

  it('of a comm that waits for a kernel are taken at once, and sent when there is one', async () => {
    answer('');
    makeKernel();
    const comm = kernel.comm_manager.new_comm('files');
    const stream = new ReadableStream();
    comm.send({}, null, null, null, {attachments: [stream]});
    expect(stream.locked).toBe(true);
    kernel.connect(wire.real);
    await vi.waitFor(() => expect(attached()).toEqual([[], [expect.any(ReadableStream)]]));
  });

  it('of a comm that waits for a kernel are not sent to one that takes none', async () => {
    answer('it takes none');
    makeKernel();
    const comm = kernel.comm_manager.new_comm('files');
    comm.send({}, null, null, null, {attachments: [new ReadableStream()]});
    kernel.connect(wire.real);
    await vi.waitFor(() =>
      expect(shown).toEqual([
        [`lite_comms: ${comm} has not sent what waited for the kernel: it takes none`]
      ])
    );
    expect(wire.wire.map(([type]) => type)).toEqual(['comm_open']);
  });
});
