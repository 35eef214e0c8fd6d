// @vitest-environment jsdom
import {beforeEach, describe, expect, it, vi} from 'vitest';
import * as module from '../../src/api/index';
import type {Comm, IComms} from '../../src/api/index';
import {ids} from '../../src/api/parts/requests';
import {Documents} from '../../src/comms/jupyter';
import {scriptNode} from '../../src/outputs/script';
import {jupyterFor} from '../../src/comms/own';
import {FakeConnection, FakeSession} from '../parts/fakes';

let wire: FakeConnection;
let comms: IComms;
let shown: unknown[][];

beforeEach(() => {
  wire = new FakeConnection();
  comms = module.connect(wire.real);
  Object.assign(ids, {last: 0, page: ''});
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => shown.push(args));
});

it('exports these names', () => {
  expect(Object.keys(module).sort()).toEqual([
    'ClosedError',
    'Comm',
    'RequestError',
    'comms',
    'connect'
  ]);
});

describe('connect', () => {
  it('opens a comm with data, metadata, buffers and an id', () => {
    const comm = comms.open(
      'echo',
      {a: 1},
      {
        metadata: {m: 2},
        buffers: [new Uint8Array([3])],
        commId: 'one'
      }
    );
    expect([comm.commId, comm.targetName, `${comm}`]).toEqual(['one', 'echo', "comm 'echo' (one)"]);
    expect(wire.wire).toEqual([
      ['comm_open', {comm_id: 'one', target_name: 'echo', data: {a: 1}}, {m: 2}]
    ]);
    expect(new Uint8Array(wire.sent[0]!.buffers![0] as ArrayBuffer)[0]).toBe(3);
  });

  it('refuses an id that is in use', () => {
    comms.open('echo', {}, {commId: 'one'});
    expect(() => comms.open('echo', {}, {commId: 'one'})).toThrow(
      "comm 'echo' (one) cannot be opened: its comm_id is in use"
    );
  });

  it('refuses a connection without comms', () => {
    expect(() => module.connect(new FakeConnection('two', false).real)).toThrow(
      'this connection to kernel two has no comms'
    );
  });

  it('sends, hears and closes through the connection', async () => {
    const comm = comms.open('echo', {}, {commId: 'one'});
    const heard: unknown[] = [];
    comm.onMsg(msg => heard.push(msg.content.data));
    const id = comm.send({n: 1});
    await wire.say('one', {n: 2});
    comm.close();
    expect(heard).toEqual([{n: 2}]);
    expect(id).toBe(wire.sent[1]!.header.msg_id);
    expect(wire.wire.slice(1)).toEqual([
      ['comm_msg', {comm_id: 'one', data: {n: 1}}, {}],
      ['comm_close', {comm_id: 'one', data: {}}, {}]
    ]);
  });

  it('asks and answers through the connection', async () => {
    const comm = comms.open('echo', {}, {commId: 'one'});
    comm.onRequest(msg => msg.content.data);
    const asked = comm.request('question');
    const reply = wire.message('comm_msg', {comm_id: 'one', data: 'answer'});
    const request = wire.message('comm_msg', {comm_id: 'one', data: 'yours'});
    for (const [msg, mark] of [
      [reply, {reply: '1'}] as const,
      [request, {request: '7'}] as const
    ]) {
      await wire.comms.get('one')!.onMsg({...msg, metadata: {lite_comms: mark}} as never);
    }
    expect((await asked).content.data).toBe('answer');
    expect(wire.wire.slice(1)).toEqual([
      ['comm_msg', {comm_id: 'one', data: 'question'}, {lite_comms: {request: '1'}}],
      ['comm_msg', {comm_id: 'one', data: 'yours'}, {lite_comms: {reply: '7'}}]
    ]);
  });

  it('answers comms of a target until that is taken away, then the one before does', async () => {
    const heard: unknown[] = [];
    comms.registerTarget('t', (_, msg) => heard.push(['first', msg.content.data]));
    const takeAway = comms.registerTarget('t', (_, msg) =>
      heard.push(['second', msg.content.data])
    );
    await wire.open('t', {n: 1});
    takeAway();
    await wire.open('t', {n: 2});
    expect(heard).toEqual([
      ['second', {n: 1}],
      ['first', {n: 2}]
    ]);
  });

  it('closes a comm whose target raises, and tells the kernel why', async () => {
    comms.registerTarget('t', () => {
      throw new RangeError('no room');
    });
    const comm_id = await wire.open('t');
    const reason = {lite_comms: {ename: 'RangeError', evalue: 'no room'}};
    expect(wire.wire).toEqual([['comm_close', {comm_id, data: {}}, reason]]);
    expect(shown[0]![0]).toBe(
      `lite_comms: the target function of comm 't' (${comm_id}) raised; the comm is closed`
    );
  });

  it.each([
    [Symbol('no'), 'Symbol(no)'],
    [Object.create(null), 'no text']
  ])('closes a comm whose target throws what is no error', async (thrown, evalue) => {
    comms.registerTarget('t', () => {
      throw thrown;
    });
    const comm_id = await wire.open('t');
    const reason = {lite_comms: {ename: 'Error', evalue}};
    expect(wire.wire).toEqual([['comm_close', {comm_id, data: {}}, reason]]);
    expect(shown.splice(0).length).toBe(1);
  });

  it('refuses a target that is no function', () => {
    expect(() => comms.registerTarget('t', 1 as never)).toThrow(
      "comm target 't' needs a function, not number"
    );
  });

  it('has targets that ask while JupyterLab waits for them', async () => {
    let asked: Promise<unknown> | undefined;
    comms.registerTarget('t', async comm => {
      asked = comm.request();
      await asked;
    });
    const id = await wire.open('t');
    const msg = wire.message('comm_msg', {comm_id: id, data: 'answer'});
    await wire.comms.get(id)!.onMsg({...msg, metadata: {lite_comms: {reply: '1'}}} as never);
    expect(await asked).toMatchObject({content: {data: 'answer'}});
  });

  it('has targets that take messages in a loop, while others are handled', async () => {
    const heard: unknown[] = [];
    comms.registerTarget('t', async comm => {
      for await (const msg of comm) {
        heard.push(msg.content.data);
      }
      heard.push('end');
    });
    const id = await wire.open('t');
    await wire.say(id, {n: 1});
    await wire.close(id);
    await expect.poll(() => heard).toEqual([{n: 1}, 'end']);
  });
});

