/**
 * Notices that a kernel's worker has ended without a word: it has closed itself, or someone or the browser
 * has terminated it. No event of a Worker tells. But the browser frees the Web Locks that a worker holds.
 */

/** The worker's last frames come before its end is reported: it may have said why. */
const GRACE_MS = 100;

export class WorkerEnd {
  /** Whether the page has Web Locks; it has none if it was not loaded by HTTPS or from localhost. */
  static get canBeSeen(): boolean {
    return globalThis.navigator?.locks !== undefined;
  }

  /** @param onEnd - Called when the worker has ended, unless this is disposed before. */
  constructor(private readonly _onEnd: () => void) {}

  /** Wait until the worker no longer holds this lock. */
  watch(name: string): void {
    this.dispose();
    const waiting = new AbortController();
    this._waiting = waiting;
    // The browser may free the locks of a page that it puts aside, of which the worker goes on afterwards.
    const setAside = ({persisted}: PageTransitionEvent) => persisted && waiting.abort();
    addEventListener('pagehide', setAside, {signal: waiting.signal});
    navigator.locks
      .request(name, {signal: waiting.signal}, () => undefined)
      .then(() => new Promise(resolve => setTimeout(resolve, GRACE_MS)))
      .then(() => waiting.signal.aborted || this._onEnd())
      .catch((error: unknown) => {
        // This page no longer waits, or may not.
        if (!waiting.signal.aborted) {
          console.warn('lite_comms: the end of a kernel may go unnoticed', error);
        }
      });
  }

  dispose(): void {
    this._waiting?.abort();
  }

  private _waiting: AbortController | null = null;
}
