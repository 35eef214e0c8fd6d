/** The errors of comms, and the fence around users' functions. */

/** An exception of the other end. */
export interface IError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** The other end's handler has raised an exception, or there is no handler. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** The exception's class, such as `ValueError`; `NoRequestHandler` if there is no handler. */
  readonly ename: string;
  /** The exception's text. */
  readonly evalue: string;
  /** Where it was raised; lines of text. */
  readonly traceback: readonly string[];

  /** @internal */
  constructor({ename, evalue, traceback}: IError, who: object | string) {
    super(`request of ${who}: ${ename}: ${evalue}`);
    this.ename = ename;
    this.evalue = evalue;
    this.traceback = traceback;
  }
}

/** The comm is closed: by either end, or because the kernel has ended. */
export class ClosedError extends Error {
  override readonly name = 'ClosedError';
  /** Why, if the other end has said so: `KernelRestarted: the kernel has been restarted`. */
  readonly reason: string;

  /** @internal */
  constructor(who: object | string, reason = '') {
    super(`${who} is closed${reason && `: ${reason}`}`);
    this.reason = reason;
  }
}

/** Say what has failed: the reason alone, if it says that. */
export function named(error: unknown, what: string): Error {
  if (error instanceof ClosedError) {
    return error;
  }
  const reason = error instanceof Error ? error.message : String(error);
  const out = new Error(/^(attachments|buffers)/.test(reason) ? reason : `${what}: ${reason}`);
  out.cause = error;
  return out;
}

/** @throws TypeError if the user has given no function. */
export function checkFunction(f: unknown, field: string, who: object | string): void {
  if (typeof f !== 'function') {
    throw new TypeError(`${field} of ${who} takes a function, not ${describe(f)}`);
  }
}

/** Wrap a function of the user: what it throws is shown, and the next message is handled. */
export function fence<M>(f: (msg: M) => unknown, field: string, who: object | string) {
  checkFunction(f, field, who);
  const show = (error: unknown) =>
    console.error(`lite_comms: the ${field} callback of ${who} raised`, error);
  return (msg: M): Promise<void> | undefined => {
    try {
      const handled = f(msg);
      return isPromise(handled) ? Promise.resolve(handled).then(() => undefined, show) : undefined;
    } catch (error) {
      show(error);
      return undefined;
    }
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

export function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
