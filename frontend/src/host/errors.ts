/** What ends: errors, told apart by their names, and waits. */

/** Make an error; `more` are further members of it. */
export function failure(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), {name, ...more});
}

/** How long something is waited for, and by what else the wait ends. */
export interface IWait {
  /** In milliseconds; without it, with null or with Infinity there is no limit. */
  readonly timeout_ms?: number | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A promise, and what settles it. */
export class Waiting<T> {
  /**
   * @param what - Says what is waited for, in an error.
   * @param onEnd - Called when the wait has ended, by whatever.
   */
  constructor(what: () => string, {timeout_ms, signal}: IWait, onEnd: (error?: unknown) => void) {
    const abort = () => this.reject(signal?.reason);
    const expire = () =>
      this.reject(failure('TimeoutError', `${what()}: nothing in ${timeout_ms} ms`));
    // A browser's timer of more milliseconds than that would end at once.
    const timer = (timeout_ms ?? Infinity) < 2 ** 31 ? setTimeout(expire, timeout_ms!) : undefined;
    this.promise = new Promise<T>((resolve, reject) => {
      let hasEnded = false;
      const end = (settle: () => void, error?: unknown) => {
        if (hasEnded) {
          return;
        }
        hasEnded = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        settle();
        onEnd(error);
      };
      this.resolve = value => end(() => resolve(value));
      this.reject = error => end(() => reject(error), error);
    });
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) {
      abort();
    }
  }

  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
}

/** Call a function of the user; what it throws is shown. */
export async function fenced(what: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    console.error(`lite_comms: ${what} raised`, error);
  }
}
