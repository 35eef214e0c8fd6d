/**
 * Stop, on the page: tells the kernel about it even while the worker's event loop does not turn.
 *
 * While its Python code runs, a worker receives no messages. It can look at memory that it shares with
 * the page, if the page is cross-origin isolated. On other pages it can test whether a URL from the page
 * is still valid.
 */
import type {IWatch} from '../wire/frames';
import type {SharedMemory} from './shared';

/** How many unused URLs the kernel has. */
const SPARE = 4;

/** How long the kernel may take to notice a Stop; the notice says "5 seconds". */
const PATIENCE_MS = 5000;

export class Stops {
  /**
   * @param watch - Posts a frame that says where to look.
   * @param shared - The shared memory that the kernel looks at, or null if it gets URLs.
   * @param onDeaf - Called when the kernel has not noticed a Stop for seconds; returns what to call
   * when it does.
   */
  constructor(
    private readonly _watch: (frame: IWatch) => void,
    private readonly _shared: SharedMemory | null,
    private readonly _onDeaf: () => () => void
  ) {
    if (!this._shared) {
      this._replenish();
    }
  }

  /** Signal a Stop to the kernel; returns its number, from 1. */
  press(): number {
    const number = ++this._pressed;
    if (this._shared) {
      this._shared.stop(number);
    } else {
      URL.revokeObjectURL(this._urls.shift()!);
      this._replenish();
    }
    this._timer ??= setTimeout(() => (this._onHeard = this._onDeaf()), PATIENCE_MS);
    return number;
  }

  /** Report that the kernel has noticed the Stops up to this number. */
  noticed(number: number): void {
    if (number >= this._pressed) {
      clearTimeout(this._timer);
      this._timer = undefined;
      this._onHeard?.();
      this._onHeard = undefined;
    }
  }

  dispose(): void {
    this.noticed(this._pressed);
    this._urls.forEach(url => URL.revokeObjectURL(url));
  }

  private _replenish(): void {
    const first = this._pressed + this._urls.length + 1;
    const urls = Array.from({length: SPARE - this._urls.length}, () =>
      URL.createObjectURL(new Blob())
    );
    this._urls.push(...urls);
    this._watch({type: 'watch', places: [first, ...urls]});
  }

  private _pressed = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _onHeard: (() => void) | undefined;
  private readonly _urls: string[] = [];
}
