// @vitest-environment jsdom
/** Which messages are shown as those of callbacks, and by which connection. */
import '../parts/jsdom';
import {describe, expect, it} from 'vitest';
import {take} from '../../src/outputs/callbacks';
import {
  callbacks,
  Connection,
  connection,
  display,
  ERROR,
  type Header,
  type Hook,
  notebook,
  opened,
  page,
  print,
  say,
  textsIn,
  View
} from './a_notebook';

describe('a message is not shown', () => {
  const hear = (parent_header: Header) => {
    const msg = {header: {msg_type: 'error'}, parent_header, content: ERROR};
    return {msg, emit: () => connection.hear(msg)};
  };

  it('where somebody has taken it', async () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    const hook: Hook = async () => false;
    connection.real.registerMessageHook('m', hook as never);
    const hooked = hear(connection.send('c'));
    expect(await connection.hooks.get('m')!(hooked.msg)).toBe(false);
    hooked.emit();
    const other = hear(connection.send('c'));
    take(other.msg);
    other.emit();
    expect([textsIn(outputs), notebook.logged]).toEqual([[], []]);
    connection.real.removeMessageHook('m', hook as never);
    expect(connection.hooks.size).toBe(0);
  });

  it('where a hook lets it pass or returns nothing, it is', async () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    for (const returned of [true, undefined]) {
      connection.real.registerMessageHook('m', (() => returned) as never);
      const {msg, emit} = hear(connection.send('c'));
      expect(await connection.hooks.get('m')!(msg)).toBe(returned);
      emit();
    }
    expect(textsIn(outputs)).toEqual(['error E', 'error E']);
  });

  it('once more where a cell says it', () => {
    const outputs = notebook.run('cell');
    print('x', notebook.parents.get('cell')!);
    expect([textsIn(outputs), notebook.logged]).toEqual([[], []]);
  });

  it('for the messages of another page', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    const parent = {msg_id: 'another 1', msg_type: 'comm_msg', session: 'another'};
    print('x', parent);
    expect([textsIn(outputs), notebook.logged]).toEqual([[], []]);
  });

  it('after a restart, by what was there before', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    connection.statusChanged.emit('restarting');
    print('x', connection.send('c'));
    expect([textsIn(outputs), notebook.logged]).toEqual([[], ['warning: stream x']]);
  });
});

describe('of several connections to a kernel', () => {
  it('each is heard, and each message is shown once', () => {
    const outputs = notebook.run('cell');
    const inConsole = new Connection('console');
    const extra = new Connection('extra');
    page.connections.push(inConsole, extra);
    const console = new View(inConsole, 'console', false);
    callbacks.add(console);
    callbacks.follow(extra.real);
    callbacks.follow(extra.real);
    opened('c', 'cell');
    page.connections.forEach(each => print(each.clientId, each.send('c')));
    expect(textsIn(outputs)).toEqual(['stream the pageconsoleextra']);
    const prompt = console.run('prompt');
    const content = {comm_id: 'd', target_name: 't', data: {}};
    say('comm_open', content, console.parents.get('prompt')!);
    print('x', connection.send('d'));
    expect(textsIn(prompt)).toEqual(['stream x']);
    display({a: 1}, extra.send('c'), 'd');
    const changes: string[] = [];
    outputs.changed.connect((_, {type}) => void changes.push(type));
    display({a: 2}, {}, 'd', 'update_display_data');
    expect(changes).toEqual(['set']);
  });

  it('all have the place that the kernel has chosen', () => {
    const outputs = notebook.run('cell');
    const extra = new Connection('extra');
    callbacks.follow(extra.real);
    page.connections.push(extra);
    opened('c', 'cell');
    extra.targets.get('lite_comms.callbacks')!({}, {content: {data: {show: 'log'}}});
    say('error', ERROR, connection.send('c'));
    expect([textsIn(outputs), notebook.logged]).toEqual([[], ['error: error E']]);
  });

  it('another one shows what a task says whose notebook was closed, once', () => {
    opened('c', 'no cell');
    const outputs = notebook.run('cell');
    opened('d', 'cell');
    const parents = [connection.send('c'), connection.send('d')];
    const others = [new Connection('again'), new Connection('extra')];
    page.connections.push(...others);
    callbacks.follow(others[1]!.real);
    const reopened = new View(others[0]!);
    reopened.all = notebook.all;
    callbacks.add(reopened);
    callbacks.remove(notebook);
    connection.dispose();
    page.connections.shift();
    parents.forEach(parent => print('x', parent));
    expect(textsIn(outputs)).toEqual(['stream x']);
    expect(reopened.logged).toEqual(['warning: stream x', 'warning: stream x']);
    print('y', others[0]!.send('d'));
    expect(textsIn(outputs)).toEqual(['stream xy']);
  });

  it('one logs in its own document, or in another one of the kernel', () => {
    const inConsole = new Connection('console');
    const extra = new Connection('extra');
    page.connections.push(inConsole, extra);
    const other = new View(inConsole, 'other');
    callbacks.add(other);
    callbacks.follow(extra.real);
    print('x', inConsole.send('c'));
    print('y', extra.send('c'));
    expect(other.logged).toEqual(['warning: stream x']);
    expect(notebook.logged).toEqual(['warning: stream y']);
  });

  it('those to another kernel do not matter', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    const other = new Connection('other', 'another kernel');
    callbacks.add(new View(other));
    const msg = {header: {msg_type: 'stream'}, parent_header: other.send('c')};
    other.hear({...msg, content: {name: 'stdout', text: 'x'}});
    expect(textsIn(outputs)).toEqual([]);
  });
});

it('of all messages those are examined that open or close a comm', () => {
  const examined: unknown[] = [];
  callbacks.failures.examine = ({header}, isSent, kernelId) =>
    examined.push([header.msg_type, isSent, kernelId]);
  notebook.run('cell');
  opened('a', 'cell');
  connection.send('a');
  say('comm_msg', {comm_id: 'a', data: {}});
  say('comm_close', {comm_id: 'a'});
  connection.send('b', {}, 'comm_open');
  connection.send('b', {}, 'comm_close');
  expect(examined).toEqual([
    ['comm_open', false, 'kernel'],
    ['comm_close', false, 'kernel'],
    ['comm_open', true, 'kernel'],
    ['comm_close', true, 'kernel']
  ]);
});
