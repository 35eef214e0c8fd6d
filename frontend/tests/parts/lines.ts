/** Two comms that are each other's other end, over lines that keep what goes. */
import {Comm} from '../../src/api/comm';
import type {ILine, IStyle} from '../../src/api/line';
import type {IMessage, IOutgoing} from '../../src/api/messages';

/** One end of a pair of lines; what is sent comes to the other end when it is delivered. */
export class FakeLine implements ILine {
  readonly targetName = 't';
  readonly commId = 'one';
  readonly sent: IMessage[] = [];
  other: FakeLine | null = null;
  isClosed = false;
  broken: Error | null = null;
  /** Settles when the kernel has handled what is sent. */
  handled: Promise<unknown> = Promise.resolve();
  /** How a message comes to the other end. */
  deliver: (come: () => void) => void = come => come();
  onMsg: ILine['onMsg'] = () => undefined;
  onClose: ILine['onClose'] = () => undefined;

  send(message: IOutgoing): string {
    return this._post('comm_msg', message, (other, msg) => void other.onMsg(msg));
  }

  close(message: IOutgoing): string {
    const id = this._post('comm_close', message, (other, msg) => {
      other.isClosed = true;
      void other.onClose(msg);
    });
    this.isClosed = true;
    return id;
  }

  dispose(): void {
    this.isClosed = true;
  }

  /** What was sent: data and metadata. */
  get wire(): [unknown, unknown][] {
    return this.sent.map(({content, metadata}) => [content.data, metadata]);
  }

  /** Have a message of the other end come, as it stands on the wire. */
  say(data: unknown, metadata: object = {}, buffers: DataView[] = []): void {
    void this.onMsg(this._message('comm_msg', data, metadata, buffers));
  }

  /** Have the other end close. */
  end(metadata: object = {}): void {
    this.isClosed = true;
    void this.onClose(this._message('comm_close', {}, metadata, []));
  }

  private _post(
    type: string,
    {data, metadata, buffers, options}: IOutgoing,
    come: (other: FakeLine, msg: IMessage) => void
  ): string {
    if (this.broken) {
      throw this.broken;
    }
    const msg = this._message(
      type,
      data,
      metadata,
      buffers.map(buffer => new DataView(buffer))
    );
    this.sent.push(msg);
    options.sent?.({msg, done: this.handled});
    const {other} = this;
    if (other) {
      this.deliver(() => other.isClosed || come(other, msg));
    }
    return msg.header.msg_id;
  }

  private _message(type: string, data: unknown, metadata: object, buffers: DataView[]): IMessage {
    return {
      header: {msg_id: `${this.sent.length}`, msg_type: type},
      metadata: {...metadata},
      content: {comm_id: this.commId, data},
      buffers
    };
  }
}

/** A comm and its line, at whose other end is nobody. */
export function alone(style?: IStyle): {comm: Comm; line: FakeLine} {
  const line = new FakeLine();
  return {comm: Comm.on(line, style), line};
}

/** Two comms that are each other's other end. */
export function pair(deliver?: FakeLine['deliver']) {
  const [here, there] = [alone(), alone()];
  here.line.other = there.line;
  there.line.other = here.line;
  if (deliver) {
    here.line.deliver = there.line.deliver = deliver;
  }
  return {here, there};
}