describe('where JupyterLab drops its comms silently', () => {
  let comm: Comm;
  let reasons: unknown[];

  beforeEach(() => {
    comm = comms.open('echo', {}, {commId: 'one'});
    reasons = [];
    comm.onClose(msg => reasons.push((msg.metadata['lite_comms'] as {ename: string}).ename));
  });

  const become = async (status: string) => {
    wire.status = status;
    wire.statusChanged.emit(status);
    await null;
  };
  const drop = () => wire.comms.forEach(dropped => dropped.dispose());

  it('they are closed when the kernel has restarted, and what waits is rejected', async () => {
    const asked = comm.request();
    await become('restarting');
    drop();
    expect([reasons, comm.isClosed]).toEqual([[], true]);
    await become('starting');
    await become('idle');
    expect(reasons).toEqual(['KernelRestarted']);
    await expect(asked).rejects.toMatchObject({
      name: 'ClosedError',
      reason: 'KernelRestarted: the kernel has been restarted'
    });
  });

  it.each([
    [['restarting', 'autorestarting', 'starting'], 'KernelDied'],
    [['dead'], 'KernelDied']
  ])('they are closed when the status is %j', async (statuses, ename) => {
    for (const status of statuses) {
      drop();
      await become(status);
    }
    expect(reasons).toEqual([ename]);
  });

  it('they are closed when the connection is', async () => {
    drop();
    wire.disposed.emit();
    await null;
    expect(reasons).toEqual(['Disconnected']);
  });

  it('but not those that are still there, and each only once', async () => {
    await wire.close('one').catch(() => undefined); // its message has no reason
    const other = comms.open('echo');
    await become('restarting');
    await become('idle');
    expect([reasons, other.isClosed]).toEqual([[], false]);
  });
});

describe('comms', () => {
  const page = globalThis as {Jupyter?: unknown};

  it('is that of the notebook which Jupyter stands for, and belongs to its output', async () => {
    const documents = new Documents(() => wire.real);
    const node = document.createElement('div');
    documents.add({node, resolver: null, session: new FakeSession(wire)});
    await null;
    const output = document.createElement('p');
    page.Jupyter = jupyterFor(output, documents.of({node})!);
    const nodes: unknown[] = [];
    const send = wire.sendShellMessage.bind(wire);
    vi.spyOn(wire, 'sendShellMessage').mockImplementation(msg => {
      nodes.push(scriptNode());
      return send(msg);
    });
    const heard: unknown[] = [];
    const takeAway = module.comms.registerTarget('t', (_, msg) => heard.push(msg.content.data));
    module.comms.open('echo', {n: 1}, {commId: 'one'});
    await wire.open('t', {n: 2});
    takeAway();
    await wire.open('t', {n: 3});
    expect(wire.wire.slice(0, 1)).toEqual([
      ['comm_open', {comm_id: 'one', target_name: 'echo', data: {n: 1}}, {}]
    ]);
    expect([nodes[0], heard]).toEqual([output, [{n: 2}]]);
    delete page.Jupyter;
  });

  it('says what is missing', () => {
    expect(() => module.comms.open('t')).toThrow('this page has no lite_comms');
    page.Jupyter = new Documents(() => wire.real).current(null);
    expect(() => module.comms.open('t')).toThrow('no notebook or console is open');
    delete page.Jupyter;
  });
});
