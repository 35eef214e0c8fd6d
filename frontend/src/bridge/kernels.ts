/** What kernels expose to host pages, and through which of its connections the comms of a kernel go. */
import type {Kernel} from '@jupyterlab/services';

/** The comm target by which a kernel says what it exposes: `{"targets": ["name", ...]}`. */
const TARGET = 'lite_comms.exposed';

const NONE: ReadonlySet<string> = new Set();

/** After these statuses a kernel does not have what it has exposed before. */
const ENDS: ReadonlySet<Kernel.Status> = new Set(['restarting', 'autorestarting', 'dead']);

type Opener = Parameters<Kernel.IKernelConnection['registerCommTarget']>[1];

export class Kernels {
  /** Called when there is another connection, or a kernel has changed what it exposes. */
  readonly onChange = new Set<() => void>();

  /** Follow a connection, until it is disposed. */
  follow(connection: Kernel.IKernelConnection): void {
    this._connections.add(connection);
    connection.disposed.connect(() => {
      // What the kernel exposes stays: a notebook that is opened again finds the same kernel.
      this._connections.delete(connection);
      this._change();
    });
    connection.statusChanged.connect((_, status) => {
      if (ENDS.has(status)) {
        this._exposed.delete(connection.id);
        this._change();
      }
    });
    connection.registerCommTarget(TARGET, (_, {content}) => {
      const {targets} = Object(content.data);
      if (!Array.isArray(targets) || !targets.every(name => typeof name === 'string')) {
        throw new Error(`comm '${TARGET}': data.targets must be a list of names`);
      }
      this._exposed.set(connection.id, new Set(targets));
      this._change();
    });
    this._change();
  }

  /** The names of the targets that a kernel exposes. */
  exposed(id: string): ReadonlySet<string> {
    return this._exposed.get(id) ?? NONE;
  }

  /** The connection to a kernel that handles comms: of several only one does, commonly the first. */
  forComms(id: string): Kernel.IKernelConnection | null {
    const all = [...this._connections];
    return all.find(each => each.id === id && each.handleComms && !each.isDisposed) ?? null;
  }

  /** Have a function answer comms to a target, if there is a connection; those that answered it before wait until it is withdrawn. */
  offer(connection: Kernel.IKernelConnection | null, name: string, open: Opener): void {
    if (!connection) {
      return;
    }
    const offers = this._offers.get(connection) ?? new Map<string, Opener[]>();
    this._offers.set(connection, offers.set(name, [...(offers.get(name) ?? []), open]));
    connection.registerCommTarget(name, open);
  }

  /** Take that back: the last of the others answers, if there is one. */
  withdraw(connection: Kernel.IKernelConnection | null, name: string, open: Opener): void {
    const offers = connection && this._offers.get(connection);
    const others = (offers?.get(name) ?? []).filter(other => other !== open);
    offers?.set(name, others);
    if (connection && !connection.isDisposed) {
      connection.removeCommTarget(name, open); // no other one's
      if (others.length > 0) {
        connection.registerCommTarget(name, others.at(-1)!);
      }
    }
  }

  private _change(): void {
    [...this.onChange].forEach(f => f());
  }

  private readonly _connections = new Set<Kernel.IKernelConnection>();
  private readonly _exposed = new Map<string, ReadonlySet<string>>();
  private readonly _offers = new WeakMap<Kernel.IKernelConnection, Map<string, Opener[]>>();
}
