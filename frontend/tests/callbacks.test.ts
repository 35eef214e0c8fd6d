// @vitest-environment jsdom
/** Where is shown what comm callbacks say. */
import type {KernelMessage} from '@jupyterlab/services';
import {Signal} from '@lumino/signaling';
import {beforeEach, describe, expect, it} from 'vitest';
import {Callbacks, type IView, type Place, take} from '../src/callbacks';

type Hook = (msg: object) => boolean | PromiseLike<boolean>;

const VIEW = 'application/vnd.jupyter.widget-view+json';
const CLIENT = 'the page';

/** A notebook with a kernel, cells and a log console. */
class Notebook {
  constructor(place: Place = 'cell') {
    this.callbacks = new Callbacks(place, () => this.scriptNode);
    this.first = this.view();
    this.callbacks.add(this.first);
  }

  /** Run a cell; it has an output from then on. */
  run(cell: string, area?: (typeof this.areas)[number]): string[] {
    const shown: string[] = [];
    const future = {
      msg: {header: {msg_id: cell}},
      isDisposed: false,
      onIOPub: ({header, content}: KernelMessage.IMessage) =>
        shown.push(textOf(header.msg_type, content))
    };
    if (area) {
      area.future = future;
    } else {
      const add = (output: {output_type: string}) =>
        shown.push(`without a future: ${textOf(output.output_type, output)}`);
      const node = document.createElement('div');
      this.areas.push({node, future, model: {add}});
    }
    return shown;
  }

  view(): IView {
    return {
      sessionContext: this.session,
      areas: () => this.areas,
      log: ({header, content}: KernelMessage.IMessage, level: string) =>
        this.logged.push(`${level}: ${textOf(header.msg_type, content)}`)
    } as never;
  }

  /** The kernel says something, under a message. */
  say(msg_type: string, content: object, parent: object = {}): object {
    const msg = {header: {msg_type}, parent_header: {session: CLIENT, ...parent}, content};
    this.session.iopubMessage.emit(msg);
    return msg;
  }

  /** The page sends a message to a comm; what is said in answer has its header. */
  send(comm_id: string, data: object = {}, msg_type = 'comm_msg'): object {
    const header = {msg_id: `message ${++this.sent}`, msg_type, session: CLIENT};
    const msg = {header, content: {comm_id, data}};
    this.kernel.anyMessage.emit({msg, direction: 'send'});
    return header;
  }

  /** A cell opens a comm. */
  opened(comm_id: string, cell: string, state: object = {}, target_name = 't'): void {
    const content = {comm_id, target_name, data: {state}};
    this.say('comm_open', content, {msg_type: 'execute_request', msg_id: cell});
  }

  /** A cell shows a widget. */
  shows(model_id: string, cell: string): void {
    const content = {data: {[VIEW]: {model_id}}};
    this.say('display_data', content, {msg_type: 'execute_request', msg_id: cell});
  }

  print(text: string, parent: object, name = 'stdout'): object {
    return this.say('stream', {name, text}, parent);
  }

  sent = 0;
  scriptNode: Node | null = null;
  readonly logged: string[] = [];
  readonly areas: {node: Node; future: unknown; model: object}[] = [];
  readonly hooks = new Map<string, Hook>();
  readonly targets = new Map<string, (comm: unknown, msg: object) => void>();
  readonly kernel = {
    clientId: CLIENT,
    anyMessage: new Signal<unknown, unknown>({}),
    statusChanged: new Signal<unknown, unknown>({}),
    registerMessageHook: (id: string, hook: Hook) => void this.hooks.set(id, hook),
    removeMessageHook: (id: string, hook: Hook) =>
      this.hooks.get(id) === hook && this.hooks.delete(id),
    registerCommTarget: (name: string, f: (comm: unknown, msg: object) => void) =>
      void this.targets.set(name, f)
  };
  readonly session = {
    session: {kernel: this.kernel},
    kernelChanged: new Signal<unknown, unknown>({}),
    iopubMessage: new Signal<unknown, unknown>({}),
    disposed: new Signal<unknown, unknown>({})
  };
  readonly callbacks: Callbacks;
  readonly first: IView;
}

function textOf(msg_type: string, content: object): string {
  const {text, ename, data} = content as {text?: string; ename?: string; data?: object};
  return `${msg_type} ${text ?? ename ?? JSON.stringify(data)}`;
}

const ERROR = {ename: 'E', evalue: 'v', traceback: []};

