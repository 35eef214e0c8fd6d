/** Tells the user what no cell shows: of a kernel that takes no notice of Stop, or has died; of callbacks. */
import type {JupyterFrontEnd} from '@jupyterlab/application';
import {Dialog, type ISessionContext, Notification, showDialog} from '@jupyterlab/apputils';

// JupyterLab cuts off what is longer than 140 characters.
const DEAF = 'The kernel has not responded to Stop for 5 seconds';
const MAX_REASON = 50;
const SHOWN_MS = 20_000;

/**
 * Show why a kernel may not respond to Stop, and offer a restart; returns how to take that away again.
 *
 * @param comms - The comm of each message that the kernel has not handled, while a cell runs.
 */
export function tellOfDeafKernel(
  app: JupyterFrontEnd,
  id: string,
  comms: readonly string[]
): () => void {
  const {actions, ...options} = offerRestart(app, id);
  let notice = `${DEAF}: it may be in one long call. A restart ends it; variables are lost.`;
  let all = notice;
  if (comms.length > 0) {
    notice = `${DEAF}: it may be in one long call, or a comm callback waits for something that the cell holds.`;
    all = describe(comms);
    actions.unshift(details('Stop', all));
  }
  console.warn(`lite_comms: ${all}`);
  const shown = Notification.warning(notice, {...options, actions});
  return () => Notification.dismiss(shown);
}

/** Say what the notice has no room for. */
function describe(comms: readonly string[]): string {
  const messages = comms.length === 1 ? '1 message' : `${comms.length} messages`;
  const names = [...new Set(comms)].map(name => `'${name}'`).join(', ');
  return (
    `${DEAF}. It may be in one long call that cannot be interrupted. Or a comm callback may be ` +
    'waiting for something that the interrupted cell holds, such as a lock: the kernel has not ' +
    `handled ${messages} of ${names}. If so, wrap that part of the cell in ` +
    "'with lite_comms.quiet():'. Restart the kernel to go on; its variables will be lost."
  );
}

/**
 * Say that a kernel has died; returns how to take that away again.
 *
 * @param reason - Of what.
 * @param restarts - Whether it starts anew, which JupyterLab says in a dialog; if not, a restart is
 * offered.
 * @param isTold - Whether a cell shows the reason.
 */
export function tellOfDeadKernel(
  app: JupyterFrontEnd,
  id: string,
  reason: string,
  restarts: boolean,
  isTold: boolean
): () => void {
  // Of a traceback of Python, the error.
  const line = reason.split('\n').find(text => /^(?!Traceback)\S/.test(text)) ?? reason;
  const short = line.length > MAX_REASON ? `${line.slice(0, MAX_REASON)}…` : line;
  if (restarts) {
    if (!isTold) {
      const text = `The kernel has died (${short}). It starts anew, without variables.`;
      Notification.error(text, {autoClose: SHOWN_MS});
    }
    return () => undefined; // it starts at once, and the user should see why
  }
  const {actions, ...options} = offerRestart(app, id);
  if (short !== reason) {
    actions.unshift(details('Kernel', reason));
  }
  const shown = Notification.error(`The kernel does not run (${short}).`, {...options, actions});
  return () => Notification.dismiss(shown);
}

/** How long to wait for more before a notice shows it; JupyterLab drops changes to one that it still draws. */
const JOIN_MS = 200;
const MAX_LINE = 100;

/** The notice of what callbacks say, and the line in it, of which JupyterLite prints one part after another. */
let said = '';
let line = '';
let timer: ReturnType<typeof setTimeout> | undefined;

/** Say what a callback has said that has no cell: all of them in one notice, which shows the latest line. */
export function tellOfCallback(text: string, type: 'error' | 'warning'): void {
  const hasEnded = line.endsWith('\n');
  // Cut off behind what is shown, but its end tells that the next text begins another line.
  line = hasEnded ? text : line.slice(0, MAX_LINE) + text;
  timer ??= setTimeout(() => {
    timer = undefined;
    const message = `A comm callback without a cell: ${line.slice(0, MAX_LINE).trim()}`;
    const options = {autoClose: SHOWN_MS};
    if (!Notification.update({id: said, message, type, ...options})) {
      said = Notification.emit(message, type, options);
    }
  }, JOIN_MS);
}

/** Shows what a notice has no room for. */
function details(title: string, body: string): Notification.IAction {
  return {
    label: 'Details',
    callback: event => {
      event.preventDefault(); // keeps the notice
      void showDialog({title, body, buttons: [Dialog.okButton()]});
    }
  };
}

function offerRestart({shell}: JupyterFrontEnd, id: string) {
  // By the document's own session, which then knows that what ran is over.
  const restart = () => {
    for (const widget of shell.widgets('main')) {
      const {sessionContext} = widget as {sessionContext?: ISessionContext};
      if (sessionContext?.session?.kernel?.id === id) {
        void sessionContext.restartKernel();
        return;
      }
    }
  };
  const actions: Notification.IAction[] = [{label: 'Restart Kernel', callback: restart}];
  return {autoClose: false as const, actions};
}
