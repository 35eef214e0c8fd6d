// @vitest-environment jsdom
/** What else the classic kernel object does, and the callbacks of its messages. */
import {describe, expect, it} from 'vitest';
import {kernel, wire} from './a_classic_kernel';

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
