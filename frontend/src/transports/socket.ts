/**
 * The kernel socket, step 2 of a message's way: JupyterLab's kernel connection sends and receives message
 * objects through it, without converting them to bytes.
 *
 * The socket's class and the serializer are both fields of `ServerConnection.ISettings`. The serializer
 * passes a message on as it is. The socket offers it to the kernel's channel, and writes bytes only for
 * JupyterLite's own path.
 */
import type {KernelMessage, ServerConnection} from '@jupyterlab/services';
import {answerWhetherToAttach} from '../wire/attachments';
import type {Channel} from './channel/channel';
import {checkComm} from './channel/taken';
import type {IClient} from './clients';

type Message = KernelMessage.IMessage;
type Serializer = ServerConnection.ISettings['serializer'];
type ChannelOf = (kernelId: string) => Channel;
type Bytes = ReturnType<Serializer['serialize']>;

/** A message between the serializer and the socket, in either direction. */
class Envelope {
  constructor(
    readonly msg: Message,
    readonly protocol = ''
  ) {}
}

/** A message that came by JupyterLite's own path. */
class StockEnvelope {
  constructor(
    readonly data: Bytes,
    /** Lets the channel observe a message, and change its session. */
    readonly read: (msg: Message) => Message
  ) {}
}

/** Make the serializer; bytes are written and read by the original one. */
export function makeSerializer(stock: Serializer, channelOf: ChannelOf): Serializer {
  // JupyterLab's types allow only bytes, but nobody looks at what passes from one to the other.
  const serializer: Serializer = {
    serialize: (msg, protocol) => new Envelope(msg, protocol) as unknown as Bytes,
    deserialize: (data: unknown, protocol) => {
      if (data instanceof Envelope) {
        return data.msg;
      }
      if (data instanceof StockEnvelope) {
        return data.read(stock.deserialize(data.data as ArrayBuffer, protocol));
      }
      return stock.deserialize(data as ArrayBuffer, protocol);
    }
  };
  answerWhetherToAttach(serializer, id => channelOf(id).cannotAttach);
  return serializer;
}

/**
 * Make the socket's class, derived from the original one.
 *
 * @param channelOf - Returns the channel of the kernel with this id.
 */
export function makeSocket(
  Stock: typeof WebSocket,
  stock: Serializer,
  channelOf: ChannelOf
): typeof WebSocket {
  return class Socket extends Stock {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      adoptSocket(this, stock, channelOf);
    }
  };
}

/**
 * Route what a socket sends and receives through the channel of its kernel.
 *
 * @param kernelSession - The session that its messages have had so far. JupyterLab drops queued messages
 * when the session changes, so it must stay. By default messages have the session of the channel.
 * @returns How to undo it.
 */
export function adoptSocket(
  socket: WebSocket,
  stock: Serializer,
  channelOf: ChannelOf,
  kernelSession = ''
): () => void {
  const id = kernelId(socket.url);
  const channel = id === null ? null : channelOf(id);
  const send = socket.send.bind(socket) as (data: unknown) => void;
  const prototype: object = Object.getPrototypeOf(socket);
  let onMessage = socket.onmessage;
  const stamped = <M extends Message>(msg: M): M => {
    if (kernelSession) {
      msg.header.session = kernelSession;
    }
    return msg;
  };
  const read = (msg: Message): Message => {
    channel!.observe(msg);
    return stamped(channel!.withSession(msg));
  };
  const listen = () => {
    const handler = onMessage as ((event: MessageEvent) => unknown) | null;
    const heard = ({data}: MessageEvent) =>
      handler!({data: new StockEnvelope(data, read)} as MessageEvent);
    Reflect.set(prototype, 'onmessage', handler && channel ? heard : handler, socket);
  };
  const client: IClient = {
    session: new URL(socket.url).searchParams.get('session_id') ?? '',
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    deliver: msg => {
      // JupyterLab's connection reads only the data of the event.
      (onMessage as ((event: MessageEvent) => unknown) | null)?.({
        data: new Envelope(stamped(msg))
      } as MessageEvent);
    },
    sendStock: msg => send(stock.serialize(msg, socket.protocol))
  };
  Object.defineProperties(socket, {
    send: {
      configurable: true,
      value: (data: unknown) => {
        if (!(data instanceof Envelope)) {
          send(data);
        } else if (!channel?.take(data.msg, client)) {
          try {
            checkComm(data.msg);
            send(stock.serialize(data.msg, data.protocol));
          } catch (error) {
            channel?.unsent(data.msg);
            throw error;
          }
        }
      }
    },
    onmessage: {
      configurable: true,
      get: () => onMessage,
      set: (handler: WebSocket['onmessage']) => {
        onMessage = handler;
        listen();
      }
    }
  });
  listen();
  const leave = () => channel?.remove(client);
  channel?.add(client);
  socket.addEventListener('close', leave);
  return () => {
    socket.removeEventListener('close', leave);
    leave();
    Reflect.deleteProperty(socket, 'send');
    Reflect.deleteProperty(socket, 'onmessage');
    socket.onmessage = onMessage;
  };
}

/** Return the kernel's id from a URL `.../api/kernels/<id>/channels?...`, or null for another URL. */
function kernelId(url: string): string | null {
  const id = /\/kernels\/([^/?]+)\/channels/.exec(url)?.[1];
  return id === undefined ? null : decodeURIComponent(id);
}
