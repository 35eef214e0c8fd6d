/**
 * Puts channels between the clients and the kernels of a page, and tells comms and the user when a
 * kernel ends, restarts or does not notice Stop.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import type {IKernelSpecs} from '@jupyterlite/services';
import {Connections} from '../comms/life';
import {Channel} from '../transports/channel/channel';
import type {IOptions} from '../transports/channel/options';
import {adoptSocket} from '../transports/socket';
import {COMM_TYPES, RESTARTED, SHUT_DOWN} from '../wire/comm_messages';
import {NOTHING, type Present, replaceSendMessage} from './present';
import {
  commsOf,
  decorateFactories,
  followConnections,
  type IInterrupts,
  type Kernels,
  lead,
  leaveUntracked,
  PYTHON,
  replaceInterrupt,
  replaceSocket,
  type Undo
} from './reach';

/** What is used of JupyterLite's kernel client. */
interface IClient extends IInterrupts {
  restart(kernelId: string): Promise<void>;
  isRestarting?(kernelId: string): boolean;
}

interface ISettings extends Omit<IOptions, 'id' | 'canRestart' | 'onDeaf' | 'onDied'> {
  /**
   * Called when a kernel has not noticed Stop for seconds; returns what to call when it does. `comms`
   * are the targets of the messages it has not handled, if a cell is running.
   */
  readonly onDeaf: (kernelId: string, comms: readonly string[]) => () => void;
  /** Called when a kernel has died; returns what to call when it ends or restarts. */
  readonly onDied: (...died: Parameters<IOptions['onDied']>) => () => void;
}

/**
 * Put a channel between the clients and each kernel of a page. It is done completely or not at all, and
 * synchronously, so no message can be sent in between.
 *
 * @param present - Returns the kernels and connections that exist already.
 * @returns How to undo it.
 * @throws what goes wrong; then everything is as it was before.
 */
export function connectKernels(
  kernels: Kernels,
  specs: IKernelSpecs,
  client: IClient | null,
  options: ISettings,
  present: Present = NOTHING
): Undo {
  const there = present();
  const channels = new Map<string, Channel>();
  const channelOf = (id: string): Channel => {
    let channel = channels.get(id);
    if (!channel) {
      const made = new Channel(
        {id, ...options, onDeaf, onDied, canRestart: client !== null},
        () => {
          if (channels.get(id) === made) {
            channels.delete(id);
          }
        }
      );
      channels.set(id, made);
      channel = made;
    }
    return channel;
  };
  const notices = new Map<string, () => void>();
  const dismiss = (id: string) => {
    notices.get(id)?.();
    notices.delete(id);
  };
  const onDeaf = (id: string, commIds: readonly string[]) =>
    options.onDeaf(
      id,
      commIds.map(commId => connections.targetOf(id, commId) ?? commId)
    );
  const onDied: IOptions['onDied'] = (id, reason, restarts, isTold) => {
    const why = {ename: 'KernelDied', evalue: reason};
    notices.set(id, options.onDied(id, reason, restarts, isTold));
    if (!client || !restarts) {
      connections.end(id, why);
      return;
    }
    // As a server does.
    connections.die(id, why);
    channelOf(id).announceRestart();
    client.restart(id).catch((error: unknown) => {
      console.error('lite_comms: the kernel cannot be restarted', error);
      connections.endForGood(id);
    });
  };
  const connections = new Connections(commsOf, ({id, clientId}) =>
    channels.get(id)?.forget(clientId)
  );
  const life = {
    onNoWorker: (name: string) => {
      if (name === PYTHON && options.expected) {
        console.warn("lite_comms: the kernel has no Worker; its comms take JupyterLite's own path");
      }
    },
    onMade: (id: string) => connections.reconnect(id),
    onEnd: (id: string) => {
      dismiss(id);
      if (client?.isRestarting?.(id)) {
        connections.endUntilMade(id, RESTARTED);
        channels.get(id)?.abandon(RESTARTED);
      } else {
        connections.end(id, SHUT_DOWN);
      }
    }
  };
  const {serializer} = kernels.serverSettings;
  const undo = [replaceSocket(kernels.serverSettings, channelOf)];
  const add = (connection: Kernel.IKernelConnection) => {
    const leave = connections.add(connection);
    const undone = () => undo.splice(undo.indexOf(leave), 1);
    undo.push(leave);
    connection.disposed.connect(undone);
  };
  const undoAll = () =>
    undo
      .splice(0)
      .reverse()
      .forEach(each => each());
  try {
    undo.push(
      decorateFactories(specs, channelOf, life),
      leaveUntracked(COMM_TYPES),
      followConnections(kernels, add)
    );
    if (client) {
      undo.push(replaceInterrupt(client, id => channels.get(id)?.interrupt() ?? false));
    }
    for (const {connection, socket, kernelSession} of there.connections) {
      add(connection);
      if (socket) {
        undo.push(adoptSocket(socket, serializer, channelOf, kernelSession));
      }
    }
    for (const {kernel, sendMessage} of there.kernels) {
      const send = (msg: KernelMessage.IMessage) =>
        channelOf(kernel.id).fromKernel(msg, sendMessage);
      undo.push(replaceSendMessage(kernel, send));
      undo.push(lead(kernel, send, channelOf, life));
      const {unfinished, current} = there.underWay(kernel);
      channelOf(kernel.id).resume(unfinished, current);
    }
  } catch (error) {
    undoAll();
    throw error;
  }
  for (const {kernel} of there.kernels) {
    if (kernel.name === PYTHON) {
      channels.get(kernel.id)?.ask();
    }
  }
  return undoAll;
}
