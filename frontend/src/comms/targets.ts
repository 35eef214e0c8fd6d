/**
 * Which function answers for a comm target, on a connection that several notebooks may share.
 *
 * JupyterLab's registry keeps one function for each name. Here a notebook that leaves gives the
 * name back to the one that had it before.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';

/** The function that JupyterLab calls for a comm_open. */
export type Opener = (comm: Kernel.IComm, msg: KernelMessage.ICommOpenMsg) => Promise<void>;

interface IShared {
  /** In the order of their registration; the last one answers. */
  readonly openers: Set<Opener>;
  /** Stands for them in JupyterLab's registry. */
  readonly open: Opener;
}

const targets = new WeakMap<Kernel.IKernelConnection, Map<string, IShared>>();

/** Have a function answer, in the place of all others. */
export function addTarget(connection: Kernel.IKernelConnection, name: string, f: Opener): void {
  const named = targets.get(connection) ?? new Map<string, IShared>();
  targets.set(connection, named);
  let shared = named.get(name);
  if (!shared) {
    const openers = new Set<Opener>();
    shared = {openers, open: (comm, msg) => [...openers].at(-1)!(comm, msg)};
    named.set(name, shared);
  }
  shared.openers.delete(f);
  shared.openers.add(f);
  connection.registerCommTarget(name, shared.open);
}

/** Take a function away; the one that was registered before it answers again, if there is one. */
export function removeTarget(connection: Kernel.IKernelConnection, name: string, f: Opener): void {
  const named = targets.get(connection);
  const shared = named?.get(name);
  shared?.openers.delete(f);
  if (named && shared?.openers.size === 0) {
    named.delete(name);
    connection.removeCommTarget(name, shared.open);
  }
}
