// @vitest-environment jsdom
/** What callbacks say is shown in a cell: which one, and how it is updated. */
import '../parts/jsdom';
import {OutputAreaModel} from '@jupyterlab/outputarea';
import {describe, expect, it} from 'vitest';
import {
  callbacks,
  Connection,
  connection,
  display,
  ERROR,
  notebook,
  opened,
  page,
  print,
  say,
  shownIn,
  shows,
  textsIn,
  VIEW,
  View
} from './a_notebook';

describe('what a callback says is shown in the cell', () => {
  it('that has opened the comm', () => {
    const [first, second] = [notebook.run('first'), notebook.run('second')];
    opened('c', 'first');
    const parent = connection.send('c');
    print('one', parent);
    say('error', ERROR, parent);
    display({a: 1}, parent);
    expect(textsIn(first)).toEqual(['stream one', 'error E', 'display_data {"a":1}']);
    expect(textsIn(second)).toEqual([]);
  });

  it('that shows the widget, the last of them', () => {
    const made = notebook.run('made');
    const [early, late] = [notebook.run('early'), notebook.run('late')];
    opened('w', 'made');
    shows('w', late);
    shows('w', early);
    print('x', connection.send('w'));
    expect(shownIn(made, early, late)).toEqual([[], [], ['stream x']]);
    notebook.all.pop();
    print('y', connection.send('w'));
    notebook.all.pop();
    print('z', connection.send('w'));
    expect(shownIn(made, early, late)).toEqual([['stream z'], ['stream y'], ['stream x']]);
  });

  it('that the user has acted in, where several show the widget', () => {
    const [early, late] = [notebook.run('early'), notebook.run('late')];
    shows('w', early);
    shows('w', late);
    page.scriptNode = notebook.all[0]!.node.appendChild(document.createElement('button'));
    const parent = connection.send('w');
    page.scriptNode = null;
    print('x', parent);
    print('y', connection.send('w'));
    expect(shownIn(early, late)).toEqual([['stream x'], ['stream y']]);
  });

  it('that has run the code, where the copy of a notebook has a cell of the same id', () => {
    const copy = new View(connection, 'copy');
    callbacks.add(copy);
    const first = notebook.run('same');
    const parent = copy.run('same');
    const run = copy.parents.get('same')!.msg_id!;
    copy.all = copy.all.map(cell => ({...cell, run}));
    say('comm_open', {comm_id: 'c', target_name: 't', data: {}}, copy.parents.get('same'));
    print('x', connection.send('c'));
    expect(shownIn(first, parent)).toEqual([[], ['stream x']]);
  });

  it('also when the page has sent thousands of messages since', () => {
    const shown = notebook.run('shown');
    shows('w', shown);
    const parent = connection.send('w');
    for (let i = 0; i < 3; i++) {
      print(`${i}`, parent);
      for (let j = 0; j < 6000; j++) {
        connection.send('w');
      }
    }
    expect(shownIn(shown)).toEqual([['stream 012']]);
  });

  it('that shows what holds the widget, at any depth', () => {
    const [made, shown] = [notebook.run('made'), notebook.run('shown')];
    opened('button', 'made', {layout: 'IPY_MODEL_l', value: [1, 2]});
    opened('row', 'made', {children: ['IPY_MODEL_button']});
    opened('box', 'made', {children: []});
    const state = {children: ['IPY_MODEL_row'], first: 'IPY_MODEL_box'};
    say('comm_msg', {comm_id: 'box', data: {method: 'update', state}});
    shows('box', shown);
    print('x', connection.send('button'));
    expect(shownIn(made, shown)).toEqual([[], ['stream x']]);
  });

  it('that shows what holds the widget now', () => {
    const [made, before, after] = ['made', 'before', 'after'].map(cell => notebook.run(cell));
    opened('button', 'made');
    opened('a', 'made', {children: ['IPY_MODEL_button']});
    opened('b', 'made', {children: []});
    shows('b', before!);
    shows('a', after!);
    const hold = (comm_id: string, children: string[]) =>
      say('comm_msg', {comm_id, data: {method: 'update', state: {children}}});
    hold('a', []);
    hold('b', ['IPY_MODEL_button']);
    print('x', connection.send('button'));
    expect(shownIn(made!, before!, after!)).toEqual([[], ['stream x'], []]);
  });

  it('where the widget was when the page sent the message, though it is closed in the callback', () => {
    const [made, shown] = [notebook.run('made'), notebook.run('shown')];
    opened('button', 'made');
    opened('box', 'made', {children: ['IPY_MODEL_button']});
    shows('box', shown);
    const parent = connection.send('button');
    say('comm_close', {comm_id: 'box', data: {}}, parent);
    say('comm_close', {comm_id: 'button', data: {}}, parent);
    print('closed', parent);
    expect(shownIn(made, shown)).toEqual([[], ['stream closed']]);
  });

  it('that shows the Output widget in which the widget is', () => {
    const [made, shown] = [notebook.run('made'), notebook.run('shown')];
    opened('button', 'made');
    shows('out', shown);
    connection.send('out', {state: {outputs: [{data: {[VIEW]: {model_id: 'button'}}}]}});
    print('x', connection.send('button'));
    expect(shownIn(made, shown)).toEqual([[], ['stream x']]);
  });

  it('of the comm in whose callback another comm, or a view, was made', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    const parent = connection.send('c');
    say('comm_open', {comm_id: 'inner', target_name: 't', data: {}}, parent);
    print('x', connection.send('inner'));
    display({[VIEW]: {model_id: 'w'}}, parent);
    print('y', connection.send('w'));
    expect(shownIn(outputs)).toEqual([['stream x', 'stream y']]);
  });

  it('whose script has opened the comm', () => {
    const outputs = notebook.run('cell');
    page.scriptNode = notebook.all[0]!.node.appendChild(document.createElement('p'));
    const open = connection.send('c', {}, 'comm_open', 't');
    page.scriptNode = null;
    print('target', open);
    print('message', connection.send('c'));
    expect(textsIn(outputs)).toEqual(['stream targetmessage']);
  });

  it('that shows the widget, where the script that has opened it is in no cell', () => {
    const outputs = notebook.run('cell');
    page.scriptNode = document.createElement('button');
    connection.send('w', {}, 'comm_open', 'jupyter.widget');
    page.scriptNode = null;
    shows('w', outputs);
    print('x', connection.send('w'));
    expect(shownIn(outputs)).toEqual([['stream x']]);
  });

  it('though the page has no target for the comm, and closes it', () => {
    const outputs = notebook.run('cell');
    const header = {msg_type: 'comm_open'};
    const content = {comm_id: 'c', target_name: 'unknown', data: {}};
    // JupyterLab throws before it emits iopubMessage.
    const msg = {header, parent_header: notebook.parents.get('cell'), content};
    connection.anyMessage.emit({msg, direction: 'recv'});
    print('on_close', connection.send('c', {}, 'comm_close'));
    expect(textsIn(outputs)).toEqual(['stream on_close']);
  });

  it('though the cell was moved', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    shows('w', outputs);
    const moved = new OutputAreaModel({values: outputs.toJSON()});
    notebook.all = [{...notebook.all[0]!, outputs: moved}];
    print('x', connection.send('c'));
    print('y', connection.send('w'));
    expect(shownIn(moved)).toEqual([['stream xy']]);
  });

  it('though the notebook was closed and opened again', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    opened('button', 'cell');
    opened('box', 'cell', {children: ['IPY_MODEL_button']});
    callbacks.remove(notebook);
    const values = outputs.toJSON();
    const box = {[VIEW]: {model_id: 'box'}};
    values.push({output_type: 'display_data', data: box, metadata: {}} as never);
    const again = new Connection('again');
    page.connections = [again];
    const reopened = new View(again);
    const model = new OutputAreaModel({values});
    reopened.all = [{...notebook.all[0]!, outputs: model}];
    callbacks.add(reopened);
    print('x', again.send('c'));
    print('y', again.send('button'));
    expect(shownIn(model)).toEqual([['stream xy']]);
  });

  it('though the page was loaded again, once ipywidgets has asked for its widgets', () => {
    const outputs = notebook.run('cell');
    shows('box', outputs);
    const state = {children: ['IPY_MODEL_button']};
    const states = {box: {state}, button: {state: {}}};
    say('comm_msg', {comm_id: 'control', data: {method: 'update_states', states}});
    print('x', connection.send('button'));
    expect(shownIn(outputs)).toEqual([['stream x']]);
  });

  it('that ran before there was anybody to hear of it', () => {
    const early = new Connection('early', 'another kernel');
    const view = new View(early);
    const outputs = view.run('cell');
    const parent = view.parents.get('cell')!;
    view.all = [{...view.all[0]!, run: parent.msg_id!}];
    callbacks.add(view);
    page.connections = [early];
    say('comm_open', {comm_id: 'c', target_name: 't', data: {}}, parent);
    print('x', early.send('c'));
    expect(textsIn(outputs)).toEqual(['stream x']);
  });
});

