/**
 * The life of a kernel, as the page's comms see it: when it ends, each of them is told, once, and why.
 *
 * JupyterLab's connection throws its comms away without a word: when its kernel restarts, is shut
 * down or dies, and when the connection itself is closed.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {commClose, DISCONNECTED, type IReason, RESTARTED} from '../wire/comm_messages';

/**
 * The comms of ipywidgets. It hears of the kernel's end itself and goes on to show its widgets, as
 * on a server; a comm_close would take them off the page.
 */
const LEFT_ALONE: ReadonlySet<string> = new Set(['jupyter.widget', 'jupyter.widget.control']);

type Connection = Kernel.IKernelConnection;

export class Connections {
  /**
   * @param commsOf - Finds the open comms of a connection.
   * @param onCleared - Called when a connection has thrown away all that it was waiting for.
   */
  constructor(
    private readonly _commsOf: (connection: Connection) => Kernel.IComm[],
    private readonly _onCleared: (connection: Connection) => void
  ) {}

  /** Take in a connection; it leaves when it is disposed. Returns how to take it out before. */
  add(connection: Connection): () => void {
    this._all.add(connection);
    const undoJoin = joinListeners(connection);
    const onStatus = (_: unknown, status: Kernel.Status) => {
      // By this connection itself, or because the kernel has died: it is cleared next.
      if (status === 'restarting') {
        this._close(connection, this._died.get(connection) ?? RESTARTED);
        this._died.delete(connection);
        this._onCleared(connection);
      }
    };
    const onDisposed = () => {
      this._all.delete(connection);
      this._close(connection, this._died.get(connection) ?? DISCONNECTED);
    };
    connection.statusChanged.connect(onStatus);
    connection.disposed.connect(onDisposed);
    return () => {
      this._all.delete(connection);
      connection.statusChanged.disconnect(onStatus);
      connection.disposed.disconnect(onDisposed);
      undoJoin();
    };
  }

  /** A kernel is gone: its comms close, on all connections. */
  end(kernelId: string, why: IReason): void {
    for (const connection of this._of(kernelId)) {
      if (!this._died.has(connection)) {
        this._close(connection, why);
      }
    }
  }

  /** A kernel is gone, and another will be in its place: comms are told when they can reach it. */
  endUntilMade(kernelId: string, why: IReason): void {
    for (const connection of this._of(kernelId)) {
      const untold = this._died.has(connection) ? [] : this._dispose(connection, why);
      if (untold.length > 0) {
        this._untold.set(connection, untold);
      }
    }
  }

  /** A kernel has died; a connection will hear that it restarts, and then its comms close. */
  die(kernelId: string, why: IReason): void {
    for (const connection of this._of(kernelId)) {
      if (connection.connectionStatus === 'connected') {
        this._died.set(connection, why);
      }
    }
  }

  /** A kernel that has died will not be there again. */
  endForGood(kernelId: string): void {
    for (const connection of this._of(kernelId)) {
      const why = this._died.get(connection);
      if (this._died.delete(connection)) {
        this._close(connection, why!);
      }
    }
  }

  /**
   * A kernel is there, again if it has connections. The one that has restarted it connects again by
   * itself; the others, to which JupyterLite does not say that their sockets are closed, would not.
   */
  reconnect(kernelId: string): void {
    for (const connection of this._of(kernelId)) {
      if (connection.status !== 'restarting') {
        connection.reconnect().catch((error: unknown) => {
          console.warn('lite_comms: a client has lost its kernel', error);
        });
      }
      this._tell(connection);
    }
  }

  /** The target of an open comm, or undefined where the page knows none. */
  targetOf(kernelId: string, commId: string): string | undefined {
    const comms = this._of(kernelId).flatMap(connection => this._commsOf(connection));
    return comms.find(comm => comm.commId === commId)?.targetName;
  }

  private _of(kernelId: string): Connection[] {
    return [...this._all].filter(({id, isDisposed}) => id === kernelId && !isDisposed);
  }

  private _close(connection: Connection, why: IReason): void {
    this._tell(connection, this._dispose(connection, why));
  }

  /** Dispose the comms of a connection; returns what is to be called then. */
  private _dispose(connection: Connection, why: IReason): (() => void)[] {
    const comms = this._commsOf(connection).filter(({targetName}) => !LEFT_ALONE.has(targetName));
    return comms.map(comm => {
      const {onClose} = comm;
      comm.dispose();
      return () => void tell(onClose, comm, commClose(comm.commId, connection.id, why));
    });
  }

  private _tell(connection: Connection, more: (() => void)[] = []): void {
    const untold = [...(this._untold.get(connection) ?? []), ...more];
    this._untold.delete(connection);
    // Later: what it opens or sends now would be thrown away with the rest.
    untold.forEach(each => queueMicrotask(each));
  }

  private readonly _all = new Set<Connection>();
  /** What is to be called when there is a kernel again. */
  private readonly _untold = new WeakMap<Connection, (() => void)[]>();
  /** Why the kernels have died of those that have still to hear of it. */
  private readonly _died = new WeakMap<Connection, IReason>();
}

type Status = Kernel.IKernelConnection['statusChanged'];

/**
 * Have a connection keep those who listen to its status in a set. Each comm of JupyterLab begins to
 * listen when it is made, and never stops; a signal compares it with all before it, so that to open
 * 8,000 comms takes seconds.
 */
function joinListeners(connection: Connection): () => void {
  const signal = connection.statusChanged;
  const listeners = new Set<Parameters<Status['connect']>[0]>();
  const joined: Status = {
    connect(listener, receiver?: unknown) {
      if (receiver !== undefined) {
        return signal.connect(listener, receiver);
      }
      const isNew = !listeners.has(listener);
      listeners.add(listener);
      return isNew;
    },
    disconnect(listener, receiver?: unknown) {
      return receiver === undefined
        ? listeners.delete(listener)
        : signal.disconnect(listener, receiver);
    }
  };
  const tellAll = (sender: Connection, status: Kernel.Status) => {
    // As a signal does: those that are added meanwhile are not told, nor those that are taken away.
    for (const listener of [...listeners]) {
      try {
        if (listeners.has(listener)) {
          listener(sender, status);
        }
      } catch (error) {
        console.error(error);
      }
    }
  };
  signal.connect(tellAll);
  Object.defineProperty(connection, 'statusChanged', {configurable: true, value: joined});
  return () => {
    Reflect.deleteProperty(connection, 'statusChanged');
    signal.disconnect(tellAll);
    listeners.forEach(listener => signal.connect(listener));
  };
}

async function tell(
  onClose: Kernel.IComm['onClose'] | undefined,
  {targetName, commId}: Kernel.IComm,
  msg: KernelMessage.ICommCloseMsg
): Promise<void> {
  try {
    await onClose?.(msg);
  } catch (error) {
    console.error(`lite_comms: onClose of comm '${targetName}' (${commId}) raised`, error);
  }
}
