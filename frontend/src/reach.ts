/**
 * What is replaced in JupyterLite, each in one guarded function with its undo. Everything else of
 * the page's half uses public interfaces.
 */
import {PageConfig} from '@jupyterlab/coreutils';
import type {KernelMessage, ServerConnection} from '@jupyterlab/services';
import type {IKernelSpecs} from '@jupyterlite/services';
import type {Channel} from './channel';
import {makeSerializer, makeSocket} from './socket';

type Undo = () => void;
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
 */
export function decorateFactories(specs: IKernelSpecs, channelOf: ChannelOf): Undo {
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
        const port = channel.attach(worker, kernel);
        kernel.disposed.connect(() => channel.detach(port));
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

/**
 * Have JupyterLab's connections not change their state with each comm message: at a slider's pace
 * the page would do little else than draw busy and idle. A channel shows what takes longer.
 */
export function leaveUntracked(types: Iterable<string>): void {
  const option = 'untracked_message_types';
  const before: string[] = JSON.parse(PageConfig.getOption(option) || '[]');
  PageConfig.setOption(option, JSON.stringify([...new Set([...before, ...types])]));
}

/** The Worker of a Pyodide kernel: a private field of it, or null where there is none. */
export function workerOf(kernel: object): Worker | null {
  const {_worker} = kernel as {_worker?: unknown};
  return _worker instanceof Worker ? _worker : null;
}
