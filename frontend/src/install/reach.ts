/**
 * What is patched in JupyterLab and JupyterLite, each in one guarded function that returns how to revert
 * it. The rest of the page's half uses public interfaces.
 */
import {PageConfig} from '@jupyterlab/coreutils';
import type {Kernel, KernelMessage, ServerConnection} from '@jupyterlab/services';
import type {IKernel, IKernelSpecs} from '@jupyterlite/services';
import type {Channel} from '../transports/channel/channel';
import {makeSerializer, makeSocket} from '../transports/socket';

export type Undo = () => void;

/** The name of JupyterLite's Pyodide kernel. */
export const PYTHON = 'python';

/** What is used of JupyterLab's kernel manager. */
export type Kernels = Pick<Kernel.IManager, 'serverSettings' | 'connectTo'>;

type ChannelOf = (kernelId: string) => Channel;

/** Make new connections use our socket and serializer. */
export function replaceSocket(settings: ServerConnection.ISettings, channelOf: ChannelOf): Undo {
  const {WebSocket, serializer} = settings;
  const fields = settings as {-readonly [key in keyof typeof settings]: (typeof settings)[key]};
  fields.WebSocket = makeSocket(WebSocket, serializer, channelOf);
  fields.serializer = makeSerializer(serializer, channelOf);
  return () => {
    fields.WebSocket = WebSocket;
    fields.serializer = serializer;
  };
}

/** Called with what happens to kernels. */
interface ILife {
  /** A kernel with this id has been made, by a start or a restart. */
  onMade(kernelId: string): void;
  /** It ends, for good or because it restarts. */
  onEnd(kernelId: string): void;
  /** A kernel of this kernelspec has no Worker. */
  onNoWorker(kernelName: string): void;
}

/**
 * Decorate the kernels that the site's factories make, including factories that are registered later. A
 * kernel without a Worker keeps its own path in both directions.
 */
export function decorateFactories(specs: IKernelSpecs, channelOf: ChannelOf, life: ILife): Undo {
  type Factory = IKernelSpecs['factories'] extends Map<string, infer F> ? F : never;
  const originals = new Map<Factory, Factory>();
  const decorate = (create: Factory): Factory => {
    const decorated: Factory = async options => {
      let channel = channelOf(options.id);
      const sendMessage = (msg: KernelMessage.IMessage) =>
        channel.fromKernel(msg, options.sendMessage);
      let kernel: IKernel;
      try {
        kernel = await create({...options, sendMessage});
      } catch (error) {
        channel.endIfUnused();
        throw error;
      }
      // At a restart all clients have left the old channel by now, and there is a new one.
      channel = channelOf(options.id);
      lead(kernel, sendMessage, channelOf, life);
      life.onMade(options.id);
      return kernel;
    };
    originals.set(decorated, create);
    return decorated;
  };
  const refresh = () =>
    specs.factories.forEach((create, name) => {
      if (!originals.has(create)) {
        specs.factories.set(name, decorate(create));
      }
    });
  specs.changed.connect(refresh);
  refresh();
  return () => {
    specs.changed.disconnect(refresh);
    specs.factories.forEach((create, name) =>
      specs.factories.set(name, originals.get(create) ?? create)
    );
  };
}

/** Route the messages of a kernel through its channel, if it has a Worker. */
export function lead(
  kernel: IKernel,
  sendMessage: (msg: KernelMessage.IMessage) => void,
  channelOf: ChannelOf,
  life: ILife
): Undo {
  const {id, name} = kernel;
  const {dispose} = kernel;
  // Before JupyterLite closes the sockets, so that their clients still receive it.
  kernel.dispose = () => {
    if (!kernel.isDisposed) {
      life.onEnd(id);
    }
    dispose.call(kernel);
  };
  const undo: Undo[] = [() => (kernel.dispose = dispose)];
  const undoAll = () => undo.reverse().forEach(each => each());
  try {
    const worker = workerOf(kernel);
    if (worker) {
      const channel = channelOf(id);
      undo.push(answerAll(kernel, sendMessage, channel));
      const peer = channel.attach(worker, kernel, name === PYTHON);
      const detach = () => channel.detach(peer);
      kernel.disposed.connect(detach);
      undo.push(() => void kernel.disposed.disconnect(detach), detach);
    } else {
      life.onNoWorker(name);
    }
  } catch (error) {
    undoAll();
    throw error;
  }
  return undoAll;
}

