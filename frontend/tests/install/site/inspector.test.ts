// @vitest-environment jsdom
/** The inspector's command and button: what a panel leaves behind, and how a failure is told. */
import '../../parts/jsdom';
import {CommandRegistry} from '@lumino/commands';
import {Signal} from '@lumino/signaling';
import {Widget} from '@lumino/widgets';
import {beforeEach, expect, it, vi} from 'vitest';
import {inspector} from '../../../src/install/site/inspector';
import {Failures} from '../../../src/outputs/failures';

// Of these only the names are used.
vi.mock('@jupyterlab/application', () => ({ILabShell: {}}));
vi.mock('@jupyterlab/mainmenu', () => ({IMainMenu: {}}));
vi.mock('@jupyterlab/console', () => ({IConsoleTracker: {}}));
vi.mock('@jupyterlab/notebook', () => ({INotebookTracker: {}, NotebookPanel: class {}}));
vi.mock('@jupyterlab/rendermime', () => ({IRenderMimeRegistry: {}}));

// jsdom lacks it; a dialog draws its buttons then.
vi.stubGlobal('requestIdleCallback', (f: () => void) => setTimeout(f));

const OPEN = 'lite-comms:open-inspector';
const made: Widget[] = [];
const learned: unknown[] = [];

vi.mock('../../../src/inspector/open', () => ({
  Traffic: class {
    learn = (failure: unknown) => learned.push(failure);
  },
  View: class {
    refresh(): void {}
  },
  makeRoom: () => undefined,
  makePanel: () => {
    const panel = new Widget();
    made.push(panel);
    return panel;
  }
}));

let commands: CommandRegistry;
let failures: Failures;
let notebook: ReturnType<typeof open>;
let buttons: Widget[];

function open() {
  const sessionContext = {
    name: 'a notebook',
    ready: Promise.resolve(),
    session: {kernel: {id: 'kernel', requestCommInfo: () => new Promise(() => undefined)}},
    kernelChanged: new Signal<object, unknown>({})
  };
  const toolbar = {
    isDisposed: false,
    insertBefore: (_at: string, _name: string, button: Widget) => buttons.push(button) > 0
  };
  return Object.assign(new Widget(), {sessionContext, toolbar});
}

beforeEach(async () => {
  made.length = 0;
  learned.length = 0;
  buttons = [];
  commands = new CommandRegistry();
  failures = new Failures();
  notebook = open();
  notebook.id = 'one';
  vi.spyOn(notebook.disposed, 'connect');
  const shell = {
    currentWidget: notebook,
    add: (panel: Widget) => Widget.attach(panel, document.body),
    activateById: () => undefined
  };
  const kernels = {connectTo: () => undefined};
  const notebooks = {
    currentWidget: notebook,
    forEach: (f: (panel: object) => void) => f(notebook),
    widgetAdded: new Signal({})
  };
  const callbacks = {failures, openedIn: () => undefined};
  const app = {commands, shell, serviceManager: {kernels}};
  const nothing = [null, {}, null, null, null] as const;
  inspector.activate(app as never, {}, notebooks, ...nothing, callbacks);
  await vi.waitFor(() => expect(buttons.length).toBe(1));
});

it('a panel that is closed is not held by its document', async () => {
  const heard = vi.mocked(notebook.disposed.connect).mock.calls;
  const before = heard.length;
  await commands.execute(OPEN);
  const [[close]] = heard.slice(before) as [[() => void]];
  made[0]!.dispose();
  expect(notebook.disposed.disconnect(close)).toBe(false);
  await commands.execute(OPEN);
  expect(made.length).toBe(2);
  notebook.dispose();
  expect(made[1]!.isDisposed).toBe(true);
});

it('no panel is made for a document that has been closed meanwhile', async () => {
  const opening = commands.execute(OPEN);
  notebook.dispose();
  await opening;
  expect(made).toEqual([]);
});

it('the name of the button tells of a failure until somebody looks', async () => {
  const args = {id: 'one'};
  const changed: string[] = [];
  commands.commandChanged.connect((_, {id}) => changed.push(id!));
  const caption = 'Comm Inspector: show the comm messages of the kernel';
  expect(commands.caption(OPEN, args)).toBe(caption);
  failures.add('kernel', {} as never);
  expect(changed).toEqual([OPEN]);
  expect(commands.caption(OPEN, args)).toMatch(/^Comm Inspector: a callback has failed/);
  expect(commands.caption(OPEN, {id: 'other'})).not.toMatch(/failed/);
  expect(buttons[0]!.node.style.outline).not.toBe('');
  await commands.execute(OPEN);
  expect(commands.caption(OPEN, args)).not.toMatch(/failed/);
  expect(buttons[0]!.node.style.outline).toBe('');
});

it('an error of the page is told to the panel of its kernel', async () => {
  const note = {kind: 'uncaught', text: 'closed'} as never;
  failures.add('kernel', note);
  await commands.execute(OPEN);
  expect(learned).toEqual([note]);
  failures.add('kernel', note);
  failures.add('other', note);
  // The panel has heard it by itself.
  failures.add('kernel', {kind: 'unknown-target', text: 'refused'} as never);
  failures.add('kernel', {content: {}} as never);
  expect(learned).toEqual([note, note]);
  made[0]!.dispose();
  failures.add('kernel', note);
  expect(learned.length).toBe(2);
});

it('a comm that is refused marks the button', () => {
  const [content, metadata] = [{comm_id: 'c'}, {lite_comms: {ename: 'LookupError', evalue: 'no'}}];
  const close = {header: {msg_type: 'comm_close'}, parent_header: {}, content, metadata};
  failures.examine(close as never, false, 'kernel', []);
  expect(buttons[0]!.node.style.outline).not.toBe('');
});
