// @vitest-environment jsdom
/** The targets of page code, on one kernel after another, and of several notebooks on one. */
import {beforeEach, describe, expect, it} from 'vitest';
import {ClassicKernel} from '../../src/comms/classic';
import type {ClassicComm} from '../../src/comms/comm';
import {FakeConnection} from '../parts/fakes';
import {kernel, shown, wire} from './a_classic_kernel';

describe('register_target', () => {
  it('calls the function with a comm and the message', async () => {
    const heard: unknown[] = [];
    kernel.comm_manager.register_target('t', (comm: ClassicComm, msg) => {
      heard.push([comm.comm_id, comm.target_name, msg.content.data]);
      comm.send({foo: 0});
    });
    const id = await wire.open('t', {foo: 1});
    expect(heard).toEqual([[id, 't', {foo: 1}]]);
    expect(wire.wire).toEqual([['comm_msg', {comm_id: id, data: {foo: 0}}, {}]]);
  });

  it('replaces an earlier function', async () => {
    const heard: string[] = [];
    kernel.comm_manager.register_target('t', () => heard.push('first'));
    kernel.comm_manager.register_target('t', () => heard.push('second'));
    await wire.open('t');
    expect(heard).toEqual(['second']);
  });

  it.each([
    [
      'raises',
      () => {
        throw new RangeError('no room');
      }
    ],
    [
      'rejects later',
      async () => {
        await null;
        throw new RangeError('no room');
      }
    ]
  ])('closes the comm with a reason when the function %s', async (_, target) => {
    kernel.comm_manager.register_target('t', target);
    const id = await wire.open('t');
    const reason = {lite_comms: {ename: 'RangeError', evalue: 'no room'}};
    expect(wire.wire).toEqual([['comm_close', {comm_id: id, data: {}}, reason]]);
    expect(shown[0]![0]).toBe(
      `lite_comms: the target function of comm 't' (${id}) raised; the comm is closed`
    );
  });

  it('shows both errors when the reason cannot be sent, and closes its own end', async () => {
    kernel.comm_manager.register_target('t', () => {
      wire.broken = new Error('Kernel is dead');
      throw new RangeError('no room');
    });
    const id = await wire.open('t');
    expect(shown.map(([line, error]) => [line, `${error}`])).toEqual([
      [
        `lite_comms: the target function of comm 't' (${id}) raised; the comm is closed`,
        'RangeError: no room'
      ],
      [
        `lite_comms: the kernel is not told that comm 't' (${id}) is closed`,
        `Error: comm 't' (${id}) cannot send: Kernel is dead`
      ]
    ]);
    expect(wire.hasComm(id)).toBe(false);
  });

  it('refuses what is not a function', () => {
    expect(() => kernel.comm_manager.register_target('t', null as never)).toThrow(
      "comm target 't' needs a function, not null"
    );
  });

  it('is undone by unregister_target', async () => {
    kernel.comm_manager.register_target('t', () => undefined);
    kernel.comm_manager.unregister_target('t');
    const id = await wire.open('t');
    expect(wire.wire).toEqual([['comm_close', {comm_id: id, data: {}}, {}]]);
  });

  it('before there is a kernel holds for the one that comes', async () => {
    const early = new ClassicKernel();
    const heard: unknown[] = [];
    early.comm_manager.register_target('t', (_, msg) => heard.push(msg.content.data));
    early.connect(wire.real);
    await wire.open('t', {foo: 1});
    expect(heard).toEqual([{foo: 1}]);
  });
});

describe('another kernel', () => {
  it('gets the targets, and the old one loses them', () => {
    kernel.comm_manager.register_target('t', () => undefined);
    const next = new FakeConnection('next');
    kernel.connect(next.real);
    expect([[...wire.targets.keys()], [...next.targets.keys()], kernel.id]).toEqual([
      [],
      ['t'],
      'next'
    ]);
  });

  it('does not touch a connection that is disposed', () => {
    kernel.comm_manager.register_target('t', () => undefined);
    wire.dispose();
    kernel.connect(null);
    expect([kernel.id, kernel.name, [...wire.targets.keys()]]).toEqual([null, null, ['t']]);
  });
});

describe('two notebooks on one connection', () => {
  let second: ClassicKernel;
  let heard: string[];

  beforeEach(() => {
    second = new ClassicKernel();
    second.connect(wire.real);
    heard = [];
    kernel.comm_manager.register_target('t', () => heard.push('first'));
    second.comm_manager.register_target('t', () => heard.push('second'));
  });

  it('have the function that was registered last', async () => {
    await wire.open('t');
    kernel.comm_manager.register_target('t', () => heard.push('first again'));
    await wire.open('t');
    expect(heard).toEqual(['second', 'first again']);
  });

  it.each([
    ['leaves', () => second.connect(null)],
    ['takes its target away', () => second.comm_manager.unregister_target('t')]
  ])('have that of the first when the second %s', async (_, leave) => {
    leave();
    await wire.open('t');
    expect(heard).toEqual(['first']);
  });

  it('have that of the second when the first leaves', async () => {
    kernel.connect(null);
    await wire.open('t');
    expect(heard).toEqual(['second']);
  });

  it('leave nothing behind when both have left', () => {
    kernel.connect(null);
    second.connect(null);
    expect([...wire.targets.keys()]).toEqual([]);
  });

  it('leave the target of another extension alone that has replaced theirs', async () => {
    wire.registerCommTarget('t', () => heard.push('theirs'));
    second.connect(null);
    await wire.open('t');
    expect(heard).toEqual(['theirs']);
  });
});
