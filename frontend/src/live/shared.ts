/**
 * Memory that the page shares with a kernel, on a cross-origin isolated page: what the kernel can
 * read while its event loop does not turn. Its other end is `lite_comms/_transports/port/port.js`; what stands where
 * is written down in PROTOCOL.md.
 */
import type {IFromPage} from '../wire/frames';

/** The words at its beginning. */
const [STOPS, WRITTEN, READ, BELL] = [0, 1, 2, 3];
const HEAD_BYTES = 16;

/** Each record begins with its length, the id of its frame, and the length of its text. */
const RECORD_HEAD_BYTES = 12;

export class SharedMemory {
  /** @param size - How many bytes of frames it holds; a power of two, or 0. */
  constructor(size: number) {
    this.words = new Int32Array(new SharedArrayBuffer(HEAD_BYTES + size));
    this._bytes = new Uint8Array(this.words.buffer, HEAD_BYTES);
  }

  readonly words: Int32Array;

  /** So many times Stop has been pressed. */
  stop(number: number): void {
    Atomics.store(this.words, STOPS, number);
    this._ring();
  }

  /** Copy a frame into it, in the order of calls: when there is room, if it is not handled before. */
  put(frame: IFromPage): void {
    if (this._waiting.size > 0 || !this._write(frame)) {
      const buffers = frame.buffers.map(buffer => buffer.slice(0));
      this._waiting.set(frame.id, {...frame, buffers});
    }
  }

  /** The kernel has handled a frame, so there may be room. */
  handled(id: number): void {
    this._waiting.delete(id);
    for (const frame of this._waiting.values()) {
      if (!this._write(frame)) {
        return;
      }
      this._waiting.delete(frame.id);
    }
  }

  private _write({id, message, may_wait, buffers}: IFromPage): boolean {
    const lengths = buffers.map(buffer => buffer.byteLength);
    const text = new TextEncoder().encode(
      JSON.stringify({fields: [id, message, may_wait], lengths})
    );
    const length = RECORD_HEAD_BYTES + text.length + lengths.reduce((sum, n) => sum + n, 0);
    const written = Atomics.load(this.words, WRITTEN);
    const used = (written - Atomics.load(this.words, READ)) >>> 0;
    if (length > this._bytes.length - used) {
      return false;
    }
    const head = new Uint8Array(new Int32Array([length, id, text.length]).buffer);
    let at = written >>> 0;
    for (const part of [head, text, ...buffers.map(buffer => new Uint8Array(buffer))]) {
      const start = at % this._bytes.length;
      const first = part.subarray(0, this._bytes.length - start);
      this._bytes.set(first, start);
      this._bytes.set(part.subarray(first.length), 0);
      at += part.length;
    }
    // What is behind this mark is complete.
    Atomics.store(this.words, WRITTEN, at | 0);
    this._ring();
    return true;
  }

  private _ring(): void {
    Atomics.add(this.words, BELL, 1);
    Atomics.notify(this.words, BELL);
  }

  /** What has found no room, by its id, in order. */
  private readonly _waiting = new Map<number, IFromPage>();
  private readonly _bytes: Uint8Array;
}
