/** What has lately gone wrong with comms, for whoever wants to know of it later. */
import type {KernelMessage} from '@jupyterlab/services';

/** How many are kept of a kernel. */
const MOST = 20;

/** The error of a callback, or something else that is wrong with a comm. */
export type Failure = KernelMessage.IErrorMsg | INote;

/** A comm that was refused or is unknown, or page code that has used a closed one. */
export interface INote {
  readonly kind: 'closed' | 'uncaught' | 'unknown-comm' | 'unknown-target';
  readonly text: string;
  /** In milliseconds since 1970. */
  readonly time: number;
  readonly comm_id: string;
  readonly target_name: string | null;
  readonly error: {
    readonly ename: string;
    readonly evalue: string;
    readonly traceback: readonly string[];
  };
}

/**
 * Called with each message that opens or closes a comm, of the kernel once for each connection that hears
 * it. Nobody has to look at all messages then.
 *
 * @param connections - Those that the page has to the kernel.
 */
export type Examine = (
  msg: KernelMessage.IMessage,
  isSent: boolean,
  kernelId: string,
  connections: Iterable<object>
) => void;

type Hear = (kernelId: string, failure?: Failure) => void;

export class Failures {
  /** Finds what is wrong, if somebody wants to know of it. */
  examine: Examine = () => undefined;

  /** Call `hear` with the id of a kernel that has a new failure, or whose failures are forgotten. */
  subscribe(hear: Hear): void {
    this._hear.push(hear);
  }

  /** The latest failures of a kernel, the oldest first. */
  of(kernelId: string): readonly Failure[] {
    return this._failures.get(kernelId) ?? [];
  }

  /** Add a failure. A note takes the place of an equal one: a slider may raise the same error 60 times a second. */
  add(kernelId: string, failure: Failure): void {
    const {text} = failure as Partial<INote>;
    const others = this.of(kernelId).filter(each => !text || (each as INote).text !== text);
    this._failures.set(kernelId, [...others, failure].slice(-MOST));
    this._hear.forEach(hear => hear(kernelId, failure));
  }

  /** Forget them: somebody has seen them, or their kernel is gone. */
  forget(kernelId: string): void {
    if (this._failures.delete(kernelId)) {
      this._hear.forEach(hear => hear(kernelId));
    }
  }

  private readonly _failures = new Map<string, readonly Failure[]>();
  private readonly _hear: Hear[] = [];
}
