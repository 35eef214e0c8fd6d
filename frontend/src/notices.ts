/** Tells the user of a kernel that takes no notice of Stop, or has died. */
import type {JupyterFrontEnd} from '@jupyterlab/application';
import {type ISessionContext, Notification} from '@jupyterlab/apputils';

// JupyterLab cuts off what is longer than 140 characters.
const DEAF =
  'The kernel has not noticed Stop: it may be in one long call that cannot be interrupted. ' +
  'Restarting ends it; its variables are lost.';
const MAX_REASON = 50;
const SHOWN_MS = 20_000;

/** Show what would help; returns how to take that away again. */
export function tellOfDeafKernel(app: JupyterFrontEnd, id: string): () => void {
  console.warn(`lite_comms: ${DEAF}`);
  const shown = Notification.warning(DEAF, offerRestart(app, id));
  return () => Notification.dismiss(shown);
}

/**
 * Say that a kernel has died; returns how to take that away again.
 *
 * @param reason - Of what.
 * @param restarts - Whether it starts anew; if not, a restart is offered.
 */
export function tellOfDeadKernel(
  app: JupyterFrontEnd,
  id: string,
  reason: string,
  restarts: boolean
): () => void {
  const short = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
  if (restarts) {
    const text = `The kernel has died (${short}). It starts anew, without variables: run your cells again.`;
    Notification.error(text, {autoClose: SHOWN_MS});
    return () => undefined; // it starts at once, and the user should see why
  }
  const shown = Notification.error(`The kernel does not run (${short}).`, offerRestart(app, id));
  return () => Notification.dismiss(shown);
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
  return {autoClose: false as const, actions: [{label: 'Restart Kernel', callback: restart}]};
}
