/** The extension of a site: its plugins. */
import type {JupyterFrontEndPlugin} from '@jupyterlab/application';
import {version} from '../package.json';
import {callbacks, channel, classic, isolation, stop} from './install/plugins';
import {bridge} from './install/site/bridge';
import {inspector} from './install/site/inspector';
import {sign} from './install/site/sign';
import {loadWithKernel} from './install/start';

declare const __webpack_public_path__: string;

const kernelStart: JupyterFrontEndPlugin<void> = {
  id: 'lite-comms:kernel-start',
  description: "Installs lite_comms in JupyterLite's Python kernels, before the first cell.",
  autoStart: true,
  activate: () => {
    const file = `pypi/lite_comms-${version}-py3-none-any.whl`;
    loadWithKernel(new URL(file, new URL(__webpack_public_path__, document.baseURI)).href);
  }
};

export default [classic, channel, kernelStart, isolation, callbacks, stop, bridge, sign, inspector];
