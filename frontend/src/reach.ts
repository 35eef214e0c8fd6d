/**
 * What is replaced in JupyterLite, each in one guarded function with its undo. Everything else of
 * the page's half uses public interfaces.
 */
import {PageConfig} from '@jupyterlab/coreutils';
import type {KernelMessage, ServerConnection} from '@jupyterlab/services';
import type {IKernelSpecs} from '@jupyterlite/services';
import {Channel, type IOptions} from './channel';
import {COMM_TYPES} from './queue';
import {makeSerializer, makeSocket} from './socket';

type Undo = () => void;

/** The name of JupyterLite's Pyodide kernel. */
const PYTHON = 'python';

/**
 * Put a channel between the clients and the kernels of a page. All of it, or nothing.
 *
 * @throws what goes wrong; then everything is as it was before.
 */
export function connectKernels(
  settings: ServerConnection.ISettings,
  specs: IKernelSpecs,
  client: IInterrupts | null,
  options: Omit<IOptions, 'id'>
): Undo {
  const channels = new Map<string, Channel>();
  const channelOf = (id: string): Channel => {
    let channel = channels.get(id);
    if (!channel) {
      const made = new Channel({id, ...options}, () => {
        if (channels.get(id) === made) {
          channels.delete(id);
        }
      });
      channels.set(id, made);
      channel = made;
    }
    return channel;
  };
  const onNoWorker = (name: string) => {
    if (name === PYTHON && options.expected) {
      console.warn("lite_comms: the kernel has no Worker; its comms take JupyterLite's own path");
    }
  };
  const undo = [replaceSocket(settings, channelOf)];
  const undoAll = () =>
    undo
      .splice(0)
      .reverse()
      .forEach(each => each());
  try {
    undo.push(decorateFactories(specs, channelOf, onNoWorker), leaveUntracked(COMM_TYPES));
    if (client) {
      undo.push(followInterrupts(client, id => channels.get(id)?.interrupt()));
    }
  } catch (error) {
    undoAll();
    throw error;
  }
  return undoAll;
}

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

/**
 * Decorate the kernels that the site's own factories make, those registered later too. A kernel
 * without a Worker stays as it is.
 *
 * @param onNoWorker - Hears of such a kernel, by the name of its kernelspec.
 */
export function decorateFactories(
  specs: IKernelSpecs,
  channelOf: ChannelOf,
  onNoWorker: (kernelName: string) => void
): Undo {
  type Factory = IKernelSpecs['factories'] extends Map<string, infer F> ? F : never;
  const originals = new Map<Factory, Factory>();
  const decorate = (create: Factory): Factory => {
    const decorated: Factory = async options => {
      const channel = channelOf(options.id);
      const sendMessage = (msg: KernelMessage.IMessage) =>
        channel.fromKernel(msg, options.sendMessage);
      const kernel = await create({...options, sendMessage});
      const worker = workerOf(kernel);
      if (worker) {
        answerCommInfo(kernel, sendMessage);
        const port = channel.attach(worker, kernel);
        kernel.disposed.connect(() => channel.detach(port));
      } else {
        onNoWorker(options.name);
      }
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

/** What answers a comm_info_request, but is never asked. */
interface ICommInfo {
  handleMessage(msg: KernelMessage.IMessage): Promise<void>;
  commInfoRequest?(content: object): Promise<object>;
}

/**
 * Have a kernel answer comm_info_request. JupyterLite passes over it: the future of the page that
 * asks never ends, and ipywidgets asks so for the widgets that a kernel has already.
 */
export function answerCommInfo(
  kernel: ICommInfo,
  sendMessage: (msg: KernelMessage.IMessage) => void
): void {
  const {handleMessage, commInfoRequest} = kernel;
  if (!commInfoRequest) {
    return;
  }
  kernel.handleMessage = async msg => {
    await handleMessage.call(kernel, msg);
    const {header} = msg;
    if (header.msg_type === 'comm_info_request') {
      sendMessage({
        channel: 'shell',
        header: {...header, msg_id: `${header.msg_id}_reply`, msg_type: 'comm_info_reply'},
        parent_header: header,
        metadata: {},
        content: await commInfoRequest.call(kernel, msg.content)
      } as KernelMessage.ICommInfoReplyMsg);
    }
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

/** What can interrupt kernels: all of JupyterLab's ways to Stop lead there. */
interface IInterrupts {
  interrupt(kernelId: string): Promise<void>;
}

/** Hear of each interrupt before JupyterLite does, which cancels the cells that wait. */
export function followInterrupts(client: IInterrupts, hear: (kernelId: string) => void): Undo {
  const {interrupt} = client;
  client.interrupt = id => {
    hear(id);
    return interrupt.call(client, id);
  };
  return () => {
    client.interrupt = interrupt;
  };
}

/** The Worker of a Pyodide kernel: a private field of it, or null where there is none. */
export function workerOf(kernel: object): Worker | null {
  const {_worker} = kernel as {_worker?: unknown};
  return _worker instanceof Worker ? _worker : null;
}
