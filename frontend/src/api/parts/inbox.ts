/** The messages of a comm that no callback takes, and the code that waits for them. */
import type {IMessage} from '../messages';
import {whileWaiting} from './waiting';

/** As many as Python's end of a comm keeps. */
const MOST_MESSAGES = 1_000;
const MOST_BYTES = 64 * 2 ** 20;

/** A call that waits for the next message; it gets undefined if no more messages come. */
type Waiter = {resolve(msg: IMessage | undefined): void; reject(why: Error): void};

export class Inbox {
  constructor(private readonly _who: object) {}

  put(msg: IMessage): void {
    const waiter = this._waiters.shift();
    if (waiter) {
      waiter.resolve(msg);
      return;
    }
    const size = nbytes(msg);
    this._messages.push([msg, size]);
    this._nbytes += size;
    while (
      this._messages.length > MOST_MESSAGES ||
      (this._nbytes > MOST_BYTES && this._messages.length > 1)
    ) {
      this._take();
      if (!this._hasDropped) {
        this._hasDropped = true;
        console.warn(
          `lite_comms: ${this._who} has no callback for messages; it keeps ` +
            `${MOST_MESSAGES} of them or 64 MB, and the oldest ones are now dropped`
        );
      }
    }
  }

  /** Wait for the next message; undefined when the comm is closed and none is left. */
  next(): Promise<IMessage | undefined> {
    if (this._messages.length > 0 || this._hasEnded) {
      return Promise.resolve(this._take());
    }
    return whileWaiting(
      new Promise((resolve, reject) => void this._waiters.push({resolve, reject}))
    );
  }

  /** No message comes any more. */
  end(): void {
    this._hasEnded = true;
    this._waiters.splice(0).forEach(({resolve}) => resolve(undefined));
  }

  /** Empty it for a callback; those who wait are told why they get nothing. */
  giveUp(why: Error): IMessage[] {
    this._waiters.splice(0).forEach(({reject}) => reject(why));
    this._nbytes = 0;
    return this._messages.splice(0).map(([msg]) => msg);
  }

  private _take(): IMessage | undefined {
    const [msg, size] = this._messages.shift() ?? [undefined, 0];
    this._nbytes -= size;
    return msg;
  }

  /** With their sizes. */
  private readonly _messages: [msg: IMessage, size: number][] = [];
  private _nbytes = 0;
  private readonly _waiters: Waiter[] = [];
  private _hasEnded = false;
  private _hasDropped = false;
}

/** About how much memory a message takes: its JSON text, and its buffers. */
function nbytes({content, metadata, buffers = []}: IMessage): number {
  const text = JSON.stringify([content, metadata]);
  return buffers.reduce((sum, {byteLength}) => sum + byteLength, text.length);
}