let notebook: Notebook;
beforeEach(() => {
  notebook = new Notebook();
});

describe('what a callback says is shown in the cell', () => {
  it('that has opened the comm', () => {
    const first = notebook.run('first');
    const second = notebook.run('second');
    notebook.opened('c', 'first');
    const parent = notebook.send('c');
    notebook.print('one', parent);
    notebook.say('error', ERROR, parent);
    notebook.say('display_data', {data: {a: 1}}, parent);
    expect(first).toEqual(['stream one', 'error E', 'display_data {"a":1}']);
    expect(second).toEqual([]);
    expect(notebook.logged).toEqual([]);
  });

  it('that shows the widget, the last one first', () => {
    const [made, early, late] = ['made', 'early', 'late'].map(cell => notebook.run(cell));
    notebook.opened('w', 'made');
    notebook.shows('w', 'early');
    notebook.shows('w', 'late');
    notebook.print('x', notebook.send('w'));
    expect([made, early, late]).toEqual([[], [], ['stream x']]);
    notebook.areas.pop();
    notebook.print('y', notebook.send('w'));
    notebook.areas.pop();
    notebook.print('z', notebook.send('w'));
    expect([made, early, late]).toEqual([['stream z'], ['stream y'], ['stream x']]);
  });

  it('that shows what holds the widget, at any depth', () => {
    const made = notebook.run('made');
    const shown = notebook.run('shown');
    notebook.opened('button', 'made', {layout: 'IPY_MODEL_l', value: [1, 2]});
    notebook.opened('row', 'made', {children: ['IPY_MODEL_button']});
    notebook.opened('box', 'made', {children: []});
    const state = {children: ['IPY_MODEL_row'], first: 'IPY_MODEL_box'};
    notebook.say('comm_msg', {comm_id: 'box', data: {method: 'update', state}});
    notebook.shows('box', 'shown');
    notebook.print('x', notebook.send('button'));
    expect([made, shown]).toEqual([[], ['stream x']]);
  });

  it('that shows the Output widget in which the widget is', () => {
    const made = notebook.run('made');
    const shown = notebook.run('shown');
    notebook.opened('button', 'made');
    notebook.shows('out', 'shown');
    notebook.send('out', {state: {outputs: [{data: {[VIEW]: {model_id: 'button'}}}]}});
    notebook.print('x', notebook.send('button'));
    expect([made, shown]).toEqual([[], ['stream x']]);
  });

  it('of the comm in whose callback another comm, or a view, was made', () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const parent = notebook.send('c');
    notebook.say('comm_open', {comm_id: 'inner', data: {}}, parent);
    notebook.print('x', notebook.send('inner'));
    notebook.say('display_data', {data: {[VIEW]: {model_id: 'w'}}}, parent);
    notebook.print('y', notebook.send('w'));
    expect(shown.map(text => text.replace(/ \{.*/, ''))).toEqual([
      'stream x',
      'display_data',
      'stream y'
    ]);
  });

  it('whose script has opened the comm', () => {
    const shown = notebook.run('cell');
    notebook.scriptNode = notebook.areas[0]!.node.appendChild(document.createElement('p'));
    const open = notebook.send('c', {}, 'comm_open');
    notebook.scriptNode = null;
    notebook.print('target', open);
    notebook.print('message', notebook.send('c'));
    notebook.areas[0]!.future = undefined; // a saved output
    notebook.print('saved', notebook.send('c'));
    expect(shown).toEqual(['stream target', 'stream message', 'without a future: stream saved']);
  });

  it('and its displays are updated there', () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const content = {data: {a: 1}, transient: {display_id: 'd'}};
    notebook.say('display_data', content, notebook.send('c'));
    notebook.say('update_display_data', {...content, data: {a: 2}}, {msg_type: 'execute_request'});
    notebook.say('update_display_data', {data: {a: 3}, transient: {display_id: 'other'}});
    expect(shown).toEqual(['display_data {"a":1}', 'update_display_data {"a":2}']);
  });
});

