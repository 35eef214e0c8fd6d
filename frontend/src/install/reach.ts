/**
 * What is replaced in JupyterLite, each in one guarded function with its undo. Everything else of
 * the page's half uses public interfaces.
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

/** Have the connections that are made from now on use our socket and serializer. */
export function replaceSocket(settings: ServerConnection.ISettings, channelOf: ChannelOf): Undo {
  const {WebSocket, serializer} = settings;
  const fields = settings as {-readonly [key in keyof typeof settings]: (typeof settings)[key]};
  fields.WebSocket = makeSocket(WebSocket, serializer, channelOf);
  fields.serializer = makeSerializer(serializer);
  return () => {
    fields.WebSocket = WebSocket;
    fields.serializer = serializer;
  };
}

/** What is told of the kernels that are made. */
interface ILife {
  /** There is one with this id, or there is one again. */
  onMade(kernelId: string): void;
  /** It is gone, for good or until it is made again. */
  onEnd(kernelId: string): void;
  /** It has no Worker; the name is that of its kernelspec. */
  onNoWorker(kernelName: string): void;
}

/**
 * Decorate the kernels that the site's own factories make, those registered later too. What a kernel
 * without a Worker sends and gets stays as it is.
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
      // At a restart all clients have left the channel meanwhile, and then there is another.
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

/** Lead the messages between a kernel and its Worker through its channel, if it has a Worker. */
export function lead(
  kernel: IKernel,
  sendMessage: (msg: KernelMessage.IMessage) => void,
  channelOf: ChannelOf,
  life: ILife
): Undo {
  const {id, name} = kernel;
  const {dispose} = kernel;
  // Before JupyterLite closes the sockets: their clients are to be told.
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
 * Have a kernel answer what JupyterLite's does not.
 *
 * - Cells behind one that has failed, as a server does: they are aborted.
 * - comm_info_request. The future of the page that asks would never end, and ipywidgets asks so for
 *   the widgets that a kernel has already.
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
 * Have JupyterLab's connections not change their state with each comm message: at a slider's pace
 * the page would do little else than draw busy and idle. A channel shows what takes longer.
 */
export function leaveUntracked(types: Iterable<string>): Undo {
  const option = 'untracked_message_types';
  const before = PageConfig.getOption(option);
  const others: string[] = JSON.parse(before || '[]');
  PageConfig.setOption(option, JSON.stringify([...new Set([...others, ...types])]));
  return () => void PageConfig.setOption(option, before);
}

/** Hear of each connection to a kernel, before anybody uses it. */
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

/** What can interrupt kernels: all of JupyterLab's ways to Stop lead there. */
export interface IInterrupts {
  interrupt(kernelId: string): Promise<void>;
}

/**
 * Stop what runs by other means than JupyterLite's, which empties the kernel's queue, of all that
 * waits there, and goes on with what runs.
 *
 * @param stop - Stops what runs in the kernel with this id; returns whether it can.
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

/** The open comms of a connection: a private field of it, or none where there is no such field. */
export function commsOf(connection: object): Kernel.IComm[] {
  const {_comms} = connection as {_comms?: unknown};
  return _comms instanceof Map ? [..._comms.values()] : [];
}

/** The Worker of a Pyodide kernel: a private field of it, or null where there is none. */
export function workerOf(kernel: object): Worker | null {
  const {_worker} = kernel as {_worker?: unknown};
  return _worker instanceof Worker ? _worker : null;
}