/** What is used of JupyterLite's kernel; `commInfoRequest` is never called. */
interface IHandler {
  handleMessage(msg: KernelMessage.IMessage): Promise<void>;
  commInfoRequest?(content: object): Promise<object>;
}

/**
 * Make a kernel answer what JupyterLite's kernel leaves unanswered.
 *
 * - Cells behind a failed one, which are aborted as on a server.
 * - comm_info_request, by which ipywidgets asks for the widgets that a kernel has already. Its future
 *   would never complete.
 */
export function answerAll(
  kernel: IHandler,
  sendMessage: (msg: KernelMessage.IMessage) => void,
  channel: Pick<Channel, 'isAborted' | 'isTakenBack'>
): Undo {
  const {handleMessage, commInfoRequest} = kernel;
  kernel.handleMessage = async msg => {
    if (channel.isTakenBack(msg)) {
      return;
    }
    let said = 0;
    const say = (msg_type: string, content: object, channel = 'shell') =>
      sendMessage({
        channel,
        header: {...msg.header, msg_id: `${msg.header.msg_id}_${++said}`, msg_type},
        parent_header: msg.header,
        metadata: {},
        content
      } as KernelMessage.IMessage);
    const answer = async (msg_type: string, content: object | Promise<object>) => {
      say('status', {execution_state: 'busy'}, 'iopub');
      say(msg_type, await content);
      say('status', {execution_state: 'idle'}, 'iopub');
    };
    if (channel.isAborted(msg)) {
      await answer('execute_reply', {status: 'aborted'});
      return;
    }
    if (msg.header.msg_type === 'comm_info_request' && commInfoRequest) {
      const reply = commInfoRequest
        .call(kernel, msg.content)
        .catch(error => ({status: 'error', ename: 'Error', evalue: `${error}`, traceback: []}));
      await answer('comm_info_reply', reply);
      return;
    }
    await handleMessage.call(kernel, msg);
  };
  return () => {
    kernel.handleMessage = handleMessage;
  };
}

/**
 * Keep JupyterLab's connections from changing their status with each comm message. With a slider the
 * page would do little else than draw busy and idle. A channel shows messages that take longer.
 */
export function leaveUntracked(types: Iterable<string>): Undo {
  const option = 'untracked_message_types';
  const before = PageConfig.getOption(option);
  const others: string[] = JSON.parse(before || '[]');
  PageConfig.setOption(option, JSON.stringify([...new Set([...others, ...types])]));
  return () => void PageConfig.setOption(option, before);
}

/** Call `hear` with each new connection to a kernel, before anyone uses it. */
export function followConnections(
  kernels: Pick<Kernels, 'connectTo'>,
  hear: (connection: Kernel.IKernelConnection) => void
): Undo {
  const {connectTo} = kernels;
  kernels.connectTo = options => {
    const connection = connectTo.call(kernels, options);
    hear(connection);
    return connection;
  };
  return () => {
    kernels.connectTo = connectTo;
  };
}

/** The part of JupyterLite's kernel client that all of JupyterLab's Stop commands use. */
export interface IInterrupts {
  interrupt(kernelId: string): Promise<void>;
}

/**
 * Replace JupyterLite's interrupt, which drops the kernel's queue but does not stop the running cell.
 *
 * @param stop - Interrupts the kernel with this id; returns false to leave it to JupyterLite.
 */
export function replaceInterrupt(client: IInterrupts, stop: (kernelId: string) => boolean): Undo {
  const {interrupt} = client;
  client.interrupt = async id => {
    if (!stop(id)) {
      await interrupt.call(client, id);
    }
  };
  return () => {
    client.interrupt = interrupt;
  };
}

/** Return the open comms of a connection, from a private field; none if it has no such field. */
export function commsOf(connection: object): Kernel.IComm[] {
  const {_comms} = connection as {_comms?: unknown};
  return _comms instanceof Map ? [..._comms.values()] : [];
}

/** Whether a connection has a comm target, from a private field; undefined if it has no such field. */
export function hasTarget(connection: object, target: string): boolean | undefined {
  const {_targetRegistry} = connection as {_targetRegistry?: unknown};
  return typeof _targetRegistry === 'object' && _targetRegistry !== null
    ? Object.hasOwn(_targetRegistry, target)
    : undefined;
}

/** Return the Worker of a Pyodide kernel, from a private field; null if it has none. */
export function workerOf(kernel: object): Worker | null {
  const {_worker} = kernel as {_worker?: unknown};
  return _worker instanceof Worker ? _worker : null;
}
