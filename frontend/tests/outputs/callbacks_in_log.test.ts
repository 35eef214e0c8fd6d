// @vitest-environment jsdom
/** What callbacks say is in the log console where no cell shows it. */
import {describe, expect, it} from 'vitest';
import {
  callbacks,
  Connection,
  connection,
  ERROR,
  type Header,
  notebook,
  opened,
  page,
  print,
  say,
  start,
  textsIn,
  View
} from './a_notebook';

describe('the log console has it', () => {
  it('where its cell is gone or has run again', () => {
    notebook.run('cell');
    opened('c', 'cell');
    const outputs = notebook.run('cell');
    print('x', connection.send('c'));
    print('y', connection.send('c'), 'stderr');
    say('error', ERROR, connection.send('c'));
    expect(textsIn(outputs)).toEqual([]);
    expect(notebook.logged).toEqual(['warning: stream x', 'error: stream y', 'error: error E']);
  });

  it('where the site, or the kernel, wants it so', () => {
    start('log');
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    const sayAll = () => {
      print('x', connection.send('c'));
      say('error', ERROR, connection.send('c'));
    };
    sayAll();
    expect(textsIn(outputs)).toEqual([]);
    expect(notebook.logged.splice(0)).toEqual(['warning: stream x', 'error: error E']);
    const choose = (show: string) =>
      connection.targets.get('lite_comms.callbacks')!({}, {content: {data: {show}}});
    choose('cell');
    sayAll();
    expect(textsIn(outputs)).toEqual(['stream x', 'error E']);
    expect(() => choose('elsewhere')).toThrow(
      "comm 'lite_comms.callbacks': data.show must be 'cell' or 'log', not 'elsewhere'"
    );
  });

  it.each(['cell', 'log'] as const)(
    'once, by ipywidgets or else by us, and in the cell if it has one: %s',
    place => {
      start(place);
      const outputs = notebook.run('cell');
      opened('w', 'cell', {}, 'jupyter.widget');
      const hear = (parent_header: Header, handle?: () => void) => {
        const content = {name: 'stdout', text: 'x'};
        connection.hear({header: {msg_type: 'stream'}, parent_header, content}, handle);
      };
      const byWidgets = () => void notebook.log!.entries.push('ipywidgets');
      // The last two are of a message without callbacks, and of a task.
      [connection.send('w'), connection.send('unknown')].forEach(parent => {
        hear(parent, byWidgets);
        hear(parent, byWidgets);
        hear(parent);
        hear(parent);
      });
      const entries = ['ipywidgets', 'ipywidgets', 'warning: stream x', 'warning: stream x'];
      expect(notebook.logged).toEqual([...entries, ...entries]);
      expect(textsIn(outputs)).toEqual(place === 'cell' ? ['stream xxxx'] : []);
    }
  );

  it('once, where several messages come before the first is handled', () => {
    const parents = [connection.send('a'), connection.send('b')];
    const messages = parents.map(parent_header => ({
      header: {msg_type: 'error'},
      parent_header,
      content: ERROR
    }));
    messages.forEach(msg => connection.anyMessage.emit({msg, direction: 'recv'}));
    notebook.log!.entries.push('ipywidgets');
    messages.forEach(msg => connection.iopubMessage.emit(msg));
    expect(notebook.logged).toEqual(['ipywidgets', 'error: error E']);
  });

  it('not, but the user is told, where the application has none and no cell shows it', () => {
    const other = new Connection('other', 'another kernel');
    const console = new View(other, 'console', false);
    callbacks.add(console);
    page.connections = [other];
    const prompt = console.run('prompt');
    opened('w', 'no cell', {}, 'jupyter.widget');
    say('error', ERROR, other.send('w'));
    const content = {comm_id: 'c', target_name: 't', data: {}};
    say('comm_open', content, console.parents.get('prompt')!);
    print('x', other.send('c'));
    expect([console.told, textsIn(prompt)]).toEqual([['error: error E'], ['stream x']]);
  });

  it('and no cell of a view that is closed', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    const other = new View(connection);
    callbacks.add(other);
    callbacks.remove(notebook);
    print('x', connection.send('c'));
    expect([textsIn(outputs), other.logged]).toEqual([[], ['warning: stream x']]);
  });

  it('once, however many views a notebook has', () => {
    const other = new View(connection);
    callbacks.add(other);
    say('error', ERROR, connection.send('c'));
    expect([notebook.logged, other.logged]).toEqual([['error: error E'], []]);
  });
});
