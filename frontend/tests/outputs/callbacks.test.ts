// @vitest-environment jsdom
/** Where is shown what comm callbacks say. */
import '../parts/jsdom';
import type {Kernel} from '@jupyterlab/services';
import {OutputAreaModel} from '@jupyterlab/outputarea';
import {Signal} from '@lumino/signaling';
import {beforeEach, describe, expect, it} from 'vitest';
import {
  Callbacks,
  type ILog,
  type IView,
  type Level,
  type Place,
  take
} from '../../src/outputs/callbacks';
import type {ICell} from '../../src/outputs/origins';

type Hook = (msg: object) => boolean | undefined | PromiseLike<boolean | undefined>;
type Header = {session?: string; msg_id?: string; msg_type?: string};

const VIEW = 'application/vnd.jupyter.widget-view+json';
const ERROR = {ename: 'E', evalue: 'v', traceback: []};

/** A connection of the page to a kernel. */
class Connection {
  constructor(
    readonly clientId: string,
    readonly id = 'kernel'
  ) {}

  /** The page sends a message to a comm; what is said in answer has its header. */
  send(comm_id: string, data: object = {}, msg_type = 'comm_msg', target_name?: string): Header {
    return this.request(msg_type, {comm_id, data, ...(target_name && {target_name})});
  }

  request(msg_type: string, content: object, metadata: object = {}): Header {
    const header = {msg_id: `${this.clientId} ${++this._sent}`, msg_type, session: this.clientId};
    this.anyMessage.emit({msg: {header, content, metadata}, direction: 'send'});
    return header;
  }

  /** @param handle - What JupyterLab calls before iopubMessage, as it does ipywidgets. */
  hear(msg: object, handle = () => {}): void {
    this.anyMessage.emit({msg, direction: 'recv'});
    handle();
    this.iopubMessage.emit(msg);
  }

  dispose(): void {
    this.disposed.emit(undefined);
  }

  registerMessageHook(id: string, hook: Hook): void {
    this.hooks.set(id, hook);
  }

  removeMessageHook(id: string, hook: Hook): void {
    if (this.hooks.get(id) === hook) {
      this.hooks.delete(id);
    }
  }

  registerCommTarget(name: string, target: (comm: unknown, msg: object) => void): void {
    this.targets.set(name, target);
  }

  get real(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection;
  }

  readonly anyMessage = new Signal<unknown, unknown>({});
  readonly iopubMessage = new Signal<unknown, unknown>({});
  readonly statusChanged = new Signal<unknown, unknown>({});
  readonly disposed = new Signal<unknown, unknown>({});
  readonly hooks = new Map<string, Hook>();
  readonly targets = new Map<string, (comm: unknown, msg: object) => void>();
  private _sent = 0;
}

/** The log of a notebook. */
class Log implements ILog {
  readonly entries: string[] = [];
  add: ILog['add'] = (msg, level) => void this.entries.push(logged(msg, level));

  get count(): number {
    return this.entries.length;
  }
}

function logged({header, content}: Parameters<ILog['add']>[0], level: Level): string {
  return `${level}: ${textOf({output_type: header.msg_type, ...content})}`;
}

/** A view of a notebook or a console. */
class View implements IView {
  constructor(
    connection: Connection,
    readonly name = 'notebook',
    hasLog = true
  ) {
    this.log = hasLog ? new Log() : null;
    this.sessionContext = {
      session: {kernel: connection},
      kernelChanged: new Signal({})
    } as unknown as IView['sessionContext'];
  }

  readonly cells = () => this.all;

  /** A cell runs; returns its outputs. */
  run(id: string): OutputAreaModel {
    let cell = this.all.find(cell => cell.id === id);
    if (!cell) {
      const node = document.createElement('div');
      cell = {id, node, outputs: new OutputAreaModel({trusted: true})};
      this.all.push(cell);
    }
    const outputs = cell.outputs as unknown as OutputAreaModel;
    outputs.clear();
    const {kernel} = this.sessionContext.session! as unknown as {kernel: Connection};
    this.parents.set(id, kernel.request('execute_request', {}, {cellId: id}));
    return outputs;
  }

