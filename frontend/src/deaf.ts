/** Tells the user of a kernel that takes no notice of Stop. */
import type {JupyterFrontEnd} from '@jupyterlab/application';
import {Notification} from '@jupyterlab/apputils';

// JupyterLab cuts off what is longer than 140 characters.
const MESSAGE =
  'The kernel has not noticed Stop: it is in one long call that Python cannot interrupt. ' +
  'Restarting ends it; its variables are lost.';

/** Show what would help; returns how to take that away again. */
export function tellOfDeafKernel({serviceManager}: JupyterFrontEnd, id: string): () => void {
  console.warn(`lite_comms: ${MESSAGE}`);
  const restart = async () => {
    const model = await serviceManager.kernels.findById(id);
    if (model) {
      const kernel = serviceManager.kernels.connectTo({model, handleComms: false});
      await kernel.restart();
      kernel.dispose();
    }
  };
  const actions = [{label: 'Restart Kernel', callback: () => void restart()}];
  const shown = Notification.warning(MESSAGE, {autoClose: false, actions});
  return () => Notification.dismiss(shown);
}
