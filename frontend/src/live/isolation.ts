/** Makes JupyterLite's Pyodide kernel reliable on a cross-origin isolated page. */

interface IPage {
  readonly Atomics: Pick<typeof Atomics, 'waitAsync'>;
  readonly crossOriginIsolated: boolean;
}

/** How often it is looked whether an answer is written, 1 to 4 ms apart; it takes microseconds. */
const LOOKS = 500;

/** What JSON text of the worker's answers begins with. */
const BEGINNINGS = new Set(Array.from('{["', character => character.charCodeAt(0)));

/**
 * Have `Atomics.waitAsync` return a promise in every case, and resolve it when all is written.
 *
 * By it the kernel extension waits for its worker, in memory that is all zeros until the worker
 * answers. When the worker is faster than the page, there is nothing to wait for, and then the
 * extension errs twice: it takes the `value` for a promise, while it is a string; and the worker
 * may be in the middle of writing. In either case the cell never ends.
 *
 * The extension picks the function up when the first kernel starts, so this has to come before.
 * On any other page the kernel does not wait by it, and nothing is replaced.
 *
 * @param page - The page's globals; a browser may lack the function.
 */
export function alwaysWaitAsync({Atomics: atomics, crossOriginIsolated}: IPage): void {
  const {waitAsync} = atomics;
  if (!crossOriginIsolated || typeof waitAsync !== 'function') {
    return;
  }
  atomics.waitAsync = new Proxy(waitAsync, {
    apply: (wait, self, args) => {
      const waiting = Reflect.apply(wait, self, args);
      return waiting.async
        ? waiting
        : {async: true, value: written(args[0]).then(() => waiting.value)};
    }
  });
}

/**
 * Wait until the worker has written its answer, from front to back.
 *
 * An answer is JSON text in UTF-16, where no character is zero, with one zero behind it if its
 * length is odd. So a zero at the very end is either that one or the last character to come: it is
 * taken for the former when it is still there at a second look.
 */
async function written(array: Int32Array | BigInt64Array): Promise<void> {
  const units = new Uint16Array(array.buffer, array.byteOffset, array.byteLength / 2);
  if (!BEGINNINGS.has(units[0] ?? 0)) {
    return; // the number of characters, or memory of someone else's
  }
  for (let look = 0, oneLeft = false; look < LOOKS && !units.at(-1); look++) {
    if (units.at(-2)) {
      if (oneLeft) {
        return;
      }
      oneLeft = true;
    }
    await new Promise(resolve => setTimeout(resolve));
  }
}

/** What `Atomics.waitAsync` says where there is nothing to wait for. */
const AT_ONCE: ReadonlySet<string> = new Set(['not-equal', 'timed-out']);

/** The worker is in the middle of writing at most; that takes microseconds. */
const WRITTEN_MS = 5;

/**
 * Let a kernel that has picked `Atomics.waitAsync` up before, and calls `value.then(...)` in every case,
 * find a `then` also where the value is one of two strings. Other strings have none, and to `await`
 * a string is never a promise.
 *
 * @returns How to undo it.
 */
export function letAnswersBeAwaited({crossOriginIsolated}: Pick<IPage, 'crossOriginIsolated'>) {
  const {prototype} = String;
  if (!crossOriginIsolated || 'then' in prototype) {
    return () => undefined;
  }
  Object.defineProperty(prototype, 'then', {
    configurable: true,
    get(this: string) {
      const answer = `${this}`;
      return AT_ONCE.has(answer)
        ? async (f: (answer: string) => unknown) => {
            await new Promise(resolve => setTimeout(resolve, WRITTEN_MS));
            return f(answer);
          }
        : undefined;
    }
  });
  return () => void Reflect.deleteProperty(prototype, 'then');
}
