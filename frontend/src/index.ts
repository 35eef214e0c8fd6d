import type {JupyterFrontEnd, JupyterFrontEndPlugin} from '@jupyterlab/application';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  {id: 'lite-comms:classic', autoStart: true, activate: (_: JupyterFrontEnd) => undefined}
];
export default plugins;
