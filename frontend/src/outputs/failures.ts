/** The latest errors of callbacks, for whoever wants to know of them later. */
import type {KernelMessage} from '@jupyterlab/services';

/** How many are kept of a kernel. */
const MOST = 20;

export type Failure = KernelMessage.IErrorMsg;

export class Failures {
  /** Call `hear` with the id of a kernel whose callbacks have failed, or whose failures are forgotten. */
  subscribe(hear: (kernelId: string) => void): void {
    this._hear.push(hear);
  }

  /** The latest errors of a kernel, the oldest first. */
  of(kernelId: string): readonly Failure[] {
    return this._failures.get(kernelId) ?? [];
  }

  add(kernelId: string, failure: Failure): void {
    this._failures.set(kernelId, [...this.of(kernelId), failure].slice(-MOST));
    this._hear.forEach(hear => hear(kernelId));
  }

  /** Forget them: somebody has seen them, or their kernel is gone. */
  forget(kernelId: string): void {
    if (this._failures.delete(kernelId)) {
      this._hear.forEach(hear => hear(kernelId));
    }
  }

  private readonly _failures = new Map<string, readonly Failure[]>();
  private readonly _hear: ((kernelId: string) => void)[] = [];
}