describe('it is not shown', () => {
  it('where somebody has taken it', async () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const hook: Hook = async () => false;
    notebook.kernel.registerMessageHook('m', hook);
    const msg = {
      header: {msg_type: 'error'},
      parent_header: notebook.send('c'),
      content: ERROR
    };
    expect(await notebook.hooks.get('m')!(msg)).toBe(false);
    notebook.session.iopubMessage.emit(msg);
    const other = {...msg};
    take(other);
    notebook.session.iopubMessage.emit(other);
    expect([shown, notebook.logged]).toEqual([[], []]);
    notebook.kernel.removeMessageHook('m', hook);
    expect(notebook.hooks.size).toBe(0);
  });

  it('where a hook lets it pass, it is', async () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    notebook.kernel.registerMessageHook('m', () => true);
    const msg = {
      header: {msg_type: 'error'},
      parent_header: notebook.send('c'),
      content: ERROR
    };
    expect(await notebook.hooks.get('m')!(msg)).toBe(true);
    notebook.session.iopubMessage.emit(msg);
    expect(shown).toEqual(['error E']);
  });

  it('once more where a cell says it', () => {
    const shown = notebook.run('cell');
    notebook.print('x', {msg_type: 'execute_request', msg_id: 'cell'});
    expect([shown, notebook.logged]).toEqual([[], []]);
  });

  it('for the messages of another client', () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    notebook.print('x', {...notebook.send('c'), session: 'another'});
    expect([shown, notebook.logged]).toEqual([[], []]);
  });

  it('after a restart, by what was there before', () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    notebook.kernel.statusChanged.emit('restarting');
    notebook.print('x', notebook.send('c'));
    expect([shown, notebook.logged]).toEqual([[], ['warning: stream x']]);
  });
});

describe('the log console has it', () => {
  it('where its cell is gone or has run again', () => {
    const before = notebook.run('cell');
    notebook.opened('c', 'cell');
    const again = notebook.run('cell, again', notebook.areas[0]);
    notebook.print('x', notebook.send('c'));
    notebook.print('y', notebook.send('c'), 'stderr');
    notebook.say('error', ERROR, notebook.send('c'));
    expect([before, again]).toEqual([[], []]);
    expect(notebook.logged).toEqual(['warning: stream x', 'error: stream y', 'error: error E']);
  });

  it('where the site, or the kernel, wants it so', () => {
    notebook = new Notebook('log');
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const say = () => {
      notebook.print('x', notebook.send('c'));
      notebook.say('error', ERROR, notebook.send('c'));
    };
    say();
    expect([shown, notebook.logged]).toEqual([[], ['error: error E']]);
    const choose = (show: string) =>
      notebook.targets.get('lite_comms.callbacks')!({}, {content: {data: {show}}});
    choose('cell');
    say();
    expect(shown).toEqual(['stream x', 'error E']);
    expect(() => choose('elsewhere')).toThrow(
      "comm 'lite_comms.callbacks': data.show must be 'cell' or 'log', not 'elsewhere'"
    );
  });

  it('by ipywidgets, where it is of a widget', () => {
    notebook.opened('w', 'no cell', {}, 'jupyter.widget');
    notebook.say('error', ERROR, notebook.send('w'));
    expect(notebook.logged).toEqual([]);
  });

  it('and no cell of a view that is closed', () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const other = {...notebook.view(), areas: () => []};
    notebook.callbacks.add(other);
    notebook.callbacks.remove(notebook.first);
    notebook.print('x', notebook.send('c'));
    expect([shown, notebook.logged]).toEqual([[], ['warning: stream x']]);
  });

  it('once, however many views a notebook has', () => {
    notebook.callbacks.add(notebook.view());
    notebook.say('error', ERROR, notebook.send('c'));
    expect(notebook.logged).toEqual(['error: error E']);
  });
});

describe('there is a limit', () => {
  it('of characters, which is told once, until the cell runs again', () => {
    let shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const parent = notebook.send('c');
    for (let i = 0; i < 30; i++) {
      notebook.print('x'.repeat(10_000), parent);
    }
    expect(shown.length).toBe(10);
    expect(shown.at(-1)).toContain('the rest is left out');
    expect(notebook.logged).toEqual([]);
    shown = notebook.run('cell', notebook.areas[0]);
    notebook.print('y', parent);
    expect(shown).toEqual(['stream y']);
  });

  it('of outputs, where a stream is one', () => {
    const shown = notebook.run('cell');
    notebook.opened('c', 'cell');
    const parent = notebook.send('c');
    for (let i = 0; i < 300; i++) {
      notebook.print('x', parent);
    }
    expect(shown.length).toBe(300);
    for (let i = 0; i < 300; i++) {
      notebook.say('display_data', {data: {}}, parent);
    }
    expect(shown.length).toBe(300 + 199 + 1);
  });
});
