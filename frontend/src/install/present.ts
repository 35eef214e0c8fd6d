/**
 * What a page already has when lite_comms is loaded late: kernels, connections to them, and pending
 * messages. On a site with the extension there is none of that yet.
 *
 * Reads private fields of JupyterLab and JupyterLite, each in one guarded function.
 */
import type {Kernel, KernelMessage} from '@jupyterlab/services';
import type {IKernel} from '@jupyterlite/services';
import {workerOf} from './reach';
import type {IUnfinished} from '../transports/channel/queue';

type Message = KernelMessage.IMessage;

/** A running kernel, with the function that its factory was given. */
export interface IRunning {
  readonly kernel: IKernel;
  readonly sendMessage: (msg: Message) => void;
}

/** A connection with its socket, if it has one. */
export interface IConnected {
  readonly connection: Kernel.IKernelConnection;
  readonly socket: WebSocket | null;
  /** The session of the messages that it has received. */
  readonly kernelSession: string;
}

export interface IPresent {
  readonly kernels: readonly IRunning[];
  readonly connections: readonly IConnected[];
  /** The messages a kernel may not have handled, in the order of sending, and the id of the current one. */
  underWay(kernel: IKernel): {unfinished: IUnfinished[]; current: string | undefined};
}

/** Returns what is there at the time of the call; throws if a part is not as expected. */
export type Present = () => IPresent;

export const NOTHING: Present = () => ({
  kernels: [],
  connections: [],
  underWay: () => ({unfinished: [], current: undefined})
});

/** What is used of JupyterLite's kernel client. */
interface IClient {
  listRunning(): Promise<readonly Kernel.IModel[]>;
  getModel(id: string): Promise<Kernel.IModel | undefined>;
}

/**
 * Prepare to find what is there, without changing anything.
 *
 * All that is asynchronous is done here, so no message can be sent between the returned function's answer
 * and what its caller changes.
 *
 * @throws Error that names the part that is not as expected.
 */
export async function findPresent(kernels: object, client: IClient | null): Promise<Present> {
  const running: IRunning[] = [];
  for (const {id} of (await client?.listRunning()) ?? []) {
    // JupyterLite returns the kernel itself.
    const kernel = (await client!.getModel(id)) as unknown as IKernel | undefined;
    // One of another language may be made in another way; without a Worker it has no port.
    if (kernel && (workerOf(kernel) || hasSendMessage(kernel))) {
      running.push({kernel, sendMessage: sendMessageOf(kernel)});
    }
  }
  if (running.length === 0) {
    return NOTHING;
  }
  const finished = new Set<IFuture>();
  for (const future of connectionsOf(kernels).flatMap(futuresOf)) {
    if (await isSettled(future.done)) {
      finished.add(future);
    }
  }
  return () => {
    const all = connectionsOf(kernels);
    const unfinished = all
      .flatMap(connection =>
        sentBy(connection)
          .filter(future => !finished.has(future))
          .map(({msg, done}) => ({msg, done, kernelId: connection.id}))
      )
      .sort((a, b) => dateOf(a.msg.header) - dateOf(b.msg.header));
    return {
      kernels: running.filter(({kernel}) => !kernel.isDisposed),
      connections: all.map(connection => ({
        connection,
        socket: socketOf(connection),
        kernelSession: kernelSessionOf(connection)
      })),
      underWay: kernel =>
        underWay(
          kernel,
          unfinished.filter(({kernelId}) => kernelId === kernel.id)
        )
    };
  };
}

/** Replace the function by which a kernel sends messages; returns how to undo it. */
export function replaceSendMessage(
  kernel: IKernel,
  sendMessage: IRunning['sendMessage']
): () => void {
  const before = sendMessageOf(kernel);
  const fields = kernel as unknown as {_sendMessage: IRunning['sendMessage']};
  fields._sendMessage = sendMessage;
  return () => {
    fields._sendMessage = before;
  };
}

/** Return the headers of what a kernel is handling or has handled last, without input_replies. */
function latestOf(kernel: IKernel): KernelMessage.IHeader[] {
  const {parent, parentHeader} = kernel as {
    parent?: Message;
    parentHeader?: KernelMessage.IHeader;
  };
  return [parent?.header, parentHeader].filter(
    header => header !== undefined && header.msg_type !== 'input_reply'
  ) as KernelMessage.IHeader[];
}

/**
 * Leave out what was sent before the message that a kernel is handling or has handled last: JupyterLite's
 * queue is in order, so that has been handled or dropped.
 */
function underWay(kernel: IKernel, sent: IUnfinished[]): ReturnType<IPresent['underWay']> {
  const latest = latestOf(kernel);
  const ids = latest.map(({msg_id}) => msg_id);
  const at = sent.map(({msg}) => ids.includes(msg.header.msg_id)).lastIndexOf(true);
  if (at >= 0) {
    return {unfinished: sent.slice(at), current: sent[at]!.msg.header.msg_id};
  }
  const date = Math.max(...latest.map(dateOf));
  return {unfinished: sent.filter(({msg}) => dateOf(msg.header) >= date), current: undefined};
}

const dateOf = ({date}: KernelMessage.IHeader) => Date.parse(date);

interface IFuture {
  readonly msg: Message;
  readonly done: Promise<unknown>;
}

type Sending = {readonly _sendMessage: IRunning['sendMessage']};

function hasSendMessage(kernel: object): kernel is Sending {
  return typeof (kernel as Partial<Sending>)._sendMessage === 'function';
}

function sendMessageOf(kernel: IKernel): IRunning['sendMessage'] {
  return hasSendMessage(kernel)
    ? kernel._sendMessage
    : unknown("JupyterLite's kernel has no '_sendMessage'");
}

function connectionsOf(kernels: object): Kernel.IKernelConnection[] {
  const {_kernelConnections} = kernels as {_kernelConnections?: unknown};
  return _kernelConnections instanceof Set
    ? [..._kernelConnections]
    : unknown("JupyterLab's kernel manager has no '_kernelConnections'");
}

function futuresOf(connection: object): IFuture[] {
  const {_futures} = connection as {_futures?: unknown};
  return _futures instanceof Map
    ? [..._futures.values()]
    : unknown("JupyterLab's kernel connection has no '_futures'");
}

/** What a connection has sent; what it still holds back will be sent through the channel. */
function sentBy(connection: object): IFuture[] {
  const pending = pendingOf(connection);
  return futuresOf(connection).filter(({msg}) => !pending.has(msg));
}

function pendingOf(connection: object): ReadonlySet<unknown> {
  const {_pendingMessages} = connection as {_pendingMessages?: unknown};
  return Array.isArray(_pendingMessages)
    ? new Set(_pendingMessages)
    : unknown("JupyterLab's kernel connection has no '_pendingMessages'");
}

function socketOf(connection: object): WebSocket | null {
  const {_ws} = connection as {_ws?: WebSocket | null};
  return _ws === null || typeof _ws?.send === 'function'
    ? _ws
    : unknown("JupyterLab's kernel connection has no '_ws'");
}

function kernelSessionOf(connection: object): string {
  const {_kernelSession} = connection as {_kernelSession?: unknown};
  return typeof _kernelSession === 'string'
    ? _kernelSession
    : unknown("JupyterLab's kernel connection has no '_kernelSession'");
}

function unknown(what: string): never {
  throw new Error(what);
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true
  );
  return Promise.race([settled, Promise.resolve().then(() => false)]);
}
