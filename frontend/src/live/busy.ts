/**
 * Shows the kernel as busy while comm messages take long.
 *
 * JupyterLab itself does not track comm messages here (`untracked_message_types`): with a slider the
 * page would do little else than draw busy and idle.
 */

const BUSY_AFTER_MS = 100;

/** The id in the place of the messages that have just caused an output. */
const SAID = '';

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
    this._timer ??= setTimeout(() => this._showBusy(), BUSY_AFTER_MS);
  }

  /** A message is being handled, and JupyterLab already shows that the kernel is busy. */
  isShown(msg_id: string): void {
    this._handling.add(msg_id);
    this._shown = true;
  }

  /**
   * A comm message has caused an output. It may have been handled already.
   *
   * JupyterLite's kernel indicator shows "busy" for each new entry of the log until JupyterLab's status
   * changes. So show busy at once and idle when no more outputs come.
   */
  said(): void {
    this._handling.add(SAID);
    clearTimeout(this._saidTimer);
    this._saidTimer = setTimeout(() => this.end(SAID), BUSY_AFTER_MS);
    this._showBusy();
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
    clearTimeout(this._saidTimer);
    this._timer = undefined;
    if (this._shown) {
      this._shown = false;
      if (!this._isBusyAnyway()) {
        this._show('idle');
      }
    }
  }

  private _showBusy(): void {
    if (!this._shown && !this._isBusyAnyway()) {
      this._shown = true;
      this._show('busy');
    }
  }

  private readonly _handling = new Set<string>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _saidTimer: ReturnType<typeof setTimeout> | undefined;
  private _shown = false;
}
