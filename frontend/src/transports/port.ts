/**
 * The page's end of the port, step 4 of a message's way: the only file that posts to the kernel's
 * Worker and listens to it. comlink and coincident use the same channel, and ignore messages that are
 * not theirs.
 */
import {toMove} from '../wire/attachments';
import {fromWire, NO_MESSAGE, type ToKernel, type ToPage, toWire} from '../wire/frames';

/** How many errors and warnings are shown; after them only the 10th, 100th, ... */
const SHOWN = 5;

/** How many comm messages leave together; the kernel handles them while the page sends more. */
const MOST_TOGETHER = 32;

export class Port {
  /** @param onFrame - Called with each frame of the kernel that can be read, in their order. */
  constructor(worker: Worker, onFrame: (frame: ToPage) => void) {
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
        this.refuse(error);
        return;
      }
      onFrame(frame);
    };
    worker.addEventListener('message', this._listener);
    this._onError = event => {
      // The event of an uncaught exception has a message; the kernel survives that.
      if (!('message' in event)) {
        onFrame({type: 'died', reason: "its worker's script cannot be loaded"});
      }
    };
    worker.addEventListener('error', this._onError);
  }

  /**
   * Send a frame. Its buffers, and attachments that are not cloned, are transferred, so the caller must
   * not use them afterwards.
   *
   * Of the comm messages that code sends without an interruption the first one leaves at once, and so do
   * those with buffers. The others leave together, before any other frame, as soon as that code has ended
   * or awaits.
   */
  post(frame: ToKernel): void {
    const wire = toWire(frame);
    const canWait = frame.type === 'comm' && frame.buffers.length === 0;
    if (canWait && this._isBurst) {
      this._frames.push(wire);
      if (this._frames.length === MOST_TOGETHER) {
        this._flush();
      }
      return;
    }
    if (canWait) {
      this._isBurst = true;
      queueMicrotask(() => {
        this._isBurst = false;
        this._flush();
      });
    }
    this._flush();
    this._worker.postMessage({lite_comms: wire}, moved(frame));
  }

  private _flush(): void {
    const frames = this._frames.splice(0);
    if (frames.length > 0) {
      this._worker.postMessage({lite_comms: frames}, []);
    }
  }

  /** Show that a frame cannot be used, and tell the kernel. */
  refuse(error: unknown): void {
    this.complain('the kernel sent what cannot be read', error);
    this.post({type: 'error', reason: String(error), id: NO_MESSAGE});
  }

  /** Show an error of the other end. One that keeps coming does not fill the console. */
  complain(what: string, ...more: unknown[]): void {
    const text = this._counted(what);
    if (text) {
      console.error(text, ...more);
    }
  }

  /** Show a warning about the other end, counted together with its errors. */
  warn(what: string): void {
    const text = this._counted(what);
    if (text) {
      console.warn(text);
    }
  }

  dispose(): void {
    this._worker.removeEventListener('message', this._listener);
    this._worker.removeEventListener('error', this._onError);
  }

  /** The text to show, or undefined after too many. */
  private _counted(what: string): string | undefined {
    const count = ++this._complaints;
    if (count <= SHOWN) {
      return `lite_comms: ${what}`;
    }
    return Number.isInteger(Math.log10(count))
      ? `lite_comms: ${what} (${count} so far)`
      : undefined;
  }

  /** Whether a comm message has left, and the code that has sent it may send more. */
  private _isBurst = false;
  private readonly _frames: unknown[][] = [];
  private _complaints = 0;
  private readonly _worker: Worker;
  private readonly _listener: (event: MessageEvent) => void;
  private readonly _onError: (event: Event) => void;
}

/** What of a frame is transferred. */
function moved(frame: ToKernel): Transferable[] {
  switch (frame.type) {
    case 'attach':
      return toMove(frame.attachments);
    case 'comm':
      return [...frame.buffers];
    default:
      return [];
  }
}
