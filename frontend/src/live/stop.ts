/**
 * Stop, on the page: tells the kernel of it, also while the worker's event loop does not turn.
 *
 * A worker whose Python code runs and runs hears nothing. What it can look at in between is memory
 * that it shares with the page, where the page is cross-origin isolated; elsewhere, whether a URL
 * that the page has given it is still good.
 */
import type {IWatch} from '../wire/frames';
import type {SharedMemory} from './shared';

/** How many URLs the kernel has in hand. */
const SPARE = 4;

/** How long the kernel may take to notice a Stop; the notice says "5 seconds". */
const PATIENCE_MS = 5000;

export class Stops {
  /**
   * @param watch - Tells the kernel where to look.
   * @param shared - Memory that the kernel has been told of, if it can be shared.
   * @param onDeaf - Called when the kernel has not noticed a Stop for long; returns what to do when
   * it has.
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

  /** Stop has been pressed; returns how many times that was. */
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

  /** The kernel has noticed the Stops up to this one. */
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