  readonly log: Log | null;
  readonly told: string[] = [];
  readonly tell: IView['tell'] = (msg, level) => void this.told.push(logged(msg, level));

  get logged(): string[] {
    return this.log!.entries;
  }

  readonly sessionContext: IView['sessionContext'];
  all: ICell[] = [];
  /** The header of the execute_request, by cell. */
  readonly parents = new Map<string, Header>();
}

function textOf(output: object): string {
  const {output_type, text, ename, data} = output as {[key: string]: unknown};
  return `${output_type} ${text ?? ename ?? JSON.stringify(data)}`;
}

function textsIn(outputs: OutputAreaModel): string[] {
  return outputs.toJSON().map(textOf);
}

let callbacks: Callbacks;
let connections: Connection[];
let connection: Connection;
let notebook: View;
let scriptNode: Node | null;

function start(place: Place = 'cell'): void {
  scriptNode = null;
  callbacks = new Callbacks(place, () => scriptNode);
  connection = new Connection('the page');
  connections = [connection];
  notebook = new View(connection);
  callbacks.add(notebook);
}

beforeEach(() => start());

/** The kernel says something, which each connection hears as a message of its own. */
function say(msg_type: string, content: object, parent_header: Header = {}): void {
  connections.forEach(each =>
    each.hear({header: {msg_type}, parent_header, content: structuredClone(content)})
  );
}

function print(text: string, parent: Header, name = 'stdout'): void {
  say('stream', {name, text}, parent);
}

function display(data: object, parent: Header, display_id?: string, type = 'display_data'): void {
  say(type, {data, metadata: {}, ...(display_id && {transient: {display_id}})}, parent);
}

/** A cell opens a comm. */
function opened(comm_id: string, cell: string, state: object = {}, target_name = 't'): void {
  say('comm_open', {comm_id, target_name, data: {state}}, notebook.parents.get(cell) ?? {});
}

/** A cell shows a widget. */
function shows(model_id: string, outputs: OutputAreaModel): void {
  const data = {[VIEW]: {model_id}} as never;
  outputs.add({output_type: 'display_data', data, metadata: {}});
}

/** What is shown besides widgets, of several outputs. */
function shownIn(...all: OutputAreaModel[]): string[][] {
  return all.map(outputs => textsIn(outputs).filter(text => !text.includes(VIEW)));
}

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
    scriptNode = notebook.all[0]!.node.appendChild(document.createElement('button'));
    const parent = connection.send('w');
    scriptNode = null;
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
    scriptNode = notebook.all[0]!.node.appendChild(document.createElement('p'));
    const open = connection.send('c', {}, 'comm_open', 't');
    scriptNode = null;
    print('target', open);
    print('message', connection.send('c'));
    expect(textsIn(outputs)).toEqual(['stream targetmessage']);
  });

  it('that shows the widget, where the script that has opened it is in no cell', () => {
    const outputs = notebook.run('cell');
    scriptNode = document.createElement('button');
    connection.send('w', {}, 'comm_open', 'jupyter.widget');
    scriptNode = null;
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
    connections = [again];
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
    connections = [early];
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
    connections.push(inConsole, extra);
    const console = new View(inConsole, 'console', false);
    callbacks.add(console);
    callbacks.follow(extra.real);
    callbacks.follow(extra.real);
    opened('c', 'cell');
    connections.forEach(each => print(each.clientId, each.send('c')));
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
    connections.push(extra);
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
    connections.push(...others);
    callbacks.follow(others[1]!.real);
    const reopened = new View(others[0]!);
    reopened.all = notebook.all;
    callbacks.add(reopened);
    callbacks.remove(notebook);
    connection.dispose();
    connections.shift();
    parents.forEach(parent => print('x', parent));
    expect(textsIn(outputs)).toEqual(['stream x']);
    expect(reopened.logged).toEqual(['warning: stream x', 'warning: stream x']);
    print('y', others[0]!.send('d'));
    expect(textsIn(outputs)).toEqual(['stream xy']);
  });

  it('one logs in its own document, or in another one of the kernel', () => {
    const inConsole = new Connection('console');
    const extra = new Connection('extra');
    connections.push(inConsole, extra);
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
    connections = [other];
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
