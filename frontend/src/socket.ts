/**
 * The kernel socket, step 2 of a message's way: JupyterLab's kernel connection gives it messages and
 * gets messages, without the bytes in between.
 *
 * Both the socket's class and the serializer are fields of `ServerConnection.ISettings`. The
 * serializer leaves a message as it is; the socket asks its kernel's channel to take it, and writes
 * bytes only for JupyterLite's own path.
 */
import type {KernelMessage, ServerConnection} from '@jupyterlab/services';
import type {Channel} from './channel';
import type {IClient} from './clients';

type Message = KernelMessage.IMessage;
type Serializer = ServerConnection.ISettings['serializer'];
type Bytes = ReturnType<Serializer['serialize']>;

/** A message on its way to the socket, or from it. */
class Envelope {
  constructor(
    readonly msg: Message,
    readonly protocol = ''
  ) {}
}

/** What JupyterLite's own path has brought. */
class StockEnvelope {
  constructor(
    readonly data: Bytes,
    readonly channel: Channel
  ) {}
}

/** Make the serializer; bytes are written and read by the one that was there before. */
export function makeSerializer(stock: Serializer): Serializer {
  // The types know only bytes; what is between the serializer and the socket is theirs alone.
  return {
    serialize: (msg, protocol) => new Envelope(msg, protocol) as unknown as Bytes,
    deserialize: (data: unknown, protocol) => {
      if (data instanceof Envelope) {
        return data.msg;
      }
      if (data instanceof StockEnvelope) {
        const msg = stock.deserialize(data.data as ArrayBuffer, protocol);
        data.channel.observe(msg);
        return data.channel.withSession(msg);
      }
      return stock.deserialize(data as ArrayBuffer, protocol);
    }
  };
}

/**
 * Make the socket's class, from the one that was there before.
 *
 * @param channelOf - Finds the channel of the kernel with this id.
 */
export function makeSocket(
  Stock: typeof WebSocket,
  stock: Serializer,
  channelOf: (kernelId: string) => Channel
): typeof WebSocket {
  return class Socket extends Stock implements IClient {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.session = new URL(this.url).searchParams.get('session_id') ?? '';
      const id = kernelId(`${url}`);
      if (id !== null) {
        const channel = channelOf(id);
        this._channel = channel;
        channel.add(this);
        this.addEventListener('close', () => channel.remove(this));
      }
    }

    readonly session: string;

    get isOpen(): boolean {
      return this.readyState === Socket.OPEN;
    }

    override send(data: unknown): void {
      if (!(data instanceof Envelope)) {
        super.send(data as ArrayBuffer);
      } else if (!this._channel?.take(data.msg, this)) {
        try {
          super.send(stock.serialize(data.msg, data.protocol));
        } catch (error) {
          this._channel?.unsent(data.msg);
          throw error;
        }
      }
    }

    sendStock(msg: Message): void {
      super.send(stock.serialize(msg, this.protocol));
    }

    deliver(msg: Message): void {
      // Of the event JupyterLab's connection reads the data only.
      this._onMessage?.({data: new Envelope(msg)} as MessageEvent);
    }

    override get onmessage(): WebSocket['onmessage'] {
      return this._onMessage;
    }

    override set onmessage(handler: ((event: MessageEvent) => unknown) | null) {
      this._onMessage = handler;
      const channel = this._channel;
      super.onmessage =
        handler && channel
          ? ({data}) => handler({data: new StockEnvelope(data, channel)} as MessageEvent)
          : handler;
    }

    private readonly _channel: Channel | undefined;
    private _onMessage: ((event: MessageEvent) => unknown) | null = null;
  } as typeof WebSocket;
}

/** The kernel's id in the URL of its socket, `.../api/kernels/<id>/channels?...`, if it is one. */
function kernelId(url: string): string | null {
  const id = /\/kernels\/([^/?]+)\/channels/.exec(url)?.[1];
  return id === undefined ? null : decodeURIComponent(id);
}
