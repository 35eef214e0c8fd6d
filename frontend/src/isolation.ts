/** Makes JupyterLite's Pyodide kernel reliable on a cross-origin isolated page. */

interface IPage {
  readonly Atomics: Pick<typeof Atomics, 'waitAsync'>;
  readonly crossOriginIsolated: boolean;
}

/**
 * Have `Atomics.waitAsync` always return a promise.
 *
 * By it the kernel extension waits for its worker, and it takes the `value` for a promise. That is
 * a string when the worker has answered before the page begins to wait: then the cell never ends.
 * The extension picks the function up when the first kernel starts, so this has to come before.
 *
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
      return waiting.async ? waiting : {async: true, value: Promise.resolve(waiting.value)};
    }
  });
}
