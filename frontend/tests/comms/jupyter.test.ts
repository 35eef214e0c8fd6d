// @vitest-environment jsdom
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {Documents, GlobalJupyter, type IJupyter} from '../../src/comms/jupyter';
import {FakeConnection, FakeSession} from '../parts/fakes';

/** What a connection that is in use has beside the targets of its notebooks. */
const MODULES = 'lite_comms:module';

let documents: Documents;
let extra: FakeConnection[];
const page = globalThis as {Jupyter?: IJupyter};

beforeEach(() => {
  extra = [];
  documents = new Documents(model => {
    const connection = new FakeConnection(model.id);
    extra.push(connection);
    return connection.real;
  });
});

afterEach(() => {
  delete page.Jupyter;
  Reflect.deleteProperty(globalThis, 'IPython');
  document.body.replaceChildren();
});

function add(kernel: FakeConnection | null) {
  const node = document.body.appendChild(document.createElement('div'));
  const session = new FakeSession(kernel);
  const resolver = {} as never;
  documents.add({node, resolver, session});
  return {node, session, resolver};
}

const id = (jupyter: IJupyter | null) => jupyter?.notebook.kernel?.id;

it('finds the notebook of an output by its resolver, and by its node', () => {
  const one = add(new FakeConnection('one'));
  const two = add(new FakeConnection('two'));
  const output = two.node.appendChild(document.createElement('p'));
  expect([
    id(documents.of({resolver: one.resolver})),
    id(documents.of({node: output})),
    documents.of({node: document.body})
  ]).toEqual(['one', 'two', null]);
});

it('is of the notebook that the user was in last, when the focus is elsewhere', () => {
  const one = add(new FakeConnection('one'));
  add(new FakeConnection('two'));
  documents.current(one.node);
  expect(id(documents.current(document.body))).toBe('one');
});

it('forgets a notebook that is closed', () => {
  const one = add(new FakeConnection('one'));
  add(new FakeConnection('two'));
  documents.current(one.node);
  one.session.dispose();
  expect(id(documents.current(null))).toBe('two');
});

it('has no kernel where no notebook is open', () => {
  expect(documents.current(null).notebook.kernel).toBe(null);
});

it('knows what the notebook is called', () => {
  const {notebook} = documents.of({node: add(null).node})!;
  expect(notebook).toMatchObject({
    base_url: '/',
    notebook_name: 'a notebook.ipynb',
    notebook_path: 'a folder/a notebook.ipynb'
  });
});

it('follows a notebook to another kernel, with its targets', () => {
  const {session, node} = add(null);
  const {kernel} = documents.of({node})!.notebook;
  kernel!.comm_manager.register_target('t', () => undefined);
  const next = new FakeConnection('next');
  session.change(next);
  expect([kernel!.id, [...next.targets.keys()]]).toEqual(['next', [MODULES, 't']]);
});

it('goes through the connection that handles comms, where two share a kernel', () => {
  const first = new FakeConnection('shared');
  const second = new FakeConnection('shared', false);
  add(first);
  const {node} = add(second);
  documents.of({node})!.notebook.kernel!.comm_manager.register_target('t', () => undefined);
  expect([[...first.targets.keys()], [...second.targets.keys()]]).toEqual([[MODULES, 't'], []]);
});

it('keeps the target of a notebook when one that shares its kernel is closed', async () => {
  const shared = new FakeConnection('shared');
  const [first, second] = [add(shared), add(new FakeConnection('shared', false))];
  const heard: string[] = [];
  const register = ({node}: typeof first, said: string) =>
    documents
      .of({node})!
      .notebook.kernel!.comm_manager.register_target('t', () => heard.push(said));
  register(first, 'first');
  register(second, 'second');
  second.session.dispose();
  await shared.open('t');
  expect(heard).toEqual(['first']);
});

it('makes a connection for comms when the one that had them is closed', async () => {
  const {session} = add(new FakeConnection('shared'));
  const {node} = add(new FakeConnection('shared', false));
  documents.of({node})!.notebook.kernel!.comm_manager.register_target('t', () => undefined);
  session.dispose();
  await null;
  expect(extra.map(made => [...made.targets.keys()])).toEqual([[MODULES, 't']]);
});

it('disposes of that connection when nobody needs it any more', async () => {
  const {session} = add(new FakeConnection('shared', false));
  expect(extra.map(made => made.isDisposed)).toEqual([false]);
  session.dispose();
  await null;
  expect(extra.map(made => made.isDisposed)).toEqual([true]);
});

it('is the name Jupyter of the page', () => {
  const {node} = add(new FakeConnection('one'));
  add(new FakeConnection('two'));
  new GlobalJupyter(
    documents,
    () => document.currentScript,
    () => node
  );
  expect(id(page.Jupyter!)).toBe('one');
});

