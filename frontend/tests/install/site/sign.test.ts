// @vitest-environment jsdom
/** When the sign is shown, in the status bar and in tool bars, and what it shows. */
import '../../parts/jsdom';
import {Signal} from '@lumino/signaling';
import {Widget} from '@lumino/widgets';
import {beforeEach, expect, it, vi} from 'vitest';
import {sign} from '../../../src/install/site/sign';
import {answerWhetherToAttach} from '../../../src/wire/attachments';

// Of these only the names are used.
vi.mock('@jupyterlab/notebook', () => ({INotebookTracker: {}}));
vi.mock('@jupyterlab/statusbar', () => ({IStatusBar: {}}));

// jsdom lacks it; the dialog draws its buttons then.
vi.stubGlobal('requestIdleCallback', (f: () => void) => setTimeout(f));

let why: string;
let isSilent: boolean;
let metadata: object;
const asked: string[] = [];
const disposed: string[] = [];

/** A document whose kernel goes through a channel. */
function open() {
  const serializer = {};
  answerWhetherToAttach(serializer, () => why);
  const kernel = {
    id: 'kernel',
    status: 'unknown',
    serverSettings: {serializer},
    disposed: new Signal<object, void>({}),
    statusChanged: new Signal<object, string>({}),
    createComm(target: string) {
      asked.push(target);
      const comm = {
        onClose: (_: object): void => undefined,
        open: () => isSilent || comm.onClose({content: {data: 'all is well'}, metadata}),
        dispose: () => disposed.push(target)
      };
      return comm;
    }
  };
  const sessionContext = {
    session: {kernel: kernel as {status: string} | null},
    kernelChanged: new Signal<object, unknown>({}),
    statusChanged: new Signal<object, unknown>({})
  };
  return Object.assign(new Widget(), {sessionContext});
}

let item: Widget;
let isShown: () => boolean;
let shell: {currentWidget: Widget | null; currentChanged: Signal<object, unknown>};

beforeEach(() => {
  why = 'it does not answer';
  metadata = {};
  isSilent = false;
  asked.length = disposed.length = 0;
  document.body.textContent = '';
  shell = {currentWidget: null, currentChanged: new Signal({})};
});

function inStatusBar(): void {
  const bar = {
    registerStatusItem(
      _: string,
      options: {item: Widget; isActive(): boolean; activeStateChanged: Signal<object, void>}
    ) {
      ({item, isActive: isShown} = options);
      const changed = () => item.setHidden(!isShown());
      options.activeStateChanged.connect(changed);
      changed();
    }
  };
  sign.activate({shell} as never, bar, null, null);
}

it('is in the status bar while the current document has a kernel with an open channel', () => {
  inStatusBar();
  expect(item.isHidden).toBe(true);

  const panel = open();
  shell.currentWidget = panel;
  shell.currentChanged.emit(undefined);
  expect(item.isHidden).toBe(true);
  panel.sessionContext.session.kernel!.status = 'idle';
  panel.sessionContext.statusChanged.emit(undefined);
  expect(item.isHidden).toBe(true);
  why = '';
  panel.sessionContext.statusChanged.emit(undefined);
  expect(item.isHidden).toBe(false);
  expect(item.node.textContent).toBe('Comms: direct');

  panel.sessionContext.session.kernel = null;
  panel.sessionContext.kernelChanged.emit(undefined);
  expect(item.isHidden).toBe(true);

  const other = open();
  other.sessionContext.session.kernel!.status = 'idle';
  shell.currentWidget = other;
  shell.currentChanged.emit(undefined);
  expect(item.isHidden).toBe(false);
  shell.currentWidget = new Widget(); // not a notebook
  shell.currentChanged.emit(undefined);
  expect(item.isHidden).toBe(true);
  other.sessionContext.statusChanged.emit(undefined);
  expect(item.isHidden).toBe(true);
});

const REFUSED = {lite_comms: {ename: 'LookupError', evalue: 'no such target'}};
it.each([
  [{}, 'all is well'],
  [REFUSED, 'no such target']
])('shows what the kernel says of itself: %j', async (said, shown) => {
  why = '';
  metadata = said;
  inStatusBar();
  shell.currentWidget = open();
  shell.currentChanged.emit(undefined);
  item.node.querySelector('button')!.click();
  await vi.waitFor(() => expect(document.querySelector('pre')!.textContent).toBe(shown));
  expect(asked).toEqual(['lite_comms.status']);
  document.querySelector<HTMLElement>('.jp-Dialog .jp-mod-accept')!.click();
  await vi.waitFor(() => expect(document.querySelector('pre')).toBeNull());
});

it.each([
  ['the kernel does not answer', 'No answer in 10 s: the kernel is busy or has no lite_comms.'],
  ['the kernel restarts', 'The kernel has ended.'],
  ['the connection is disposed', 'The kernel has ended.']
])('says so when %s', async (what, shown) => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
  why = '';
  isSilent = true;
  inStatusBar();
  const panel = open();
  const {kernel} = panel.sessionContext.session as never as {
    kernel: {statusChanged: Signal<object, string>; disposed: Signal<object, void>};
  };
  shell.currentWidget = panel;
  shell.currentChanged.emit(undefined);
  item.node.querySelector('button')!.click();
  await vi.advanceTimersByTimeAsync(9_900);
  expect(document.querySelector('pre')!.textContent).toBe('Asking the kernel…');
  kernel.statusChanged.emit('busy');
  if (what.includes('restarts')) {
    kernel.statusChanged.emit('restarting');
  } else if (what.includes('disposed')) {
    kernel.disposed.emit();
  } else {
    await vi.advanceTimersByTimeAsync(100);
  }
  await vi.advanceTimersByTimeAsync(0);
  expect(document.querySelector('pre')!.textContent).toBe(shown);
  expect(disposed).toEqual(['lite_comms.status']);
  vi.useRealTimers();
  document.querySelector<HTMLElement>('.jp-Dialog .jp-mod-accept')!.click();
  await vi.waitFor(() => expect(document.querySelector('pre')).toBeNull());
});

it('is a button of the tool bar where there is no status bar', () => {
  why = '';
  const panel = open();
  panel.sessionContext.session.kernel!.status = 'idle';
  const added: [string, string, Widget][] = [];
  const toolbar = {
    insertBefore: (at: string, name: string, widget: Widget) => added.push([at, name, widget]) > 0
  };
  const tracker = {
    forEach: (f: (panel: object) => void) => f(Object.assign(panel, {toolbar})),
    widgetAdded: new Signal({})
  };
  sign.activate({shell} as never, null, tracker, null);
  const [[at, name, button]] = added as [[string, string, Widget]];
  expect([at, name, button.isHidden]).toEqual(['spacer', 'lite-comms:sign', false]);

  why = 'it does not answer';
  panel.sessionContext.statusChanged.emit(undefined);
  expect(button.isHidden).toBe(true);
  why = '';
  panel.dispose();
  panel.sessionContext.statusChanged.emit(undefined);
  expect(button.isHidden).toBe(true);
});
