/**
 * Newest only: of what has not left yet for a key, the last message goes, with the next frame of the
 * screen; in a page that is hidden, once the code that runs there has returned. The next one goes when the
 * kernel has handled it, so that no queue grows there.
 */
import type {IOutgoing} from '../messages';

/** Where there is no screen, as in a worker. */
const WITHOUT_FRAME_MS = 16;
/** A page that is hidden while it waits draws no frame. */
const NO_FRAME_CAME_MS = 100;
/** A callback may wait for the very message that waits for it to end. */
const LONGEST_MS = 2_000;

export class Latest {
  constructor(
    private readonly _send: (message: IOutgoing) => void,
    private readonly _who: object
  ) {}

  /** Send it with the next frame, unless another one for its key comes before. */
  put(key: string, message: IOutgoing): void {
    this._waiting.delete(key); // the order is that of those that go
    this._waiting.set(key, message);
    this._goOn();
  }

  /** Send what waits now, so that what is sent next comes behind it. What cannot be sent is shown. */
  flush(): void {
    const messages = [...this._waiting.values()];
    this.drop();
    for (const message of messages) {
      const handled = this._unhandledOne();
      const {options} = message;
      const sent = (future: unknown) => {
        options.sent?.(future);
        (future as IHandled).done.then(handled, handled);
      };
      const failed = (why: Error) => {
        options.failed?.(why);
        handled();
      };
      try {
        this._send({...message, options: {...options, sent, failed}});
      } catch (error) {
        handled();
        console.error(`lite_comms: ${this._who} has not sent the last of send_latest`, error);
      }
    }
  }

  /** Send nothing of what waits. */
  drop(): void {
    this._stop?.();
    this._stop = undefined;
    this._waiting.clear();
  }

  private _goOn(): void {
    if (this._waiting.size > 0 && this._unhandled === 0) {
      this._stop ??= nextFrame(() => this.flush());
    }
  }

  /** Count a message that the kernel has not handled; returns what says that it has, or never will. */
  private _unhandledOne(): () => void {
    this._unhandled++;
    const end = () => {
      clearTimeout(timer);
      this._unhandled -= isOver ? 0 : 1;
      isOver = true;
      this._goOn();
    };
    let isOver = false;
    const timer = setTimeout(end, LONGEST_MS);
    return end;
  }

  private readonly _waiting = new Map<string, IOutgoing>();
  private _unhandled = 0;
  private _stop: (() => void) | undefined;
}

/** What is used of JupyterLab's future of a message. */
interface IHandled {
  readonly done: Promise<unknown>;
}

/** Call a function once, with the next frame; returns how to stop that. */
function nextFrame(f: () => void): () => void {
  const state = globalThis.document?.visibilityState;
  if (state === 'hidden') {
    // Browsers delay timers there to one a second, later to one a minute; messages come at once.
    const {port1, port2} = new MessageChannel();
    port1.onmessage = f;
    port2.postMessage(null);
    return () => {
      port1.onmessage = null;
      port1.close();
    };
  }
  const isSeen = state === 'visible';
  const frame = isSeen ? requestAnimationFrame(f) : 0;
  const timer = setTimeout(f, isSeen ? NO_FRAME_CAME_MS : WITHOUT_FRAME_MS);
  return () => {
    clearTimeout(timer);
    if (isSeen) {
      cancelAnimationFrame(frame);
    }
  };
}
