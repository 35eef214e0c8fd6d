/** All host pages that are connected. */
import {Bridge} from './bridge';
import type {Admit, IWindow} from './door';
import type {Kernels} from './kernels';
import type {Sessions} from './sessions';

export class Bridges {
  /** Each is told when the page unloads. */
  constructor(
    own: IWindow,
    private readonly _sessions: Sessions,
    private readonly _kernels: Kernels
  ) {
    own.addEventListener('pagehide', event => {
      // A page in the back/forward cache is put aside, and comes back, together with its host page.
      if (!(event as PageTransitionEvent).persisted) {
        [...this._all].forEach(bridge => bridge.close('the page has been left'));
      }
    });
  }

  readonly admit: Admit = (port, origin, path) => {
    const forget = () => void this._all.delete(bridge);
    const bridge = new Bridge(port, origin, path, this._sessions, this._kernels, forget);
    this._all.add(bridge);
  };

  /** How many there are. */
  get size(): number {
    return this._all.size;
  }

  private readonly _all = new Set<Bridge>();
}
