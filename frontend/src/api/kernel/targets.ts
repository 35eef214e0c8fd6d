/**
 * Which function answers for a comm target, on a connection that several notebooks may share.
 *
 * JupyterLab's registry keeps one function for each name. Here a notebook that leaves gives the
 * name back to the one that had it before.
 */
import {describe} from '../errors';
import type {IMessage} from '../messages';
import {held} from '../parts/waiting';
import type {IKernelComm, IKernelConnection, Opener} from './line';

interface IShared {
  /** In the order of their registration; the last one answers. */
  readonly openers: Set<Opener>;
  /** Stands for them in JupyterLab's registry. */
  readonly open: Opener;
}

const targets = new WeakMap<IKernelConnection, Map<string, IShared>>();

/** Have a function answer, in the place of all others. */
export function addTarget(connection: IKernelConnection, name: string, f: Opener): void {
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
export function removeTarget(connection: IKernelConnection, name: string, f: Opener): void {
  const named = targets.get(connection);
  const shared = named?.get(name);
  shared?.openers.delete(f);
  if (named && shared?.openers.size === 0) {
    named.delete(name);
    connection.removeCommTarget(name, shared.open);
  }
}

/**
 * Make the function that JupyterLab calls of a user's. If that one raises, the comm is closed, and the
 * kernel told why.
 *
 * @param make - Makes the comm that the user gets.
 */
export function opener<C extends {refuse(error: unknown): void}>(
  make: (comm: IKernelComm) => C,
  f: (comm: C, msg: IMessage) => unknown
): Opener {
  return (comm, msg) => {
    const made = make(comm);
    const run = async () => {
      try {
        await f(made, msg);
      } catch (error) {
        const what = `the target function of ${made} raised; the comm is closed`;
        console.error(`lite_comms: ${what}`, error);
        made.refuse(error);
      }
    };
    return held(run());
  };
}

/** @throws TypeError if the user has given no function for a target. */
export function checkTarget(f: unknown, name: string): void {
  if (typeof f !== 'function') {
    throw new TypeError(`comm target '${name}' needs a function, not ${describe(f)}`);
  }
}
