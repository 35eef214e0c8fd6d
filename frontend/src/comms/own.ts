/** The `Jupyter` of one output, by which what its script opens belongs to it. */
import type {IComms} from '../api/kernel/connect';
import {runFor} from '../outputs/script';
import type {IJupyter} from './jupyter';

/**
 * The `Jupyter` of one output: the comms that its script opens belong to that output, also those that it
 * opens later, when the page does not know any more whose code runs.
 */
export function jupyterFor(node: Node, jupyter: IJupyter): IJupyter {
  const {kernel} = jupyter.notebook;
  if (!kernel) {
    return jupyter;
  }
  const {comm_manager} = kernel;
  const new_comm: typeof comm_manager.new_comm = (...args) =>
    runFor(node, () => comm_manager.new_comm(...args));
  const open: IComms['open'] = (...args) => runFor(node, () => comm_manager.comms.open(...args));
  const comms = {...comm_manager.comms, open};
  const own = withOther(kernel, {comm_manager: withOther(comm_manager, {new_comm, comms})});
  return {...jupyter, comms, notebook: withOther(jupyter.notebook, {kernel: own})};
}

/** An object as it is, but for some members. */
function withOther<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get: (_, name) => {
      const value: unknown = Reflect.get(name in members ? members : object, name);
      return typeof value === 'function' ? value.bind(object) : value;
    }
  });
}
