/**
 * The page's end of the port, step 4 of a message's way: the only place that posts to the kernel's
 * Worker and listens on it. Beside it on the same channel are comlink and coincident, which leave
 * frames alone that are not theirs.
 */
import {fromWire, type ToKernel, type ToPage, toWire} from './frames';

export class Port {
  /**
   * @param onFrame - Called with each frame of the kernel, in their order.
   * @param onError - Called with what cannot be read.
   */
  constructor(worker: Worker, onFrame: (frame: ToPage) => void, onError: (error: unknown) => void) {
    this._worker = worker;
    this._listener = ({data}) => {
      const wire: unknown = data?.lite_comms;
      if (wire === undefined) {
        return;
      }
      let frame: ToPage;
      try {
        frame = fromWire(wire);
      } catch (error) {
        onError(error);
        return;
      }
      onFrame(frame);
    };
    worker.addEventListener('message', this._listener);
    this._onError = event => {
      // That of an exception has a message: a task in the worker has failed, no more.
      if (!('message' in event)) {
        onFrame({type: 'died', reason: "its worker's script cannot be loaded"});
      }
    };
    worker.addEventListener('error', this._onError);
  }

  /** Send a frame. Its buffers are transferred: they are nobody else's. */
  post(frame: ToKernel): void {
    const buffers = frame.type === 'comm' ? frame.buffers : [];
    this._worker.postMessage({lite_comms: toWire(frame)}, [...buffers]);
  }

  dispose(): void {
    this._worker.removeEventListener('message', this._listener);
    this._worker.removeEventListener('error', this._onError);
  }

  private readonly _worker: Worker;
  private readonly _listener: (event: MessageEvent) => void;
  private readonly _onError: (event: Event) => void;
}
