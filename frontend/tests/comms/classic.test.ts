// @vitest-environment jsdom
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {ClosedError} from '../../src/api/errors';
import {ids} from '../../src/api/parts/requests';
import {ClassicKernel} from '../../src/comms/classic';
import type {ClassicComm} from '../../src/comms/comm';
import {runFor, scriptNode} from '../../src/outputs/script';
import {attachmentsOf} from '../../src/wire/attachments';
import {FakeConnection} from '../parts/fakes';

let wire: FakeConnection;
let kernel: ClassicKernel;
let shown: unknown[][];

beforeEach(() => {
  wire = new FakeConnection();
  kernel = new ClassicKernel();
  kernel.connect(wire.real);
  shown = [];
  vi.spyOn(console, 'error').mockImplementation((...args) => shown.push(args));
});

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

describe('the kernel', () => {
  it('runs code silently, as the classic Notebook does, and returns the id', () => {
    const id = kernel.execute('1 + 1');
    expect(wire.wire).toEqual([
      [
        'execute_request',
        {
          code: '1 + 1',
          silent: true,
          store_history: false,
          user_expressions: {},
          allow_stdin: false,
          stop_on_error: true
        },
        {}
      ]
    ]);
    expect(id).toBe(wire.sent[0]!.header.msg_id);
  });

  it('runs code with options, and its callbacks hear of it', async () => {
    const heard: string[] = [];
    const hear = ({header}: {header: {msg_type: string}}) => void heard.push(header.msg_type);
    const callbacks = {shell: {reply: hear}, iopub: {output: hear, clear_output: hear}};
    kernel.execute('x', callbacks, {silent: false, user_expressions: {two: '2'}});
    expect(wire.sent[0]!.content).toMatchObject({silent: false, user_expressions: {two: '2'}});
    const [future] = wire.futures;
    for (const type of ['stream', 'clear_output', 'status']) {
      await future!.onIOPub!(wire.message(type, {}) as never);
    }
    await future!.onReply!(wire.message('execute_reply', {}) as never);
    expect(heard).toEqual(['stream', 'clear_output', 'execute_reply']);
  });

  it('asks for input where there is a callback for it, and takes the answer once', async () => {
    kernel.execute('input()', {input: ({content}) => kernel.send_input_reply(content.prompt)});
    expect(wire.sent[0]!.content).toMatchObject({allow_stdin: true});
    const question = wire.message('input_request', {prompt: 'name'});
    await wire.futures[0]!.onStdin!(question as never);
    expect(wire.asked).toEqual([['input_reply', {status: 'ok', value: 'name'}, question.header]]);
    expect(() => kernel.send_input_reply('again')).toThrow('no code has asked for input');
  });

  it('is interrupted and restarted, and says whether it can be reached', async () => {
    await kernel.interrupt();
    await kernel.restart();
    expect(wire.asked).toEqual([['interrupt'], ['restart']]);
    expect(kernel.is_connected()).toBe(true);
    wire.connectionStatus = 'connecting';
    expect(kernel.is_connected()).toBe(false);
    kernel.connect(null);
    expect(kernel.is_connected()).toBe(false);
  });

  it('names what cannot be done without one, and what is no code', () => {
    expect(() => kernel.execute(1 as never)).toThrow('kernel.execute takes a text, not number');
    kernel.connect(null);
    for (const [name, call] of [
      ['interrupt', () => kernel.interrupt()],
      ['restart', () => kernel.restart()]
    ] as const) {
      expect(call).toThrow(`kernel.${name}: the notebook has no kernel yet`);
    }
  });
});

describe('before there is a kernel', () => {
  const connect = async () => {
    kernel.connect(wire.real);
    await Promise.resolve();
  };
  let comm: ClassicComm;
  const closed: unknown[] = [];

  beforeEach(() => {
    closed.length = 0;
    kernel = new ClassicKernel();
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

describe('callbacks', () => {
  it('hear what the kernel says in answer, each its own kind', async () => {
    const comm = kernel.comm_manager.new_comm('echo');
    const heard: [string, string][] = [];
    const note = (where: string) => (msg: {header: {msg_type: string}}) =>
      heard.push([where, msg.header.msg_type]);
    comm.send(
      {},
      {
        shell: {reply: note('reply')},
        iopub: {output: note('output'), clear_output: note('clear'), status: note('status')}
      }
    );
    const future = wire.futures[1]!;
    for (const type of ['status', 'stream', 'display_data', 'clear_output', 'comm_msg', 'error']) {
      await future.onIOPub!(wire.message(type, {}) as never);
    }
    await future.onReply!(wire.message('comm_msg', {}) as never);
    expect(heard).toEqual([
      ['status', 'status'],
      ['output', 'stream'],
      ['output', 'display_data'],
      ['clear', 'clear_output'],
      ['output', 'error'],
      ['reply', 'comm_msg']
    ]);
  });

  it('get what is printed in one go as one text, before what comes behind it', async () => {
    const heard: unknown[] = [];
    const output = (msg: {content: object}) => heard.push(msg.content);
    const reply = () => heard.push('reply');
    kernel.execute('print(1)', {iopub: {output}, shell: {reply}});
    const {onIOPub, onReply} = wire.futures[0]!;
    const say = (type: string, content = {}) => onIOPub!(wire.message(type, content) as never);
    const print = (text: string, name = 'stdout') => say('stream', {name, text});
    print('1');
    print('\n');
    expect(heard.splice(0)).toEqual([]);
    print('oh', 'stderr');
    say('display_data', {data: {}});
    print('2');
    print('\n');
    onReply!({header: {}, content: {}} as never);
    expect(heard.splice(0)).toEqual([
      {name: 'stdout', text: '1\n'},
      {name: 'stderr', text: 'oh'},
      {data: {}},
      {name: 'stdout', text: '2\n'},
      'reply'
    ]);
    print('3');
    await expect.poll(() => heard).toEqual([{name: 'stdout', text: '3'}]);
  });
});

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
    kernel = new ClassicKernel();
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
    kernel = new ClassicKernel();
    const never = kernel.comm_manager.new_comm('echo').request();
    kernel.dispose();
    await expect(never).rejects.toMatchObject({
      name: 'ClosedError',
      reason: "Disconnected: the page's connection to the kernel has been closed"
    });
  });

  it('end if what waited for the kernel cannot be sent then', async () => {
    kernel = new ClassicKernel();
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
    kernel = new ClassicKernel();
    const comm = kernel.comm_manager.new_comm('files');
    const stream = new ReadableStream();
    comm.send({}, null, null, null, {attachments: [stream]});
    expect(stream.locked).toBe(true);
    kernel.connect(wire.real);
    await vi.waitFor(() => expect(attached()).toEqual([[], [expect.any(ReadableStream)]]));
  });

  it('of a comm that waits for a kernel are not sent to one that takes none', async () => {
    answer('it takes none');
    kernel = new ClassicKernel();
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
