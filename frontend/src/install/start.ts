/** The start of a kernel: the kernel's half of lite_comms is loaded with it. */
import type {JSONObject} from '@lumino/coreutils';
import {changeSettings} from './settings';

const PYODIDE_KERNEL = '@jupyterlite/pyodide-kernel-extension:kernel';

/**
 * Have the Pyodide kernel load a wheel when it starts.
 *
 * The wheel brings an IPython startup file, so nothing is executed in the user's session.
 * JupyterLite's kernel extension reads the setting when it is activated, which is later: it waits
 * for a service, and this is called by a plugin that waits for nothing.
 *
 * @param wheel - The URL of the wheel.
 */
export function loadWithKernel(wheel: string): void {
  changeSettings(PYODIDE_KERNEL, kernel => {
    const options = (kernel['loadPyodideOptions'] ??= {}) as JSONObject;
    const packages = (options['packages'] ?? []) as string[];
    if (!packages.includes(wheel)) {
      options['packages'] = [...packages, wheel];
    }
  });
}
