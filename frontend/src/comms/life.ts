/**
 * Closes the page's comms when their kernel ends: each `onClose` is called once, with the reason.
 *
 * JupyterLab's connection drops its comms silently when its kernel restarts, is shut down or dies, and
 * when the connection itself is closed.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import {commClose, DISCONNECTED, type IReason, RESTARTED} from '../wire/comm_messages';

/**
 * The comms of ipywidgets. It notices the kernel's end by itself and keeps showing its widgets, as on a
 * server; a comm_close would remove them from the page.
 */
const LEFT_ALONE: ReadonlySet<string> = new Set(['jupyter.widget', 'jupyter.widget.control']);

/**
 * By this the kernel learns that the page has handled what it has sent: JupyterLab opens the comm when it
 * is done with all messages before. It would close one of an unknown target, too, but log an error.
 */
const DRAIN_TARGET = 'lite_comms.drain';
const closeAtOnce = (comm: Kernel.IComm) => void comm.close();

type Connection = Kernel.IKernelConnection;

export class Connections {
  /**
   * @param commsOf - Returns the open comms of a connection.
   * @param onCleared - Called when a connection has dropped its pending messages.
   */
  constructor(
    private readonly _commsOf: (connection: Connection) => Kernel.IComm[],
    private readonly _onCleared: (connection: Connection) => void
  ) {}

  /** Add a connection. It is removed when it is disposed, or by the function that is returned. */
  add(connection: Connection): () => void {
    this._all.add(connection);
    const undoJoin = joinListeners(connection);
    connection.registerCommTarget(DRAIN_TARGET, closeAtOnce);
    const onStatus = (_: unknown, status: Kernel.Status) => {
      // This connection restarts the kernel, or the kernel has died; JupyterLab clears it next.
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
      connection.removeCommTarget(DRAIN_TARGET, closeAtOnce);
      undoJoin();
    };
  }

  /** Close the comms of a kernel that has ended, on all connections. */
  end(kernelId: string, why: IReason): void {
    for (const connection of this._of(kernelId)) {
      if (!this._died.has(connection)) {
        this._close(connection, why);
      }
    }
  }

  /** Dispose the comms of a kernel that restarts. Their `onClose` is called when the new one is there. */
  endUntilMade(kernelId: string, why: IReason): void {
    for (const connection of this._of(kernelId)) {
      const untold = this._died.has(connection) ? [] : this._dispose(connection, why);
      if (untold.length > 0) {
        this._untold.set(connection, untold);
      }
    }
  }

  /** Note why a kernel has died. Its comms close when their connections see the restart. */
  die(kernelId: string, why: IReason): void {
    for (const connection of this._of(kernelId)) {
      if (connection.connectionStatus === 'connected') {
        this._died.set(connection, why);
      }
    }
  }

  /** Close the comms of a kernel that has died and cannot be restarted. */
  endForGood(kernelId: string): void {
    for (const connection of this._of(kernelId)) {
      const why = this._died.get(connection);
      if (this._died.delete(connection)) {
        this._close(connection, why!);
      }
    }
  }

  /**
   * Reconnect to a kernel that has restarted. The connection that restarted it reconnects by itself; the
   * others do not, because JupyterLite does not tell them that their sockets are closed.
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

  /** The target name of an open comm, or undefined if the page has no such comm. */
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

  /** Dispose the comms of a connection; returns the calls of their `onClose`. */
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
    // Not now: what `onClose` opens or sends would be dropped with the rest.
    untold.forEach(each => queueMicrotask(each));
  }

  private readonly _all = new Set<Connection>();
  /** The calls of `onClose` to make when there is a kernel again. */
  private readonly _untold = new WeakMap<Connection, (() => void)[]>();
  /** Why the kernel of a connection has died, until the connection sees it. */
  private readonly _died = new WeakMap<Connection, IReason>();
}

type Status = Kernel.IKernelConnection['statusChanged'];

/**
 * Make a connection keep the listeners to its status in a set. Each comm of JupyterLab connects to that
 * signal when it is made and never disconnects. A signal compares each new listener with all others, so
 * opening 8,000 comms would take seconds.
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
    // As a signal does, skip listeners that are added or removed meanwhile.
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
