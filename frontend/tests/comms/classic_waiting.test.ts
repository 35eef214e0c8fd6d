// @vitest-environment jsdom
/** What page code sends before its notebook has a kernel. */
import {beforeEach, describe, expect, it, vi} from 'vitest';
import type {ClassicComm} from '../../src/comms/comm';
import {runFor, scriptNode} from '../../src/outputs/script';
import {kernel, makeKernel, shown, wire} from './a_classic_kernel';

describe('before there is a kernel', () => {
  const connect = async () => {
    kernel.connect(wire.real);
    await Promise.resolve();
  };
  let comm: ClassicComm;
  const closed: unknown[] = [];

  beforeEach(() => {
    closed.length = 0;
    makeKernel();
    comm = kernel.comm_manager.new_comm('echo', {foo: 6}, null, {m: 1}, 'one');
    comm.on_close(msg => void closed.push(msg.metadata['lite_comms']));
  });

  it('all that is sent waits, and goes in the order of the calls', async () => {
    const heard: unknown[] = [];
    const buffer = new Uint8Array([1]);
    expect(comm.send(1, {shell: {reply: msg => heard.push(msg.content)}}, null, [buffer])).toBe('');
    comm.on_msg(msg => heard.push(msg.content.data));
    expect(kernel.execute('f()')).toBe('');
    comm.send(2);
    buffer[0] = 2;
    expect(wire.wire).toEqual([]);

    await connect();
    expect(wire.wire).toMatchObject([
      ['comm_open', {comm_id: 'one', target_name: 'echo', data: {foo: 6}}, {m: 1}],
      ['comm_msg', {comm_id: 'one', data: 1}, {}],
      ['execute_request', {code: 'f()'}, {}],
      ['comm_msg', {comm_id: 'one', data: 2}, {}]
    ]);
    expect(new Uint8Array(wire.sent[1]!.buffers![0] as ArrayBuffer)[0]).toBe(1);
    await wire.futures[1]!.onReply!({header: {}, content: 'reply'} as never);
    await wire.say('one', {said: 1});
    expect(heard).toEqual(['reply', {said: 1}]);
    expect(comm.send(3)).not.toBe('');
    await wire.close('one');
    expect(() => comm.send(4)).toThrow("comm 'echo' (one) is closed");
  });

  it('a comm that is closed again opens, says all and closes', async () => {
    comm.send(1);
    expect(comm.close({last: 2}, null, {m: 2})).toBe('');
    expect(comm.close()).toBe(undefined);
    expect(() => comm.send(2)).toThrow("comm 'echo' (one) is closed");
    await connect();
    expect(wire.wire).toMatchObject([
      ['comm_open', {comm_id: 'one'}, {m: 1}],
      ['comm_msg', {comm_id: 'one', data: 1}, {}],
      ['comm_close', {comm_id: 'one', data: {last: 2}}, {m: 2}]
    ]);
    expect([wire.hasComm('one'), closed]).toEqual([false, []]);
  });

  it('what is sent by those who hear of the kernel comes behind what waits', async () => {
    comm.send(1);
    kernel.connect(wire.real);
    comm.send(2);
    kernel.comm_manager.new_comm('echo', {}, null, null, 'two');
    expect(wire.wire).toEqual([]);
    await Promise.resolve();
    expect(wire.sent.map(({content}) => content)).toMatchObject([
      {comm_id: 'one', data: {foo: 6}},
      {comm_id: 'one', data: 1},
      {comm_id: 'one', data: 2},
      {comm_id: 'two'}
    ]);
  });

  it('waits for its output as the one that it belongs to', async () => {
    const output = document.createElement('div');
    const nodes: unknown[] = [];
    const send = wire.sendShellMessage.bind(wire);
    vi.spyOn(wire, 'sendShellMessage').mockImplementation(msg => {
      nodes.push(scriptNode());
      return send(msg);
    });
    runFor(output, () => kernel.comm_manager.new_comm('echo'));
    await connect();
    expect(nodes).toEqual([null, output]);
  });

  it('too much is refused, and what waits stays', async () => {
    for (let i = 1; i < 10_000; i++) {
      comm.send(i);
    }
    const reason = 'the notebook has no kernel yet, and 10000 messages wait for it';
    expect(() => comm.send(0)).toThrow(`comm 'echo' (one) cannot send: ${reason}`);
    expect(() => kernel.comm_manager.new_comm('echo', {}, null, null, 'two')).toThrow(
      `comm 'echo' (two) cannot be opened: ${reason}`
    );
    await connect();
    expect(wire.sent.length).toBe(10_000);
    expect(comm.send(0)).not.toBe('');
  });

  it('a comm that cannot be opened then is closed, and the next one opens', async () => {
    const other = kernel.comm_manager.new_comm('other', {}, null, null, 'one');
    other.send(1);
    const third = kernel.comm_manager.new_comm('third', {}, null, null, 'three');
    await connect();
    expect(() => other.send(2)).toThrow("comm 'other' (one) is closed");
    expect(wire.wire.map(([, content]) => (content as {comm_id: string}).comm_id)).toEqual([
      'one',
      'three'
    ]);
    expect(shown).toEqual([
      ["lite_comms: comm 'other' (one) has not been opened: its comm_id is in use"]
    ]);
    expect(third.send(1)).not.toBe('');
  });

  it('a message that cannot be sent then is named, and its comm goes on', async () => {
    comm.send(1);
    const createComm = wire.createComm.bind(wire);
    vi.spyOn(wire, 'createComm').mockImplementation((target, id) => {
      const made = createComm(target, id);
      vi.spyOn(made, 'send').mockImplementationOnce(() => {
        throw new Error('no way');
      });
      return made;
    });
    await connect();
    expect(shown).toEqual([
      ["lite_comms: comm 'echo' (one) has not sent what waited for the kernel: no way"]
    ]);
    expect(comm.send(2)).not.toBe('');
    expect(closed).toEqual([]);
  });

  it('and when it has gone, nothing waits for another one', async () => {
    await connect();
    kernel.connect(null);
    const gone = 'the notebook has no kernel any more';
    expect(() => kernel.execute('f()')).toThrow(gone);
    expect(() => kernel.comm_manager.new_comm('echo')).toThrow(gone);
    kernel.connect(wire.real);
    await Promise.resolve();
    expect(wire.sent.length).toBe(1);
    kernel.dispose();
    expect(() => kernel.execute('f()')).toThrow(gone);
  });

  it('comms are told, and code is named, when the notebook is closed without one', () => {
    kernel.execute('f()');
    kernel.dispose();
    const evalue = "the page's connection to the kernel has been closed";
    expect(closed).toEqual([{ename: 'Disconnected', evalue}]);
    expect(() => comm.send(2)).toThrow("comm 'echo' (one) is closed");
    expect(shown).toEqual([
      [`lite_comms: comm 'echo' (one) has not been opened: ${evalue}`],
      [`lite_comms: kernel.execute has not run "f()": ${evalue}`]
    ]);
  });

  it('what cannot be sent is refused at once', async () => {
    expect(() => comm.send({n: 1n})).toThrow("comm 'echo' (one) cannot send: ");
    expect(() => comm.send({}, {shell: {reply: 1 as never}})).toThrow('callbacks.shell.reply');
    await connect();
    expect(wire.wire.length).toBe(1);
  });
});
