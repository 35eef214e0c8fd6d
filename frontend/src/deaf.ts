/** Tells the user of a kernel that takes no notice of Stop. */
import type {JupyterFrontEnd} from '@jupyterlab/application';
import {type ISessionContext, Notification} from '@jupyterlab/apputils';

// JupyterLab cuts off what is longer than 140 characters.
const MESSAGE =
  'The kernel has not noticed Stop: it may be in one long call that cannot be interrupted. ' +
  'Restarting ends it; its variables are lost.';

/** Show what would help; returns how to take that away again. */
export function tellOfDeafKernel({shell}: JupyterFrontEnd, id: string): () => void {
  console.warn(`lite_comms: ${MESSAGE}`);
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
  const actions = [{label: 'Restart Kernel', callback: restart}];
  const shown = Notification.warning(MESSAGE, {autoClose: false, actions});
  return () => Notification.dismiss(shown);
}
