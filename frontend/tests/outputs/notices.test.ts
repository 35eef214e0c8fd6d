/** What the user is told of a kernel that does not respond to Stop. */
import type {JupyterFrontEnd} from '@jupyterlab/application';
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {tellOfCallback, tellOfDeadKernel, tellOfDeafKernel} from '../../src/outputs/notices';

type Action = {label: string; callback: (event: {preventDefault(): void}) => void};
type Options = {actions: Action[]};

const shown = vi.hoisted(() => ({
  notices: [] as [string, Options][],
  dismissed: [] as string[],
  dialogs: [] as string[]
}));

vi.mock('@jupyterlab/apputils', () => ({
  Notification: {
    warning: (text: string, options: Options) => `n${shown.notices.push([text, options])}`,
    error: (text: string, options: Options) => `n${shown.notices.push([text, options])}`,
    emit: (text: string, type: string) =>
      `n${shown.notices.push([`${type}: ${text}`, {actions: []}])}`,
    update: ({id, message}: {id: string; message: string}) => {
      const notice = shown.dismissed.includes(id)
        ? undefined
        : shown.notices[Number(id.slice(1)) - 1];
      return notice !== undefined && ((notice[0] = `updated: ${message}`), true);
    },
    dismiss: (id: string) => void shown.dismissed.push(id)
  },
  Dialog: {okButton: () => ({})},
  showDialog: async ({body}: {body: string}) => void shown.dialogs.push(body)
}));

const restartKernel = vi.fn();
const session = {kernel: {id: 'k'}};
const app = {
  shell: {widgets: () => [{}, {sessionContext: {session, restartKernel}}]}
} as unknown as JupyterFrontEnd;

let warned: string[];

beforeEach(() => {
  shown.notices.length = shown.dismissed.length = shown.dialogs.length = 0;
  restartKernel.mockClear();
  warned = [];
  vi.spyOn(console, 'warn').mockImplementation(text => void warned.push(text));
});

/** Click on an action; returns whether the notice stays. */
function click(label: string): boolean {
  const [, {actions}] = shown.notices.at(-1)!;
  const preventDefault = vi.fn();
  actions.find(action => action.label === label)!.callback({preventDefault});
  return preventDefault.mock.calls.length > 0;
}

const LOCK =
  'The kernel has not responded to Stop for 5 seconds. It may be in one long call that cannot be ' +
  'interrupted. Or a comm callback may be waiting for something that the interrupted cell holds, ' +
  "such as a lock: the kernel has not handled 3 messages of 'slider', 'plot'. If so, wrap that part " +
  "of the cell in 'with lite_comms.quiet():'. Restart the kernel to go on; its variables will be lost.";

describe('a kernel that does not respond to Stop', () => {
  it('may be in one long call, where no message waits', () => {
    tellOfDeafKernel(app, 'k', []);
    const text =
      'The kernel has not responded to Stop for 5 seconds: it may be in one long call. ' +
      'A restart ends it; variables are lost.';
    expect(shown.notices.map(([notice]) => notice)).toEqual([text]);
    expect(warned).toEqual([`lite_comms: ${text}`]);
  });

  it('may be in a callback that waits for the cell, where messages wait: the user is told which', () => {
    tellOfDeafKernel(app, 'k', ['slider', 'slider', 'plot']);
    expect(shown.notices.map(([notice]) => notice)).toEqual([
      'The kernel has not responded to Stop for 5 seconds: it may be in one long call, or a comm ' +
        'callback waits for something that the cell holds.'
    ]);
    expect(click('Details')).toBe(true);
    expect([shown.dialogs, warned]).toEqual([[LOCK], [`lite_comms: ${LOCK}`]]);
  });

  it('says so of one message as well', () => {
    tellOfDeafKernel(app, 'k', ['slider']);
    expect(warned[0]).toMatch("has not handled 1 message of 'slider'.");
  });

  it.each([[[]], [['a comm with a long name'.repeat(9)]]])(
    'is told of in so few words that JupyterLab shows all of them: %j',
    comms => {
      tellOfDeafKernel(app, 'k', comms);
      expect(shown.notices[0]![0].length).toBeLessThanOrEqual(140);
    }
  );

  it.each([[[]], [['slider']]])(
    'can be restarted from there, and is forgotten later: %j',
    comms => {
      const dismiss = tellOfDeafKernel(app, 'k', comms);
      click('Restart Kernel');
      expect(restartKernel).toHaveBeenCalledOnce();
      dismiss();
      expect(shown.dismissed).toEqual(['n1']);
    }
  );
});

describe('a kernel that has died', () => {
  const reason = `Error: Failed to fetch ${'https://example.org/'.repeat(5)}pyodide.mjs`;

  it('and starts anew is told of by the cell that it has ended, or else by a notice', () => {
    tellOfDeadKernel(app, 'k', 'RuntimeError: unreachable', true, true);
    expect(shown.notices).toEqual([]);
    tellOfDeadKernel(app, 'k', 'RuntimeError: unreachable', true, false);
    expect(shown.notices.map(([text]) => text)).toEqual([
      'The kernel has died (RuntimeError: unreachable). It starts anew, without variables.'
    ]);
  });

  it('of a traceback is told by its error, with all of it behind a button', () => {
    const traceback =
      'Traceback (most recent call last):\n  File "<exec>", line 2, in <module>\n' +
      "ModuleNotFoundError: No module named 'x'\n";
    tellOfDeadKernel(app, 'k', traceback, false, false);
    const [[text, {actions}]] = shown.notices as unknown as [
      [string, {actions: {label: string}[]}]
    ];
    expect([text, actions.map(({label}) => label)]).toEqual([
      "The kernel does not run (ModuleNotFoundError: No module named 'x').",
      ['Details', 'Restart Kernel']
    ]);
  });

  it.each([true, false])(
    'and does not start can be restarted, with all of the reason: %j',
    isTold => {
      const dismiss = tellOfDeadKernel(app, 'k', reason, false, isTold);
      expect(shown.notices[0]![0]).toMatch(
        /^The kernel does not run \(Error: Failed to fetch .*…\).$/
      );
      expect(click('Details')).toBe(true);
      expect(shown.dialogs).toEqual([reason]);
      click('Restart Kernel');
      expect(restartKernel).toHaveBeenCalledOnce();
      dismiss();
      expect(shown.dismissed).toEqual(['n1']);
    }
  );
});

it('what callbacks without a cell say is in one notice, until the user closes it', () => {
  vi.useFakeTimers();
  const notices = () => {
    vi.advanceTimersByTime(200);
    return shown.notices.map(([text]) => text);
  };
  tellOfCallback('none\n', 'warning');
  ['o', 'ne', '\n'].forEach(text => tellOfCallback(text, 'warning'));
  expect(notices()).toEqual(['warning: A comm callback without a cell: one']);
  tellOfCallback('two\n', 'error');
  expect(notices()).toEqual(['updated: A comm callback without a cell: two']);
  shown.dismissed.push('n1');
  tellOfCallback('three\n', 'error');
  expect(notices()[1]).toBe('error: A comm callback without a cell: three');
  const long = 'a long line '.repeat(20);
  [long, long, '\n'].forEach(text => tellOfCallback(text, 'error'));
  const shownOf = `updated: A comm callback without a cell: ${long.slice(0, 100).trim()}`;
  expect(notices()[1]).toBe(shownOf);
  tellOfCallback(`${long}\n`, 'error');
  expect(notices()[1]).toBe(shownOf);
  tellOfCallback('four\n', 'error');
  expect(notices()[1]).toBe('updated: A comm callback without a cell: four');
  vi.useRealTimers();
});
