/**
 * Code that waits for messages, and the handlers for which JupyterLab waits.
 *
 * JupyterLab handles a kernel's next message when the promise of the handler before has settled. A handler
 * that itself waits for a message, such as the reply of a request, would wait for ever. So while any code
 * waits, no handler holds the messages behind it.
 */
interface IShared {
  /** How many wait. */
  waiting: number;
  /** Each lets the messages behind a handler come. */
  readonly held: Set<() => void>;
}

/** All copies of this file in a page have it in common: a handler of one may wait with another's comm. */
const KEY = Symbol.for('lite_comms.waiting');
const scope = globalThis as {[KEY]?: IShared};
const shared = (scope[KEY] ??= {waiting: 0, held: new Set()});

/** Await a promise that a message from the kernel settles. */
export async function whileWaiting<T>(news: Promise<T>): Promise<T> {
  shared.waiting++;
  shared.held.forEach(release => release());
  try {
    return await news;
  } finally {
    shared.waiting--;
  }
}

/** What JupyterLab is given to wait for, of a handler's promise. */
export function held(handled: Promise<void> | undefined): Promise<void> | undefined {
  if (!handled || shared.waiting > 0) {
    return undefined;
  }
  return new Promise(resolve => {
    const release = () => {
      shared.held.delete(release);
      resolve();
    };
    shared.held.add(release);
    void handled.then(release);
  });
}
