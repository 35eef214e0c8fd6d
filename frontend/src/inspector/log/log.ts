/** The messages that are kept: the last ones, by number and by memory. */
import {type IRecord, release} from './record';

/** How many messages are kept. */
export const MOST_RECORDS = 10_000;
/** How much memory they may take, in bytes. */
export const MOST_MEMORY = 64_000_000;

/** How many removed records may stand in front of the others before these are moved. */
const SLACK = 1_000;

export class Log {
  get length(): number {
    return this._records.length - this._start;
  }

  /** How many messages have come since it was cleared, those included that are kept no more. */
  get count(): number {
    return this.length + this._dropped;
  }

  /** The number of the oldest message that is kept. */
  get first(): number {
    return this._next - this.length;
  }

  /** The number that the next message gets. */
  get next(): number {
    return this._next;
  }

  add(record: IRecord): void {
    this._records.push(record);
    this._byId.set(record.msg_id, record);
    this._memory += record.kept;
    this._next++;
    while (this.length > MOST_RECORDS || (this._memory > MOST_MEMORY && this.length > 1)) {
      this._drop();
    }
  }

  /** The message with this number, if it is kept. */
  get(number: number): IRecord | undefined {
    const index = number - this.first;
    return index < 0 ? undefined : this._records[this._start + index];
  }

  /** The message with this id, if it is kept. */
  find(msg_id: string): IRecord | undefined {
    return this._byId.get(msg_id);
  }

  clear(): void {
    for (const record of this.from(0)) {
      release(record);
    }
    this._records = [];
    this._start = 0;
    this._memory = 0;
    this._dropped = 0;
    this._byId.clear();
  }

  /** All messages from a number on, the oldest first. */
  *from(number: number): Iterable<IRecord> {
    for (let n = Math.max(number, this.first); n < this._next; n++) {
      yield this.get(n)!;
    }
  }

  private _drop(): void {
    const record = this._records[this._start]!;
    this._memory -= record.kept;
    this._dropped++;
    if (this._byId.get(record.msg_id) === record) {
      this._byId.delete(record.msg_id);
    }
    release(record);
    this._records[this._start++] = undefined!;
    if (this._start === SLACK) {
      this._records = this._records.slice(SLACK);
      this._start = 0;
    }
  }

  private _records: IRecord[] = [];
  private _start = 0;
  private _next = 0;
  private _memory = 0;
  private _dropped = 0;
  private readonly _byId = new Map<string, IRecord>();
}
