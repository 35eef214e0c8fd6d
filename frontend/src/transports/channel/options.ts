/** What a channel is told of its kernel and its page, and whom it tells of their troubles. */
import type {IPage} from './peer';

/** What a channel needs of JupyterLite's kernel. */
export interface IKernel {
  readonly ready: Promise<void>;
}

export interface IOptions extends IPage {
  readonly id: string;
  /** Whether kernels of this page load their half of lite_comms when they start. */
  readonly expected: boolean;
  /**
   * Called when a kernel takes no notice of Stop for long; returns what to do when it has.
   * `commIds` has the comm of each message that it has not handled, while a cell runs.
   */
  readonly onDeaf: (kernelId: string, commIds: readonly string[]) => () => void;
  /** Whether a kernel that dies after its start can be made anew. */
  readonly canRestart: boolean;
  /**
   * Called when a kernel has died.
   *
   * @param restarts - Whether it is to be made anew.
   * @param isTold - Whether a cell has ended with the reason.
   */
  readonly onDied: (kernelId: string, reason: string, restarts: boolean, isTold: boolean) => void;
}
