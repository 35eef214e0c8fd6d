/** The comms of a kernel, for code that has JupyterLab's connection to it. */
import {Comm} from '../comm';
import type {IMessage} from '../messages';
import {type IOpenOptions, openComm} from '../open';
import {type IKernelConnection, KernelLine} from './line';
import {addTarget, checkTarget, opener, removeTarget} from './targets';

/** The function that answers when Python opens a comm; what it throws closes the comm. */
export type Target<T = unknown> = (comm: Comm, msg: IMessage<T>) => unknown;

/** The comms of one kernel. */
export interface IComms {
  /**
   * Open a comm to a target that Python has registered. If there is no such target, or it raises, the comm is closed
   * with the reason.
   *
   * @throws Error if the id is in use, or the data cannot be sent; no comm is left behind then.
   */
  open(targetName: string, data?: unknown, options?: IOpenOptions): Comm;

  /**
   * Register the function for comms that Python opens; an earlier one for this name waits until this one is
   * taken away. The messages of the comm wait for the function's promise, unless it waits for messages itself.
   *
   * @returns A function that takes it away.
   * @throws TypeError if `f` is not a function.
   */
  registerTarget<T = unknown>(targetName: string, f: Target<T>): () => void;
}

/**
 * The comms of a kernel, by JupyterLab's connection to it: `panel.sessionContext.session.kernel` in an
 * extension of JupyterLab.
 *
 * @throws Error if the connection has no comms: JupyterLab gives them to one connection of a kernel,
 * commonly the first.
 */
export function connect(connection: IKernelConnection): IComms {
  if (!connection.handleComms) {
    throw new Error(
      `this connection to kernel ${connection.id} has no comms (handleComms is false); ` +
        'JupyterLab gives them to one connection of each kernel'
    );
  }
  return {
    open: (targetName, data, options = {}) =>
      openComm(targetName, data, options, (commId, message) =>
        KernelLine.open(connection, targetName, commId, message)
      ),
    registerTarget: (targetName, f) => {
      checkTarget(f, targetName);
      const open = opener(comm => Comm.on(new KernelLine(connection, comm)), f as Target);
      addTarget(connection, targetName, open);
      return () => removeTarget(connection, targetName, open);
    }
  };
}