it('has the older name IPython, too', () => {
  const {node} = add(new FakeConnection('one'));
  new GlobalJupyter(
    documents,
    () => null,
    () => node
  );
  expect(Reflect.get(globalThis, 'IPython')).toBe(page.Jupyter);
});

it('says what to use instead of what is left out, and only when that is called', () => {
  const {node} = add(new FakeConnection('one'));
  type Part = {[name: string]: () => unknown};
  const jupyter = documents.of({node}) as unknown as {notebook: Part; events: Part};
  expect(jupyter.notebook['get_cells']).toThrow(
    /^Jupyter.notebook.get_cells is not here: .* cells are JupyterLab's/
  );
  expect(jupyter.events['on']).toThrow(/^Jupyter.events.on is not here: .* by its on_close/);
});

it('has a keyboard manager that leaves keys to fields, as JupyterLab does by itself', () => {
  const {node} = add(new FakeConnection('one'));
  const {keyboard_manager} = documents.of({node}) as unknown as {
    keyboard_manager: {disable(): unknown; register_events(): unknown};
  };
  expect([keyboard_manager.disable(), keyboard_manager.register_events()]).toEqual([
    undefined,
    undefined
  ]);
});

it('does not replace what a page calls Jupyter already', () => {
  const theirs = {notebook: {kernel: null}} as unknown as IJupyter;
  page.Jupyter = theirs;
  new GlobalJupyter(
    documents,
    () => document.currentScript,
    () => null
  );
  expect(page.Jupyter).toBe(theirs);
});

it('can be assigned to by the page', () => {
  new GlobalJupyter(
    documents,
    () => document.currentScript,
    () => null
  );
  const theirs = {notebook: {kernel: null}} as unknown as IJupyter;
  page.Jupyter = theirs;
  expect(page.Jupyter).toBe(theirs);
});

it('is what a script of an output belongs to, while it runs', () => {
  const {node} = add(new FakeConnection('one'));
  add(new FakeConnection('two'));
  const scope = new GlobalJupyter(
    documents,
    () => document.currentScript,
    () => null
  );
  const during = scope.during(documents.of({node}), () => id(page.Jupyter!));
  const hidden = scope.during(null, () => page.Jupyter);
  expect([during, hidden, id(page.Jupyter!)]).toEqual(['one', undefined, 'two']);
});

describe('a notebook of which a cell has been run', () => {
  const open = (kernel: FakeConnection, path = 'a.ipynb') => {
    const node = document.body.appendChild(document.createElement('div'));
    const session = new FakeSession(kernel, path);
    documents.add({node, resolver: null, session}, false);
    return {session, kernelId: () => id(documents.of({node}))};
  };
  const run = (by: FakeConnection) => {
    const msg = by.message('execute_request', {code: '1', silent: false}) as never;
    by.anyMessage.emit({msg, direction: 'send'});
  };

  it('has its kernel when it is closed and opened again, but not another one', () => {
    const kernel = new FakeConnection('one');
    const {session} = open(kernel);
    run(kernel);
    session.dispose();
    const kernelIds = [
      open(new FakeConnection('one')),
      open(new FakeConnection('one'), 'b.ipynb'),
      open(new FakeConnection('two'))
    ].map(({kernelId}) => kernelId());
    expect(kernelIds).toEqual(['one', null, null]);
  });

  it('has it in a new view, and in those that are open', () => {
    const kernel = new FakeConnection('one');
    const [first, second] = [open(kernel), open(kernel)];
    expect([first.kernelId(), second.kernelId()]).toEqual([null, null]);
    run(kernel);
    expect([first, second, open(kernel)].map(({kernelId}) => kernelId())).toEqual([
      'one',
      'one',
      'one'
    ]);
  });

  it('has it when the cell was run by another connection, such as that of a console', () => {
    const {kernelId} = open(new FakeConnection('one'));
    const [console, other] = [new FakeConnection('one'), new FakeConnection('two')];
    [console, other].forEach(connection => documents.follow(connection.real));
    run(other);
    expect(kernelId()).toBe(null);
    run(console);
    expect(kernelId()).toBe('one');
  });
});

it('withholds the kernel from the scripts of a notebook of which no cell has been run', () => {
  const one = new FakeConnection('one');
  const node = document.body.appendChild(document.createElement('div'));
  const session = new FakeSession(one);
  documents.add({node, resolver: null, session}, false);
  const {kernel} = documents.of({node})!.notebook;
  const run = (content: object, direction: 'send' | 'recv' = 'send') =>
    one.anyMessage.emit({msg: one.message('execute_request', content) as never, direction});
  expect([kernel!.id, kernel!.is_connected(), kernel!.execute('1')]).toEqual([null, false, '']);
  run({code: '1', silent: true});
  run({code: '1', silent: false}, 'recv');
  expect(kernel!.id).toBe(null);
  run({code: '1', silent: false});
  expect(kernel!.id).toBe('one');
});
