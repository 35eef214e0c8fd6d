/** What a channel is given: facts about the page and its kernels, and callbacks. */
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
   * Called when a kernel has not noticed Stop for seconds; returns what to call when it does.
   * `commIds` are the comms of the messages it has not handled, if a cell is running.
   */
  readonly onDeaf: (kernelId: string, commIds: readonly string[]) => () => void;
  /** Whether a kernel that dies after its start can be restarted. */
  readonly canRestart: boolean;
  /**
   * Called when a kernel has died.
   *
   * @param restarts - Whether it should be restarted.
   * @param isTold - Whether a cell shows the reason as its error.
   */
  readonly onDied: (kernelId: string, reason: string, restarts: boolean, isTold: boolean) => void;
}
