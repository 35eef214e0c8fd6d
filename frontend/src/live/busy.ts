/**
 * Shows the kernel as busy while comm messages take long.
 *
 * JupyterLab itself does not track comm messages here (`untracked_message_types`): with a slider the
 * page would do little else than draw busy and idle.
 */

const BUSY_AFTER_MS = 100;

export class BusySign {
  /**
   * @param show - Shows a state.
   * @param isBusyAnyway - Whether a cell runs, which JupyterLab shows by itself.
   */
  constructor(
    private readonly _show: (state: 'busy' | 'idle') => void,
    private readonly _isBusyAnyway: () => boolean
  ) {}

  /** A message is being handled. */
  begin(msg_id: string): void {
    this._handling.add(msg_id);
    this._timer ??= setTimeout(() => {
      this._shown = !this._isBusyAnyway();
      if (this._shown) {
        this._show('busy');
      }
    }, BUSY_AFTER_MS);
  }

  /** A message is being handled, and JupyterLab already shows that the kernel is busy. */
  isShown(msg_id: string): void {
    this._handling.add(msg_id);
    this._shown = true;
  }

  /** It has been handled. */
  end(msg_id: string): void {
    this._handling.delete(msg_id);
    if (this._handling.size === 0) {
      this.clear();
    }
  }

  /** Nothing is being handled. */
  clear(): void {
    this._handling.clear();
    clearTimeout(this._timer);
    this._timer = undefined;
    if (this._shown) {
      this._shown = false;
      if (!this._isBusyAnyway()) {
        this._show('idle');
      }
    }
  }

  private readonly _handling = new Set<string>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _shown = false;
}