describe('a display in a callback is updated', () => {
  it('by any cell, as long as it is there', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    display({a: 1}, connection.send('c'), 'd');
    display({a: 2}, {msg_type: 'execute_request'}, 'd', 'update_display_data');
    display({a: 3}, {}, 'other', 'update_display_data');
    expect(textsIn(outputs)).toEqual(['display_data {"a":2}']);
    outputs.clear();
    print('x', connection.send('c'));
    display({a: 4}, {}, 'd', 'update_display_data');
    expect(textsIn(outputs)).toEqual(['stream x']);
  });

  it('in all cells in which it was displayed, each of them once', () => {
    const [first, second] = [notebook.run('first'), notebook.run('second')];
    opened('a', 'first');
    opened('b', 'second');
    display({a: 1}, connection.send('a'), 'd');
    display({a: 2}, connection.send('b'), 'd');
    expect([first, second].map(textsIn)).toEqual([
      ['display_data {"a":2}'],
      ['display_data {"a":2}']
    ]);
    const changes: string[] = [];
    [first, second].forEach(each => each.changed.connect((_, {type}) => void changes.push(type)));
    display({a: 3}, {}, 'd', 'update_display_data');
    expect(changes).toEqual(['set', 'set']);
    expect([first, second].map(textsIn)).toEqual([
      ['display_data {"a":3}'],
      ['display_data {"a":3}']
    ]);
  });

  it('by a cell that displays it again', () => {
    const outputs = notebook.run('cell');
    opened('c', 'cell');
    display({a: 1}, connection.send('c'), 'd');
    display({a: 2}, {msg_type: 'execute_request'}, 'd');
    expect(textsIn(outputs)).toEqual(['display_data {"a":2}']);
  });
});
