/** The notebooks and consoles of the page, by their paths. */
import type {Kernel} from '@jupyterlab/services';
import type {ISignal} from '@lumino/signaling';

/** What is used of the session context of a notebook or a console. */
export interface ISession {
  readonly path: string;
  readonly session: {readonly kernel: Kernel.IKernelConnection | null} | null;
  readonly kernelChanged: ISignal<unknown, unknown>;
  readonly statusChanged: ISignal<unknown, unknown>;
  readonly disposed: ISignal<unknown, unknown>;
}

export class Sessions {
  /** Called when something has changed: a session, its kernel or its status. */
  readonly onChange = new Set<() => void>();

  add(session: ISession): void {
    const {kernelChanged, statusChanged, disposed} = session;
    const change = () => [...this.onChange].forEach(f => f());
    this._all.add(session);
    kernelChanged.connect(change);
    statusChanged.connect(change);
    disposed.connect(() => {
      this._all.delete(session);
      change();
    });
    change();
  }

  /** Whether a session is open still. */
  has(session: ISession): boolean {
    return this._all.has(session);
  }

  /** Find the session of a path, or with null the only one; a text says why there is none. */
  find(path: string | null): ISession | string {
    const found = [...this._all].filter(session => path === null || session.path === path);
    if (found.length === 0) {
      return path === null ? 'no notebook or console is open there' : `'${path}' is not open there`;
    }
    return path === null && found.length > 1
      ? `${found.length} notebooks and consoles are open there, and no path says which`
      : found[0]!;
  }

  private readonly _all = new Set<ISession>();
}
